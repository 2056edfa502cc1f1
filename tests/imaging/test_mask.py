"""Lesion masks in the values, modes and formats that programs write."""

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medcls.core.note import Note
from medcls.core.scan import Scan
from medcls.errors import BadScan
from medcls.imaging.decode import read_scan
from medcls.imaging.mask import read_mask
from tests.imaging.dicom_files import dicom
from tests.imaging.test_decode import encode

LESION = np.zeros((24, 32), bool)
LESION[5:15, 8:20] = True
SCAN = Scan(np.zeros((24, 32), np.float32), "0" * 64)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
@pytest.mark.parametrize("values", [(0, 1), (0, 2), (0, 255), (1, 255), (128, 255), (1, 2), (254, 255), (0, 128)])
def test_two_values_are_a_mask_whichever_they_are(values, kind):
    mask = encode(np.where(LESION, values[1], values[0]).astype(np.uint8), kind)
    assert np.array_equal(read_mask(mask, SCAN), LESION)


@pytest.mark.parametrize("values", [(0, 1), (0, 255), (0, 65535), (1000, 1001)])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_two_values_of_sixteen_bits(values, kind):
    assert np.array_equal(read_mask(encode(np.where(LESION, *values[::-1]).astype(np.uint16), kind), SCAN), LESION)


def test_one_bit_and_real_values():
    assert np.array_equal(read_mask(encode(Image.fromarray(LESION)), SCAN), LESION)
    assert np.array_equal(read_mask(encode(LESION.astype(np.float32), "TIFF"), SCAN), LESION)


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 128, 0), (0, 0, 1)])
def test_palettes_and_colours(colour):
    index = Image.fromarray(LESION.astype(np.uint8), "P")
    index.putpalette([0, 0, 0, *colour])
    for picture in (index, index.convert("RGB")):
        assert np.array_equal(read_mask(encode(picture), SCAN), LESION)


@pytest.mark.parametrize("opacity", [1, 128, 255])
@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (200, 30, 30)])
def test_a_mask_in_the_alpha_channel(colour, opacity):
    alpha = np.where(LESION, opacity, 0).astype(np.uint8)
    everywhere = np.dstack([np.full((24, 32, 3), colour, np.uint8), alpha])
    assert np.array_equal(read_mask(encode(everywhere), SCAN), LESION)


def test_a_mask_saved_as_jpeg():
    assert np.array_equal(read_mask(encode((LESION * 255).astype(np.uint8), "JPEG", quality=90), SCAN), LESION)


def test_a_mask_drawn_on_the_picture_before_its_pixels_were_made_square():
    square = Scan(
        np.zeros((24, 64), np.float32),
        "0" * 64,
        notes=(Note("imaging.made-square", ratio=2, height=24, width=64, stored_height=24, stored_width=32),),
    )
    assert np.array_equal(read_mask(encode(LESION.astype(np.uint8)), square), LESION.repeat(2, 1))


@pytest.mark.parametrize("value", [0, 1, 255])
def test_one_value_marks_nothing(value):
    with pytest.raises(BadScan) as caught:
        read_mask(encode(np.full((24, 32), value, np.uint8)), SCAN)
    assert caught.value.code == "imaging.mask-empty"


def test_another_size_is_refused():
    with pytest.raises(BadScan) as caught:
        read_mask(encode(LESION[:20].astype(np.uint8)), SCAN)
    assert caught.value.code == "imaging.mask-size"
    assert caught.value.params["height"] == 20


def test_a_mask_drawn_on_a_frame_that_is_cut_to_its_region_and_made_square():
    region = Dataset()
    for name, value in (
        ("RegionSpatialFormat", 1),
        ("RegionDataType", 1),
        ("RegionFlags", 0),
        ("PhysicalUnitsXDirection", 3),
        ("PhysicalUnitsYDirection", 3),
        ("PhysicalDeltaX", 0.02),
        ("PhysicalDeltaY", 0.01),
        ("RegionLocationMinX0", 8),
        ("RegionLocationMinY0", 4),
        ("RegionLocationMaxX1", 39),
        ("RegionLocationMaxY1", 27),
    ):
        setattr(region, name, value)
    frame = np.zeros((40, 64), np.uint8)
    frame[4:28, 8:40] = np.where(LESION, 200, 50)
    scan = read_scan(dicom(frame, SequenceOfUltrasoundRegions=Sequence([region])))
    assert scan.size_px == (24, 64)
    whole = np.zeros(frame.shape, np.uint8)
    whole[4:28, 8:40] = LESION
    for drawn in (whole, LESION.astype(np.uint8), LESION.repeat(2, 1).astype(np.uint8)):
        assert np.array_equal(read_mask(encode(drawn), scan), LESION.repeat(2, 1)), drawn.shape


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_mask_drawn_on_a_picture_as_stored_is_turned_with_it(orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    scan = read_scan(encode(np.where(LESION, 250, 5).astype(np.uint8), exif=exif))
    assert scan.size_px == (32, 24)
    assert np.array_equal(read_mask(encode(LESION.astype(np.uint8)), scan), scan.pixels > 0.5)
