"""Values out of a DICOM data set that may be missing, of another type, or nonsense: None or NaN, never an exception."""

import math
from collections.abc import Iterator
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medcls.errors import BadScan

_MAX_SEQUENCE_BYTES = 8_000_000
_TEXT_VR = ("DS", "IS", "LO", "SH", "CS", "ST", "LT", "UT", "UC")
_MAX_TEXT_BYTES = 4096


def value(ds: Dataset, keyword: str) -> Any:
    """Return an element's value; None if it is missing or cannot be understood."""
    try:
        return ds.get(keyword)
    except Exception:  # noqa: BLE001  pydicom converts lazily and raises whatever the bytes provoke
        return None


def pixel_bytes(ds: Dataset) -> bytes:
    """Return the value of Pixel Data.

    Raises:
        BadScan: If it holds no bytes, or says that it holds something else.
    """
    found = value(ds, "PixelData")
    if not isinstance(found, bytes) or not found:
        raise BadScan("imaging.damaged")
    return found


def text(ds: Dataset, keyword: str) -> str | None:
    """Return a code string in capitals; None if it is missing or empty."""
    found = value(ds, keyword)
    return str(found).strip("\0 ").upper() or None if found is not None else None


def integer(ds: Dataset, keyword: str) -> int | None:
    """Return a whole number; None if it is missing or none."""
    found = numbers(ds, keyword)
    return int(found[0]) if found and math.isfinite(found[0]) and found[0] == int(found[0]) else None


def numbers(ds: Dataset, keyword: str) -> list[float]:
    """Return an element's numbers, NaN for those that are none; empty if it is missing.

    A decimal comma is read as a point: some makers' software writes numbers as the language of its machine does.
    """
    found = _raw_text(ds, keyword)
    if found is None:
        found = value(ds, keyword)
    if found is None or found in ("", []):
        return []
    many = found if hasattr(found, "__iter__") and not isinstance(found, (str, bytes)) else [found]
    return [_number(v) for v in many]


def sequence(ds: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence; empty if it is missing, damaged, or larger than a picture needs."""
    try:
        raw = ds.get_item(keyword)
        size = len(raw.value) if raw is not None and isinstance(raw.value, bytes) else 0
    except Exception:  # noqa: BLE001  as in `value`
        return []
    found = value(ds, keyword) if size <= _MAX_SEQUENCE_BYTES else None
    return [item for item in found if isinstance(item, Dataset)] if isinstance(found, Sequence) else []


def groups_for(ds: Dataset, frame: int, keyword: str) -> Iterator[Dataset]:
    """Yield what a file says under a keyword of one frame, then of all frames, then of the whole file.

    Args:
        ds: The file's header.
        frame: Which frame, from 0.
        keyword: Of the functional group: `PixelMeasuresSequence`.

    References:
        DICOM PS3.3 C.7.6.16, Multi-frame Functional Groups.
    """
    per_frame, shared = sequence(ds, "PerFrameFunctionalGroupsSequence"), sequence(ds, "SharedFunctionalGroupsSequence")
    for group in [*per_frame[frame : frame + 1], *shared[:1]]:
        yield from sequence(group, keyword)
    yield ds


def _raw_text(ds: Dataset, keyword: str) -> list[str] | None:
    """Return the parts of a number written as text, before pydicom refuses the whole for one bad part."""
    tag = tag_for_keyword(keyword)
    try:
        raw = ds.get_item(tag) if tag is not None and tag in ds else None
    except Exception:  # noqa: BLE001  as in `value`
        return None
    found, kind = getattr(raw, "value", None), getattr(raw, "VR", "")
    if kind in (None, "UN") and tag is not None:
        kind = dictionary_VR(tag)
    if not isinstance(found, bytes) or kind not in _TEXT_VR or len(found) > _MAX_TEXT_BYTES:
        return None
    try:
        plain = found.decode("ascii").strip("\0 ")
    except UnicodeDecodeError:
        return None
    return plain.split("\\") if plain else None


def _number(found: Any) -> float:
    try:
        return float(found.strip().replace(",", ".", 1) if isinstance(found, str) else found)
    except (TypeError, ValueError, OverflowError):
        return math.nan
