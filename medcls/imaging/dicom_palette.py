"""Palette colour: stored values looked up in three tables."""

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut

from medcls.imaging.decoded import scale


def apply_palette(ds: Dataset, values: np.ndarray) -> np.ndarray:
    """Return the colours of stored values.

    Args:
        ds: Holds the tables, plain or in segments.
        values: (H, W) whole numbers.

    Returns:
        (H, W, 3), uint8 or float32 in [0, 1].

    References:
        DICOM PS3.3 C.7.6.3.1.5 and C.7.9.
    """
    found = apply_color_lut(values, ds)
    if found.dtype == np.uint8:
        return found
    # Some writers keep entries of 8 bits in words that are said to be 16 bits deep.
    top = 255 if int(found.max(initial=0)) < 256 and _tables_are_shallow(ds) else np.iinfo(found.dtype).max
    return scale(found, 0, top)


def _tables_are_shallow(ds: Dataset) -> bool:
    """Return whether no entry of any of the three tables reaches 256."""
    tables = [ds.get(f"{colour}PaletteColorLookupTableData") for colour in ("Red", "Green", "Blue")]
    return all(
        isinstance(raw, bytes) and np.frombuffer(raw[: len(raw) // 2 * 2], "<u2").max(initial=0) < 256 for raw in tables
    )
