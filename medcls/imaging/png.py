"""What stands in a PNG beside its pixels: checked before Pillow, which decodes them without a look at it."""

import io
from collections.abc import Iterator

from PIL import Image

from medcls.errors import BadScan, TooLarge
from medcls.imaging.quiet import guarded

_MOST_CHUNKS = 20_000


def check_png(data: bytes) -> None:
    """Refuse a PNG of too many chunks, or one whose checksums do not fit: a flipped byte spoils rows.

    Raises:
        BadScan: If a chunk was changed or is cut short.
        TooLarge: If it has more chunks than any picture needs.
    """
    for i, _ in enumerate(_chunks(data)):
        if i > _MOST_CHUNKS:
            raise TooLarge("imaging.too-many-segments", most=_MOST_CHUNKS)
    guarded(lambda: Image.open(io.BytesIO(data), formats=["PNG"]).verify())


def has_deep_colour(data: bytes) -> bool:
    """Tell if a PNG has 16 bits a channel, and more than grey: Pillow would keep eight of them."""
    return data[24:25] == b"\x10" and data[25:26] in (b"\x02", b"\x04", b"\x06")


def is_animated(data: bytes) -> bool:
    """Tell if a PNG holds an animation."""
    return any(kind == b"acTL" for kind in _chunks(data))


def _chunks(data: bytes) -> Iterator[bytes]:
    at = 8
    while at + 8 <= len(data):
        kind = data[at + 4 : at + 8]
        yield kind
        if kind == b"IEND":
            return
        at += 12 + int.from_bytes(data[at : at + 4], "big")


def check_bmp(data: bytes) -> None:
    """Refuse a BMP that is packed or laid out in a way that is not read.

    Raises:
        BadScan: If it holds a JPEG or PNG, or has another number of bits a pixel.
    """
    size = int.from_bytes(data[14:18], "little")
    if size < 16:
        bits, packing = int.from_bytes(data[24:26], "little"), 0
    else:
        bits, packing = (
            int.from_bytes(data[28:30], "little"),
            int.from_bytes(data[30:34], "little") if size >= 40 else 0,
        )
    if bits not in (1, 4, 8, 16, 24, 32) or packing not in (0, 1, 2, 3, 6):
        raise BadScan("imaging.bmp-kind", bits=bits, packing=packing)
