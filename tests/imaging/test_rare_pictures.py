"""Rarer siblings of the kinds of picture that people meet: each is the very picture, or refused for its true reason."""

import io
import struct
from collections.abc import Callable

import imagecodecs
import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image, ImageCms
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
)

from medcls.errors import BadScan
from medcls.imaging.decode import count_frames, read_scan
from tests.imaging.dicom_files import DEEP, SKIN, coded, dataset, far, ramp, written
from tests.imaging.test_decode import chunk, encode
from tests.imaging.test_raster_table import SMOOTH, png
from tests.imaging.test_tiff_table import GREY, RGB, by_tifffile, quantised

EIGHT = quantised(RGB, 8).astype(np.uint8)


def codes(data: bytes) -> list[str]:
    return [note.code.removeprefix("imaging.") for note in read_scan(data).notes]


@pytest.mark.parametrize("predictor", [None, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("dtype", [np.float32, np.uint16])
def test_grey_of_either_byte_order_predicted_or_not(predictor: bool | None, order: str, kind: str, dtype: type) -> None:
    """Pillow takes the bytes of predicted real numbers the wrong way round, and refuses 16 bits where white is zero."""
    grey = GREY if kind == "minisblack" else 1 - GREY
    stored = grey.astype(dtype) if dtype is np.float32 else quantised(grey, 16).astype(dtype)
    how = {"compression": "zlib", "predictor": True} if predictor else {}
    scan = read_scan(by_tifffile(stored, photometric=kind, byteorder=order, **how))
    assert np.abs(scan.pixels - GREY).max() < 0.001


@pytest.mark.parametrize(
    ("bits", "lossless", "tolerance"), [(8, True, 1e-6), (12, False, 0.02), (12, True, 0.001), (16, True, 0.001)]
)
def test_jpegs_of_a_rare_process_in_a_tiff(bits: int, lossless: bool, tolerance: float) -> None:
    grey = np.asarray(Image.fromarray(np.float32(SMOOTH.mean(-1))))
    stored = quantised(grey, bits).astype(np.uint8 if bits == 8 else np.uint16)
    how = {"lossless": True, "bitspersample": bits} if lossless else {"level": 97, "bitspersample": bits}
    data = by_tifffile(stored, photometric="minisblack", compression="jpeg", compressionargs=how)
    top = 65535 if bits == 16 else 4095 if bits == 12 else 255
    assert np.abs(read_scan(data).pixels - stored / top).mean() <= tolerance


def pages(*pictures: np.ndarray, flag: int = 0) -> bytes:
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        for i, picture in enumerate(pictures):
            file.write(picture, photometric="rgb" if picture.ndim == 3 else "minisblack", subfiletype=0 if i else flag)
    return out.getvalue()


@pytest.mark.parametrize("flag", [0, 1])
def test_a_thumbnail_in_front_is_not_the_picture(flag: int) -> None:
    small = np.asarray(Image.fromarray(EIGHT).resize((EIGHT.shape[1] // 4, EIGHT.shape[0] // 4)))
    scan = read_scan(pages(small, EIGHT, flag=flag))
    assert np.abs(scan.pixels - EIGHT / 255).max() < 1e-6
    assert np.abs(read_scan(pages(EIGHT, small)).pixels - EIGHT / 255).max() < 1e-6
    assert read_scan(pages(small, EIGHT), frame=0).size_px == small.shape[:2]
    assert count_frames(pages(small, EIGHT)) == 2


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize(
    "how", [{"imagej": True, "metadata": {"axes": "CYX"}}, {"ome": True, "metadata": {"axes": "CYX"}}]
)
def test_channels_kept_as_pages_are_no_pictures(n: int, how: dict) -> None:
    planes = np.stack([EIGHT[..., i % 3] for i in range(n)])
    with pytest.raises(BadScan) as caught:
        read_scan(by_tifffile(planes, photometric="minisblack", **how))
    assert caught.value.code == "imaging.tiff-channels"
    slices = {**how, "metadata": {"axes": "ZYX"}}
    assert "frame-of" in codes(by_tifffile(planes, photometric="minisblack", **slices))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "deep"])
@pytest.mark.parametrize("seen", [0, 1, 2])
def test_where_hardly_a_pixel_can_be_seen_the_colours_are_shown(kind: str, seen: int) -> None:
    big = np.kron(EIGHT, np.ones((3, 3, 1), np.uint8))
    alpha = np.zeros(big.shape[:2], np.uint8)
    alpha.flat[:seen] = 255
    full = np.dstack([big, alpha])
    if kind == "deep":
        data = imagecodecs.png_encode(full.astype(np.uint16) * 257)
    else:
        data = encode(Image.fromarray(full), kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))
    assert "alpha-empty" in codes(data)
    assert np.abs(read_scan(data).pixels - big / 255).max() < 1e-6


def test_deep_lossless_jpegs_use_the_bits_that_they_need() -> None:
    for picture in (SMOOTH, SMOOTH.mean(-1)):
        stored = quantised(picture, 12).astype(np.uint16)
        scan = read_scan(imagecodecs.jpeg8_encode(stored, lossless=True, bitspersample=16))
        assert np.abs(scan.pixels - stored / 4095).mean() < 0.01


def test_pixels_of_a_jpeg_are_square_by_its_exif_where_it_says_nothing_else() -> None:
    exif = Image.Exif()
    exif[282], exif[283], exif[296] = 100.0, 200.0, 2
    data = encode(Image.fromarray(EIGHT), "JPEG", exif=exif)
    start = data.index(b"\xff\xe0")
    data = data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4], "big") :]
    assert "made-square" in codes(data)
    assert read_scan(data).size_px == (EIGHT.shape[0], 2 * EIGHT.shape[1])
    exif[283] = 100.0
    plain = encode(Image.fromarray(EIGHT), "JPEG", exif=exif)
    assert "made-square" not in codes(plain)


