"""What the tags of a TIFF say, read within bounds and before any decoder is believed."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from medcls.errors import BadScan, TooLarge

MOST_PAGES = 1000
# Most values of one tag that are looked at, and strips or tiles of one picture (each costs a decoder some 50 µs).
_MOST_VALUES, MOST_SEGMENTS = 1 << 20, 30_000
_MOST_ENTRIES, _MOST_ENTRIES_IN_ALL = 4096, 100_000
_TYPES: Mapping[int, str] = {
    1: "u1",
    2: "S1",
    3: "u2",
    4: "u4",
    5: "u4",
    6: "i1",
    7: "u1",
    8: "i2",
    9: "i4",
    10: "i4",
    11: "f4",
    12: "f8",
    13: "u4",
    16: "u8",
    17: "i8",
    18: "u8",
}
_TEXTS = (2, 7)

SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, DESCRIPTION, MAKE = (
    254,
    256,
    257,
    258,
    259,
    262,
    266,
    270,
    271,
)
STRIPS, ORIENTATION, SAMPLES, STRIP_ROWS, STRIP_BYTES, X_RESOLUTION, Y_RESOLUTION, PLANAR = (
    273,
    274,
    277,
    278,
    279,
    282,
    283,
    284,
)
SOFTWARE, COLOUR_MAP, TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES, SUB_PAGES, INKS = (
    305,
    320,
    322,
    323,
    324,
    325,
    330,
    332,
)
PREDICTOR = 317
EXTRA, FORMAT, JPEG_TABLES, YCBCR_COEFFICIENTS, YCBCR_SUBSAMPLING, BLACK_WHITE, XMP, PROFILE, DEPTH = (
    338,
    339,
    347,
    529,
    530,
    532,
    700,
    34675,
    32997,
)
DNG, HAMAMATSU = 50706, 65420


@dataclass(frozen=True)
class Page:
    """The tags of one page.

    Args:
        data: The whole file.
        order: `<` or `>`.
        entries: Of each tag the type, the number of values, and where they stand.
        listed: How many entries the page lists, the same tag more than once among them.
    """

    data: bytes
    order: str
    entries: Mapping[int, tuple[int, int, int]]
    listed: int = 0

    def __contains__(self, tag: int) -> bool:
        return tag in self.entries

    def values(self, tag: int) -> np.ndarray:
        """Return the numbers of a tag as the file has them, (n,); rationals as float64; none if it is missing.

        Raises:
            BadScan: If they lie outside the file or are of no known type.
            TooLarge: If there are too many.
        """
        kind, count, at = self.entries.get(tag, (3, 0, 0))
        if kind not in _TYPES:
            raise BadScan("imaging.tiff-tag", tag=tag)
        if count > _MOST_VALUES:
            raise TooLarge("imaging.tiff-values", tag=tag, count=count, most=_MOST_VALUES)
        n = 2 * count if kind in (5, 10) else count
        dtype = np.dtype(self.order + _TYPES[kind].replace("S1", "u1"))
        if at + n * dtype.itemsize > len(self.data):
            raise BadScan("imaging.cut-short")
        numbers = np.frombuffer(self.data, dtype, n, at)
        if kind in (5, 10):
            with np.errstate(all="ignore"):
                return numbers[::2].astype(np.float64) / numbers[1::2]
        return numbers

    def number(self, tag: int, default: int = 0) -> int:
        """Return the value of a tag that has one, as a whole number; `default` if there is none.

        Raises:
            BadScan: If there are several.
        """
        values = self.values(tag)
        if len(values) > 1:
            raise BadScan("imaging.damaged")
        return int(values[0]) if len(values) and np.isfinite(values[0]) else default

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return the first values of a tag, sixteen at most."""
        return tuple(int(v) for v in self.values(tag)[:16] if np.isfinite(v))

    def raw(self, tag: int, most: int) -> bytes:
        """Return the bytes of a tag, `most` at most; empty if it is missing or lies outside the file."""
        kind, count, at = self.entries.get(tag, (2, 0, 0))
        return self.data[at : at + min(most, count * np.dtype(_TYPES.get(kind, "u1")).itemsize)]


def read_pages(data: bytes) -> list[Page]:
    """Return the pages of a TIFF or BigTIFF, at most `MOST_PAGES`; the chain ends where it loops or leaves the file.

    Args:
        data: The whole file.

    Raises:
        BadScan: If it has no first page.
        TooLarge: If its pages have more tags than any need.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    at = _unpack(data, order + ("Q" if big else "I"), 8 if big else 4)
    pages: list[Page] = []
    seen: set[int] = set()
    entries = 0
    while at and at not in seen and len(pages) < MOST_PAGES:
        seen.add(at)
        try:
            page, at = _page(data, order, big, at)
        except BadScan:
            if pages:
                break
            raise
        pages.append(page)
        entries += page.listed
        if entries > _MOST_ENTRIES_IN_ALL:
            raise TooLarge("imaging.too-many-segments", most=_MOST_ENTRIES_IN_ALL)
    if not pages:
        raise BadScan("imaging.tiff-no-page")
    return pages


def _page(data: bytes, order: str, big: bool, at: int) -> tuple[Page, int]:
    """Return a page's tags and where the next page stands; 0 if nowhere."""
    count = _unpack(data, order + ("Q" if big else "H"), at)
    if count > _MOST_ENTRIES:
        raise BadScan("imaging.damaged")
    start, size = at + (8 if big else 2), 20 if big else 12
    if start + count * size > len(data):
        raise BadScan("imaging.cut-short")
    entries: dict[int, tuple[int, int, int]] = {}
    for i in range(count):
        here = start + i * size
        tag, kind, n = struct.unpack_from(order + ("HHQ" if big else "HHI"), data, here)
        width = np.dtype(_TYPES.get(kind, "u1")).itemsize * (2 if kind in (5, 10) else 1)
        inside = here + (12 if big else 8)
        fits = n * width <= (8 if big else 4)
        entries.setdefault(tag, (kind, n, inside if fits else _unpack(data, order + ("Q" if big else "I"), inside)))
    end = start + count * size
    following = _unpack(data, order + ("Q" if big else "I"), end) if end + (8 if big else 4) <= len(data) else 0
    return Page(data, order, entries, count), following


def _unpack(data: bytes, form: str, at: int) -> int:
    if at + struct.calcsize(form) > len(data):
        raise BadScan("imaging.cut-short")
    return int(struct.unpack_from(form, data, at)[0])
