"""What a decoder hands over, before it becomes a `Scan`."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from medcls.core.note import Note
from medcls.core.task import Modality

_BLOCK_VALUES = 1 << 19


@dataclass
class Decoded:
    """A decoded frame.

    Args:
        pixels: (H, W) or (H, W, 3), uint8 (0 black, 255 white) or float32 display values in [0, 1].
        modality: What the file says it is; None if it does not say.
        spacing_mm: Height and width of a pixel in mm; None if unknown.
        notes: What was done, and what a reader must know.
        kind: What its header says it is beyond doubt, a key of `medcls.imaging.kinds.KINDS`; empty if it does not.
    """

    pixels: np.ndarray
    modality: Modality | None = None
    spacing_mm: tuple[float, float] | None = None
    notes: list[Note] = field(default_factory=list)
    kind: str = ""


def as_display(pixels: np.ndarray) -> np.ndarray:
    """Return uint8 or float32 pixels as read-only float32 in [0, 1], grey where all three colours are equal.

    Args:
        pixels: (H, W) or (H, W, 3); uint8, or float32 already in [0, 1].

    Returns:
        (H, W) or (H, W, 3) float32, contiguous, read-only.
    """
    if pixels.ndim == 3 and is_grey(pixels):
        pixels = pixels[..., 0]
    if pixels.dtype == np.uint8:
        display = np.divide(pixels, np.float32(255), dtype=np.float32)
    else:
        display = np.ascontiguousarray(pixels, dtype=np.float32)
    display.flags.writeable = False
    return display


def is_grey(pixels: np.ndarray) -> bool:
    """Return whether red, green and blue are equal everywhere in (H, W, 3) pixels."""
    return all(np.array_equal(b[..., 0], b[..., 1]) and np.array_equal(b[..., 0], b[..., 2]) for b in blocks(pixels))


def blocks(pixels: np.ndarray) -> Iterator[np.ndarray]:
    """Yield views of a few rows each, so that a large picture needs no second copy in memory.

    Args:
        pixels: (H, W) or (H, W, n), any dtype.
    """
    rows = max(1, _BLOCK_VALUES * len(pixels) // max(1, pixels.size))
    for top in range(0, len(pixels), rows):
        yield pixels[top : top + rows]


def scale(pixels: np.ndarray, low: float, high: float) -> np.ndarray:
    """Map [low, high] linearly onto [0, 1], clipping; NaN becomes 0, and so does everything if `low` equals `high`.

    Args:
        pixels: Any real dtype, any shape.
        low: What becomes black.
        high: What becomes white, at least `low`; both finite.

    Returns:
        float32, same shape, in [0, 1].
    """
    out = np.zeros(pixels.shape, np.float32)
    if high > low:
        for source, target in zip(blocks(pixels), blocks(out), strict=True):
            share = (source.astype(np.float64) / 2 - low / 2) / (high / 2 - low / 2)
            target[...] = np.nan_to_num(np.clip(share, 0, 1), nan=0.0)
    return out


def finite_range(pixels: np.ndarray) -> tuple[float, float, int]:
    """Return the smallest and largest finite value, and how many values are not finite.

    Args:
        pixels: (H, W) or (H, W, n), any real dtype.

    Returns:
        low, high (0 and 0 if no value is finite), count of NaN and infinities.
    """
    low, high, bad = np.inf, -np.inf, 0
    for block in blocks(pixels):
        good = np.isfinite(block)
        bad += int(good.size - np.count_nonzero(good))
        if good.any():
            kept = block if good.all() else block[good]
            low, high = min(low, float(kept.min())), max(high, float(kept.max()))
    return (low, high, bad) if low <= high else (0.0, 0.0, bad)
