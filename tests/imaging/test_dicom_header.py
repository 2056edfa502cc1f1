"""DICOM headers that contradict their pixel data, pixels that are not square, and files that hold no picture a task asks for."""

import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from medcls.errors import BadScan, TooLarge
from medcls.imaging.decode import count_frames, read_scan
from tests.imaging.dicom_files import DEEP, SKIN, YCC, coded, dataset, dicom, far, jpeg, ramp, written
from tests.imaging.test_decode import COLOUR
from tests.imaging.test_dicom import noted, refused


@pytest.mark.parametrize("colour", [False, True])
def test_more_pixel_data_than_announced_is_refused(colour: bool):
    pixels = SKIN if colour else ramp()
    ds = dataset(pixels)
    ds.Rows = pixels.shape[0] // 2
    with refused(BadScan, "dicom-more-pixels", found=pixels.size):
        read_scan(written(ds))
    ds = dataset(np.stack([pixels] * 3))
    del ds.NumberOfFrames
    with refused(BadScan, "dicom-more-pixels"):
        read_scan(written(ds))
    ds = dataset(pixels)
    ds.Columns = pixels.shape[1] - 1
    with refused(BadScan, "dicom-more-pixels"):
        read_scan(written(ds))


def test_odd_lengths():
    pixels = ramp(17, 33)
    assert far(read_scan(dicom(pixels)), pixels) == pytest.approx(0, abs=1e-6)
    data = written(dataset(pixels))
    assert far(read_scan(data[:-1]), pixels) == pytest.approx(0, abs=1e-6)  # without the byte that fills it up


def test_fewer_frames_than_announced():
    frames = np.stack([ramp(), 255 - ramp()])
    ds = dataset(frames)
    ds.NumberOfFrames = 9
    data = written(ds)
    assert count_frames(data) == 2
    assert noted(read_scan(data, frame=1), "dicom-frames-contradict", stated=9, found=2)
    with refused(BadScan, "no-such-frame", n=2):
        read_scan(data, frame=2)


def test_more_compressed_frames_than_announced():
    frames = [imagecodecs.jpegls_encode(f) for f in (ramp(), 255 - ramp(), ramp()[::-1])]
    ds = dataset(ramp())
    data = coded(ds, JPEGLSLossless, *frames)
    assert count_frames(data) == 3
    assert far(read_scan(data, frame=2), ramp()[::-1]) == pytest.approx(0, abs=1e-6)


def test_a_frame_in_several_items():
    stream = bytes(imagecodecs.jpegls_encode(ramp()))
    stream += b"\0" * (len(stream) % 2)
    ds = dataset(ramp())
    ds.file_meta.TransferSyntaxUID = JPEGLSLossless
    ds.PixelData = encapsulate([stream], fragments_per_frame=5, has_bot=False)
    ds["PixelData"].is_undefined_length = True
    ds["PixelData"].VR = "OB"
    assert far(read_scan(written(ds)), ramp()) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("photometric", ["", "MONOCHROME2", "MONOCHROME1", "PALETTE COLOR"])
@pytest.mark.parametrize("how", ["plain", "planes", "RLE", "JPEG", "JPEG 2000"])
def test_three_samples_that_are_not_said_to_be_colours(photometric: str, how: str):
    ds = dataset(SKIN)
    if how == "planes":
        ds.PlanarConfiguration = 1
        ds.PixelData = np.moveaxis(SKIN, -1, 0).tobytes()
    elif how == "RLE":
        ds.compress(RLELossless, generate_instance_uid=False)
    if how.startswith("JPEG"):
        stream = (
            jpeg("YCBCR", "420")
            if how == "JPEG"
            else imagecodecs.jpeg2k_encode(SKIN, codecformat="j2k", reversible=True)
        )
        coded(ds, JPEGBaseline8Bit if how == "JPEG" else JPEG2000Lossless, stream)
    ds.PhotometricInterpretation = photometric
    if not photometric:
        del ds.PhotometricInterpretation
    scan = read_scan(written(ds))
    assert far(scan, SKIN) < 0.03
    assert noted(scan, "dicom-no-photometric")


