"""What stands in a PNG beside its pixels: checked before Pillow, which decodes them without a look at it."""

import io
from collections.abc import Iterator

from PIL import Image

from medcls.core.note import Note
from medcls.errors import TooLarge
from medcls.imaging.quiet import guarded

_MOST_CHUNKS = 20_000
_SPACES = (b"cICP", b"gAMA", b"iCCP", b"sRGB")
_LIKE_SRGB = (b"\x01\x0d", b"\x01\x01", b"\x01\x06")  # primaries and curve of sRGB or of ordinary video
_USUAL = (43_000, 48_000)  # of 100,000: 1 / 2.2, give or take


def check_chunks(data: bytes) -> None:
    """Refuse a PNG of more chunks than any picture needs.

    Raises:
        TooLarge: If it has.
    """
    for i, _ in enumerate(_chunks(data)):
        if i > _MOST_CHUNKS:
            raise TooLarge("imaging.too-many-segments", most=_MOST_CHUNKS)


def check_sums(data: bytes) -> None:
    """Refuse a PNG whose checksums do not fit: a flipped byte spoils rows.

    Raises:
        BadScan: If a chunk was changed or is cut short.
    """
    guarded(lambda: Image.open(io.BytesIO(data), formats=["PNG"]).verify())


def has_deep_colour(data: bytes) -> bool:
    """Return whether a PNG has 16 bits a channel, and more than grey: Pillow would keep eight of them."""
    return data[24:25] == b"\x10" and data[25:26] in (b"\x02", b"\x04", b"\x06")


def exif_of(data: bytes) -> Image.Exif:
    """Return the EXIF of a PNG without decoding its pixels, as Pillow would; empty if it has none."""
    exif = Image.Exif()
    for kind, start, size in _chunks(data):
        if kind == b"eXIf":
            exif.load(data[start : start + size])
    return exif


def note_space(data: bytes, notes: list[Note]) -> None:
    """Note a brightness curve or a colour space that is stated beside the pixels and not applied to them.

    Args:
        data: The whole file.
        notes: Told it. A profile or sRGB stated as well counts more; a curve near sRGB's own is nothing to tell.
    """
    found = {kind: data[start : start + size] for kind, start, size in _chunks(data) if kind in _SPACES}
    if b"cICP" in found and found[b"cICP"][:2] not in _LIKE_SRGB:
        notes.append(Note("imaging.png-space"))
    elif set(found) == {b"gAMA"} and not _USUAL[0] <= int.from_bytes(found[b"gAMA"], "big") <= _USUAL[1]:
        notes.append(Note("imaging.png-gamma", value=int.from_bytes(found[b"gAMA"], "big") / 100_000))


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk's kind, where its contents start, and how long they are."""
    at = 8
    while at + 8 <= len(data):
        kind, size = data[at + 4 : at + 8], int.from_bytes(data[at : at + 4], "big")
        yield kind, at + 8, size
        if kind == b"IEND":
            return
        at += 12 + size
