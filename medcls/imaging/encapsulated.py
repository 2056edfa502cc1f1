"""Frames of compressed pixel data: items of bytes, of which one or several make a picture."""

from pydicom.dataset import Dataset

from medcls.errors import BadScan, TooLarge
from medcls.imaging.codestream import codec_of

_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_MAX_ITEMS = 200_000


def items_of(pixels: bytes) -> list[tuple[int, int]] | None:
    """List start and end of each item of encapsulated pixel data, the offset table first; None if it is none.

    Raises:
        TooLarge: If there are more items than a picture can need.
    """
    if not pixels.startswith(_ITEM):
        return None
    found, at = [], 0
    while at + 8 <= len(pixels) and pixels[at : at + 4] == _ITEM:
        start = at + 8
        at = start + int.from_bytes(pixels[at + 4 : start], "little")
        found.append((start, min(at, len(pixels))))
        if len(found) > _MAX_ITEMS:
            raise TooLarge("imaging.dicom-too-many-parts", most=_MAX_ITEMS)
    return found


def ends_well(pixels: bytes) -> bool:
    """Return whether encapsulated pixel data is made of whole items to its end, or to the mark of its end."""
    items = items_of(pixels) or [(0, 0)]
    start, end = items[-1]
    length = int.from_bytes(pixels[start - 4 : start], "little") if start >= 4 else 0
    rest = pixels[end:]
    return start + length <= len(pixels) and (rest.startswith(_END) or not rest.strip(b"\0"))


def frames_of(ds: Dataset, pixels: bytes, declared: int) -> list[list[tuple[int, int]]]:
    """Group the items of encapsulated pixel data into frames.

    Args:
        ds: Holds an extended offset table, if there is one.
        pixels: Value of Pixel Data: items.
        declared: How many frames the header announces.

    Returns:
        Start and end of each frame's items. The streams themselves count: more or fewer than `declared` may come.

    Raises:
        TooLarge: As `items_of`.
        BadScan: If there is no item but the offset table.

    References:
        DICOM PS3.5 A.4.
    """
    items = items_of(pixels) or []
    table, parts = items[:1], [item for item in items[1:] if item[1] > item[0]]
    if not parts:
        raise BadScan("imaging.cut-short")
    if len(parts) == declared:
        return [[part] for part in parts]
    starts = _offsets(ds, pixels, table)
    base = parts[0][0] - 8
    firsts = [i for i, part in enumerate(parts) if part[0] - 8 - base in starts]
    if not firsts or firsts[0] != 0 or len(firsts) < min(declared, 2):
        firsts = [i for i, (start, _) in enumerate(parts) if codec_of(pixels[start : start + 4096])] or [0]
    return [parts[a:b] for a, b in zip(firsts, [*firsts[1:], len(parts)], strict=True)]


def joined(pixels: bytes, frame: list[tuple[int, int]]) -> bytes:
    """Return the stream of a frame, its items put together."""
    return b"".join(pixels[start:end] for start, end in frame)


def _offsets(ds: Dataset, pixels: bytes, table: list[tuple[int, int]]) -> frozenset[int]:
    """Return where frames start, counted from the first item after the table, as the file states it."""
    extended = ds.get("ExtendedOffsetTable")
    if isinstance(extended, bytes) and len(extended) >= 8:
        raw, width = extended, 8
    else:
        raw, width = (pixels[table[0][0] : table[0][1]] if table else b""), 4
    return frozenset(int.from_bytes(raw[at : at + width], "little") for at in range(0, len(raw) - width + 1, width))
