"""Stored DICOM intensities become display values: lookup tables and windows of PS3.3 C.11."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np


def apply_window(pixels: np.ndarray, center: float, width: float) -> np.ndarray:
    """Map a range of stored intensities linearly onto [0, 1], clipping what lies outside.

    Args:
        pixels: Any shape, any real dtype, in the units of `center` and `width`. NaN stays NaN.
        center: Middle of the window.
        width: Full width of the window, at least 1.

    Returns:
        Same shape, float32, 0 at or below the lower edge and 1 above the upper edge.

    Raises:
        ValueError: If `width` is below 1.

    References:
        DICOM PS3.3 C.11.2.1.2.1, function LINEAR.

    Example:
        >>> apply_window(np.array([0, 128, 255]), 128, 256).tolist()
        [0.0, 0.501960813999176, 1.0]
    """
    if not width >= 1:
        raise ValueError(f"a window of function LINEAR must be at least 1 wide, found {width}")
    if width == 1:
        return np.where(np.isnan(pixels), np.float32(np.nan), pixels > center - 0.5).astype(np.float32)
    return _ramp(pixels, center - 0.5, width - 1)


def apply_window_exact(pixels: np.ndarray, center: float, width: float) -> np.ndarray:
    """Map a range of intensities linearly onto [0, 1] without the half-step of `apply_window`.

    Args:
        pixels: As for `apply_window`.
        center: Middle of the window.
        width: Full width, above 0.

    Returns:
        Same shape, float32.

    Raises:
        ValueError: If `width` is not above 0.

    References:
        DICOM PS3.3 C.11.2.1.3.2, function LINEAR_EXACT.
    """
    _positive(width)
    return _ramp(pixels, center, width)


def apply_sigmoid(pixels: np.ndarray, center: float, width: float) -> np.ndarray:
    """Map intensities onto (0, 1) by a logistic curve.

    Args:
        pixels: As for `apply_window`.
        center: Where the curve reaches 0.5.
        width: Four times the inverse of its slope there, above 0.

    Returns:
        Same shape, float32.

    Raises:
        ValueError: If `width` is not above 0.

    References:
        DICOM PS3.3 C.11.2.1.3.1, function SIGMOID.
    """
    _positive(width)
    power = np.clip((pixels.astype(np.float64) - center) * (-4 / width), -700, 700)
    return (1 / (1 + np.exp(power))).astype(np.float32)


# The function of each name a file may give (VOI LUT Function).
WINDOWS: Mapping[str, Callable[[np.ndarray, float, float], np.ndarray]] = MappingProxyType(
    {"LINEAR": apply_window, "LINEAR_EXACT": apply_window_exact, "SIGMOID": apply_sigmoid}
)


def apply_lut(pixels: np.ndarray, first: int, table: np.ndarray) -> np.ndarray:
    """Look stored values up in a table; values outside it take its first or last entry.

    Args:
        pixels: Any shape; rounded to whole numbers. NaN takes the first entry, as negative infinity does.
        first: Stored value of the table's first entry.
        table: (n,) entries, n at least 1.

    Returns:
        Same shape, dtype of `table`.

    References:
        DICOM PS3.3 C.11.1.1 (modality) and C.11.2.1.1 (VOI).

    Example:
        >>> apply_lut(np.array([0, 5, 6, 99]), 5, np.array([10, 20])).tolist()
        [10, 10, 20, 20]
    """
    index = np.clip(np.rint(pixels.astype(np.float64)) - first, 0, len(table) - 1)
    return table[np.nan_to_num(index, copy=False, nan=0).astype(np.intp)]


def _ramp(pixels: np.ndarray, middle: float, width: float) -> np.ndarray:
    out = pixels.astype(np.float32) if pixels.dtype.itemsize <= 2 else pixels.astype(np.float64)
    out -= middle
    out /= width
    out += 0.5
    return np.clip(out, 0, 1, out=out).astype(np.float32, copy=False)


def _positive(width: float) -> None:
    if not width > 0:
        raise ValueError(f"a window must be wider than 0, found {width}")
