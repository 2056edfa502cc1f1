"""Grey DICOM values as display values: rescale, then VOI table or window, then inversion; nonsense left out and said."""

import math

import numpy as np
from pydicom.dataset import Dataset

from medcls.errors import BadScan
from medcls.imaging.decoded import finite_range, scale
from medcls.imaging.dicom_values import group_for, integer, numbers, sequence, text
from medcls.imaging.windowing import WINDOWS, apply_lut


def display_grey(
    ds: Dataset,
    frame: int,
    stored: np.ndarray,
    bits_stored: int,
    photometric: str,
    notes: list[str],
) -> np.ndarray:
    """Show stored grey values as their file asks.

    Args:
        ds: The file's wanted elements.
        frame: Which frame `stored` is, from 0.
        stored: (H, W) integers or floats; NaN is shown black.
        bits_stored: How many bits of each value count.
        photometric: `MONOCHROME1` (low is white) or `MONOCHROME2`.
        notes: Sentences are added here.

    Returns:
        (H, W) uint8 or float32 in [0, 1].

    Raises:
        BadScan: If no value is a finite number.

    References:
        DICOM PS3.3 C.7.6.3.1.2, C.11.1 and C.11.2.
    """
    padding, missing = _padding(ds, stored), _missing(stored)
    values, rescaled = _rescaled(ds, frame, stored, notes)
    shown = _voi(ds, frame, values, notes)
    if shown is None:
        plain = not rescaled and bits_stored <= 8 and stored.dtype.kind == "u"
        shown = _plain(stored, bits_stored) if plain else _stretched(values, padding, notes)
    if photometric == "MONOCHROME1":
        notes.append("Stored with low values white (MONOCHROME1): inverted")
        shown = 255 - shown if shown.dtype == np.uint8 else 1 - shown
    if missing is not None:
        shown = np.where(missing, shown.dtype.type(0), shown)
        notes.append(f"{np.count_nonzero(missing):,} pixels hold no number (NaN): shown black")
    if padding is not None:
        shown = np.where(padding, shown.dtype.type(0), shown)
        notes.append("Padding around the picture shown black")
    return shown


def _padding(ds: Dataset, stored: np.ndarray) -> np.ndarray | None:
    """Tell which pixels are padding; None if none, or all."""
    pad = integer(ds, "PixelPaddingValue")
    if pad is None or stored.dtype.kind not in "iu":
        return None
    mask = stored == pad
    return mask if mask.any() and not mask.all() else None


def _missing(stored: np.ndarray) -> np.ndarray | None:
    """Tell which pixels are NaN; None if none are."""
    if stored.dtype.kind != "f":
        return None
    if finite_range(stored)[2] == stored.size:
        raise BadScan("This picture holds no number", found="NaN or infinity in every pixel")
    mask = np.isnan(stored)
    return mask if mask.any() else None


def _rescaled(ds: Dataset, frame: int, stored: np.ndarray, notes: list[str]) -> tuple[np.ndarray, bool]:
    """Apply modality table or slope and intercept; give the values and whether anything was applied."""
    table = _table(sequence(ds, "ModalityLUTSequence"), notes, "modality")
    if table is not None:
        notes.append("Values looked up in the file's modality table")
        return apply_lut(stored, table[0], table[1]).astype(np.float32), True
    source = group_for(ds, frame, "PixelValueTransformationSequence") or ds
    slopes, intercepts = numbers(source, "RescaleSlope"), numbers(source, "RescaleIntercept")
    if not slopes and not intercepts:
        return stored, False
    slope, intercept = (slopes or [1.0])[0], (intercepts or [0.0])[0]
    if (slope, intercept) == (1, 0):
        return stored, False
    low, high, _ = finite_range(stored)
    reach = max(abs(low), abs(high))
    if not math.isfinite(slope * reach + intercept) or abs(slope * reach) + abs(intercept) > 1e30 or slope == 0:
        notes.append("The file's rescale numbers make no sense (zero, infinite or not a number) and were left out")
        return stored, False
    notes.append(f"Values rescaled: {slope:.6g} x value {'+' if intercept >= 0 else '-'} {abs(intercept):.6g}")
    return (stored.astype(np.float64) * slope + intercept).astype(np.float32), True


