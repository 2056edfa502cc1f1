"""Grey DICOM values as display values: rescale, VOI table or window, inversion; nonsense is left out and said."""

import math

import numpy as np
from pydicom.dataset import Dataset

from medcls.core.note import Note
from medcls.errors import BadScan
from medcls.imaging.decoded import blocks, finite_range, scale
from medcls.imaging.dicom_tables import first_table
from medcls.imaging.dicom_values import groups_for, numbers, sequence, text
from medcls.imaging.windowing import WINDOWS

_ABSURD = 1e30


def display_grey(
    ds: Dataset, frame: int, stored: np.ndarray, bits_stored: int, photometric: str, notes: list[Note]
) -> np.ndarray:
    """Show stored grey values as their file asks.

    Args:
        ds: The file's wanted elements.
        frame: Which frame `stored` is, from 0.
        stored: (H, W) integers or floats; NaN is shown black.
        bits_stored: How many bits of each value count.
        photometric: `MONOCHROME1` (low is white) or `MONOCHROME2`.
        notes: What was done is noted here.

    Returns:
        (H, W) uint8 or float32 in [0, 1].

    Raises:
        BadScan: If no value is a finite number.

    References:
        DICOM PS3.3 C.7.6.3.1.2, C.11.1, C.11.2 and C.11.6.1.2.
    """
    padding, missing = _padding(ds, stored, bits_stored), _missing(stored)
    values, rescaled = _rescaled(ds, frame, stored, notes)
    shown = _voi(ds, frame, values, padding, notes)
    if shown is None:
        plain = not rescaled and bits_stored <= 8 and stored.dtype.kind == "u"
        shown = _plain(stored, bits_stored) if plain else _stretched(values, padding, notes)
    if (presented := _presented(ds, shown, notes)) is not None:
        shown = presented
    elif _inverted(ds, photometric, notes):
        shown = 255 - shown if shown.dtype == np.uint8 else 1 - shown
    if missing is not None:
        shown = np.where(missing, shown.dtype.type(0), shown)
        notes.append(Note("imaging.nan-shown-black", n=int(np.count_nonzero(missing))))
    if padding is not None:
        shown = np.where(padding, shown.dtype.type(0), shown)
        notes.append(Note("imaging.dicom-padding-black"))
    return shown


def _presented(ds: Dataset, shown: np.ndarray, notes: list[Note]) -> np.ndarray | None:
    """Apply the file's presentation table, whose entries are brightness as seen; None if it has none that shows.

    References:
        DICOM PS3.3 C.11.6.1.
    """
    table = first_table(sequence(ds, "PresentationLUTSequence"), 0, 0, "presentation", notes)
    if table is None:
        return None
    entries = (table.entries / np.float32(2**table.bits - 1)).astype(np.float32)
    full = np.float32((len(entries) - 1) / (255 if shown.dtype == np.uint8 else 1))
    out = np.empty(shown.shape, np.float32)
    for source, target in zip(blocks(shown), blocks(out), strict=True):
        target[...] = entries[np.rint(np.nan_to_num(source) * full).astype(np.int64)]
    if not _shows_something(out, shown, None):
        notes.append(Note("imaging.dicom-table-shows-nothing"))
        return None
    notes.append(Note("imaging.dicom-presentation-table"))
    return out


def _inverted(ds: Dataset, photometric: str, notes: list[Note]) -> bool:
    """Return whether low values are white: by the presentation table's shape if stated, else the photometric word."""
    shape, low_is_white = text(ds, "PresentationLUTShape"), photometric == "MONOCHROME1"
    if shape not in ("INVERSE", "IDENTITY") or (shape == "INVERSE") == low_is_white:
        if low_is_white:
            notes.append(Note("imaging.dicom-inverted"))
        return low_is_white
    notes.append(Note("imaging.dicom-shape-contradicts", photometric=photometric, shape=shape))
    return shape == "INVERSE"


def _padding(ds: Dataset, stored: np.ndarray, bits: int) -> np.ndarray | None:
    """Return which pixels are padding, a value or a range of values; None if none, or all.

    References:
        DICOM PS3.3 C.7.5.1.1.2.
    """
    prefix = {"f4": "Float", "f8": "DoubleFloat"}.get(stored.dtype.str[1:], "")
    names = (f"{prefix}PixelPaddingValue", f"{prefix}PixelPaddingRangeLimit")
    ends = [found[0] for name in names if (found := numbers(ds, name)) and math.isfinite(found[0])]
    if not ends or not numbers(ds, names[0]):
        return None
    if stored.dtype.kind in "iu":
        ends = [_with_sign_of(stored, int(end), bits) for end in ends]
    low, high = min(ends), max(ends)
    mask = (stored >= low) & (stored <= high)
    return mask if mask.any() and not mask.all() else None


