"""Seconds until the plan is shown, files indexed and audited per second, and how all grow from 1,000 to 30,000 generated pictures.

One patch in 500 is a copy of another (saved as JPEG, mirrored, or both resized and saved again), so that a search that
grows fast because it no longer finds anything shows. `--files N` measures N generated patches instead.
"""

import argparse
import io
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from medcls.data.audit import run_audit
from medcls.data.collections import add_collection, make_plan, open_collection, remove_collection

SIZES = (1_000, 3_000, 10_000, 30_000)
COPY_EVERY = 500


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


def measure(n: int) -> tuple[float, float, float, float, float]:
    """Give seconds of the plan, of reading, of the search for duplicates, of the audit after it, and the share of planted copies found."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MEDCLS_HOME"] = str(Path(folder) / "home")
        planted = write_patches(Path(folder) / "set", n)
        marks: dict[str, float] = {}
        looked = time.perf_counter()
        make_plan(Path(folder) / "set")
        plan = time.perf_counter() - looked
        started = time.perf_counter()
        add_collection(
            Path(folder) / "set",
            "bench",
            progress=lambda done, total, stage="": marks.update({stage: time.perf_counter()}),
        )
        added = time.perf_counter()
        run_audit("bench")
        audited = time.perf_counter()
        index = open_collection("bench").stored[0].index  # those left out for standing under two labels count, too
        names = [Path(case_id).name for case_id in index.column("id")]
        pairs = {frozenset((names[a], names[b])) for a, b in index.db.execute("SELECT a, b FROM pairs")}
        found = sum(frozenset(pair) in pairs for pair in planted) / max(1, len(planted))
        remove_collection("bench")
    read = marks["reading the scans"] - started
    return plan, read, added - started - read, audited - added, found


def main() -> None:
    """Print a table; the baseline is the smallest set, so a growth of 1 is linear."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--files", type=int, default=0)
    files = asked.parse_args().files
    print(
        "| patches | plan, s | reading, files/s | duplicates, files/s | audit, files/s | time per file, of that at 1,000 | copies found | peak MB |"
    )
    print("|---|---|---|---|---|---|---|---|")
    base = 0.0
    for n in (files,) if files else SIZES:
        plan, read, search, audit, found = measure(n)
        each = (read + search + audit) / n
        base = base or each
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"| {n:,} | {plan:.1f} | {n / read:,.0f} | {n / search:,.0f} | {n / audit:,.0f} | {each / base:.2f} | {found:.3f} | {peak:,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