def _voi(ds: Dataset, frame: int, values: np.ndarray, notes: list[str]) -> np.ndarray | None:
    """Apply the file's own table or window; None if it has none that can be used."""
    source = group_for(ds, frame, "FrameVOILUTSequence") or ds
    table = _table(sequence(source, "VOILUTSequence"), notes, "display")
    if table is not None:
        first, entries, bits = table
        shown = scale(apply_lut(values, first, entries), 0, 2**bits - 1)
        if _shows_something(shown, values):
            notes.append("Values shown by the file's own display table (VOI LUT)")
            return shown
        notes.append("The file's display table shows nothing and was left out")
    centers, widths = numbers(source, "WindowCenter"), numbers(source, "WindowWidth")
    return _windowed(values, centers, widths, text(source, "VOILUTFunction"), notes) if centers or widths else None


def _windowed(
    values: np.ndarray, centers: list[float], widths: list[float], function: str | None, notes: list[str]
) -> np.ndarray | None:
    center, width = (centers or [math.nan])[0], (widths or [math.nan])[0]
    name = function if function and function in WINDOWS else "LINEAR"
    good = math.isfinite(center) and math.isfinite(width) and (width >= 1 if name == "LINEAR" else width > 0)
    if not good or max(abs(center), width) > 1e30:
        notes.append("The file's window makes no sense (width 0, negative, infinite or missing) and was left out")
        return None
    shown = WINDOWS[name](values, center, width)
    if not _shows_something(shown, values):
        notes.append(
            f"The file's window ({center:.6g}, {width:.6g} wide) shows nothing of this picture and was left out"
        )
        return None
    notes.append(f"The file's window applied: centre {center:.6g}, width {width:.6g}, {name.lower().replace('_', ' ')}")
    return shown


def _shows_something(shown: np.ndarray, values: np.ndarray) -> bool:
    """Tell if a picture that has contrast still has some; what is no finite number does not count."""
    (low, high, _), (least, most, _) = finite_range(shown), finite_range(values)
    return high - low > 1e-6 or most == least


def _plain(stored: np.ndarray, bits_stored: int) -> np.ndarray:
    return stored if bits_stored == 8 and stored.dtype == np.uint8 else scale(stored, 0, 2**bits_stored - 1)


def _stretched(values: np.ndarray, padding: np.ndarray | None, notes: list[str]) -> np.ndarray:
    low, high, bad = finite_range(values if padding is None else values[~padding][:, None])
    notes.append(f"No usable window in the file: values from {low:.6g} to {high:.6g} stretched from black to white")
    if bad and (endless := int(np.count_nonzero(np.isinf(values)))):
        notes.append(f"{endless:,} pixels are infinite: taken for the lowest or the highest value")
    return scale(values, low, high)


def _table(items: list[Dataset], notes: list[str], kind: str) -> tuple[int, np.ndarray, int] | None:
    """Give the first table of a sequence as (first stored value, entries, bits); None if there is none that fits."""
    if not items:
        return None
    descriptor, entries = numbers(items[0], "LUTDescriptor"), _entries(items[0])
    if len(descriptor) == 3 and all(map(math.isfinite, descriptor)):
        count, first, bits = (int(v) for v in descriptor)
        count = count % 65536 or 65536
        if 1 <= bits <= 16 and len(entries) >= count:
            return (first, entries[:count], bits)
        if 1 <= bits <= 8 and len(entries) * 2 >= count:  # two 8-bit entries in each word
            return (first, entries.astype("<u2").view(np.uint8)[:count], bits)
    notes.append(f"The file's {kind} table is damaged and was left out")
    return None


def _entries(item: Dataset) -> np.ndarray:
    raw = item.get("LUTData")
    if isinstance(raw, bytes):
        little = getattr(item, "is_little_endian", True) is not False
        return np.frombuffer(raw[: len(raw) // 2 * 2], "<u2" if little else ">u2").astype(np.uint16)
    found = [v for v in numbers(item, "LUTData") if math.isfinite(v) and -32768 <= v < 65536]
    return np.array([int(v) % 65536 for v in found], np.uint16)
