"""DICOM files of every kind, made here, against the values they were made from."""

import io
from contextlib import contextmanager

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_voi_lut
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from medcls.errors import BadScan, TooLarge
from medcls.imaging.decode import Limits, count_frames, read_scan
from tests.imaging.dicom_files import dataset, dicom, jpeg_lossless, ramp, written

COLOUR = np.stack([ramp(), 255 - ramp(), ramp()[::-1]], -1)


def noted(scan, code: str, **params) -> bool:
    """Say whether a scan has a note of a code, with at least these parameters."""
    return any(n.code == f"imaging.{code}" and params.items() <= n.params.items() for n in scan.notes)


@contextmanager
def refused(kind, code: str, **params):
    """Expect an error of a code, with at least these parameters, in the block."""
    with pytest.raises(kind) as caught:
        yield
    assert caught.value.code == f"imaging.{code}"
    assert params.items() <= caught.value.params.items()


def compressed(ds, syntax, frames: list[bytes]) -> bytes:
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PixelData = encapsulate(frames)
    ds["PixelData"].is_undefined_length = True
    return written(ds)


def test_eight_bit_grey_is_itself():
    scan = read_scan(dicom(ramp()))
    assert np.array_equal(np.rint(scan.pixels * 255), ramp())
    assert scan.modality == "ultrasound"
    assert scan.spacing_mm is None


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("high", [255, 4095])
def test_native_syntaxes_give_the_same_scan(syntax, high):
    kwargs = {"bits_stored": 12, "WindowCenter": 2048, "WindowWidth": 4096} if high > 255 else {}
    pixels = ramp(high=high, dtype=np.uint16 if high > 255 else np.uint8)
    plain = read_scan(dicom(pixels, **kwargs))
    if syntax == ExplicitVRBigEndian and high > 255:
        other = read_scan(written(dataset(pixels, **kwargs), syntax))
    else:
        ds = dataset(pixels, **kwargs)
        ds.file_meta.TransferSyntaxUID = syntax
        out = io.BytesIO()
        ds.save_as(out, enforce_file_format=True)
        other = read_scan(out.getvalue())
    assert np.array_equal(plain.pixels, other.pixels)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("pixels", [ramp(), ramp(high=4095, dtype=np.uint16), COLOUR], ids=["grey", "12-bit", "colour"])
def test_lossless_codecs_give_the_same_scan(syntax, pixels):
    ds = dataset(pixels, bits_stored=12 if pixels.dtype == np.uint16 else 8)
    plain = read_scan(written(ds))
    ds.compress(syntax, generate_instance_uid=False)
    assert np.array_equal(read_scan(written(ds)).pixels, plain.pixels)


@pytest.mark.parametrize(("high", "bits"), [(255, 8), (4095, 12), (65535, 16)])
def test_jpeg_lossless(high, bits):
    pixels = ramp(high=high, dtype=np.uint8 if bits == 8 else np.uint16)
    ds = dataset(pixels, bits_stored=bits)
    plain = read_scan(written(ds))
    assert np.array_equal(
        read_scan(compressed(ds, JPEGLosslessSV1, [jpeg_lossless(pixels, bits)])).pixels, plain.pixels
    )


@pytest.mark.parametrize("colour", [False, True])
def test_jpeg_baseline(colour):
    pixels = np.asarray(Image.fromarray(COLOUR if colour else ramp()).resize((128, 80)))
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=95, subsampling=0)
    ds = dataset(pixels, photometric="YBR_FULL_422" if colour else None)
    scan = read_scan(compressed(ds, JPEGBaseline8Bit, [out.getvalue()]))
    assert np.abs(scan.pixels - pixels / 255).max() < 0.06
    assert np.abs(scan.pixels - pixels / 255).mean() < 0.01


def test_monochrome1_is_inverted():
    scan = read_scan(dicom(ramp(), photometric="MONOCHROME1"))
    assert np.array_equal(np.rint(scan.pixels * 255), 255 - ramp())
    assert noted(scan, "dicom-inverted")


