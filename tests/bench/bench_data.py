"""Seconds and processor time of bringing scans in, step by step: the plan, reading, search for duplicates, audit.

Each step is printed as it ends, with its time per file, of that at the size before: 1 is linear growth. The search looks
into 24 buckets of 256, so its time per file grows up to about 6,000 pictures and no more. One patch in 500 is a copy of
another (saved as JPEG, mirrored, or both resized and saved again), so that a search that is fast because it no longer
finds anything shows.

`--files N` measures a tenth of N and N. A size that would not end within `--minutes` is not begun. Ends with 1 where a
step grew more than `MOST_GROWTH` between the last two sizes, or the plan of 10,000 files took over 3 s of the processor.
"""

import argparse
import io
import os
import resource
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from medcls.data.audit import run_audit
from medcls.data.collections import add_collection, make_plan, open_collection, remove_collection

SIZES = (1_000, 3_000, 10_000, 30_000)
COPY_EVERY = 500
MOST_GROWTH, MOST_PLAN_S, PLAN_FILES = 2.0, 3.0, 10_000


def now_s() -> tuple[float, float]:
    """Time on the wall and of the processor, in seconds."""
    return time.perf_counter(), time.process_time()


@dataclass
class Clock:
    """Times steps and prints each as it ends.

    Args:
        n: Files.
        before: Processor seconds per file of each step at the size before; empty for the first.
        took: Processor seconds per file of each step that has ended.
    """

    n: int
    before: dict[str, float]
    took: dict[str, float] = field(default_factory=dict)
    _began: tuple[float, float] = field(default_factory=now_s)

    def ends(self, step: str, at: tuple[float, float] | None = None) -> None:
        """Note that a step ends, now or `at` the time `now_s` gave, and the next begins."""
        now = at or now_s()
        wall, used = now[0] - self._began[0], now[1] - self._began[1]
        self._began, self.took[step] = now, used / self.n
        grown = f"{self.took[step] / self.before[step]:.2f}" if self.before.get(step) else ""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"| {self.n:,} | {step} | {wall:.1f} | {used:.1f} | {self.n / wall:,.0f} | {1e6 * used / self.n:,.0f} "
            f"| {grown} | {peak:,.0f} |",
            flush=True,
        )


def write_patches(root: Path, n: int, patients: int = 279) -> list[tuple[str, str]]:
    """Write `n` patches of 50 x 50 px of textured noise as the IDC set lies on disk; give the copies with their originals."""
    planted, last = [], ("", Image.new("RGB", (50, 50)))
    rng = np.random.default_rng(0)
    coarse = rng.integers(60, 255, (4096, 12, 12, 3), dtype=np.uint8)
    for i in range(n):
        patient, k, place = 8000 + i % patients, (i // patients) % 2, i // patients
        folder = root / "IDC_regular_ps50_idx5" / str(patient) / str(k)
        folder.mkdir(parents=True, exist_ok=True)
        fine = np.roll(coarse[i % 4096], (i // 4096, i // 977), (0, 1)).astype(np.int16) + rng.integers(
            -30, 30, (12, 12, 1)
        )
        picture = Image.fromarray(fine.clip(0, 255).astype(np.uint8)).resize((50, 50), Image.Resampling.BICUBIC)
        name = f"{patient}_idx5_x{50 * (place % 60) + 1}_y{50 * (place // 60) + 1}_class{k}.png"
        if i % COPY_EVERY == COPY_EVERY - 1:
            picture = copy_of(last[1], i // COPY_EVERY)
            planted.append((last[0], name))
        picture.save(folder / name, compress_level=1)
        last = (name, picture)
    return planted


def copy_of(picture: Image.Image, kind: int) -> Image.Image:
    """Give a picture as it comes back from other hands: as JPEG, mirrored, or resized there and back, in turn."""
    if kind % 3 == 1:
        return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    out = io.BytesIO()
    (picture if kind % 3 == 0 else picture.resize((64, 64)).resize((50, 50))).save(out, "JPEG", quality=60)
    return Image.open(out).convert("RGB")


def measure(n: int, before: dict[str, float]) -> dict[str, float]:
    """Time every step with `n` patches and print each; give processor seconds per file by step."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MEDCLS_HOME"], source = str(Path(folder) / "home"), Path(folder) / "set"
        clock = Clock(n, before)
        planted = write_patches(source, n)
        clock.ends("writing the files")
        make_plan(source)
        clock.ends("plan")
        last: dict[str, tuple[float, float]] = {}
        add_collection(source, "bench", progress=lambda done, total, stage="": last.update({stage: now_s()}))
        clock.ends("reading", last["reading the scans"])
        clock.ends("duplicates")
        run_audit("bench")
        clock.ends("audit")
        index = open_collection("bench").stored[0].index  # those left out for standing under two labels count, too
        names = [Path(case_id).name for case_id in index.column("id")]
        pairs = {frozenset((names[a], names[b])) for a, b in index.db.execute("SELECT a, b FROM pairs")}
        found = sum(frozenset(pair) in pairs for pair in planted)
        print(f"{found} of {len(planted)} planted copies found", flush=True)
        remove_collection("bench")
    return clock.took


def main() -> int:
    """Measure sizes one after another, as long as there is time; give the exit status."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--files", type=int, default=0)
    asked.add_argument("--minutes", type=float, default=25.0, help="time for all")
    args = asked.parse_args()
    print("| files | step | s | processor, s | files/s | processor, µs per file | of that before | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    began, spent, took, status = time.perf_counter(), 0.0, {}, 0
    sizes = (args.files // 10, args.files) if args.files else SIZES
    for n in sizes:
        left = 60 * args.minutes - (time.perf_counter() - began)
        if 1.3 * spent * n > left:
            print(
                f"{n:,} files: not begun, {1.3 * spent * n / 60:.0f} minutes would be needed, {left / 60:.0f} are left"
            )
            break
        start = time.perf_counter()
        before, took = took, measure(n, took)
        spent = (time.perf_counter() - start) / n
        if n <= PLAN_FILES and took["plan"] * n > MOST_PLAN_S:
            print(
                f"the plan of {n:,} files took {took['plan'] * n:.1f} s of the processor, {MOST_PLAN_S} at most wanted"
            )
            status = 1
    for step in before:
        if took[step] > MOST_GROWTH * before[step]:
            print(f"{step}: time per file grew by {took[step] / before[step]:.2f}, {MOST_GROWTH} at most wanted")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
