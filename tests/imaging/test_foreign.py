"""Files that are no scan: each is named by its content, with what to do; and slides, of which a tile is not the whole."""

import gzip
import io
import struct
import zipfile

import imagecodecs
import numpy as np
import pytest
import tifffile

from medcls import words
from medcls.errors import BadScan
from medcls.imaging import foreign
from medcls.imaging.decode import read_scan
from medcls.imaging.drop import open_drop, walk
from medcls.imaging.slide import _WRITERS
from tests.imaging.test_decode import COLOUR, encode
from tests.imaging.test_tiff_table import RGB, samples
from tests.imaging.tiff_files import written

NIFTI = struct.pack("<i", 348) + bytes(340) + b"n+1\0" + bytes(100)


def archive(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name in names:
            file.writestr(name, b"x")
    return out.getvalue()


def box(brand: bytes) -> bytes:
    return struct.pack(">I", 24) + b"ftyp" + brand + bytes(4) + brand + b"mp41" + bytes(100)


FILES = {
    "nifti": [
        NIFTI,
        gzip.compress(NIFTI, mtime=0),
        struct.pack(">i", 348) + bytes(340) + b"ni1\0" + bytes(9),
        struct.pack("<i", 540) + b"n+2\0\r\n\x1a\n" + bytes(600),
    ],
    "nrrd": [b"NRRD0005\ntype: short\n" + bytes(99), gzip.compress(b"NRRD0004\n" + bytes(999), mtime=0)],
    "mha": [b"ObjectType = Image\nNDims = 3\n" + bytes(99), b"NDims = 3\nElementDataFile = a.raw\n"],
    "volume": [struct.pack("<i", 348) + bytes(400), b"CDF\1" + bytes(99)],
    "avif": [box(b"avif"), box(b"avis")],
    "jpegxl": [imagecodecs.jpegxl_encode(COLOUR), b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(99)],
    "jpeg2000": [imagecodecs.jpeg2k_encode(COLOUR), imagecodecs.jpeg2k_encode(COLOUR, codecformat="J2K")],
    "jpegxr": [imagecodecs.jpegxr_encode(COLOUR)],
    "video": [
        b"RIFF\0\x10\0\0AVI LIST" + bytes(99),
        box(b"isom"),
        box(b"mp42"),
        box(b"qt  "),
        b"\x1a\x45\xdf\xa3" + bytes(99),
        struct.pack(">I", 99) + b"moov" + bytes(99),
        b"\0\0\1\xba" + bytes(99),
    ],
    "gif": [encode(COLOUR, "GIF")],
    "pdf": [b"%PDF-1.7\n" + bytes(99), b"\n\n%PDF-1.4" + bytes(99)],
    "office": [
        archive("[Content_Types].xml", "word/document.xml"),
        archive("_rels/.rels", "[Content_Types].xml", "ppt/a.xml"),
        archive("mimetype", "content.xml"),
        bytes.fromhex("D0CF11E0A1B11AE1") + bytes(600),
        b"{\\rtf1",
    ],
    "zip": [archive("a.png")],
    "html": [b"<!-- x --><HTML><body>"],
    "svg": [b"<?xml version='1.0'?>\n<svg xmlns='x'/>", "<svg xmlns='x'/>".encode("utf-16")],
    "slide": [b"ZISRAWFILE" + bytes(99), b"SIS\0" + bytes(99), b"[GENERAL]\r\nSLIDE_VERSION = 01.02\r\n"],
    "array": [b"\x93NUMPY\1\0" + bytes(99), b"\x89HDF\r\n\x1a\n" + bytes(99), b"MATLAB 5.0 MAT-file" + bytes(99)],
    "archive": [gzip.compress(b"text", mtime=0), bytes(257) + b"ustar\0" + bytes(300), b"Rar!" + bytes(99)],
    "picture": [b"P5 10 10 255\n" + bytes(99), bytes([0, 0, 1, 0, 1, 0, 16, 16]) + bytes(50)],
    "text": [b"case,label\n1,benign\n"],
    "unknown": [bytes(600), b"\x89"],
}


MORE = {
    "picture": [
        b"BA" + bytes(12) + b"BM" + bytes(99),
        b"\x0a\x05\x01\x08" + bytes(99),
        b"SDPX" + bytes(99),
        b"XPDS" + bytes(99),
        b"\x80\x2a\x5f\xd7" + bytes(99),
        b"\1\0\x09\0\0\3" + bytes(99),
        b"RIFF\0\0\0\0ACON" + bytes(99),
        b"FORM\0\0\0\x10ILBM" + bytes(99),
        b"FORM\0\0\0\x10DJVU" + bytes(99),
        b"/* XPM */\nstatic char * a[]",
        b"\x97JB2\r\n\x1a\n" + bytes(99),
        bytes(522) + b"\0\x11\2\xff\x0c\0" + bytes(99),
        b"\xff\x10\xff\x50" + bytes(99),
    ],
    "volume": [
        gzip.compress(struct.pack(">6i", 1, 256, 256, 256, 1, 0) + bytes(99), mtime=0),
        b"IMGF" + bytes(99),
        struct.pack(">6i", 1, 16, 16, 16, 1, 3) + bytes(99),
        b"# === DATA DESCRIPTION FILE ===\n",
        struct.pack("<4i", 16, 16, 16, 2) + bytes(192) + b"MAP DD" + bytes(99),
        b"##TITLE=Parameter List\n",
    ],
    "slide": [b"KFB\0" + bytes(99), b"SQ\0\0" + bytes(99), b'<DataObject ObjectType="DPUfsImport">\n<Attribute'],
    "microscope": [b"OLYMPUSRAWFORMAT" + bytes(99)],
    "video": [
        b"\0\0\0\1\x67" + bytes(99),
        b"\0\0\1\x67" + bytes(99),
        b"\0\0\0\1\x09\xf0" + bytes(99),
        b"DKIF" + bytes(99),
        b"\0\0\0\1\x40\1" + bytes(99),
        b"YUV4MPEG2 W10 H10\n" + bytes(99),
        struct.pack(">I", 8) + b"free" + bytes(99),
        struct.pack(">I", 24) + b"stypmsdh" + bytes(99),
        bytes.fromhex("060E2B34020501010D01") + bytes(99),
    ],
    "archive": [
        b"\x04\x22\x4d\x18" + bytes(99),
        b"\x1a\0-lh5-" + bytes(99),
        b"MSCF" + bytes(99),
        b"EGGA" + bytes(99),
        b"ALZ\1" + bytes(99),
        b"\x1f\x9d" + bytes(99),
        b"PK\7\x08PK\3\4" + bytes(99),
        bytes(32_769) + b"CD001" + bytes(99),
    ],
    "beside": [b"\0\5\x16\7\0\2\0\0Mac OS X" + bytes(99)],
    "pointer": [b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n"],
}
CASES = [(name, data) for files in (FILES, MORE) for name, many in files.items() for data in many]


@pytest.mark.parametrize(("name", "data"), CASES)
def test_a_foreign_file_is_named(name, data):
    with pytest.raises(BadScan) as caught:
        read_scan(data)
    assert caught.value.code == f"imaging.foreign-{name}"


@pytest.mark.parametrize(
    "data",
    [
        box(b"crx "),
        b"FUJIFILMCCD-RAW " + bytes(99),
        b"II\x1a\0\0\0HEAPCCDR" + bytes(99),
        b"IIRS\x08\0\0\0" + bytes(99),
        b"MMOR\0\0\0\x08" + bytes(99),
        b"\0MRM" + bytes(99),
        b"II*\0\x10\0\0\0CR\2\0" + bytes(99),
        written(samples(RGB, 8), 8, 2, more={254: ("I", (1,)), 330: ("I", (8,))}),
    ],
)
def test_a_camera_s_raw_file_is_named(data):
    """The last is laid out as a camera lays it: what stands in front is a preview, the picture below it."""
    with pytest.raises(BadScan) as caught:
        read_scan(data)
    assert caught.value.code in ("imaging.camera-raw", "imaging.no-size")


def test_every_code_of_the_tables_has_its_sentence():
    codes = (
        {code for _, _, code in foreign._MAGIC} | set(foreign._BRANDS.values()) | {code for _, code in foreign._TEXTS}
    )
    assert codes <= set(words.catalogue())
    assert all(words.catalogue()[code].get("do") for code in codes)


@pytest.mark.parametrize("word", sorted(_WRITERS))
@pytest.mark.parametrize("tag", [270, 305])
def test_a_slide_is_told_by_what_its_scanner_writes(word, tag):
    data = written(samples(RGB, 8), 8, 2, more={tag: ("B", tuple(b"x " + word + b" y\0"))})
    with pytest.raises(BadScan) as caught:
        read_scan(data)
    assert caught.value.code == "imaging.slide"


@pytest.mark.parametrize("below", [False, True])
def test_tiles_in_several_magnifications_are_a_slide(below):
    big, out = np.kron(COLOUR, np.ones((12, 12, 1), np.uint8)), io.BytesIO()
    with tifffile.TiffWriter(out, ome=below) as file:
        file.write(big, tile=(64, 64), photometric="rgb", subifds=1 if below else None)
        file.write(big[::2, ::2], tile=(64, 64), photometric="rgb", subfiletype=1)
    with pytest.raises(BadScan) as caught:
        read_scan(out.getvalue())
    assert caught.value.code == "imaging.slide-levels"


def test_tiles_alone_and_pages_of_one_size_are_no_slide():
    for options in ({"tile": (16, 16)}, {}):
        out = io.BytesIO()
        with tifffile.TiffWriter(out) as file:
            file.write(COLOUR, photometric="rgb", **options)
            file.write(COLOUR, photometric="rgb", **options)
        assert read_scan(out.getvalue()).size_px == COLOUR.shape[:2]


@pytest.mark.parametrize("data", FILES["office"][:3])
def test_a_document_is_one_file_not_an_archive_of_many(data, tmp_path):
    (tmp_path / "letter.docx").write_bytes(data)
    for dropped in (list(open_drop([("letter.docx", data)])), list(walk([tmp_path / "letter.docx"]))):
        assert [d.error.code for d in dropped if d.error] == ["imaging.foreign-office"]
