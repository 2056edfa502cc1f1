"""Indexing and auditing files per second, and how both grow from 1,000 to 30,000 generated pictures.

`--files N` times the index of N generated patches instead, and tells the peak of memory.
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from medcls.data.audit import run_audit
from medcls.data.collections import add_collection, remove_collection

SIZES = (1_000, 3_000, 10_000, 30_000)


def write_patches(root: Path, n: int, patients: int = 279) -> None:
    """Write `n` patches of 50 x 50 px of textured noise as the IDC set lies on disk."""
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
        picture.save(folder / name, compress_level=1)


def measure(n: int) -> tuple[float, float, float]:
    """Give seconds of reading, of the search for duplicates, and of the audit after it, for `n` patches."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MEDCLS_HOME"] = str(Path(folder) / "home")
        write_patches(Path(folder) / "set", n)
        marks: dict[str, float] = {}
        started = time.perf_counter()
        add_collection(
            Path(folder) / "set",
            "bench",
            progress=lambda stage, done, total: marks.update({stage: time.perf_counter()}),
        )
        added = time.perf_counter()
        run_audit("bench")
        audited = time.perf_counter()
        remove_collection("bench")
    read = marks["reading the scans"] - started
    return read, added - started - read, audited - added


def main() -> None:
    """Print a table; the baseline is the smallest set, so a growth of 1 is linear."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--files", type=int, default=0)
    files = asked.parse_args().files
    print(
        "| patches | reading, files/s | duplicates, files/s | audit, files/s | growth of time per file over 1,000 | peak MB |"
    )
    print("|---|---|---|---|---|---|")
    base = 0.0
    for n in (files,) if files else SIZES:
        read, search, audit = measure(n)
        each = (read + search + audit) / n
        base = base or each
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"| {n:,} | {n / read:,.0f} | {n / search:,.0f} | {n / audit:,.0f} | {each / base:.2f} | {peak:,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