def test_rescale_and_window_by_hand():
    """-1000 to 3095 HU stored as 0 to 4095; window 40/400 shows HU -160 as black and 239 as white."""
    pixels = np.array([[0, 840, 1040, 1239, 4095]], np.uint16)
    scan = read_scan(
        dicom(pixels, bits_stored=12, RescaleSlope=1, RescaleIntercept=-1000, WindowCenter=40, WindowWidth=400)
    )
    np.testing.assert_allclose(scan.pixels, [[0, 0, (40 - 39.5) / 399 + 0.5, 1, 1]], atol=1e-6)
    assert noted(scan, "dicom-window", center=40, width=400)
    assert noted(scan, "dicom-rescaled", slope=1, intercept=-1000)


@pytest.mark.filterwarnings("ignore:overflow")  # pydicom's own sigmoid
@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(2000, 1500), (100, 300), (2048, 1.5), (1000, 1)])
def test_windows_as_pydicom_applies_them(function, center, width):
    pixels = ramp(high=4095, dtype=np.uint16)
    data = dicom(pixels, bits_stored=12, WindowCenter=center, WindowWidth=width, VOILUTFunction=function)
    theirs = apply_voi_lut(pixels, pydicom.dcmread(io.BytesIO(data))) / 4095
    np.testing.assert_allclose(read_scan(data).pixels, theirs, atol=2e-6)


def lut(entries: np.ndarray, first: int, bits: int) -> list[Dataset]:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries) % 65536, first, bits])
    item.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    return [item]


def test_voi_table_is_preferred_and_read_as_pydicom_does():
    pixels = ramp(high=4095, dtype=np.uint16)
    table = (np.arange(4096) ** 2 // 4096).astype(np.uint16)
    data = dicom(pixels, bits_stored=12, VOILUTSequence=lut(table, 0, 12), WindowCenter=5, WindowWidth=10)
    scan = read_scan(data)
    np.testing.assert_allclose(scan.pixels, table[pixels] / 4095, atol=1e-6)
    np.testing.assert_allclose(scan.pixels, apply_voi_lut(pixels, pydicom.dcmread(io.BytesIO(data))) / 4095, atol=1e-6)
    assert noted(scan, "dicom-display-table")


def test_modality_table():
    pixels = np.array([[0, 1, 2, 3]], np.uint16)
    table = np.array([100, 50, 0, 25], np.uint16)
    data = dicom(pixels, ModalityLUTSequence=lut(table, 0, 16), WindowCenter=50.5, WindowWidth=101)
    np.testing.assert_allclose(read_scan(data).pixels, [[1, 0.5, 0, 0.25]], atol=1e-6)


def of_floats(pixels: np.ndarray, **elements) -> bytes:
    ds = dataset(np.zeros(pixels.shape, np.uint32), **elements)
    for keyword in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(ds, keyword)
    ds.FloatPixelData = pixels.astype("<f4").tobytes()
    return written(ds)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    "elements",
    [
        {"VOILUTSequence": lut(np.arange(256)[::-1] * 256, 0, 16)},
        {"ModalityLUTSequence": lut(np.arange(256)[::-1] * 256, 0, 16)},
        {"WindowCenter": 128, "WindowWidth": 256},
        {"RescaleSlope": 2, "RescaleIntercept": 1},
        {
            "WindowCenter": 128,
            "WindowWidth": 256,
            "PresentationLUTSequence": lut((np.arange(256) * 256).astype(np.uint16), 0, 16),
        },
        {},
    ],
    ids=["VOI table", "modality table", "window", "rescale", "presentation table", "nothing"],
)
def test_what_is_no_number_is_black_however_it_is_shown(elements, photometric):
    pixels = ramp().astype(np.float32)
    whole = read_scan(of_floats(pixels, photometric=photometric, **elements))
    pixels[2, 3], pixels[4, 5], pixels[6, 7] = np.nan, np.inf, -np.inf
    scan = read_scan(of_floats(pixels, photometric=photometric, **elements))
    assert scan.pixels[2, 3] == 0
    assert sorted([scan.pixels[4, 5], scan.pixels[6, 7]]) == [pytest.approx(0, abs=0.01), pytest.approx(1, abs=0.01)]
    good = np.isfinite(pixels)
    np.testing.assert_allclose(scan.pixels[good], whole.pixels[good], atol=1e-6)
    assert noted(scan, "nan-shown-black", n=1)
    assert not [n for n in scan.notes if n.code.endswith("left-out")]


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_picture_without_any_number_is_refused(number):
    pixels = np.full((20, 20), number, np.float32)
    with refused(BadScan, "no-number"):
        read_scan(of_floats(pixels, VOILUTSequence=lut(np.arange(256), 0, 8)))


