"""Files that are no scan that can be read: what they are, by content, so that a person is told what to do instead."""

import io
import re
import zipfile
import zlib
from collections.abc import Sequence

# First bytes of the parts that a bare stream of H.264 or H.265 begins with.
_UNITS = (b"\x67", b"\x27", b"\x09", b"\x40\x01", b"\x46\x01")
# Where a magic number stands, the number, and the code of the error.
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"GIF8", "imaging.foreign-gif"),
    (0, b"%PDF", "imaging.foreign-pdf"),
    (0, b"%!PS", "imaging.foreign-postscript"),
    (0, b"\xc5\xd0\xd3\xc6", "imaging.foreign-postscript"),
    (0, b"\x00\x00\x00\x0cjP  ", "imaging.foreign-jpeg2000"),
    (0, b"\xff\x4f\xff\x51", "imaging.foreign-jpeg2000"),
    (0, b"\x00\x00\x00\x0cJXL ", "imaging.foreign-jpegxl"),
    (0, b"\xff\x0a", "imaging.foreign-jpegxl"),
    (0, b"II\xbc", "imaging.foreign-jpegxr"),
    (0, b"8BPS", "imaging.foreign-photoshop"),
    (0, b"gimp xcf", "imaging.foreign-photoshop"),
    (0, b"FUJIFILMCCD-RAW", "imaging.camera-raw"),
    (0, b"IIU\x00", "imaging.camera-raw"),
    (0, b"IIRO", "imaging.camera-raw"),
    (0, b"IIRS", "imaging.camera-raw"),
    (0, b"MMOR", "imaging.camera-raw"),
    (0, b"\0MRM", "imaging.camera-raw"),
    (6, b"HEAPCCDR", "imaging.camera-raw"),
    (0, b"FOVb", "imaging.camera-raw"),
    (0, b"\x76\x2f\x31\x01", "imaging.foreign-picture"),
    (0, b"qoif", "imaging.foreign-picture"),
    (0, b"\x00\x00\x01\x00", "imaging.foreign-picture"),
    (0, b"\x00\x00\x02\x00", "imaging.foreign-picture"),
    (0, b"#?RADIANCE", "imaging.foreign-picture"),
    (40, b" EMF", "imaging.foreign-picture"),
    (0, b"\x8aMNG\r\n\x1a\n", "imaging.foreign-picture"),
    (0, b"\x8bJNG\r\n\x1a\n", "imaging.foreign-picture"),
    (0, b"DDS ", "imaging.foreign-picture"),
    (0, b"icns", "imaging.foreign-picture"),
    (0, b"\x01\xda\x00\x01\x00", "imaging.foreign-picture"),
    (0, b"\x01\xda\x01\x01\x00", "imaging.foreign-picture"),
    (0, b"BPG\xfb", "imaging.foreign-picture"),
    (0, b"FLIF", "imaging.foreign-picture"),
    (0, b"AT&TFORM", "imaging.foreign-picture"),
    (0, b"\xd7\xcd\xc6\x9a", "imaging.foreign-picture"),
    (0, b"SIMPLE  =", "imaging.foreign-picture"),
    (0, b"\x01\x00\x09\x00\x00\x03", "imaging.foreign-picture"),
    (0, b"SDPX", "imaging.foreign-picture"),
    (0, b"XPDS", "imaging.foreign-picture"),
    (0, b"\x80\x2a\x5f\xd7", "imaging.foreign-picture"),
    (0, b"\x59\xa6\x6a\x95", "imaging.foreign-picture"),
    (0, b"\x97JB2\r\n\x1a\n", "imaging.foreign-picture"),
    (0, b"\xff\x10\xff\x50", "imaging.foreign-picture"),
    (0, b"\xabKTX ", "imaging.foreign-picture"),
    *((8, kind, "imaging.foreign-picture") for kind in (b"ILBM", b"PBM ", b"DJVU")),
    (0, b"/* XPM */", "imaging.foreign-picture"),
    (522, b"\x00\x11\x02\xff\x0c\x00", "imaging.foreign-picture"),
    (0, b"\x06\x06\xed\xf5\xd8\x1d\x46\xe5", "imaging.foreign-photoshop"),
    (344, b"n+1\x00", "imaging.foreign-nifti"),
    (344, b"ni1\x00", "imaging.foreign-nifti"),
    (4, b"n+2\x00", "imaging.foreign-nifti"),
    (4, b"ni2\x00", "imaging.foreign-nifti"),
    (0, b"NRRD00", "imaging.foreign-nrrd"),
    (0, b"# vtk DataFile", "imaging.foreign-volume"),
    (0, b"CDF\x01", "imaging.foreign-volume"),
    (0, b"CDF\x02", "imaging.foreign-volume"),
    (0, b"MATRIX7", "imaging.foreign-volume"),
    (0, b"!INTERFILE", "imaging.foreign-volume"),
    (0, b"\x7fCINE", "imaging.foreign-volume"),
    (0, b"CALMRI", "imaging.foreign-volume"),
    (0, b"IMGF", "imaging.foreign-volume"),
    (0, b"# === DATA DESCRIPTION FILE", "imaging.foreign-volume"),
    (0, b"##TITLE=Parameter List", "imaging.foreign-volume"),
    (208, b"MAP ", "imaging.foreign-volume"),
    (252, b"\x2a\xe3\x89\xb8", "imaging.foreign-volume"),
    (0, b"ZISRAWFILE", "imaging.foreign-slide"),
    (0, b"SIS\x00", "imaging.foreign-slide"),
    (0, b"KFB\x00", "imaging.foreign-slide"),
    (0, b"SQ\x00\x00", "imaging.foreign-slide"),
    (0, b"OLYMPUSRAWFORMAT", "imaging.foreign-microscope"),
    (0, b"\xda\xce\xbe\x0a", "imaging.foreign-microscope"),
    (0, b"\x70\x00\x00\x00", "imaging.foreign-microscope"),
    (0, b"\x1a\x45\xdf\xa3", "imaging.foreign-video"),
    (0, b"\x00\x00\x01\xba", "imaging.foreign-video"),
    (0, b"\x00\x00\x01\xb3", "imaging.foreign-video"),
    *((0, start + unit, "imaging.foreign-video") for start in (b"\0\0\0\1", b"\0\0\1") for unit in _UNITS),
    (0, b"YUV4MPEG2", "imaging.foreign-video"),
    (0, b"DKIF", "imaging.foreign-video"),
    (0, b".RMF", "imaging.foreign-video"),
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01", "imaging.foreign-video"),
    *((4, kind, "imaging.foreign-video") for kind in (b"styp", b"skip", b"free", b"pnot")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "imaging.foreign-video"),
    (0, b"FLV\x01", "imaging.foreign-video"),
    (0, b"OggS", "imaging.foreign-video"),
    (4, b"moov", "imaging.foreign-video"),
    (4, b"mdat", "imaging.foreign-video"),
    (4, b"wide", "imaging.foreign-video"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "imaging.foreign-office"),
    (0, b"{\\rtf", "imaging.foreign-office"),
    (0, b"7z\xbc\xaf\x27\x1c", "imaging.foreign-archive"),
    (0, b"Rar!", "imaging.foreign-archive"),
    (0, b"BZh", "imaging.foreign-archive"),
    (0, b"\xfd7zXZ\x00", "imaging.foreign-archive"),
    (0, b"\x28\xb5\x2f\xfd", "imaging.foreign-archive"),
    (0, b"\x04\x22\x4d\x18", "imaging.foreign-archive"),
    (2, b"-lh5-", "imaging.foreign-archive"),
    (0, b"MSCF", "imaging.foreign-archive"),
    (0, b"EGGA", "imaging.foreign-archive"),
    (0, b"ALZ\x01", "imaging.foreign-archive"),
    (0, b"\x1f\x9d", "imaging.foreign-archive"),
    (0, b"PK\x07\x08", "imaging.foreign-archive"),
    (32_769, b"CD001", "imaging.foreign-archive"),
    (0, b"\x00\x05\x16\x07", "imaging.foreign-beside"),
    (0, b"version https://git-lfs", "imaging.foreign-pointer"),
    (257, b"ustar", "imaging.foreign-archive"),
    (0, b"\x93NUMPY", "imaging.foreign-array"),
    (0, b"\x89HDF\r\n", "imaging.foreign-array"),
    (0, b"MATLAB 5.0", "imaging.foreign-array"),
    (0, b"\x80\x02}q", "imaging.foreign-array"),
    (512, b"\x89HDF\r\n", "imaging.foreign-array"),
    (0, b"MZ", "imaging.foreign-program"),
    (0, b"\x7fELF", "imaging.foreign-program"),
    (0, b"SQLite format", "imaging.foreign-database"),
)
# Kinds of the container that phones, cameras and films share (ISO/IEC 14496-12), by brand.
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1")
_HEVC = frozenset(_HEIF[:8])
_BRANDS = {
    b"avif": "imaging.foreign-avif",
    b"avis": "imaging.foreign-avif",
    b"crx ": "imaging.camera-raw",
    b"jxl ": "imaging.foreign-jpegxl",
    b"jp2 ": "imaging.foreign-jpeg2000",
    b"jpx ": "imaging.foreign-jpeg2000",
}
_RIFFS = {b"AVI ": "imaging.foreign-video", b"WAVE": "imaging.foreign-video", b"ACON": "imaging.foreign-picture"}
_TEXTS = (
    (b"objecttype = image", "imaging.foreign-mha"),
    (b"ndims =", "imaging.foreign-mha"),
    (b"objecttype=image", "imaging.foreign-mha"),
    (b"elementdatafile", "imaging.foreign-mha"),
    (b"[virtual microscope specimen]", "imaging.foreign-slide"),
    (b"slide_version", "imaging.foreign-slide"),
    (b"slide_id", "imaging.foreign-slide"),
    (b'objecttype="dpufsimport"', "imaging.foreign-slide"),
    (b"<svg", "imaging.foreign-svg"),
    (b"<!doctype html", "imaging.foreign-html"),
    (b"<html", "imaging.foreign-html"),
    (b"<?xml", "imaging.foreign-xml"),
)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OFFICE = frozenset(
    ("[Content_Types].xml", "Index/Document.iwa", "word/document.xml", "ppt/presentation.xml", "xl/workbook.xml")
)
_PORTABLE = re.compile(rb"p[1-7][ \t\r\n#]")
_PCX = (b"\x0a\x05\x01\x08", b"\x0a\x05\x01\x01", b"\x0a\x03\x01\x08")
_HEAD, _UNPACKED = 4096, 65_536


