"""What a BMP says of itself, and whether its pixels are all there: Pillow fills up what is missing."""

import struct

from medcls.errors import BadScan
from medcls.imaging.codec_process import run_apart


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


def is_run_length(data: bytes) -> bool:
    """Return whether the pixels of a BMP are stored as runs."""
    return int.from_bytes(data[14:18], "little") >= 40 and int.from_bytes(data[30:34], "little") in (1, 2)


def bmp_in_doubt(data: bytes) -> bool:
    """Return whether a BMP that Pillow reads has fewer bytes than its header announces, or runs that do not fill it."""
    head, start = int.from_bytes(data[14:18], "little"), int.from_bytes(data[10:14], "little")
    width, height, bits = struct.unpack_from("<HH2xH" if head < 16 else "<ii2xH", data, 18)
    if is_run_length(data):
        return not run_apart("bmp", data)[0].size
    return start + (width * bits + 31) // 32 * 4 * abs(height) > len(data)
