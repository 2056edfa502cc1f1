"""Values of more than eight bits, signed and real ones: how they become black to white. One rule for PNG and TIFF."""

import numpy as np

from medcls.core.note import Note
from medcls.errors import BadScan
from medcls.imaging.decoded import blocks, finite_range, scale

USUAL_BITS = (8, 10, 12, 14, 16)


def usual_bits(high: int) -> int:
    """Return the smallest usual depth of 16 bits at most that holds a value."""
    return next(b for b in USUAL_BITS if high < 2**b)


def show_unsigned(pixels: np.ndarray, inverted: bool, notes: list[Note]) -> np.ndarray:
    """Scale unsigned values of 16 bits by the smallest usual depth that holds them, all colours alike.

    Args:
        pixels: (H, W) or (H, W, 3), uint16. Many devices write 10, 12 or 14 bits into 16.
        inverted: True where low values are white.
        notes: Told of the depth.

    Returns:
        Same shape, float32 in [0, 1].
    """
    high = int(pixels.max(initial=0))
    bits = usual_bits(high)
    notes.append(
        Note("imaging.deep-colour", high=high, bits=bits, end=2**bits - 1)
        if pixels.ndim == 3
        else Note("imaging.deep-grey", high=high, bits=bits, end=2**bits - 1)
    )
    table = scale(np.arange(2**bits), 0, 2**bits - 1)
    table = 1 - table if inverted else table
    out = np.empty(pixels.shape, np.float32)
    for source, target in zip(blocks(pixels), blocks(out), strict=True):
        target[...] = table[source]
    return out


def show_real(pixels: np.ndarray, inverted: bool, notes: list[Note]) -> np.ndarray:
    """Stretch signed, long or real values from the lowest to the highest.

    Colours that are real numbers from 0 to 1 are taken as they are, and unsigned ones start at 0, so that no colour
    is shifted.

    Args:
        pixels: (H, W) or (H, W, 3), any real dtype.
        inverted: True where low values are white.
        notes: Told of the range, and of what is no finite number.

    Returns:
        Same shape, float32 in [0, 1]; NaN is black.

    Raises:
        BadScan: If no value is finite.
    """
    low, high, bad = finite_range(pixels)
    if bad == pixels.size:
        raise BadScan("imaging.no-number")
    if pixels.ndim == 3 and pixels.dtype.kind == "f" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
        notes.append(Note("imaging.real-colour"))
    elif pixels.ndim == 3 and pixels.dtype.kind == "u":
        low = 0.0
        notes.append(Note("imaging.stretched", low=low, high=high))
    elif low == high:
        notes.append(Note("imaging.one-value"))
    else:
        notes.append(Note("imaging.stretched", low=low, high=high))
    if bad:
        notes.append(Note("imaging.not-finite", n=bad))
    shown = scale(pixels, low, high)
    if inverted and low < high:
        np.subtract(1, shown, out=shown)
        shown[np.isnan(pixels)] = 0
    return shown