def test_one_sample_that_is_said_to_be_rgb():
    ds = dataset(SKIN)
    ds.SamplesPerPixel = 1
    scan = read_scan(written(ds))
    assert far(scan, SKIN) == pytest.approx(0, abs=1e-6)
    assert noted(scan, "dicom-samples-contradict", samples=3)
    scan = read_scan(dicom(ramp(), photometric="RGB"))
    assert far(scan, ramp()) == pytest.approx(0, abs=1e-6)
    assert noted(scan, "dicom-samples-contradict", samples=1)


def test_a_stream_of_other_samples_than_announced():
    scan = read_scan(coded(dataset(ramp(64, 96)), JPEGBaseline8Bit, jpeg("YCBCR", "420")))
    assert far(scan, SKIN) < 0.03
    scan = read_scan(
        coded(dataset(np.zeros((40, 64, 3), np.uint8)), JPEGBaseline8Bit, imagecodecs.jpeg8_encode(ramp(), level=98))
    )
    assert far(scan, ramp()) < 0.01
    assert noted(scan, "dicom-samples-contradict", samples=1)


def test_colours_that_are_not_halved_though_the_header_says_so():
    scan = read_scan(dicom(YCC, photometric="YBR_FULL_422"))
    assert far(scan, SKIN) < 0.01
    assert noted(scan, "dicom-not-halved")


def test_partial_range_colours():
    y, b, r = np.moveaxis(YCC.astype(float), -1, 0)
    partial = np.rint(np.stack([16 + y * 219 / 255, 128 + (b - 128) * 224 / 255, 128 + (r - 128) * 224 / 255], -1))
    ds = dataset(partial.astype(np.uint8), photometric="YBR_PARTIAL_422")
    assert far(read_scan(written(ds)), SKIN) < 0.01


@pytest.mark.parametrize("stored", [8, 10])
@pytest.mark.parametrize("kind", [np.uint16, np.int16])
def test_values_that_use_more_bits_than_stated(stored: int, kind: type):
    pixels = ramp(high=4095, dtype=np.int64) - (2048 if kind is np.int16 else 0)
    ds = dataset(pixels.astype(kind))
    ds.BitsStored, ds.HighBit = stored, stored - 1
    scan = read_scan(written(ds))
    np.testing.assert_allclose(scan.pixels, DEEP / 4095, atol=1e-6)
    assert noted(scan, "dicom-bits-contradict", stated=stored, found=12)


def test_drawings_in_spare_bits_stay_out():
    pixels = DEEP.copy()
    pixels[10:20, 10:20] |= 0x8000
    pixels[5:9, 30:50] |= 0x1000
    ds = dataset(pixels, bits_stored=12)
    for at, group in ((15, 0x6000), (12, 0x6002)):
        ds.add_new((group, 0x0010), "US", 40)
        ds.add_new((group, 0x0102), "US", at)
    scan = read_scan(written(ds))
    np.testing.assert_allclose(scan.pixels, DEEP / 4095, atol=1e-6)
    assert noted(scan, "dicom-overlay")
    for group in (0x6000, 0x6002):
        del ds[group, 0x0102], ds[group, 0x0010]
    np.testing.assert_allclose(read_scan(written(ds)).pixels, DEEP / 4095, atol=1e-6)


def test_a_highest_bit_that_lies():
    scan = read_scan(dicom(DEEP, bits_stored=12, HighBit=15, WindowCenter=2048, WindowWidth=4096))
    np.testing.assert_allclose(scan.pixels, DEEP / 4095, atol=1e-3)
    assert noted(scan, "dicom-high-bit-contradicts")


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_colours_use_the_depth_they_have(bits: int):
    values = SKIN.astype(np.uint16) << (bits - 8)
    scan = read_scan(dicom(values))
    assert far(scan, SKIN) < 0.01
    assert noted(scan, "dicom-depth-used", used=bits) == (bits < 16)


