"""Values out of a DICOM data set that may be missing, of another type, or nonsense: None or NaN, never an exception."""

import math
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

_MAX_SEQUENCE_BYTES = 8_000_000


def value(ds: Dataset, keyword: str) -> Any:
    """Give an element's value; None if it is missing or cannot be understood."""
    try:
        return ds.get(keyword)
    except Exception:  # noqa: BLE001  pydicom converts lazily and raises whatever the bytes provoke
        return None


def text(ds: Dataset, keyword: str) -> str | None:
    """Give a code string in capitals; None if it is missing or empty."""
    found = value(ds, keyword)
    return str(found).strip("\0 ").upper() or None if found is not None else None


def integer(ds: Dataset, keyword: str) -> int | None:
    """Give a whole number; None if it is missing or none."""
    found = numbers(ds, keyword)
    return int(found[0]) if found and math.isfinite(found[0]) and found[0] == int(found[0]) else None


def numbers(ds: Dataset, keyword: str) -> list[float]:
    """Give an element's numbers, NaN for those that are none; empty if it is missing."""
    found = value(ds, keyword)
    if found is None or found == "":
        return []
    many = found if hasattr(found, "__iter__") and not isinstance(found, (str, bytes)) else [found]
    return [_number(v) for v in many]


def sequence(ds: Dataset, keyword: str) -> list[Dataset]:
    """Give the items of a sequence; empty if it is missing, damaged, or larger than a picture needs."""
    try:
        raw = ds.get_item(keyword)
        size = len(raw.value) if raw is not None and isinstance(raw.value, bytes) else 0
    except Exception:  # noqa: BLE001  as in `value`
        return []
    found = value(ds, keyword) if size <= _MAX_SEQUENCE_BYTES else None
    return [item for item in found if isinstance(item, Dataset)] if isinstance(found, Sequence) else []


def group_for(ds: Dataset, frame: int, keyword: str) -> Dataset | None:
    """Give what an enhanced multi-frame file says under `keyword` of one frame, or of all; None if nothing.

    References:
        DICOM PS3.3 C.7.6.16, Multi-frame Functional Groups.
    """
    per_frame, shared = sequence(ds, "PerFrameFunctionalGroupsSequence"), sequence(ds, "SharedFunctionalGroupsSequence")
    for group in [*per_frame[frame : frame + 1], *shared[:1]]:
        if items := sequence(group, keyword):
            return items[0]
    return None


def _number(found: Any) -> float:
    try:
        return float(found)
    except (TypeError, ValueError, OverflowError):
        return math.nan
