"""The other side of `medcls.imaging.codec_process`: jobs come in on standard input, values leave on standard output."""

import base64
import io
import json
import math
import os
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from medcls.errors import MedclsError
from medcls.imaging import codecs
from medcls.imaging.codec_process import CPU_S
from medcls.imaging.quiet import guarded, quiet, silence_logs

_MOST_BYTES = 700_000_000

Made = tuple[np.ndarray, dict[str, Any]]


def _tiff(data: bytes, page: int) -> Made:
    """Decode a page, and tell if a tile holds less than its size, which tifffile takes for one cut to the picture."""
    from tifffile import TiffFile

    short = []
    with TiffFile(io.BytesIO(data)) as file:
        found: Any = file.pages[page]
        decode = found.decode

        def watched(*args: Any, **options: Any) -> Any:
            values, at, shape = decode(*args, **options)
            if values is None or values.shape != shape:
                short.append(at)
            return values, at, shape

        found.decode = watched
        return np.asarray(found.asarray(maxworkers=1)), {"short": bool(short)}


def _fax(data: bytes, page: int) -> Made:
    """Return whether libtiff complains of a fax-coded page on standard error, or ends early without a word."""
    import imagecodecs

    reading, writing = os.pipe()
    kept = os.dup(2)
    for end in (reading, writing):
        os.set_blocking(end, False)  # what does not fit is not needed
    os.dup2(writing, 2)
    try:
        with Image.open(io.BytesIO(data), formats=["TIFF"]) as image:
            image.seek(page)
            image.load()
    finally:
        os.dup2(kept, 2)
        os.close(writing)
        os.close(kept)
        with os.fdopen(reading, "rb") as said:
            warned = bool(said.read(1))
    try:
        imagecodecs.tiff_decode(data, index=page)
    except imagecodecs.TiffError:
        warned = True
    return np.empty(0, np.uint8), {"warned": warned}


def _jpeg(data: bytes) -> Made:
    import imagecodecs

    from medcls.imaging.codecs import doubted

    values = imagecodecs.jpeg8_decode(data)
    return values, {"warned": doubted(data, values)}


def _bmp(data: bytes) -> Made:
    """Ask another decoder than Pillow, which fills what runs leave out: (H, W, 3) RGB, or nothing if it refuses."""
    import cv2

    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return np.empty(0, np.uint8) if found is None else found[..., ::-1], {}


def _png(data: bytes) -> Made:
    import imagecodecs

    return imagecodecs.png_decode(data), {}


def _heif(data: bytes) -> Made:
    import pillow_heif

    file = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
    profile = base64.b64encode(file.info.get("icc_profile") or b"").decode("ascii")
    return np.asarray(file), {"pictures": len(file), "profile": profile}


# What a process can be asked for: a file's bytes and options become an array and what else is to be told.
JOBS: Mapping[str, Callable[..., Made]] = MappingProxyType(
    {
        "dicom-jpeg": codecs.jpeg,
        "dicom-jpegls": codecs.jpegls,
        "dicom-jpeg2000": codecs.jpeg2000,
        "dicom-rle": codecs.rle,
        "fax": _fax,
        "heif": _heif,
        "bmp": _bmp,
        "jpeg": _jpeg,
        "png": _png,
        "tiff": _tiff,
    }
)


def main() -> None:
    """Answer jobs until standard input ends."""
    source, out = sys.stdin.buffer, _own_output()
    silence_logs()
    _limit_memory()
    while line := source.readline():
        job, size, options = json.loads(line)
        data = source.read(size)
        _limit_time()
        _answer(out, job, data, options)


def _answer(out: BinaryIO, job: str, data: bytes, options: dict[str, Any]) -> None:
    try:
        with quiet():
            values, more = guarded(lambda: JOBS[job](data, **options))
        values = np.ascontiguousarray(values)
        head: dict[str, Any] = {"dtype": values.dtype.str, "shape": values.shape, "more": more}
    except MedclsError as error:
        values = np.empty(0, np.uint8)
        head = {"error": error.to_dict()}
    out.write(json.dumps(head).encode() + b"\n")
    if values.size:
        out.write(values.reshape(-1).view(np.uint8).data)
    out.flush()


def _own_output() -> BinaryIO:
    """Keep standard output for the answers: what a codec prints goes nowhere."""
    kept = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), sys.stdout.fileno())
    return kept


def _limit_time() -> None:
    """Allow `CPU_S` more seconds of computing: a timer that counts them, not the clock, ends the process after that.

    The system's own limit, in whole seconds, stands behind it for a library that takes the timer's signal for itself.
    """
    if sys.platform != "win32":
        import resource
        import signal

        signal.setitimer(signal.ITIMER_PROF, CPU_S)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        most = math.ceil(usage.ru_utime + usage.ru_stime + CPU_S) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (most, hard))


def _limit_memory() -> None:
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (_MOST_BYTES, resource.getrlimit(resource.RLIMIT_DATA)[1]))


if __name__ == "__main__":
    main()