@pytest.mark.parametrize("table", [np.zeros(0, np.uint16), np.zeros(4096, np.uint16)], ids=["empty", "all black"])
def test_a_useless_table_gives_way_to_the_window(table):
    items = lut(table, 0, 12)
    items[0].LUTDescriptor = [4096, 0, 12]
    pixels = ramp(high=4095, dtype=np.uint16)
    scan = read_scan(dicom(pixels, bits_stored=12, VOILUTSequence=items, WindowCenter=2048, WindowWidth=4096))
    np.testing.assert_allclose(scan.pixels, pixels / 4095, atol=1e-6)
    assert noted(scan, "dicom-table-damaged") or noted(scan, "dicom-table-shows-nothing")


NONSENSE = ["0", "-5", "NaN", "inf", "1e400", "abc", ""]


def raw_element(data: bytes, keyword: str, text: str) -> bytes:
    """Put a text into a DS element that pydicom would not write."""
    ds = pydicom.dcmread(io.BytesIO(data))
    with pydicom.config.disable_value_validation():
        ds.add_new(keyword, "LO", text)
        out = io.BytesIO()
        ds.save_as(out)
    tag = pydicom.tag.Tag(keyword)
    head = tag.group.to_bytes(2, "little") + tag.element.to_bytes(2, "little")
    assert out.getvalue().count(head + b"LO") == 1
    return out.getvalue().replace(head + b"LO", head + b"DS")


@pytest.mark.parametrize("width", NONSENSE)
def test_a_senseless_window_is_left_out_and_said(width):
    pixels = ramp(high=4095, dtype=np.uint16)
    scan = read_scan(
        raw_element(dicom(pixels, bits_stored=12, WindowCenter=100, WindowWidth=200), "WindowWidth", width)
    )
    np.testing.assert_allclose(scan.pixels, pixels / 4095, atol=1e-6)
    assert noted(scan, "dicom-window-left-out")


@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
@pytest.mark.parametrize("number", ["NaN", "inf", "-inf", "1e400", "1e300", "abc"])
def test_senseless_rescale_numbers_are_left_out_and_said(keyword, number):
    """pydicom passes them on: every pixel would become NaN or infinite without a word."""
    pixels = ramp(high=4095, dtype=np.uint16)
    data = raw_element(dicom(pixels, bits_stored=12, RescaleSlope=1, RescaleIntercept=0), keyword, number)
    scan = read_scan(data)
    np.testing.assert_allclose(scan.pixels, pixels / 4095, atol=1e-6)
    assert noted(scan, "dicom-rescale-left-out")


def test_a_window_beside_the_values_is_left_out():
    scan = read_scan(dicom(ramp(high=4095, dtype=np.uint16), WindowCenter=60000, WindowWidth=100))
    assert scan.pixels.max() == 1
    assert noted(scan, "dicom-window-shows-nothing")


def test_signed_values_and_padding():
    pixels = ramp(high=1000, dtype=np.int16) - 500
    pixels[:5] = -2000
    ds = dataset(pixels)
    ds.add_new("PixelPaddingValue", "SS", -2000)
    scan = read_scan(written(ds))
    assert not scan.pixels[:5].any()
    assert scan.pixels[5, 0] == 0
    assert scan.pixels[-1, -1] == 1
    assert noted(scan, "dicom-padding-black")


