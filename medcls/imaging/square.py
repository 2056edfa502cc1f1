"""Pixels that are not square become square, so that a round lesion is round."""

import math

import cv2
import numpy as np

from medcls.core.note import Note

# Within one part in a hundred, the two sides differ by rounding; beyond five to one, the file's word is not believed.
_SQUARE_WITHIN, _BELIEVED_UP_TO = 0.01, 5.0


def make_square(
    pixels: np.ndarray, size: tuple[float, float], most_px: int, notes: list[Note]
) -> tuple[np.ndarray, tuple[float, float]]:
    """Resample a picture whose pixels are higher than wide, or wider than high.

    The coarser direction is made finer, so that nothing is lost; where the picture would then be too large, the
    finer one is made coarser.

    Args:
        pixels: (H, W) or (H, W, 3), uint8 or float32.
        size: Height and width of a pixel, in any unit; what is not finite and above 0 changes nothing.
        most_px: Most pixels the picture may have afterwards.
        notes: Told what was done.

    Returns:
        The picture, dtype as before, and the height and width of its pixels in the unit of `size`.

    Example:
        >>> make_square(np.zeros((4, 6), np.float32), (2.0, 1.0), 100, [])[0].shape
        (8, 6)
    """
    high, wide = size
    if not all(math.isfinite(v) and v > 0 for v in size) or abs(wide / high - 1) <= _SQUARE_WITHIN:
        return pixels, size
    if not 1 / _BELIEVED_UP_TO <= wide / high <= _BELIEVED_UP_TO:
        notes.append(Note("imaging.aspect-left-out", ratio=wide / high))
        return pixels, size
    side = min(size)
    rows, columns = (max(1, round(n * v / side)) for n, v in zip(pixels.shape, size, strict=False))
    if rows * columns > most_px:
        side = max(size)
        rows, columns = (max(1, round(n * v / side)) for n, v in zip(pixels.shape, size, strict=False))
    how = cv2.INTER_LINEAR if side == min(size) else cv2.INTER_AREA
    notes.append(
        Note(
            "imaging.made-square",
            ratio=wide / high,
            height=rows,
            width=columns,
            stored_height=pixels.shape[0],
            stored_width=pixels.shape[1],
        )
    )
    return cv2.resize(np.ascontiguousarray(pixels), (columns, rows), interpolation=how), (side, side)
