"""Which kind of file the bytes are, by content alone: a name proves nothing."""

from medcls.errors import BadScan

RASTERS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
READABLE = "PNG, JPEG, TIFF, BMP, WebP or DICOM"

# What a file starts with, and what to call it when it is refused.
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture outside DICOM"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture outside DICOM"),
    (b"8BPS", "a Photoshop file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
    (b"SQLite format", "a database"),
)


def recognise(data: bytes) -> str:
    """Tell which readable format the bytes are.

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
        raise BadScan("This file is empty", found="0 bytes", do="Export it again")
    if data[128:132] == b"DICM":
        return "DICOM"
    if raster := _raster(data):
        return raster
    if _bare_dicom(data):
        return "DICOM"
    raise BadScan("This file is not a scan that can be read", found=_name(data), allowed=READABLE)


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
    return "BMP" if data.startswith(b"BM") else None


def _bare_dicom(data: bytes) -> bool:
    """Tell if the bytes start with a data element of group 2 or 8, as DICOM without its preamble does."""
    little, big = data[:2] in (b"\x02\x00", b"\x08\x00"), data[:2] in (b"\x00\x02", b"\x00\x08")
    element = int.from_bytes(data[2:4], "little" if little else "big")
    return len(data) >= 132 and (little or big) and element <= 0x0100


def _name(data: bytes) -> str:
    for start, name in _FOREIGN:
        if data.startswith(start):
            return name
    if data[4:8] == b"ftyp":
        return "a video or HEIF picture"
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in head:
        return "an SVG drawing"
    if head.startswith((b"<!doctype html", b"<html")) or b"<html" in head:
        return "a web page"
    if b"\x00" not in data[:1024] and _is_text(data[:1024]):
        return "text"
    return f"{len(data):,} byte{'s' * (len(data) > 1)} of an unknown format"


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8", errors="strict" if len(head) < 1024 else "ignore")
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c in "\t\r\n" for c in text)
