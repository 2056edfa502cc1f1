"""Lesion masks: whatever two values a program wrote, the higher one is the lesion."""

import io

import cv2
import numpy as np
from PIL import Image

from medcls.core.note import Note
from medcls.core.scan import Scan
from medcls.errors import BadScan
from medcls.imaging.decode import read_scan
from medcls.imaging.formats import recognise
from medcls.imaging.quiet import guarded, quiet
from medcls.imaging.upright import swaps_sides, turn

_TURNED, _SQUARE = "imaging.turned-upright", "imaging.made-square"
_CUTS = ("imaging.cut-to-region", "imaging.cut-to-largest-region")


def read_mask(data: bytes, scan: Scan) -> np.ndarray:
    """Read a lesion mask.

    Of two values, the higher is the lesion: 0 and 1, 128 and 255, black and a colour, transparent and not. Of more
    (a mask saved as JPEG, or smoothed at its edge), those above the middle between lowest and highest are.

    Args:
        data: Bytes of a picture of the scan's size, or of the size it is stored in, before it was turned, cut to its
            region or made square.
        scan: The scan.

    Returns:
        (H, W) bool.

    Raises:
        BadScan: If it cannot be read, has another size, or holds one value only.
    """
    pixels = read_scan(data).pixels
    values = pixels if pixels.ndim == 2 else pixels.max(2)
    if values.min() == values.max():
        values = _opacity(data, values)
    low, high = float(values.min()), float(values.max())
    if low == high:
        raise BadScan("imaging.mask-empty")
    return _on_scan(values > (low + high) / 2, scan)


def _on_scan(mask: np.ndarray, scan: Scan) -> np.ndarray:
    """Bring a mask onto the scan's grid if it was drawn on the picture as stored, or on a step between.

    Raises:
        BadScan: If it has the size of none of them.
    """
    steps: list[Note] = []
    size = scan.size_px
    for note in reversed(scan.notes):
        if mask.shape == size:
            break
        if (before := _size_before(note, size)) is not None:
            steps, size = [note, *steps], before
    if mask.shape != size:
        height, width = scan.size_px
        raise BadScan(
            "imaging.mask-size", width=mask.shape[1], height=mask.shape[0], scan_width=width, scan_height=height
        )
    for note in steps:
        mask = _after(note, mask)
    return mask


def _size_before(note: Note, size: tuple[int, int]) -> tuple[int, int] | None:
    """Return height and width before what a note tells of was done; None where it changes neither."""
    if note.code in (_SQUARE, *_CUTS) and "stored_height" in note.params:
        return note.params["stored_height"], note.params["stored_width"]
    return size[::-1] if note.code == _TURNED and swaps_sides(note.params["orientation"]) else None


def _after(note: Note, mask: np.ndarray) -> np.ndarray:
    told = note.params
    if note.code == _TURNED:
        return turn(mask, told["orientation"])
    if note.code in _CUTS:
        return mask[told["top"] : told["top"] + told["height"], told["left"] : told["left"] + told["width"]]
    size = (told["width"], told["height"])
    return cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)


def _opacity(data: bytes, plain: np.ndarray) -> np.ndarray:
    """Return the alpha of a picture that is of one colour; the picture itself if it has none of the same size."""
    kind = recognise(data)
    if kind not in ("PNG", "TIFF", "WEBP", "BMP"):
        return plain
    with quiet():
        image = guarded(lambda: Image.open(io.BytesIO(data), formats=[kind]))
        if "A" not in image.getbands() and "transparency" not in image.info:
            return plain
        alpha = guarded(lambda: np.asarray(image.convert("RGBA").getchannel("A"), np.float32))
    return alpha if alpha.shape == plain.shape else plain