@pytest.mark.parametrize("mode", ["I;16", "RGB;16"])
def test_a_heic_of_more_than_eight_bits(mode: str) -> None:
    picture = SMOOTH if mode[0] == "R" else SMOOTH.mean(-1)
    height, width = picture.shape[:2]
    file = pillow_heif.from_bytes(mode, (width, height), quantised(picture, 16).astype(np.uint16).tobytes())
    out = io.BytesIO()
    file.save(out, quality=97)
    assert np.abs(read_scan(out.getvalue()).pixels - picture).mean() < 0.02


PLAIN = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)


@pytest.mark.parametrize("syntax", PLAIN, ids=[syntax.name for syntax in PLAIN])
@pytest.mark.parametrize("meta", [True, False])
def test_dicom_behind_its_preamble_without_its_mark(syntax, meta: bool) -> None:
    data = written(dataset(DEEP, WindowCenter=2048, WindowWidth=4096), syntax)
    start = 132 if meta else 144 + struct.unpack("<I", data[140:144])[0]
    scan = read_scan(bytes(128) + data[start:])
    assert np.abs(scan.pixels - DEEP / 4095).mean() < 0.001
    assert "dicom-no-mark" in [note.code.removeprefix("imaging.") for note in scan.notes]


@pytest.mark.parametrize("stated", [8, 9, 10, 11, 12, 13, 14, 15, 16])
def test_a_display_table_of_any_depth(stated: int) -> None:
    item = Dataset()
    item.add_new(0x00283002, "US", [256, 0, stated])
    item.add_new(0x00283006, "OW", np.rint(np.linspace(0, 2**stated - 1, 256)).astype("<u2").tobytes())
    ds = dataset(ramp())
    ds.VOILUTSequence = Sequence([item])
    assert far(read_scan(written(ds)), ramp()) < 0.01


