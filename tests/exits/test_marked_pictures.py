"""Markers in what picture files say beside the picture: no exit has them, packed or not, and no note of the scan."""

import io
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, PngImagePlugin

from medcls.exits import leave
from medcls.exits.case import Case
from medcls.imaging.decode import read_scan

PICTURE = np.random.default_rng(0).integers(0, 90, (96, 96, 3), np.uint8)
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>ZQMARK xmp</x:xmpmeta>"


def exif() -> bytes:
    """Description, maker, model, software, artist, copyright, a comment, a maker's note, an owner, a number, a place."""
    made = Image.Exif()
    for tag in (0x10E, 0x10F, 0x110, 0x131, 0x13B, 0x8298):
        made[tag] = f"ZQMARK {tag}"
    made.get_ifd(0x8769).update({0x9286: b"ASCII\0\0\0ZQMARK", 0x927C: b"ZQMARK", 0xA430: "ZQMARK", 0xA431: "ZQMARK"})
    made.get_ifd(0x8825)[29] = "ZQMARK"
    return made.tobytes()


def profile() -> bytes:
    """A colour profile whose description and copyright are markers."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for was, now in (("sRGB", "ZQMA"), ("No copyright", "ZQMARK right")):
        data = data.replace(was.encode("utf-16-be"), now.encode("utf-16-be"))
    return data


def saved(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(PICTURE).save(out, kind, icc_profile=profile(), exif=exif(), **options)
    return out.getvalue()


def png() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "ZQMARK")
    text.add_text("Comment", "ZQMARK", zip=True)
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    text.add(b"prVt", b"ZQMARK")
    return saved("PNG", pnginfo=text)


def tiff() -> bytes:
    texts = [(tag, "s", 0, f"ZQMARK {tag}", True) for tag in (269, 285, 315, 316, 33432, 65000)]
    out = io.BytesIO()
    tifffile.imwrite(
        out,
        PICTURE,
        photometric="rgb",
        description="ZQMARK",
        software="ZQMARK",
        metadata=None,
        iccprofile=profile(),
        extratags=[*texts, (700, "B", len(XMP), XMP, True)],
    )
    return out.getvalue()


FILES: dict[str, Callable[[], bytes]] = {
    "png": png,
    "tiff": tiff,
    "jpeg": lambda: saved("JPEG", comment=b"ZQMARK", xmp=XMP) + b"ZQMARK",
    "webp": lambda: saved("WEBP", xmp=XMP, lossless=True),
}


def unpacked(data: bytes) -> Iterator[bytes]:
    """What a file holds, its packed streams unpacked."""
    yield data.replace(b"\0", b"")
    for found in re.finditer(rb"stream\r?\n", data):
        try:
            yield zlib.decompressobj().decompress(data[found.end() :]).replace(b"\0", b"")
        except zlib.error:
            continue


@pytest.mark.parametrize("kind", FILES)
def test_what_stands_beside_a_picture_leaves_by_no_way(kind: str, given: Case) -> None:
    """For the record either: a scan does not hold it."""
    data = FILES[kind]()
    assert b"ZQMA" in data
    scan = read_scan(data)
    assert "ZQMA" not in str(scan.history)
    case = replace(given, scan=scan, heatmap=None, region=None, source=None)
    for name in ("pdf", "html", "json", "dicom-sr", "fhir"):
        assert not any(b"ZQMA" in part for part in unpacked(leave(name, case, "record").data))
