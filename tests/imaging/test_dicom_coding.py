"""DICOM pictures coded otherwise than their header says: read as what they are and said, or refused for the true reason."""

import io
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms
from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from medcls.errors import BadScan
from medcls.imaging.decode import read_scan
from tests.imaging.dicom_files import SKIN, YCC, coded, dataset, dicom, far, jpeg, ramp, written
from tests.imaging.test_dicom import noted, refused

JPEGS = [
    ("YCBCR", {"sampling": "420"}, "RGB", True),
    ("YCBCR", {"sampling": "422"}, "RGB", True),
    ("YCBCR", {"sampling": "444"}, "RGB", True),
    ("YCBCR", {"bare": False}, "RGB", True),
    ("YCBCR", {"names": b"\0\1\2"}, "RGB", True),
    ("YCBCR", {"sampling": "420"}, "YBR_FULL_422", False),
    ("YCBCR", {"lossless": True, "names": b"\1\2\3"}, "RGB", True),
    ("YCBCR", {"lossless": True, "names": b"\1\2\3"}, "YBR_FULL", False),
    ("YCBCR", {"lossless": True, "names": b"\0\1\2"}, "RGB", True),
    ("RGB", {}, "YBR_FULL_422", True),
    ("RGB", {"bare": False}, "YBR_FULL_422", True),
    ("RGB", {"bare": False}, "YBR_FULL", True),
    ("RGB", {"names": b"\1\2\3"}, "RGB", False),
    ("RGB", {"names": b"\1\2\3"}, "YBR_FULL_422", True),
    ("RGB", {}, "RGB", False),
    ("RGB", {"lossless": True}, "YBR_FULL", True),
    ("RGB", {"lossless": True}, "YBR_FULL_422", True),
    ("RGB", {"lossless": True, "names": b"\1\2\3"}, "RGB", False),
    ("RGB", {"lossless": True, "names": b"\1\2\3"}, "YBR_FULL", True),
]


@pytest.mark.parametrize(("space", "how", "says", "contradicts"), JPEGS)
def test_the_colours_of_a_jpeg_are_its_own(space: str, how: dict, says: str, contradicts: bool):
    ds = dataset(SKIN, photometric=says)
    scan = read_scan(coded(ds, JPEGLosslessSV1 if how.get("lossless") else JPEGBaseline8Bit, jpeg(space, **how)))
    assert far(scan, SKIN) < 0.03
    assert noted(scan, "dicom-colour-contradicts", stated=says) == contradicts


@pytest.mark.parametrize("says", ["RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"])
@pytest.mark.parametrize("codec", ["j2k", "jp2", "ht", "lossy"])
@pytest.mark.parametrize("transformed", [True, False])
def test_a_colour_transform_of_jpeg_2000_is_undone_once(says: str, codec: str, transformed: bool):
    values = YCC if not transformed and says in ("YBR_FULL", "YBR_FULL_422") else SKIN
    if codec == "ht":
        stream = imagecodecs.htj2k_encode(values, reversible=True, rgb=transformed)
    else:
        options = {"level": 70, "reversible": False} if codec == "lossy" else {"reversible": True}
        stream = imagecodecs.jpeg2k_encode(
            values, codecformat=codec if codec != "lossy" else "j2k", mct=transformed, **options
        )
    scan = read_scan(coded(dataset(SKIN, photometric=says), HTJ2KLossless if codec == "ht" else JPEG2000, stream))
    assert far(scan, SKIN) < 0.012
    agrees = says == "RGB" or (transformed == (says in ("YBR_ICT", "YBR_RCT")))
    assert noted(scan, "dicom-colour-contradicts") != agrees


@pytest.mark.parametrize(
    ("encode", "name"),
    [
        (lambda v: imagecodecs.jpeg8_encode(v, level=98), "JPEG"),
        (lambda v: imagecodecs.jpeg8_encode(v, lossless=True), "JPEG"),
        (imagecodecs.jpegls_encode, "JPEG-LS"),
        (lambda v: imagecodecs.jpeg2k_encode(v, codecformat="j2k", reversible=True), "JPEG 2000"),
    ],
)
@pytest.mark.parametrize(
    "stated", [None, RLELossless, JPEG2000Lossless, JPEGLSLossless, JPEGBaseline8Bit, ExplicitVRLittleEndian]
)
def test_the_coding_is_found_out_whatever_is_stated(encode, name: str, stated: UID | None):
    data = coded(dataset(ramp()), stated, encode(ramp()))
    scan = read_scan(data)
    assert far(scan, ramp()) < 0.01
    families = {RLELossless: "", JPEG2000Lossless: "JPEG 2000", JPEGLSLossless: "JPEG-LS", JPEGBaseline8Bit: "JPEG"}
    if stated is None:
        assert noted(scan, "dicom-syntax-unstated")
    else:
        assert noted(scan, "dicom-syntax-contradicts", found=name) == (families.get(stated) != name)