SQUARE = [
    {"PixelAspectRatio": [2, 1]},
    {"PixelSpacing": [0.2, 0.1]},
    {"ImagerPixelSpacing": [0.2, 0.1]},
    {"NominalScannedPixelSpacing": [0.2, 0.1]},
    {"PixelAspectRatio": [2, 1], "PixelSpacing": [0, 0]},
]


@pytest.mark.parametrize("elements", SQUARE)
def test_pixels_twice_as_high_as_wide_become_square(elements: dict):
    scan = read_scan(dicom(ramp(), **elements))
    assert scan.size_px == (80, 64)
    assert noted(scan, "made-square", height=80, width=64)
    measured = any("Spacing" in name and 0 not in pair for name, pair in elements.items())
    assert scan.spacing_mm == ((0.1, 0.1) if measured else None)


@pytest.mark.parametrize("unit", [3, 0, 5])
def test_a_region_with_unequal_deltas_becomes_square(unit: int):
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType = 1, 1
    item.RegionLocationMinX0, item.RegionLocationMinY0, item.RegionLocationMaxX1, item.RegionLocationMaxY1 = (
        0,
        0,
        63,
        39,
    )
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = unit
    item.PhysicalDeltaX, item.PhysicalDeltaY = 0.01, -0.02
    scan = read_scan(dicom(ramp(), SequenceOfUltrasoundRegions=[item]))
    assert scan.size_px == (80, 64)
    assert scan.spacing_mm == (pytest.approx((0.1, 0.1)) if unit == 3 else None)


@pytest.mark.parametrize("pair", [[1, 1], [1000, 1001], [0, 1], [1, 200]])
def test_pixels_that_are_nearly_square_or_absurd_stay(pair: list[int]):
    assert read_scan(dicom(ramp(), PixelAspectRatio=pair)).size_px == (40, 64)


_CLASS = "1.2.840.10008.5.1.4.1.1."


@pytest.mark.parametrize(
    ("modality", "uid"),
    [
        ("SR", "88.33"),
        ("SEG", "66.4"),
        ("RTDOSE", "481.2"),
        ("PR", "11.1"),
        ("ECG", "9.1.1"),
        ("KO", "88.59"),
        ("RTSTRUCT", "481.3"),
        ("OT", "104.1"),
        ("DOC", "104.1"),
        ("SEG", "7"),
        ("", "30"),
        ("OT", "66"),
        ("", "66.5"),
    ],
)
@pytest.mark.parametrize("pixels", [True, False])
def test_what_is_no_picture_is_named(modality: str, uid: str, pixels: bool):
    ds = dataset(ramp(), SOPClassUID=_CLASS + uid, Modality=modality)
    if not pixels:
        del ds.PixelData
    with refused(BadScan, "dicom-no-picture") as _:
        read_scan(written(ds))


@pytest.mark.parametrize(
    ("modality", "uid", "kind"),
    [
        ("CT", "2", "CT"),
        ("OT", "2", "CT"),
        ("CT", "7", "CT"),
        ("MR", "4.1", "MR"),
        ("MG", "1.2", "MG"),
        ("PT", "128", "PT"),
        ("US", "6.1", "US"),
        ("US", "3.1", "US"),
        ("", "6.1", "US"),
        ("OT", "7", ""),
        ("XC", "77.1.4", ""),
        ("ES", "77.1.1", ""),
        ("DMS", "77.1.7", ""),
        ("GM", "77.1.2", ""),
        ("SM", "77.1.3", ""),
        ("US", "2", "CT"),
        ("CT", "6.1", "CT"),
    ],
)
def test_what_a_picture_is_said_to_be(modality: str, uid: str, kind: str):
    assert read_scan(dicom(ramp(), SOPClassUID=_CLASS + uid, Modality=modality)).kind == kind