def test_bits_beyond_the_stored_ones_do_not_count():
    pixels = ramp(high=255, dtype=np.uint16)
    scan = read_scan(dicom(pixels | 0x8000, bits_stored=8))
    np.testing.assert_allclose(scan.pixels, pixels / 255, atol=1e-6)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless], ids=lambda s: s.name)
@pytest.mark.parametrize("high_bit", [13, 15])
@pytest.mark.parametrize("kind", [np.uint16, np.int16])
def test_bits_below_the_stored_ones_do_not_count(syntax, high_bit, kind):
    pixels = ramp(high=4095, dtype=np.int64) - (2048 if kind is np.int16 else 0)
    cells = ((pixels & 0xFFF) << (high_bit - 11)) | 0b11
    if high_bit == 13:
        cells |= 0xC000
    ds = dataset(cells.astype(np.uint16).view(kind), VOILUTFunction="LINEAR_EXACT")
    if syntax == RLELossless:
        ds.compress(syntax, generate_instance_uid=False)
    ds.BitsStored, ds.HighBit = 12, high_bit
    ds.WindowCenter, ds.WindowWidth = (0 if kind is np.int16 else 2048), 4096
    scan = read_scan(written(ds, None if syntax == RLELossless else syntax))
    np.testing.assert_allclose(scan.pixels, ramp(high=4095, dtype=np.int64) / 4096, atol=1e-6)


def test_colours_above_unused_bits():
    cells = np.stack([ramp(high=4095, dtype=np.uint16) << 4] * 2 + [np.full((40, 64), 4095 << 4, np.uint16)], -1)
    scan = read_scan(dicom(cells, bits_stored=12, HighBit=15))
    np.testing.assert_allclose(scan.pixels, (cells >> 4) / 4095, atol=1e-6)


def test_a_highest_bit_that_cannot_be_is_refused_but_where_it_does_not_matter():
    with refused(BadScan, "dicom-high-bit", stored=12, allocated=16, high=7):
        read_scan(dicom(ramp(high=4095, dtype=np.uint16), bits_stored=12, HighBit=7))
    with refused(BadScan, "dicom-high-bit", high=16):
        read_scan(dicom(ramp(high=4095, dtype=np.uint16), bits_stored=12, HighBit=16))
    assert np.array_equal(read_scan(dicom(ramp(), HighBit=11)).pixels, read_scan(dicom(ramp())).pixels)
    ds = dataset(ramp(high=4095, dtype=np.uint16), bits_stored=12)
    ds.compress(JPEGLSLossless, generate_instance_uid=False)
    ds.HighBit = 15
    scan = read_scan(written(ds))
    np.testing.assert_allclose(scan.pixels, ramp(high=4095, dtype=np.uint16) / 4095, atol=1e-6)
    assert noted(scan, "dicom-high-bit-contradicts", high=15)


def test_palette():
    red = np.arange(256).astype(np.uint16) << 8
    ds = dataset(ramp(), photometric="PALETTE COLOR")
    for name, table in (("Red", red), ("Green", red[::-1]), ("Blue", red * 0)):
        ds.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [256, 0, 16])
        ds.add_new(f"{name}PaletteColorLookupTableData", "OW", np.ascontiguousarray(table).tobytes())
    scan = read_scan(written(ds))
    np.testing.assert_allclose(scan.pixels[..., 0], red[ramp()] / 65535, atol=1e-6)
    np.testing.assert_allclose(scan.pixels[..., 1], red[255 - ramp()] / 65535, atol=1e-6)
    assert not scan.pixels[..., 2].any()


def test_ybr_becomes_rgb():
    ybr = np.asarray(Image.fromarray(COLOUR).convert("YCbCr"))
    scan = read_scan(dicom(ybr, photometric="YBR_FULL"))
    assert np.abs(scan.pixels - COLOUR / 255).max() < 0.02
    assert noted(scan, "dicom-ybr")


def test_grey_stored_as_colour_is_grey():
    assert read_scan(dicom(np.stack([ramp()] * 3, -1))).pixels.shape == ramp().shape