def test_a_run_length_picture_under_another_syntax():
    ds = dataset(ramp())
    ds.compress(RLELossless, generate_instance_uid=False)
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    assert far(read_scan(written(ds)), ramp()) == pytest.approx(0, abs=1e-6)


def test_uncompressed_values_under_a_compressed_syntax():
    ds = dataset(ramp())
    data = written(ds).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0", 1)
    scan = read_scan(data)
    assert far(scan, ramp()) == pytest.approx(0, abs=1e-6)
    assert noted(scan, "dicom-syntax-contradicts", found="uncompressed")


def test_a_stream_without_the_items_it_should_stand_in():
    ds = dataset(ramp())
    ds.PixelData = imagecodecs.jpeg8_encode(ramp(), level=98)
    assert far(read_scan(written(ds)), ramp()) < 0.01


@pytest.mark.parametrize(("start", "length"), [(0, 0), (4, 0), (0, 64), (0, 256), (132, 0)])
def test_whatever_stands_before_the_mark(start: int, length: int):
    whole = written(dataset(ramp()))
    data = bytes(length) + whole[128 if start == 0 else start + 128 if start < 100 else start :]
    if start == 4:
        data = whole[128:132] + whole[132:]
    assert far(read_scan(data), ramp()) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("cut", [b"zlib", b"endless", b"plain", b"junk"])
def test_deflated_files_that_break_the_rule(cut: bytes):
    whole = written(dataset(ramp()), DeflatedExplicitVRLittleEndian)
    plain = written(dataset(ramp()))
    start = plain.index(b"\x08\x00\x16\x00UI")
    body, head = plain[start:], plain[:start].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99", 1)
    head = head.replace(b"\x02\x00\x10\x00UI\x14\x00", b"\x02\x00\x10\x00UI\x16\x00", 1)
    if cut == b"endless":
        packer = zlib.compressobj(9, wbits=-15)
        data = head + packer.compress(body) + packer.flush(zlib.Z_SYNC_FLUSH)
    else:
        data = {b"zlib": head + zlib.compress(body), b"plain": head + body, b"junk": whole + b"junk" * 9}[cut]
    scan = read_scan(data)
    assert far(scan, ramp()) == pytest.approx(0, abs=1e-6)
    assert noted(scan, "dicom-deflated-no-end") == (cut == b"endless")


@pytest.mark.parametrize("bits", [8, 12])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_extended_and_progressive(bits: int, progressive: bool):
    pixels = ramp(high=2**bits - 1, dtype=np.uint8 if bits == 8 else np.uint16)
    if progressive and bits == 8:
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "JPEG", quality=95, progressive=True)
        stream = out.getvalue()
    else:
        stream = imagecodecs.jpeg8_encode(pixels, level=95, bitspersample=bits)
    ds = dataset(pixels, bits_stored=bits, WindowCenter=2 ** (bits - 1), WindowWidth=2**bits)
    for syntax in (JPEGExtended12Bit, "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55"):
        scan = read_scan(coded(ds, UID(syntax), stream))
        assert np.abs(scan.pixels - pixels / (2**bits - 1)).mean() < 0.01


@pytest.mark.parametrize("marker", [0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCF])
def test_processes_that_are_not_read_are_not_called_damaged(marker: int):
    stream = imagecodecs.jpeg8_encode(ramp(), level=95).replace(b"\xff\xc0", bytes([0xFF, marker]), 1)
    for syntax in (JPEGBaseline8Bit, UID("1.2.840.10008.1.2.4.59")):
        with refused(BadScan, "dicom-syntax-not-read"):
            read_scan(coded(dataset(ramp()), syntax, stream))


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.4.107", "1.2.840.10008.1.2.7.1"])
def test_codings_that_are_not_read_are_named(syntax: str):
    with refused(BadScan, "dicom-syntax-not-read"):
        read_scan(coded(dataset(ramp()), UID(syntax), b"\0" * 64))


def test_codings_newer_than_the_library_s_dictionary_are_named():
    data = coded(dataset(ramp()), UID("1.2.840.10008.1.2.4.107"), b"\xff\x0a" + b"\0" * 62)
    with refused(BadScan, "dicom-syntax-not-read", found="JPEG XL"):
        read_scan(data.replace(b"1.2.840.10008.1.2.4.107", b"1.2.840.10008.1.2.4.110", 1))