def slide(**elements) -> Dataset:
    """A whole-slide object of one tile that is the whole."""
    more = {"TotalPixelMatrixRows": 64, "TotalPixelMatrixColumns": 96, "ImageType": ["DERIVED", "PRIMARY", "VOLUME"]}
    return dataset(SKIN, SOPClassUID=_CLASS + "77.1.6", Modality="SM", **{**more, **elements})


@pytest.mark.parametrize(
    "elements",
    [
        {"TotalPixelMatrixRows": 640},
        {"TotalPixelMatrixColumns": 97},
        {"ImageType": ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]},
        {"ImageType": ["DERIVED", "PRIMARY", "THUMBNAIL", "RESAMPLED"]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "OVERVIEW", "NONE"]},
    ],
)
def test_a_part_of_a_slide_is_refused_and_the_whole_is_read(elements: dict):
    with refused(BadScan, "dicom-slide"):
        read_scan(written(slide(**elements)))
    assert far(read_scan(written(slide())), SKIN) == pytest.approx(0, abs=1e-6)


def test_tiles_as_frames_are_refused():
    ds = dataset(
        np.stack([SKIN] * 4), SOPClassUID=_CLASS + "77.1.6", Modality="SM", DimensionOrganizationType="TILED_SPARSE"
    )
    with refused(BadScan, "dicom-slide"):
        read_scan(written(ds))


def test_too_many_scans_are_refused_before_they_are_decoded():
    out = io.BytesIO()
    Image.fromarray(np.zeros((64, 96), np.uint8)).save(out, "JPEG", progressive=True)
    stream = out.getvalue()
    at = stream.index(b"\xff\xda")
    many = stream[:at] + stream[at:-2] * 30_000 + stream[-2:]
    ds = dataset(np.zeros((64, 96), np.uint8))
    ds.Rows, ds.Columns = 4000, 6000
    many = many.replace(
        (64).to_bytes(2, "big") + (96).to_bytes(2, "big"), (4000).to_bytes(2, "big") + (6000).to_bytes(2, "big"), 1
    )
    with refused(TooLarge, "too-much-work"):
        read_scan(coded(ds, JPEGBaseline8Bit, many))


def test_too_many_items_are_refused():
    ds = dataset(ramp())
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    ds.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0" * 300_000 + b"\xfe\xff\xdd\xe0\0\0\0\0"
    ds["PixelData"].is_undefined_length = True
    ds["PixelData"].VR = "OB"
    with refused(TooLarge, "dicom-too-many-parts"):
        read_scan(written(ds))


@pytest.mark.parametrize("kind", [b"OR", b"SQ", b"On", b"US", b"LO"])
def test_pixel_data_of_another_kind_is_damage(kind: bytes):
    data = written(dataset(ramp())).replace(b"\xe0\x7f\x10\x00OB", b"\xe0\x7f\x10\x00" + kind, 1)
    with pytest.raises(BadScan):
        read_scan(data)


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("said", [None, 7])
def test_colours_of_an_unsaid_arrangement_are_read_the_smooth_way_and_told(planar: int, said: int | None):
    """Mutant 15847 of the fuzz: the tag of the planar configuration changed. pydicom refuses such a file."""
    ds = dataset(COLOUR, photometric="RGB")
    ds.PixelData = (np.moveaxis(COLOUR, -1, 0) if planar else COLOUR).tobytes()
    del ds.PlanarConfiguration
    if said is not None:
        ds.PlanarConfiguration = said
    scan = read_scan(written(ds))
    assert f"imaging.dicom-{'planes' if planar else 'pixels'}-unsaid" in {note.code for note in scan.notes}
    assert np.abs(scan.pixels - COLOUR / 255).max() < 1e-6


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("picture", [SKIN, np.repeat(ramp()[..., None], 3, -1)], ids=["colour", "grey"])
def test_colours_arranged_otherwise_than_said_are_read_as_they_are_and_told(picture: np.ndarray, planar: int):
    """Where the arrangement is plain; noise, of which any is as good as another, stays as said."""
    ds = dataset(picture, photometric="RGB")
    ds.PixelData = (np.moveaxis(picture, -1, 0) if planar else picture).tobytes()
    ds.PlanarConfiguration = planar
    right = read_scan(written(ds))
    assert not any("contradict" in note.code for note in right.notes)
    ds.PlanarConfiguration = 1 - planar
    scan = read_scan(written(ds))
    assert f"imaging.dicom-{'planes' if planar else 'pixels'}-contradict" in {note.code for note in scan.notes}
    assert np.array_equal(scan.pixels, right.pixels)