def _with_sign_of(stored: np.ndarray, end: int, bits: int) -> int:
    """Return a value written without a sign beside pixels that have one, or the other way round, as theirs is."""
    cell = 2 ** (stored.dtype.itemsize * 8)
    if stored.dtype.kind == "i" and end >= 2 ** (bits - 1):
        turned = end - (cell if end >= cell // 2 else 2**bits)
        return turned if turned >= -(2 ** (bits - 1)) else end
    return (end + cell) % 2**bits if stored.dtype.kind == "u" and end < 0 else end


def _missing(stored: np.ndarray) -> np.ndarray | None:
    """Return which pixels are NaN; None if none are."""
    if stored.dtype.kind != "f":
        return None
    if finite_range(stored)[2] == stored.size:
        raise BadScan("imaging.no-number")
    mask = np.isnan(stored)
    return mask if mask.any() else None


def _rescaled(ds: Dataset, frame: int, stored: np.ndarray, notes: list[Note]) -> tuple[np.ndarray, bool]:
    """Apply modality table or slope and intercept; return the values and whether anything was applied."""
    low, high, _ = finite_range(stored)
    table = first_table(sequence(ds, "ModalityLUTSequence"), low, high, "modality", notes)
    if table is not None:
        notes.append(Note("imaging.dicom-modality-table"))
        return table.look_up(stored).astype(np.float32), True
    source = next(groups_for(ds, frame, "PixelValueTransformationSequence"))
    slopes, intercepts = numbers(source, "RescaleSlope"), numbers(source, "RescaleIntercept")
    if not slopes and not intercepts:
        return stored, False
    slope, intercept = (slopes or [1.0])[0], (intercepts or [0.0])[0]
    if (slope, intercept) == (1, 0):
        return stored, False
    reach = max(abs(low), abs(high))
    sound = math.isfinite(slope * reach + intercept) and abs(slope * reach) + abs(intercept) <= _ABSURD
    if not sound or slope == 0:
        notes.append(Note("imaging.dicom-rescale-left-out"))
        return stored, False
    notes.append(Note("imaging.dicom-rescaled", slope=slope, intercept=intercept))
    return (stored.astype(np.float64) * slope + intercept).astype(np.float32), True


def _voi(
    ds: Dataset, frame: int, values: np.ndarray, padding: np.ndarray | None, notes: list[Note]
) -> np.ndarray | None:
    """Apply the file's first table or window that can be used, a frame's own before the whole file's; None if none."""
    for source in groups_for(ds, frame, "FrameVOILUTSequence"):
        for apply in (_by_table, _by_window):
            if (shown := apply(source, values, padding, notes)) is not None:
                return shown
    return None


def _by_table(source: Dataset, values: np.ndarray, padding: np.ndarray | None, notes: list[Note]) -> np.ndarray | None:
    items = sequence(source, "VOILUTSequence")
    if not items:
        return None
    low, high, _ = finite_range(_within(values, padding))
    table = first_table(items, low, high, "display", notes)
    if table is None:
        return None
    shown = scale(table.look_up(values), 0, 2**table.bits - 1)
    if _shows_something(shown, values, padding):
        notes.append(Note("imaging.dicom-display-table"))
        return shown
    notes.append(Note("imaging.dicom-table-shows-nothing"))
    return None


def _by_window(source: Dataset, values: np.ndarray, padding: np.ndarray | None, notes: list[Note]) -> np.ndarray | None:
    """Apply the first window of several that has a width and shows something."""
    centers, widths = numbers(source, "WindowCenter"), numbers(source, "WindowWidth")
    if not centers and not widths:
        return None
    name = text(source, "VOILUTFunction") or ""
    name = name if name in WINDOWS else "LINEAR"
    empty = None
    for n, (center, width) in enumerate(zip(centers, widths, strict=False), 1):
        if not _is_window(center, width, name):
            continue
        shown = WINDOWS[name](values, center, width)
        if _shows_something(shown, values, padding):
            if n > 1:
                notes.append(Note("imaging.dicom-window-not-first", n=n))
            how = name.lower().replace("_", " ")
            notes.append(Note("imaging.dicom-window", center=center, width=width, function=how))
            return shown
        empty = empty or Note("imaging.dicom-window-shows-nothing", center=center, width=width)
    notes.append(empty or Note("imaging.dicom-window-left-out"))
    return None


def _is_window(center: float, width: float, name: str) -> bool:
    if not (math.isfinite(center) and math.isfinite(width)) or max(abs(center), width) > _ABSURD:
        return False
    return width >= 1 if name == "LINEAR" else width > 0


def _within(values: np.ndarray, padding: np.ndarray | None) -> np.ndarray:
    return values if padding is None else values[~padding][:, None]


def _shows_something(shown: np.ndarray, values: np.ndarray, padding: np.ndarray | None) -> bool:
    """Return whether a picture that has contrast still has some; what is no finite number does not count."""
    (low, high, _), (least, most, _) = finite_range(_within(shown, padding)), finite_range(_within(values, padding))
    return high - low > 1e-6 or most == least


def _plain(stored: np.ndarray, bits_stored: int) -> np.ndarray:
    return stored if bits_stored == 8 and stored.dtype == np.uint8 else scale(stored, 0, 2**bits_stored - 1)


def _stretched(values: np.ndarray, padding: np.ndarray | None, notes: list[Note]) -> np.ndarray:
    low, high, bad = finite_range(_within(values, padding))
    notes.append(Note("imaging.dicom-stretched", low=low, high=high))
    if bad and (endless := int(np.count_nonzero(np.isinf(values)))):
        notes.append(Note("imaging.infinite-pixels", n=endless))
    return scale(values, low, high)