def foreign_code(data: bytes) -> str:
    """Return the code of the error that names what a file is; `imaging.foreign-unknown` if that is not known.

    Args:
        data: The whole file, not empty, and none of the kinds that are read.
    """
    if data.startswith(_ZIP):
        return "imaging.foreign-office" if is_document(data) else "imaging.foreign-zip"
    if data.startswith(b"\x1f\x8b"):
        return _inside_gzip(data)
    for at, magic, code in _MAGIC:
        if data[at : at + len(magic)] == magic:
            return code
    return _container_code(data) or _text_code(data)


def _container_code(data: bytes) -> str:
    """Name what lies in a container that several kinds of file share; empty if it is none."""
    if data[4:8] == b"ftyp":
        return next((_BRANDS[b] for b in _brands(data) if b in _BRANDS), "imaging.foreign-video")
    if data[:4] == b"RIFF":
        return _RIFFS.get(data[8:12], "imaging.foreign-unknown")
    if _is_transport_stream(data):
        return "imaging.foreign-video"
    if data[:4] in (b"\x5c\x01\x00\x00", b"\x00\x00\x01\x5c") or _is_freesurfer(data):
        return "imaging.foreign-volume"  # Analyze: a header of 348 bytes
    bitmaps = data[:2] == b"BA" and data[14:16] == b"BM"  # several in one file, as OS/2 kept them
    return "imaging.foreign-picture" if bitmaps or data[:4] in _PCX else ""


