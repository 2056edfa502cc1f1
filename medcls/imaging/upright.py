"""Pictures stored lying on their side, as a file's orientation says."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

_TURNS: Mapping[int, Callable[[np.ndarray], np.ndarray]] = MappingProxyType(
    {
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.swapaxes(0, 1),
        6: lambda p: np.rot90(p, -1),
        7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
        8: lambda p: np.rot90(p, 1),
    }
)


def is_turned(orientation: int) -> bool:
    """Return whether an EXIF orientation asks for anything."""
    return orientation in _TURNS


def swaps_sides(orientation: int) -> bool:
    """Return whether height becomes width."""
    return orientation in (5, 6, 7, 8)


def turn(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Return a view of (H, W) or (H, W, 3) pixels, upright."""
    return _TURNS[orientation](pixels) if orientation in _TURNS else pixels
