"""Numbered trials in batches, each batch in a process of its own: one that ends or hangs it costs one number."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Batches:
    """How the batches of a script are run.

    Args:
        script: Called as `script --batch first count *arguments results`; it writes a line of JSON `{"begun": number}` before
            each trial and another after it into `results`.
        arguments: What it is given besides.
        size: Trials in a batch.
        patience_s: How long a batch may take.
    """

    script: str
    arguments: tuple[str, ...]
    size: int
    patience_s: float

    def run(self, folder: Path, first: int, count: int, tell: Callable[[dict[str, Any]], None]) -> int:
        """Run trials `first` to `first + count`; return how many went wrong.

        Args:
            folder: Where results are written.
            first: Number of the first trial.
            count: How many.
            tell: Given each row with a `wrong`, prints it.
        """
        failures, began = 0, time.monotonic()
        for rows, died in self._batches(folder, first, count):
            wrong = [row for row in rows if "wrong" in row]
            for row in wrong:
                tell(row)
            if died:
                print(f"{_last_begun(rows)}: ended or hung the process: {died}", flush=True)
            failures += len(wrong) + bool(died)
            print(f"… {time.monotonic() - began:.0f} s, {failures} failures", file=sys.stderr, flush=True)
        return failures

    def _batches(self, folder: Path, first: int, count: int) -> Iterator[tuple[list[dict[str, Any]], str]]:
        at = first
        while at < first + count:
            results, n = folder / f"{at}.jsonl", min(self.size, first + count - at)
            died = self._apart(at, n, results)
            rows = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
            if died and _last_begun(rows) is None:
                raise SystemExit(f"the fuzz could not be started: {died}")
            yield rows, died
            at = (_last_begun(rows) or 0) + 1 if died else at + n

    def _apart(self, first: int, count: int, results: Path) -> str:
        """Run one batch; return how it died, or nothing."""
        command = [sys.executable, self.script, "--batch", str(first), str(count), *self.arguments, str(results)]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        try:
            done = subprocess.run(
                command, env=env, cwd=ROOT, timeout=self.patience_s, capture_output=True, text=True, check=False
            )
        except subprocess.TimeoutExpired:
            return f"no answer in {self.patience_s} s"
        return "" if done.returncode == 0 else f"exit {done.returncode} {done.stderr[-1500:]}"


def _last_begun(rows: list[dict[str, Any]]) -> int | None:
    return next((int(row["begun"]) for row in reversed(rows) if "begun" in row), None)
