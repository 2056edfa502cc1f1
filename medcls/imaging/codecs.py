"""Decoders of compressed DICOM pictures, as jobs for a process that can be ended: raw samples, no colour turned."""

from collections.abc import Callable
from typing import Any

import numpy as np

# A packed plane may end in bytes that fill its segment up.
_SLACK = 64

Made = tuple[np.ndarray, dict[str, Any]]


def jpeg(data: bytes, samples: int) -> Made:
    """Decode a JPEG of any depth, lossy or lossless, to its components as they are coded.

    Args:
        data: The stream.
        samples: How many components its header announces.

    Returns:
        (R, C) or (R, C, n), uint8 or uint16; under `warned`, whether the decoder found errors that it passed over.
    """
    import imagecodecs

    # Naming one space for both sides leaves the components alone; what they are is judged by the caller.
    space = "RGB" if samples == 3 else None
    values = imagecodecs.jpeg8_decode(data, colorspace=space, outcolorspace=space)
    return values, {"warned": doubted(data, values)}


def doubted(data: bytes, values: np.ndarray) -> bool:
    """Return whether a JPEG's decoder passed over errors, or another decoder of lossless ones finds other values.

    Args:
        data: The stream.
        values: What libjpeg made of it, (R, C) or (R, C, n), uint8 or uint16.
    """
    import imagecodecs

    from medcls.imaging.jpeg import LOSSLESS, read_jpeg_header, warning_of

    header = read_jpeg_header(data)
    if header is None or header.process != LOSSLESS:
        return bool(warning_of(data))
    if int(values.max(initial=0)) >= 1 << header.bits:
        return True
    return not all(_same(decode, data, values) for decode in (imagecodecs.jpegsof3_decode, imagecodecs.ljpeg_decode))


def _same(decode: Callable[[bytes], np.ndarray], data: bytes, values: np.ndarray) -> bool:
    try:
        return np.array_equal(decode(data), values)
    except (RuntimeError, ValueError):
        return False


def jpegls(data: bytes) -> Made:
    """Decode a JPEG-LS stream: (R, C) or (R, C, n), uint8 or uint16."""
    import imagecodecs

    return imagecodecs.jpegls_decode(data), {}


def jpeg2000(data: bytes) -> Made:
    """Decode a bare JPEG 2000 or HTJ2K codestream, its own colour transform undone: (R, C) or (R, C, n) integers."""
    import imagecodecs

    return imagecodecs.jpeg2k_decode(data, numthreads=1), {}


def rle(data: bytes, rows: int, columns: int) -> Made:
    """Decode DICOM's run-length coding: byte planes, each packed, the highest byte of each sample first.

    Args:
        data: The frame, from its header of 64 bytes.
        rows: Height.
        columns: Width.

    Returns:
        (planes, R, C) uint8.

    Raises:
        ValueError: If a segment is shorter than a plane.

    References:
        DICOM PS3.5, annex G.
    """
    import imagecodecs

    head = np.frombuffer(data[:64], "<u4")
    count, starts = int(head[0]), [int(v) for v in head[1 : 1 + int(head[0])]]
    planes = np.empty((count, rows * columns), np.uint8)
    for plane, start, end in zip(planes, starts, [*starts[1:], len(data)], strict=True):
        unpacked = imagecodecs.packbits_decode(data[start:end], out=plane.size + _SLACK)
        if len(unpacked) < plane.size:
            raise ValueError("a run-length segment is less than expected")
        plane[:] = np.frombuffer(unpacked, np.uint8)[: plane.size]
    return planes.reshape(count, rows, columns), {}