def _without_odd_lines(picture: np.ndarray) -> np.ndarray:
    return picture * (np.arange(len(picture)) % 2 == 0)[:, None, None].astype(np.uint8)


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize(
    "picture",
    [
        np.full((30, 30, 3), (200, 100, 50), np.uint8),
        np.concatenate([SKIN] * 3),
        SKIN[: len(SKIN) // 3 * 3 : 3, ::3].repeat(3, 0).repeat(3, 1),
        _without_odd_lines(SKIN),
        np.array([(166, 141, 52), (63, 87, 176), (158, 158, 158)], np.uint8)[:, None].repeat(3, 1),
    ],
    ids=["one colour", "three times", "three times as large", "a field", "3 x 3"],
)
def test_colours_that_another_arrangement_would_make_grey_or_even_stay_as_said(picture: np.ndarray, planar: int):
    ds = dataset(picture, photometric="RGB")
    ds.PixelData = (np.moveaxis(picture, -1, 0) if planar else picture).tobytes()
    ds.PlanarConfiguration = planar
    scan = read_scan(written(ds))
    assert not any("contradict" in note.code for note in scan.notes)
    assert np.abs(scan.pixels - picture / 255).max() < 1e-6


@pytest.mark.parametrize(
    ("keyword", "code"),
    [
        ("PhotometricInterpretation", "grey-unsaid"),
        ("BitsStored", "bits-unsaid"),
        ("PixelRepresentation", "sign-unsaid"),
        ("SamplesPerPixel", "samples-unsaid"),
    ],
)
def test_what_a_header_must_say_and_does_not_is_told(keyword: str, code: str):
    """Mutants 13973 and 16365 of the fuzz with seed 19. pydicom refuses such files."""
    ds = dataset(ramp())
    assert not noted(read_scan(written(ds)), f"dicom-{code}")
    delattr(ds, keyword)
    scan = read_scan(written(ds))
    assert noted(scan, f"dicom-{code}")
    assert far(scan, ramp()) < 0.01


@pytest.mark.parametrize("planar", [0, 1])
def test_noise_is_arranged_as_said(planar: int):
    noise = np.random.default_rng(0).integers(0, 256, (40, 64, 3), np.uint8)
    scan = read_scan(written(dataset(noise, photometric="RGB", PlanarConfiguration=planar)))
    assert not any("contradict" in note.code for note in scan.notes)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (imagecodecs.png_encode(SKIN), "PNG"),
        (imagecodecs.webp_encode(SKIN), "WebP"),
        (imagecodecs.jpegxl_encode(SKIN), "JPEG XL"),
        (imagecodecs.jpegxr_encode(SKIN), "JPEG XR"),
        (b"\0\0\1\xb3" + bytes(200), "MPEG"),
        (b"\0\0\0\x18ftypmp42" + bytes(200), "MP4 / HEIF"),
    ],
)
def test_a_stream_of_another_kind_than_dicom_s_is_named(data: bytes, name: str):
    with pytest.raises(BadScan) as caught:
        read_scan(coded(dataset(SKIN), JPEGBaseline8Bit, data))
    assert (caught.value.code, caught.value.params["found"]) == ("imaging.dicom-syntax-not-read", name)


def test_a_sign_that_is_not_said_is_told():
    ds = dataset(ramp(high=4095, dtype=np.uint16), bits_stored=12)
    del ds.PixelRepresentation
    assert "imaging.dicom-sign-unsaid" in {note.code for note in read_scan(written(ds)).notes}
