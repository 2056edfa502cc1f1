"""Change picture files at random and read them: `make fuzz`, or `python tests/fuzz/fuzz_pictures.py --mutants 20000`.

Of every mutant it is asked that reading it raises nothing but the project's own errors, takes less than 5 seconds of
computing and 500 MB, ends no process, and that no other picture than the seed's comes out without a note where another
decoder refuses the file. What fails is printed with its number; `--only N` makes and reads that mutant alone.
"""

import argparse
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
MOST_S, MOST_MB, BATCH, BATCH_S = 5.0, 500.0, 500, 900


def mutate(data: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """One to four changes of a file."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        if not out:
            break
        _CHANGES[int(rng.integers(len(_CHANGES)))](out, others, rng)
    return bytes(out)


def _place(out: bytearray, rng: np.random.Generator) -> int:
    """A place in the file: half of the time in its first 200 bytes, where its header is."""
    return int(rng.integers(min(len(out), 200) if rng.random() < 0.5 else len(out)))


def _flip(out: bytearray, _: list[bytes], rng: np.random.Generator) -> None:
    out[_place(out, rng)] ^= 1 << int(rng.integers(8))


def _set(out: bytearray, _: list[bytes], rng: np.random.Generator) -> None:
    out[_place(out, rng)] = int(rng.integers(256))


def _extreme(out: bytearray, _: list[bytes], rng: np.random.Generator) -> None:
    at, n = _place(out, rng), int(rng.choice([1, 2, 4, 8]))
    out[at : at + n] = rng.choice([b"\0", b"\xff", b"\x7f", b"\x80", b"\x01"]) * n


def _cut(out: bytearray, _: list[bytes], rng: np.random.Generator) -> None:
    del out[int(rng.integers(len(out))) :]


def _drop(out: bytearray, _: list[bytes], rng: np.random.Generator) -> None:
    at = _place(out, rng)
    del out[at : at + int(rng.integers(1, 40))]


def _repeat(out: bytearray, _: list[bytes], rng: np.random.Generator) -> None:
    at, n = _place(out, rng), int(rng.integers(1, 200))
    out[at:at] = out[at : at + n] * int(rng.integers(1, 20))


def _noise(out: bytearray, _: list[bytes], rng: np.random.Generator) -> None:
    at, n = _place(out, rng), int(rng.integers(1, 60))
    out[at : at + n] = rng.bytes(n)


def _splice(out: bytearray, others: list[bytes], rng: np.random.Generator) -> None:
    other = others[int(rng.integers(len(others)))]
    at, start = _place(out, rng), int(rng.integers(len(other)))
    piece = other[start : start + int(rng.integers(1, 400))]
    out[at : at + len(piece)] = piece


_CHANGES = (_flip, _flip, _set, _set, _extreme, _extreme, _cut, _drop, _repeat, _noise, _splice)


def batch(first: int, count: int, seed: int, results: str) -> None:
    """Read mutants, and write a line for each that fails; the number begun stands in the file before it is read."""
    from tests.fuzz.seeds import seeds

    files = seeds()
    names, others = sorted(files), list(files.values())
    right = {name: _read(files[name]) for name in names}
    assert all(r[0] == "read" for r in right.values()), {n: r for n, r in right.items() if r[0] != "read"}
    with open(results, "a", encoding="utf-8", buffering=1) as out:
        for number in range(first, first + count):
            name = names[number % len(names)]
            data = mutate(files[name], others, np.random.default_rng([seed, number]))
            out.write(json.dumps({"begun": number}) + "\n")
            if wrong := judge(name, data, files[name], right[name]):
                out.write(json.dumps({"number": number, "seed": name, "wrong": wrong}) + "\n")
        out.write(json.dumps({"done": True}) + "\n")


def judge(name: str, data: bytes, original: bytes, right: tuple) -> str:
    """Say what is wrong with how a mutant is read; empty if nothing."""
    _reset_peak()
    before, began = _peak_mb(), time.process_time() + _children_s()
    found = _read(data)
    seconds, grown = time.process_time() + _children_s() - began, _peak_mb() - before
    if found[0] == "crash":
        return f"raised {found[1]}"
    if seconds > MOST_S:
        return f"took {seconds:.1f} s"
    if grown > MOST_MB:
        return f"took {grown:.0f} MB"
    if found[0] == "read" and data != original and _is_other(found, right):
        why = _refusal(name, data)
        if why and not _refusal(name, original):
            return f"another picture without a word, where the reference says: {why}"
    return ""


def _read(data: bytes) -> tuple:
    from medcls.errors import MedclsError
    from medcls.imaging.decode import count_frames, read_scan

    try:
        count_frames(data)
        scan = read_scan(data)
        return "read", scan.pixels, {note.code for note in scan.notes}
    except MedclsError as error:
        str(error)
        return "refused", error.code, set()
    except Exception as error:  # noqa: BLE001  the very thing that is looked for
        return "crash", f"{type(error).__name__}: {error}"[:200], set()


def _is_other(found: tuple, right: tuple) -> bool:
    """Tell if another picture came out, of the same size, and nothing was said that is not said of the seed."""
    same_size = found[1].shape == right[1].shape
    return found[2] <= right[2] and not (same_size and np.allclose(found[1], right[1], atol=0.02))


def _refusal(name: str, data: bytes) -> str:
    """Why an independent decoder refuses a file; empty if it reads it or there is none."""
    import warnings

    kind = name.split()[0]
    decode = _REFERENCES.get("tiff" if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+") else kind)
    if decode is None:
        return ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            decode(data)
    except Exception as error:  # noqa: BLE001  decoders raise anything
        return f"{type(error).__name__}: {error}"[:160]
    return ""


def _by_imagecodecs(codec: str) -> Callable[[bytes], object]:
    def decode(data: bytes) -> object:
        import imagecodecs

        return getattr(imagecodecs, codec)(data)

    return decode


def _by_opencv(data: bytes) -> object:
    import cv2

    if cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) is None:
        raise ValueError("OpenCV reads no picture")
    return None


def _by_turbojpeg(data: bytes) -> object:
    import simplejpeg

    space = simplejpeg.decode_jpeg_header(data)[2]
    return simplejpeg.decode_jpeg(data, "CMYK" if space in ("CMYK", "YCCK") else "RGB")


def _by_pydicom(data: bytes) -> object:
    import pydicom

    return pydicom.dcmread(io.BytesIO(data), force=True).pixel_array


_REFERENCES = {
    "png": _by_imagecodecs("png_decode"),
    "webp": _by_imagecodecs("webp_decode"),
    "bmp": _by_opencv,
    "tiff": _by_imagecodecs("tiff_decode"),
    "jpeg": _by_turbojpeg,
    "dicom": _by_pydicom,
}


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _peak_mb() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1e3


def _children_s() -> float:
    """Computing of the processes that decode apart, those at work among them."""
    from medcls.imaging import codec_process

    ticks = 0
    for process in codec_process._idle:
        stat = Path(f"/proc/{process._child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(stat[11]) + int(stat[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def run(first: int, mutants: int, seed: int) -> int:
    """Read mutants from a number on in processes of their own; return how many fail."""
    from tests.fuzz.apart import Batches

    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        batches = Batches(__file__, (str(seed),), BATCH, BATCH_S)
        failures = batches.run(
            Path(folder),
            first,
            mutants,
            lambda row: print(f"{row['number']} ({row['seed']}): {row['wrong']}", flush=True),
        )
    print(f"{mutants:,} mutants, {failures} failures, {time.monotonic() - began:.0f} s")
    return failures


def main() -> None:
    """Read mutants, or one of them."""
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--mutants", type=int, default=20_000)
    ask.add_argument("--first", type=int, default=0, help="number of the first mutant")
    ask.add_argument("--seed", type=int, default=0)
    ask.add_argument("--only", type=int, help="number of the one mutant to read")
    ask.add_argument("--out", type=Path, help="with --only: where to write the mutant")
    ask.add_argument("--batch", nargs=4, help=argparse.SUPPRESS)
    args = ask.parse_args()
    if args.batch:
        first, count, seed, results = args.batch
        batch(int(first), int(count), int(seed), results)
    elif args.only is not None:
        from tests.fuzz.seeds import seeds

        files = seeds()
        name = sorted(files)[args.only % len(files)]
        data = mutate(files[name], list(files.values()), np.random.default_rng([args.seed, args.only]))
        if args.out:
            args.out.write_bytes(data)
        print(name, len(data), "bytes:", judge(name, data, files[name], _read(files[name])) or "as it should be")
    else:
        sys.exit(1 if run(args.first, args.mutants, args.seed) else 0)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