def space_profile(primaries: str) -> bytes:
    """A profile of another colour space."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(primaries, 6500 if primaries == "LAB" else -1)).tobytes()


def test_a_profile_is_applied_and_one_that_does_not_fit_is_not(tmp_path):
    wide = adobe_like()
    plain = read_scan(dicom(SKIN))
    for ds in (dataset(SKIN), dataset(SKIN, OpticalPathSequence=[Dataset()])):
        holder = ds.OpticalPathSequence[0] if "OpticalPathSequence" in ds else ds
        holder.add_new("ICCProfile", "OB", wide)
        scan = read_scan(written(ds))
        assert noted(scan, "profile-converted")
        assert 0.01 < np.abs(scan.pixels - plain.pixels).mean() < 0.2
    ds = dataset(YCC, photometric="YBR_FULL")
    ds.add_new("ICCProfile", "OB", wide)
    assert np.abs(read_scan(written(ds)).pixels - scan.pixels).mean() < 0.01
    for pixels, profile in ((SKIN, b"junk" * 40), (ramp(), wide), (SKIN, space_profile("LAB"))):
        ds = dataset(pixels)
        ds.add_new("ICCProfile", "OB", profile)
        scan = read_scan(written(ds))
        assert noted(scan, "profile-left-out")
        assert far(scan, pixels) == pytest.approx(0, abs=1e-6)


def adobe_like() -> bytes:
    """sRGB's profile with its green primary moved and another name, so that colours change."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(data[128:132], "big")
    for n in range(count):
        at = 132 + 12 * n
        name, start = bytes(data[at : at + 4]), int.from_bytes(data[at + 4 : at + 8], "big")
        if name == b"gXYZ":
            data[start + 8 : start + 12] = (0x2000).to_bytes(4, "big")
            data[start + 12 : start + 16] = (0xE000).to_bytes(4, "big")
        elif name == b"desc":
            data[start + 8 :] = bytes(data[start + 8 :]).replace("sRGB".encode("utf-16-be"), "wide".encode("utf-16-be"))
    return bytes(data)


def test_a_few_bytes_too_many_do_no_harm():
    ds = dataset(ramp())
    ds.PixelData = ds.PixelData + b"\0\0"
    assert far(read_scan(written(ds)), ramp()) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("vr", [b"U\2", b"ZZ", b"\xccL"])
def test_a_damaged_type_in_the_file_meta_information_is_noted(syntax: UID, vr: bytes):
    """Mutants 5788, 8655, 15423 and 15940 of the fuzz with seed 16: pydicom finds no coding behind it."""
    data = written(dataset(ramp()), syntax)
    assert not noted(read_scan(data), "may-be-damaged")
    scan = read_scan(data[:136] + vr + data[138:])
    assert noted(scan, "may-be-damaged")
    assert far(scan, ramp()) == pytest.approx(0, abs=1e-6)


def test_what_a_decoder_warns_of_is_noted():
    stream = bytearray(imagecodecs.jpeg8_encode(SKIN, level=95))
    stream[-40:-2] = b"\x12" * 38
    scan = read_scan(
        coded(dataset(SKIN, photometric="YBR_FULL_422"), JPEGBaseline8Bit, bytes(stream[:-60]) + b"\xff\xd9")
    )
    assert noted(scan, "may-be-damaged")


@pytest.mark.parametrize(
    ("space", "corner", "right"),
    [
        ("ADOBERGB", (200, 50, 50), (232, 46, 46)),
        ("ADOBERGB", (128, 128, 128), (129, 129, 129)),
        ("ROMMRGB", (128, 128, 128), (146, 146, 146)),
        ("SRGB", (200, 50, 50), (200, 50, 50)),
        ("ODD", (200, 50, 50), (200, 50, 50)),
    ],
)
def test_a_colour_space_that_only_the_header_names_is_converted(space, corner, right):
    """The right values by the formulas of Adobe RGB (1998), ISO 22028-2 and IEC 61966-2-1."""
    pixels = np.full((16, 16, 3), corner, np.uint8)
    pixels[:8] = (90, 120, 60)
    scan = read_scan(dicom(pixels, ColorSpace=space))
    shown = scan.pixels if scan.pixels.ndim == 3 else np.repeat(scan.pixels[..., None], 3, 2)
    assert np.abs(shown[12, 4] * 255 - right).max() < 1.5
    assert noted(scan, "dicom-space-converted") == (space in ("ADOBERGB", "ROMMRGB"))
    assert noted(scan, "dicom-space-unknown") == (space == "ODD")
    grey = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    assert read_scan(dicom(grey, ColorSpace=space)).pixels.ndim == 2, "grey stays grey to the last bit"
    wide = dataset(pixels, ColorSpace="ADOBERGB")
    wide.add_new("ICCProfile", "OB", adobe_like())
    assert not noted(read_scan(written(wide)), "dicom-space-converted"), "a profile says more"