@pytest.mark.parametrize("syntax", [None, RLELossless, JPEG2000Lossless])
def test_a_frame_can_be_chosen(syntax):
    frames = np.stack([ramp(), 255 - ramp(), ramp()[::-1]])
    ds = dataset(frames)
    if syntax:
        ds.compress(syntax, generate_instance_uid=False)
    data = written(ds)
    assert count_frames(data) == 3
    assert noted(read_scan(data), "frame-of", frame=1, n=3)
    for i, frame in enumerate(frames):
        assert np.array_equal(np.rint(read_scan(data, frame=i).pixels * 255), frame)
    with refused(BadScan, "no-such-frame", n=3):
        read_scan(data, frame=3)


def region(x0: int, y0: int, x1: int, y1: int, **more) -> Dataset:
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 0
    item.RegionLocationMinX0, item.RegionLocationMinY0, item.RegionLocationMaxX1, item.RegionLocationMaxY1 = (
        x0,
        y0,
        x1,
        y1,
    )
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
    item.PhysicalDeltaX, item.PhysicalDeltaY = 0.01, 0.01
    for keyword, value in more.items():
        setattr(item, keyword, value)
    return item


def test_an_ultrasound_region_is_cut_out_and_gives_the_spacing():
    small, large, doppler = region(0, 0, 19, 19), region(10, 5, 59, 34), region(0, 0, 63, 39, RegionDataType=3)
    scan = read_scan(dicom(ramp(), SequenceOfUltrasoundRegions=[small, doppler, large]))
    assert np.array_equal(np.rint(scan.pixels * 255), ramp()[5:35, 10:60])
    assert scan.spacing_mm == pytest.approx((0.1, 0.1))
    assert noted(scan, "cut-to-largest-region", width=50, height=30, n=2)


@pytest.mark.parametrize("box", [(50, 50, 90, 90), (30, 30, 10, 10), (0, 0, 3, 3)])
def test_a_region_that_does_not_fit_is_left_out(box):
    scan = read_scan(dicom(ramp(), SequenceOfUltrasoundRegions=[region(*box)]))
    assert scan.size_px == ramp().shape
    assert noted(scan, "dicom-region-left-out")


@pytest.mark.parametrize(("stated", "expected"), [([0.5, 0.5], (0.5, 0.5)), ([0, 1], None), ([-1, 1], None)])
def test_pixel_spacing(stated, expected):
    assert read_scan(dicom(ramp(), PixelSpacing=stated)).spacing_mm == expected


@pytest.mark.parametrize(
    ("code", "modality"),
    [
        ("US", "ultrasound"),
        ("SM", "histology"),
        ("XC", "dermoscopy"),
        ("DX", "radiograph"),
        ("CT", "other"),
        ("", None),
    ],
)
def test_modality(code, modality):
    assert read_scan(dicom(ramp(), Modality=code)).modality == modality


def test_enhanced_multi_frame_window_and_spacing():
    frames = np.stack([ramp(high=4095, dtype=np.uint16)] * 2)
    shared, groups = Dataset(), [Dataset(), Dataset()]
    measures = Dataset()
    measures.PixelSpacing = [0.3, 0.3]
    shared.PixelMeasuresSequence = [measures]
    for group, center in zip(groups, (1000, 3000), strict=True):
        window = Dataset()
        window.WindowCenter, window.WindowWidth = center, 500
        group.FrameVOILUTSequence = [window]
    data = dicom(
        frames, bits_stored=12, SharedFunctionalGroupsSequence=[shared], PerFrameFunctionalGroupsSequence=groups
    )
    scan = read_scan(data, frame=1)
    assert scan.spacing_mm == (0.3, 0.3)
    np.testing.assert_allclose(scan.pixels, np.clip((frames[1] - 2999.5) / 499 + 0.5, 0, 1), atol=1e-6)


