"""A DICOM file as it came, for others: all of its picture leaves, so all of it is looked at."""

import io
from collections.abc import Callable
from itertools import count

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medcls.errors import MedclsError
from medcls.exits import leave
from medcls.exits.subjects import Received
from medcls.imaging.burned_in import find_text
from medcls.imaging.decode import read_scan
from tests.exits.test_markers import marked_dicom


def named_above(grey: int) -> pydicom.Dataset:
    """An ultrasound file with a name in white, on a grey, above the picture."""
    ds = pydicom.dcmread(io.BytesIO(marked_dicom(count(1))))
    pixels = np.full((300, 400), grey, np.uint8)
    pixels[80:] = 10
    picture = Image.fromarray(pixels)
    ImageDraw.Draw(picture).text((12, 14), "KIM MINSU 1971", font=ImageFont.load_default(20), fill=255)
    ds.Rows, ds.Columns, ds.PixelData = 300, 400, picture.tobytes()
    del ds.SequenceOfUltrasoundRegions
    return ds


def saved(ds: pydicom.Dataset) -> bytes:
    out = io.BytesIO()
    ds.save_as(out)
    return out.getvalue()


def region(top: int, height: int, width: int) -> Dataset:
    """A B-mode region as wide as the picture."""
    one = Dataset()
    one.RegionSpatialFormat = one.RegionDataType = 1
    one.RegionLocationMinX0, one.RegionLocationMinY0 = 0, top
    one.RegionLocationMaxX1, one.RegionLocationMaxY1 = width - 1, height - 1
    return one


def with_region() -> pydicom.Dataset:
    ds = named_above(40)
    ds.SequenceOfUltrasoundRegions = Sequence([region(80, 300, 400)])
    return ds


def with_window() -> pydicom.Dataset:
    ds = named_above(40)
    ds.WindowCenter, ds.WindowWidth = "20", "30"
    return ds


def with_padding() -> pydicom.Dataset:
    ds = named_above(0)
    ds.add_new("PixelPaddingValue", "US", 41)
    ds.add_new("PixelPaddingRangeLimit", "US", 255)
    return ds


@pytest.mark.parametrize("hidden", [with_region, with_window, with_padding])
def test_a_name_that_is_hidden_where_the_file_is_read_keeps_it_here(hidden: Callable[[], pydicom.Dataset]) -> None:
    ds = hidden()
    data = saved(ds)
    assert not find_text(read_scan(data).pixels), "else this test shows nothing"
    with pytest.raises(MedclsError) as refused:
        leave("received", Received("1", data), "others")
    assert refused.value.code == "exits.burned-in-file"


def test_a_file_whose_header_tells_of_text_stays() -> None:
    ds = pydicom.dcmread(io.BytesIO(marked_dicom(count(1))))
    ds.BurnedInAnnotation = "YES"
    with pytest.raises(MedclsError) as refused:
        leave("received", Received("1", saved(ds)), "others")
    assert refused.value.code == "exits.burned-in-declared"
