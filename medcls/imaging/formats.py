"""Which kind of file the bytes are, by content alone: a name proves nothing."""

from medcls.errors import BadScan
from medcls.imaging.foreign import foreign_code, is_heif

RASTERS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "HEIF")
_MARK_WITHIN = 4096
READABLE = "PNG, JPEG, TIFF, BMP, WebP, HEIC or DICOM"


def recognise(data: bytes) -> str:
    """Return which readable format the bytes are.

    Args:
        data: A whole file.

    Returns:
        `DICOM` or one of `RASTERS`.

    Raises:
        BadScan: If it is empty or none of them, naming what it is where that is known.

    Example:
        >>> recognise(b"BM" + bytes(60))
        'BMP'
    """
    if not data:
        raise BadScan("imaging.empty")
    if data[128:132] == b"DICM":
        return "DICOM"
    if raster := _raster(data):
        return raster
    if starts_late(data) >= 0 or _bare_dicom(data) or lacks_mark(data):
        return "DICOM"
    raise BadScan(foreign_code(data), n=len(data), allowed=READABLE)


def also_claims(data: bytes) -> str | None:
    """Name the raster format a DICOM file's preamble also claims to be; None if it claims none."""
    return _raster(data)


def _raster(data: bytes) -> str | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return "TIFF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith(b"BM"):
        return "BMP"
    return "HEIF" if is_heif(data) else None


def starts_late(data: bytes) -> int:
    """Return where the mark `DICM` stands if it has another number of bytes before it than 128; -1 if it does not.

    Example:
        >>> starts_late(b"DICM" + bytes.fromhex("020000005554")), starts_late(bytes(128) + b"DICM")
        (0, -1)
    """
    if data[128:132] == b"DICM":
        return -1
    return data.find(b"DICM\x02\x00", 0, _MARK_WITHIN)


def lacks_mark(data: bytes) -> bool:
    """Return whether DICOM's data elements stand behind its 128 empty bytes, but the mark `DICM` does not."""
    return not any(data[:128]) and _bare_dicom(data[128:])


def _bare_dicom(data: bytes) -> bool:
    """Return whether the bytes start with a data element of group 2 or 8, as DICOM without its preamble does."""
    little, big = data[:2] in (b"\x02\x00", b"\x08\x00"), data[:2] in (b"\x00\x02", b"\x00\x08")
    element = int.from_bytes(data[2:4], "little" if little else "big")
    return len(data) >= 132 and (little or big) and element <= 0x0100
