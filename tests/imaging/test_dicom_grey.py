"""How grey DICOM values are shown when padding, windows, tables and polarity are written in every way that files have."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medcls.imaging.decode import read_scan
from tests.imaging.dicom_files import DEEP, dataset, dicom, ramp, written
from tests.imaging.test_dicom import noted


def with_raw(ds: Dataset, keyword: str, vr: str, value) -> Dataset:
    """Set an element under a VR of its own choice."""
    ds.add_new(keyword, vr, value)
    return ds


@pytest.mark.parametrize(("vr", "pad"), [("SS", -2000), ("US", 63536)])
@pytest.mark.parametrize("limit", [None, -1900])
def test_padding_of_signed_values_however_it_is_written(vr: str, pad: int, limit: int | None):
    pixels = ramp(high=1000, dtype=np.int16) - 500
    pixels[:5] = -2000
    pixels[5] = -1950 if limit else -500
    ds = with_raw(dataset(pixels), "PixelPaddingValue", vr, pad)
    if limit:
        with_raw(ds, "PixelPaddingRangeLimit", vr, limit if vr == "SS" else limit + 65536)
    scan = read_scan(written(ds))
    assert noted(scan, "dicom-padding-black")
    assert noted(scan, "dicom-stretched", low=float(pixels[6 if limit else 5].min()))
    assert not scan.pixels[:5].any()


@pytest.mark.parametrize(("low", "high"), [(4000, 4095), (4095, 4000), (4095, None)])
def test_a_range_of_padding_is_black_in_either_order(low: int, high: int | None):
    pixels = np.minimum(DEEP, 3000)
    pixels[:4] = 4095
    more = {} if high is None else {"PixelPaddingRangeLimit": high}
    scan = read_scan(dicom(pixels, bits_stored=12, PixelPaddingValue=low, **more))
    assert not scan.pixels[:4].any()
    assert scan.pixels[4:].max() == 1


WINDOWS = [
    (["0", "1024"], ["0", "2048"]),
    (["40", "1024"], ["-3", "2048"]),
    (["x", "1024"], ["2048", "2048"]),
    (["60000", "1024"], ["5", "2048"]),
    (["1024,0"], ["2048,0"]),
    (["", "1024"], ["", "2048"]),
    (["NaN", "1024", "9"], ["2048", "2048", "9"]),
]


@pytest.mark.parametrize(("centers", "widths"), WINDOWS)
@pytest.mark.parametrize("where", ["file", "shared", "frame"])
def test_the_first_window_that_can_be_used(centers: list[str], widths: list[str], where: str):
    ds = dataset(DEEP, bits_stored=12)
    holder = ds
    if where != "file":
        holder, group = Dataset(), Dataset()
        group.FrameVOILUTSequence = [holder]
        name = "SharedFunctionalGroupsSequence" if where == "shared" else "PerFrameFunctionalGroupsSequence"
        setattr(ds, name, [group])
    with pydicom.config.disable_value_validation():
        holder.add_new("WindowCenter", "LO", centers)
        holder.add_new("WindowWidth", "LO", widths)
        scan = read_scan(written(ds))
    np.testing.assert_allclose(scan.pixels, np.clip((DEEP - 1023.5) / 2047 + 0.5, 0, 1), atol=1e-6)
    assert noted(scan, "dicom-window-not-first", n=2) == (len(centers) > 1)


def test_a_frame_s_useless_window_gives_way_to_the_file_s():
    window, group = Dataset(), Dataset()
    window.WindowCenter, window.WindowWidth = 0, 0
    group.FrameVOILUTSequence = [window]
    ds = dataset(DEEP, bits_stored=12, WindowCenter=1024, WindowWidth=2048, SharedFunctionalGroupsSequence=[group])
    np.testing.assert_allclose(read_scan(written(ds)).pixels, np.clip((DEEP - 1023.5) / 2047 + 0.5, 0, 1), atol=1e-6)


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted", "contradicts"),
    [
        ("MONOCHROME2", "INVERSE", True, True),
        ("MONOCHROME1", "INVERSE", True, False),
        ("MONOCHROME1", "IDENTITY", False, True),
        ("MONOCHROME2", "IDENTITY", False, False),
        ("MONOCHROME1", "", True, False),
    ],
)
@pytest.mark.parametrize("bits", [8, 12])
def test_which_end_is_white(photometric: str, shape: str, inverted: bool, contradicts: bool, bits: int):
    pixels = ramp() if bits == 8 else DEEP
    scan = read_scan(dicom(pixels, bits_stored=bits, photometric=photometric, PresentationLUTShape=shape))
    share = pixels / (2**bits - 1)
    np.testing.assert_allclose(scan.pixels, 1 - share if inverted else share, atol=1e-6)
    assert noted(scan, "dicom-shape-contradicts") == contradicts


def table(entries: np.ndarray, first: int, bits: int, vr: str = "US") -> Dataset:
    """One lookup table."""
    item = Dataset()
    item.add_new("LUTDescriptor", vr, [len(entries) % 65536, first, bits])
    item.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    return item


@pytest.mark.parametrize(("stated", "top"), [(16, 4095), (16, 255), (12, 65535), (8, 4095), (16, 1023), (12, 4095)])
def test_a_table_is_as_deep_as_its_entries(stated: int, top: int):
    entries = np.rint(np.arange(4096) / 4095 * top)
    scan = read_scan(dicom(DEEP, bits_stored=12, VOILUTSequence=[table(entries, 0, stated)]))
    assert np.abs(scan.pixels - DEEP / 4095).max() < 0.003
    assert noted(scan, "dicom-table-depth") == (2**stated - 1 != top)


@pytest.mark.parametrize(("first", "vr"), [(-1000, "SS"), (64536, "US")])
@pytest.mark.parametrize("which", ["VOILUTSequence", "ModalityLUTSequence"])
def test_a_table_s_first_value_however_it_is_written(first: int, vr: str, which: str):
    pixels = ramp(high=2000, dtype=np.int16) - 1000
    entries = np.rint(np.arange(2001) / 2000 * 65535)
    ds = dataset(pixels, WindowCenter=32768, WindowWidth=65536)
    item = table(entries, first if vr == "US" else 0, 16, vr)
    if vr == "SS":
        item["LUTDescriptor"].value = [2001, first, 16]
    setattr(ds, which, Sequence([item]))
    scan = read_scan(written(ds))
    np.testing.assert_allclose(scan.pixels, (pixels + 1000) / 2000, atol=1e-3)


def test_the_first_table_of_several_that_can_be_used():
    bad = table(np.arange(10), 0, 16)
    bad.LUTDescriptor = [4096, 0, 16]
    items = [bad, table(np.arange(4096) * 16, 0, 16)]
    assert np.abs(read_scan(dicom(DEEP, bits_stored=12, VOILUTSequence=items)).pixels - DEEP / 4095).max() < 0.01


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_presentation_table_is_looked_up_after_the_window(photometric, bits):
    """Its entries are brightness as seen: nothing is inverted after it."""
    item = Dataset()
    top = 2**bits - 1
    curve = np.round(np.linspace(0, 1, 256) ** 2 * top)
    item.LUTDescriptor, item.LUTData = [256, 0, bits], curve.astype("<u2").tobytes()
    item["LUTDescriptor"].VR, item["LUTData"].VR = "US", "OW"
    ramp8 = np.tile(np.arange(256, dtype=np.uint8), (8, 1))
    scan = read_scan(dicom(ramp8, photometric=photometric, PresentationLUTSequence=[item]))
    assert "imaging.dicom-presentation-table" in [note.code for note in scan.notes]
    assert np.abs(scan.pixels[0] - np.linspace(0, 1, 256) ** 2).max() < 0.003
    item.LUTData = bytes(512)
    flat = read_scan(dicom(ramp8, PresentationLUTSequence=[item]))
    assert "imaging.dicom-table-shows-nothing" in [note.code for note in flat.notes]
    assert np.ptp(flat.pixels) == 1
