"""One look at a file's bytes: what the index and the audit need to know of a picture, in about a kilobyte."""

import hashlib
import io
import math
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import scipy
from PIL import Image, ImageOps, UnidentifiedImageError

from medcls.errors import BadScan
from medcls.imaging.decode import read_scan
from medcls.imaging.formats import recognise
from medcls.imaging.limits import Limits
from medcls.imaging.picture import to_bytes8

_PLAIN = ("1", "L", "P", "RGB")
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    UnidentifiedImageError,
    Image.DecompressionBombError,
    struct.error,
    zlib.error,
    IndexError,
    KeyError,
    TypeError,
    EOFError,
    OverflowError,
)
_MARKS_PX = 384
SIDE_PX = 32
# One record per case in `looks.bin`, in the order of the index.
DESCRIPTOR = np.dtype(
    [
        ("grey", np.uint8, (SIDE_PX, SIDE_PX)),  # the whole picture, squeezed
        ("tint", np.uint8, (8, 8, 3)),  # the same in colour
        ("colour", np.float32),  # share of pixels that are not grey, 0 to 1
        ("contrast", np.float32),  # standard deviation of the grey values, 0 to 0.5
        ("bits", np.float32),  # bits per grey value the picture needs: 1 for a mask
        ("marks", np.float32),  # how many letters, crosses or other small white marks seem burned in
    ]
)


@dataclass(frozen=True)
class PictureDescriptor:
    """What was seen of one picture.

    Args:
        sha256: Hex digest of the bytes.
        size_px: Height and width, upright.
        values: One record of dtype `DESCRIPTOR`, ().
    """

    sha256: str
    size_px: tuple[int, int]
    values: np.ndarray


def describe_picture(data: bytes, limits: Limits | None = None) -> PictureDescriptor:
    """Look at a picture's bytes.

    Args:
        data: A file as stored: PNG, JPEG, TIFF, WebP, BMP or DICOM.
        limits: What it may cost to decode; None takes `Limits.from_env()`.

    Raises:
        BadScan: If it cannot be read as a picture.
        TooLarge: If it is above the limits.
    """
    picture, size_px = _open(data, limits or Limits.from_env())
    return PictureDescriptor(hashlib.sha256(data).hexdigest(), size_px, _values(picture))


def describe_array(pixels: np.ndarray, sha256: str) -> PictureDescriptor:
    """Look at pixels that are already decoded.

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        sha256: Hex digest that stands for them.
    """
    return PictureDescriptor(sha256, (pixels.shape[0], pixels.shape[1]), _values(Image.fromarray(pixels)))


def _open(data: bytes, limits: Limits) -> tuple[Image.Image, tuple[int, int]]:
    """Decode to L or RGB, shrunk while decoding where the format can, with the upright size of the original.

    Plain 8-bit pictures are decoded here, at a fraction of the cost; everything else goes the way of a dropped scan.
    """
    limits.check_bytes(len(data))
    if recognise(data) == "DICOM":
        return _as_scan(data, limits)
    try:
        picture = Image.open(io.BytesIO(data))
        limits.check_pixels(picture.height, picture.width)
        if picture.mode not in _PLAIN:
            return _as_scan(data, limits)
        turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        size_px = (picture.width, picture.height) if turned else (picture.height, picture.width)
        picture.draft(None, (_MARKS_PX, _MARKS_PX))
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        return upright.convert("L" if picture.mode in ("1", "L") else "RGB"), size_px
    except _BROKEN as error:
        raise BadScan("data.picture-unreadable", found=type(error).__name__) from error


def _as_scan(data: bytes, limits: Limits) -> tuple[Image.Image, tuple[int, int]]:
    scan = read_scan(data, limits=limits)
    return Image.fromarray(to_bytes8(scan.pixels)), scan.size_px


def _values(picture: Image.Image) -> np.ndarray:
    small = picture.resize((SIDE_PX, SIDE_PX), Image.Resampling.BILINEAR, reducing_gap=2.0)
    grey = np.asarray(picture.convert("L"))
    record = np.zeros((), DESCRIPTOR)
    record["grey"] = np.asarray(small.convert("L"))
    record["tint"] = np.asarray(small.convert("RGB").resize((8, 8), Image.Resampling.BOX))
    record["colour"] = _colour(small)
    record["marks"] = _marks(grey) if record["colour"] < 0.05 else 0
    record["contrast"] = grey.std() / 255
    record["bits"] = math.log2(np.count_nonzero(np.bincount(grey.ravel(), minlength=256)))
    return record


def _colour(picture: Image.Image) -> float:
    if picture.mode != "RGB":
        return 0.0
    pixels = np.asarray(picture).astype(np.int16)
    return float(((pixels.max(2) - pixels.min(2)) > 16).mean())


def _marks(grey: np.ndarray) -> int:
    """Count small white marks that stand out sharply from what surrounds them, as letters and calipers do.

    Args:
        grey: (H, W) uint8.
    """
    step = max(1, round(max(grey.shape) / 640))
    grey = grey[::step, ::step]
    white = grey >= 225
    if not 4 <= np.count_nonzero(white) <= 0.1 * white.size:
        return 0
    around = scipy.ndimage.uniform_filter(grey.astype(np.float32), 11)
    numbered, n = scipy.ndimage.label(white & (grey - around > 90), np.ones((3, 3)))
    if n > 2000:
        return 0
    boxes = scipy.ndimage.find_objects(numbered)
    sizes = [(box[0].stop - box[0].start, box[1].stop - box[1].start) for box in boxes]
    return sum(4 <= height <= 28 and 2 <= width <= 28 for height, width in sizes)
