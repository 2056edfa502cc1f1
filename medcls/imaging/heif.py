"""HEIC and HEIF, as phones write them; decoded in a process of their own."""

import base64
import struct

import numpy as np
from PIL import Image

from medcls.core.note import Note
from medcls.errors import BadScan
from medcls.imaging.alpha import without_alpha
from medcls.imaging.codec_process import run_apart
from medcls.imaging.decoded import Decoded
from medcls.imaging.limits import Limits
from medcls.imaging.profile import to_srgb_by_rows

_HEADER_BYTES, _MOST_SIZES = 1_000_000, 4096


def read_heif(data: bytes, limits: Limits) -> Decoded:
    """Decode the main picture of a HEIC or HEIF file.

    Args:
        data: The whole file.
        limits: Checked against the sizes its header states before pixels are decoded.

    Returns:
        Upright display pixels; ten-bit ones are read as eight.

    Raises:
        TooLarge: If the header announces more than `limits` allow.
        BadScan: If the file is damaged or has no picture.
    """
    limits.check_pixels(*heif_size(data))
    pixels, more = run_apart("heif", data)
    limits.check_pixels(*pixels.shape[:2])
    notes: list[Note] = []
    if pixels.dtype == np.uint16:  # grey of ten or twelve bits comes stretched over sixteen
        pixels = (pixels >> 8).astype(np.uint8)
    if more["pictures"] > 1:
        notes.append(Note("imaging.main-picture", n=more["pictures"]))
    if pixels.ndim == 3 and pixels.shape[2] != 3:
        pixels = np.asarray(without_alpha(Image.fromarray(pixels), notes))
    return Decoded(to_srgb_by_rows(pixels, base64.b64decode(more["profile"]), notes), notes=notes)


def heif_size(data: bytes) -> tuple[int, int]:
    """Return the largest size that the header states (ISO/IEC 23008-12, `ispe`).

    Returns:
        Height and width, in pixels.

    Raises:
        BadScan: If it states none.
    """
    sizes: list[tuple[int, int]] = []
    at = 0
    while (at := data.find(b"ispe", at, _HEADER_BYTES)) >= 0 and len(sizes) < _MOST_SIZES and at + 16 <= len(data):
        sizes.append(struct.unpack_from(">II", data, at + 8))
        at += 4
    if not sizes:
        raise BadScan("imaging.no-size")
    return max(h for _, h in sizes), max(w for w, _ in sizes)