def test_without_preamble_or_meta():
    ds = dataset(ramp())
    whole = written(ds)
    assert np.array_equal(read_scan(whole[132:]).pixels, read_scan(whole).pixels)
    out = io.BytesIO()
    bare = Dataset({tag: ds[tag] for tag in ds.keys()})  # noqa: SIM118  a Dataset iterates over elements
    pydicom.dcmwrite(out, bare, implicit_vr=True, little_endian=True)
    assert np.array_equal(read_scan(out.getvalue()).pixels, read_scan(whole).pixels)


@pytest.mark.filterwarnings("error")
def test_wrong_charset_and_private_tags():
    ds = dataset(ramp(), SpecificCharacterSet="KLINGON 9")
    ds.private_block(0x0011, "ACME", create=True).add_new(1, "OB", b"\xff" * 100)
    ds.PatientName = "A^B"
    with pytest.warns(UserWarning, match="KLINGON"):
        data = written(ds)
    assert read_scan(data).size_px == ramp().shape


def test_tiff_in_the_preamble_is_read_as_dicom():
    data = b"II*\0" + dicom(ramp())[4:]
    assert noted(read_scan(data), "dicom-also-claims", kind="TIFF")


def test_too_large_by_the_header():
    ds = dataset(ramp())
    ds.Rows = ds.Columns = 60000
    with pytest.raises(TooLarge, match="60,000 x 60,000"):
        read_scan(written(ds))
    with pytest.raises(TooLarge):
        count_frames(written(ds))


def test_a_deflate_bomb_is_stopped_while_it_inflates():
    ds = dataset(np.zeros((6000, 6000), np.uint8))
    data = written(ds, DeflatedExplicitVRLittleEndian)
    assert len(data) < 100_000
    with refused(TooLarge, "dicom-inflates-too-far"):
        read_scan(data, limits=Limits(max_bytes=1_000_000, max_pixels=10**9))


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_a_frame_larger_than_declared_is_refused(syntax):
    ds = dataset(np.zeros((2000, 2000), np.uint8))
    ds.compress(syntax, generate_instance_uid=False)
    ds.Rows = ds.Columns = 20
    with pytest.raises((BadScan, TooLarge)):
        read_scan(written(ds))


def without(ds, keyword: str):
    delattr(ds, keyword)
    return ds


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (lambda: written(without(dataset(ramp()), "PixelData")), "dicom-no-picture"),
        (lambda: written(without(dataset(ramp()), "Rows")), "dicom-no-size"),
        (lambda: dicom(ramp(), BitsStored=12), "dicom-bits"),
        (lambda: dicom(ramp(), BitsAllocated=16, BitsStored=16), "cut-short"),
        (lambda: dicom(ramp(), PixelData=b"\0" * 100), "cut-short"),
        (lambda: dicom(ramp(), SamplesPerPixel=7), "dicom-samples"),
        (lambda: dicom(ramp(), photometric="HSV"), "dicom-photometric"),
    ],
)
def test_contradictions_are_refused(broken, code):
    with refused(BadScan, code):
        read_scan(broken())


def test_videos_and_unknown_syntaxes_are_named_or_not():
    for uid, code in (
        ("1.2.840.10008.1.2.4.102", "dicom-syntax-not-read"),
        ("1.2.3.4.5", "dicom-unknown-syntax"),
        ("1.2.840.10008.1.1", "dicom-unknown-syntax"),
    ):
        ds = dataset(ramp())
        data = written(ds).replace(b"1.2.840.10008.1.2.1\0", uid.encode().ljust(20, b"\0"), 1)
        if len(uid) > 20:
            data = compressed(ds, pydicom.uid.UID(uid), [b"\0" * 64])
        with refused(BadScan, code):
            read_scan(data)


def test_millions_of_elements_are_refused():
    element = b"\x09\x00\x01\x10LO\x00\x00"
    head = dicom(ramp())[:132]
    with refused(TooLarge, "dicom-too-many-parts"):
        read_scan(head + element * 500_000)


def test_burned_in_text_is_said():
    assert noted(read_scan(dicom(ramp(), BurnedInAnnotation="YES")), "dicom-burned-in")