def _is_freesurfer(data: bytes) -> bool:
    """Return whether a file begins as an MGH volume: version 1, three sides and frames of a brain, a type of value."""
    first, *sides, frames, kind = (int.from_bytes(data[at : at + 4], "big") for at in range(0, 24, 4))
    return first == 1 and all(0 < side <= 2048 for side in sides) and 0 < frames <= 65_536 and kind in (0, 1, 3, 4)


def _is_transport_stream(data: bytes) -> bool:
    """Return whether packets of an MPEG transport stream follow each other, plain or with a time before each."""
    return any(len(data) > 3 * n and all(data[at + k * n] == 0x47 for k in range(4)) for at, n in ((0, 188), (4, 192)))


def is_heif(data: bytes) -> bool:
    """Return whether a file is HEIC or HEIF; AVIF, which shares its container, is not."""
    brands = _brands(data)
    if not brands or brands[0] in _BRANDS:
        return False
    coded = any(b in _HEVC for b in brands)
    return coded or (any(b in _HEIF for b in brands) and not any(b in _BRANDS for b in brands))


def is_document(data: bytes) -> bool:
    """Return whether a ZIP archive is a document of an office program: what lies in it is no folder of scans.

    Args:
        data: The whole archive.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return names_document(archive.namelist())
    except Exception:  # noqa: BLE001  damaged archives are refused as such, where they are opened
        return False


def names_document(names: Sequence[str]) -> bool:
    """Return whether, by the names in a ZIP archive, it is a document of an office program."""
    return bool(_OFFICE.intersection(names)) or names[:1] == ["mimetype"]


def _brands(data: bytes) -> list[bytes]:
    if data[4:8] != b"ftyp":
        return []
    size = min(int.from_bytes(data[:4], "big"), 256)
    return [data[8:12], *(data[at : at + 4] for at in range(16, size, 4))]


def _inside_gzip(data: bytes) -> str:
    """Name what a gzip archive holds, where that is known: volumes are often kept so."""
    try:
        head = zlib.decompressobj(31).decompress(data, _UNPACKED)
    except zlib.error:
        return "imaging.foreign-archive"
    code = foreign_code(head) if head and not head.startswith(b"\x1f\x8b") else ""
    known = ("imaging.foreign-nifti", "imaging.foreign-nrrd", "imaging.foreign-mha", "imaging.foreign-volume")
    return code if code in known else "imaging.foreign-archive"


def _text_code(data: bytes) -> str:
    head = data[:_HEAD]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", "replace").encode()
    head = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for word, code in _TEXTS:
        if word in head:
            return code
    if b"%pdf-" in head:
        return "imaging.foreign-pdf"
    if _PORTABLE.match(head):
        return "imaging.foreign-picture"
    return "imaging.foreign-text" if _is_text(data[:1024]) else "imaging.foreign-unknown"


def _is_text(head: bytes) -> bool:
    for encoding in ("utf-8", "utf-16") if head[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8",):
        try:
            text = head.decode(encoding, errors="strict" if len(head) < 1024 else "ignore")
        except UnicodeDecodeError:
            continue
        if text and all(c.isprintable() or c in "\t\r\n\ufeff" for c in text):
            return True
    return False
