"""Change the records of a home at random and ask everything: `make fuzz`, or `python tests/fuzz/fuzz_records.py`.

The home holds two of every kind of thing; the files of one of each are damaged, one at a time and each in turn. After
each every list command must answer without an exception and name what is whole, and pages must open without one: one of
the pages that read the file, and any other. What fails is printed with its number; `--only N` does that
one alone, `--first N` goes on from a number. Directly through its reader every record is damaged 2,000 times, too.
"""

import argparse
import contextlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BATCH, BATCH_S = 100, 3000


def directly(folder: Path, count: int, seed: int) -> int:
    """Damage every record many times and read it by its class; a twentieth as often by what lists that kind of thing."""
    from tests.fuzz import readers, whole_home
    from tests.fuzz.damage import Home, other_word, targets
    from tests.mutations import mutate

    failures, n, records = 0, 0, {record.__name__ for record in readers.records()}
    with whole_home.at(folder):
        home = Home(folder)
        for path in targets(home.path):
            content = (home.path / path).read_bytes()
            for name, read in readers.of(home.path, path, content):
                rng = random.Random(f"{seed}-{path.name}-{name}")
                for number in range(count if name in records else max(1, count // 20)):
                    damaged = mutate(content, rng) if rng.random() < 0.7 else other_word(content, rng)
                    n += 1
                    if wrong := read(damaged):
                        failures += 1
                        print(f"{path} by {name}, {number}: {wrong}: {damaged[:200]!r}", flush=True)
                print(f"… {path} by {name}", file=sys.stderr, flush=True)
            home.restore()
    print(f"{n:,} damaged records read directly, {failures} failures")
    return failures


def batch(first: int, count: int, seed: int, folder: str, results: str) -> None:
    """Damage files and ask; write a line for each before and after."""
    from streamlit import config
    from streamlit.components.v2 import manifest_scanner

    from tests.fuzz import whole_home
    from tests.fuzz.asking import Asking
    from tests.fuzz.damage import Home

    config.set_option("client.showErrorDetails", "full")
    scanned = manifest_scanner.scan_component_manifests()
    manifest_scanner.scan_component_manifests = lambda *_, **__: scanned  # reads every package's metadata otherwise
    with whole_home.at(Path(folder)), open(results, "a", encoding="utf-8", buffering=1) as out:
        asking = Asking(Home(Path(folder)))
        for number in range(first, first + count):
            out.write(json.dumps({"begun": number}) + "\n")
            name, told = asking.one(number, seed)
            out.write(json.dumps({"number": number, "file": name, **told}) + "\n")
        out.write(json.dumps({"done": True}) + "\n")


def run(folder: Path, first: int, count: int, seed: int) -> int:
    """Damage files in processes of their own; return how many times something went wrong."""
    failures, at, began = 0, first, time.monotonic()
    replaced: dict[str, int] = {}
    while at < first + count:
        results = folder / f"{at}.jsonl"
        n = min(BATCH, first + count - at)
        done, died = _apart(at, n, seed, folder, results)
        rows = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
        for row in rows:
            for what in row.get("replaced", ()):
                kind = f"{row['file'].split('/')[0]}/…/{row['file'].split('/')[-1]} {what}"
                replaced[kind] = replaced.get(kind, 0) + 1
            if "wrong" in row:
                failures += 1
                print(f"{row['number']} {row['file']} ({row['how']}): {' | '.join(row['wrong'])}", flush=True)
        begun = [row["begun"] for row in rows if "begun" in row]
        if not done:
            if not begun:
                raise SystemExit(f"the fuzz could not be started: {died}")
            failures += 1
            print(f"{begun[-1]}: ended or hung the process: {died}", flush=True)
        at = at + n if done else begun[-1] + 1
        print(f"… up to {at}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    for kind, n in sorted(replaced.items()):
        print(f"a sentence in place of the page, {n} times: {kind}")
    print(f"{count:,} damaged records, {failures} failures, {time.monotonic() - began:.0f} s")
    return failures


def _apart(first: int, count: int, seed: int, folder: Path, results: Path) -> tuple[bool, str]:
    command = [sys.executable, __file__, "--batch", str(first), str(count), str(seed), str(folder), str(results)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    try:
        done = subprocess.run(command, env=env, cwd=ROOT, timeout=BATCH_S, capture_output=True, text=True, check=False)
    except subprocess.TimeoutExpired:
        return False, f"no answer in {BATCH_S} s"
    return done.returncode == 0, f"exit {done.returncode} {done.stderr[-1500:]}"


def main() -> None:
    """Damage records, or one of them."""
    from tests.fuzz import whole_home

    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--count", type=int, default=2000)
    ask.add_argument("--first", type=int, default=0, help="number of the first damage")
    ask.add_argument("--seed", type=int, default=0)
    ask.add_argument("--only", type=int, help="number of the one damage to do")
    ask.add_argument("--direct", type=int, default=2000, help="how often each record is damaged for its reader alone")
    ask.add_argument("--home", type=Path, help="folder of a home made before, or to make it in and keep")
    ask.add_argument("--batch", nargs=5, help=argparse.SUPPRESS)
    args = ask.parse_args()
    if args.batch:
        first, count, seed, folder, results = args.batch
        batch(int(first), int(count), int(seed), folder, results)
        return
    with tempfile.TemporaryDirectory() as made:
        folder = args.home or Path(made)
        if not (folder / "home").exists():
            with contextlib.redirect_stdout(io.StringIO()):
                whole_home.build(folder)
        if args.only is not None:
            args.first, args.count, args.direct = args.only, 1, 0
        failures = directly(folder, args.direct, args.seed) if args.direct else 0
        failures += run(folder, args.first, args.count, args.seed) if args.count else 0
        sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