def swapped_profile() -> bytes:
    """sRGB with the tags of red and blue exchanged and another name: what it changes is seen at once."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", data, 128)[0]
    for i in range(count):
        at = 132 + 12 * i
        data[at : at + 4] = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}.get(bytes(data[at : at + 4]), data[at : at + 4])
    return bytes(data).replace("sRGB".encode("utf-16-be"), "abcd".encode("utf-16-be")).replace(b"sRGB", b"abcd")


def in_jpeg(profile: bytes) -> bytes:
    stream = encode(Image.fromarray(SKIN), "JPEG", quality=97, subsampling=0, icc_profile=profile)
    return coded(dataset(SKIN, photometric="YBR_FULL_422"), JPEGBaseline8Bit, stream)


def in_jpeg2000(profile: bytes) -> bytes:
    boxed = imagecodecs.jpeg2k_encode(SKIN, codecformat="jp2", mct=True, reversible=True)
    at = boxed.index(b"colr") - 4
    size = int.from_bytes(boxed[at : at + 4], "big")
    box = struct.pack(">I", 11 + len(profile)) + b"colr\x02\0\0" + profile
    head = boxed.index(b"jp2h") - 4
    longer = int.from_bytes(boxed[head : head + 4], "big") + len(box) - size
    boxed = boxed[:head] + struct.pack(">I", longer) + boxed[head + 4 : at] + box + boxed[at + size :]
    return coded(dataset(SKIN, photometric="YBR_RCT"), JPEG2000Lossless, boxed)


@pytest.mark.parametrize("make", [in_jpeg, in_jpeg2000])
def test_the_profile_inside_a_wrapped_photograph_counts(make: Callable[[bytes], bytes]) -> None:
    profile = swapped_profile()
    right = read_scan(encode(Image.fromarray(SKIN), "PNG", icc_profile=profile))
    scan = read_scan(make(profile))
    assert "profile-converted" in [note.code.removeprefix("imaging.") for note in right.notes]
    assert "profile-converted" in [note.code.removeprefix("imaging.") for note in scan.notes]
    assert np.abs(scan.pixels - right.pixels).mean() < 0.015


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"ObjectType=Image\nNDims=2\nElementDataFile=a.raw\n", "foreign-mha"),
        (b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n" + bytes(100), "foreign-array"),
        ((b"\x47" + bytes(187)) * 5, "foreign-video"),
        ((bytes(4) + b"\x47" + bytes(187)) * 5, "foreign-video"),
        (b"\0\0\1\0\6\0" + bytes(100), "foreign-picture"),
        (b"DDS " + bytes(124), "foreign-picture"),
        (b"#?RADIANCE\n" + bytes(100), "foreign-picture"),
    ],
)
def test_more_kinds_of_file_are_named(data: bytes, code: str) -> None:
    with pytest.raises(BadScan) as caught:
        read_scan(data)
    assert caught.value.code == f"imaging.{code}"


@pytest.mark.parametrize("high", [11, None])
def test_bits_that_are_not_said_are_told_by_the_highest_or_all_counted(high: int | None) -> None:
    """Mutant 5364 of the fuzz (seed 16): the tag of the bits stored changed. pydicom refuses such a file."""
    ds = dataset(ramp(high=4095, dtype=np.uint16), bits_stored=12)
    del ds.BitsStored
    if high is None:
        del ds.HighBit
    bits = [note.params["bits"] for note in read_scan(written(ds)).notes if note.code == "imaging.dicom-bits-unsaid"]
    assert bits == [12 if high else 16]


@pytest.mark.parametrize(
    ("chunks", "told"),
    [
        ([(b"gAMA", 45_455)], None),
        ([(b"gAMA", 100_000)], "png-gamma"),
        ([(b"gAMA", 55_556)], "png-gamma"),
        ([(b"gAMA", 100_000), (b"sRGB", 0)], None),
        ([(b"cICP", 0x01_0D_00_01)], None),
        ([(b"cICP", 0x09_10_00_01)], "png-space"),
    ],
)
def test_a_space_stated_beside_a_png_s_pixels_is_told_where_it_differs(chunks: list, told: str | None) -> None:
    extra = b"".join(chunk(kind, struct.pack(">I", value)) for kind, value in chunks)
    found = set(codes(png(quantised(RGB, 8), 8, 2, extra=extra))) & {"png-gamma", "png-space"}
    assert found == ({told} if told else set())
