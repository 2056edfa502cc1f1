"""Lookup tables of a DICOM file, whose descriptor is believed only as far as its entries bear it out."""

import math
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from medcls.core.note import Note
from medcls.imaging.dicom_values import numbers, value
from medcls.imaging.windowing import apply_lut

_USUAL_BITS = (8, 10, 12, 14, 16)


@dataclass(frozen=True, eq=False)
class Table:
    """One lookup table.

    Args:
        first: Stored value of the first entry.
        entries: (n,) uint8 or uint16.
        bits: Depth of the entries: the highest that one can be is white.
    """

    first: int
    entries: np.ndarray
    bits: int

    def look_up(self, values: np.ndarray) -> np.ndarray:
        """Return the entry of each value, same shape; those beyond the table take its first or last entry."""
        return apply_lut(values, self.first, self.entries)


def first_table(items: list[Dataset], low: float, high: float, which: str, notes: list[Note]) -> Table | None:
    """Return the first usable table of a sequence; None, with a note if there was one, if none is.

    Args:
        items: Of a modality or VOI LUT sequence.
        low: Smallest value to be looked up.
        high: Largest value to be looked up.
        which: `modality` or `display`, for the note.
        notes: What is wrong with a table is noted here.

    References:
        DICOM PS3.3 C.11.1.1 and C.11.2.1.1.
    """
    for item in items:
        if (table := _table(item, low, high, notes)) is not None:
            return table
    if items:
        notes.append(Note("imaging.dicom-table-damaged", which=which))
    return None


def _table(item: Dataset, low: float, high: float, notes: list[Note]) -> Table | None:
    descriptor, entries = numbers(item, "LUTDescriptor"), _entries(item)
    if len(descriptor) != 3 or not all(map(math.isfinite, descriptor)):
        return None
    count, first, stated = (int(v) for v in descriptor)
    count = count % 65536 or 65536
    if not 1 <= stated <= 16:
        return None
    if len(entries) < count:
        if stated > 8 or len(entries) * 2 < count:
            return None
        entries = entries.astype("<u2").view(np.uint8)  # two entries of 8 bits in each word
    entries = entries[:count]
    top = int(entries.max())
    bits = next(b for b in (*_USUAL_BITS, stated) if top < 2**b)
    if top < 2**stated < 2**bits:  # an odd depth that holds them all
        bits = stated
    if bits > stated or (bits < stated and stated > 8):
        notes.append(Note("imaging.dicom-table-depth", stated=stated, found=bits, high=top))
        stated = bits
    return Table(_first(first, count, low, high), entries, stated)


def _first(first: int, count: int, low: float, high: float) -> int:
    """Return the first value as the sign it was written with: the reading that meets more of the picture's values."""
    other = first - 65536 if first > 32767 else first + 65536 if first < 0 else first

    def met(start: int) -> float:
        return min(high, start + count - 1) - max(low, start)

    return first if met(first) >= met(other) else other


def _entries(item: Dataset) -> np.ndarray:
    raw = value(item, "LUTData")
    if isinstance(raw, bytes):
        little = getattr(item, "is_little_endian", True) is not False
        return np.frombuffer(raw[: len(raw) // 2 * 2], "<u2" if little else ">u2").astype(np.uint16)
    found = [v for v in numbers(item, "LUTData") if math.isfinite(v) and -32768 <= v < 65536]
    return np.array([int(v) % 65536 for v in found], np.uint16)
