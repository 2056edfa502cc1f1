"""A scan placed on a network's square, and values carried back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medcls.core.scan import Preprocess, Scan
from medcls.imaging.prepare import normalise, place, prepare, unplace


def scan_of(pixels: np.ndarray) -> Scan:
    return Scan(np.asarray(pixels, np.float32), "0" * 64)


def dot(height: int, width: int, y: int, x: int) -> Scan:
    pixels = np.zeros((height, width), np.float32)
    pixels[max(0, y - 4) : y + 5, max(0, x - 4) : x + 5] = 1
    return scan_of(pixels)


def test_pad_by_hand():
    """Twice as wide as high: full width, half the height in the middle, black above and below."""
    placed = place(scan_of(np.ones((32, 64))), Preprocess(size_px=64))
    assert placed.box.inside == (16, 0, 32, 64)
    assert placed.pixels.shape == (64, 64, 3)
    assert (placed.pixels[16:48] == 255).all()
    assert not placed.pixels[:16].any()
    assert not placed.pixels[48:].any()


def test_crop_and_stretch_by_hand():
    pixels = np.zeros((32, 96), np.float32)
    pixels[:, 32:64] = 1
    cropped = place(scan_of(pixels), Preprocess(size_px=32, fit="crop"))
    assert (cropped.pixels == 255).all()
    assert cropped.box.source == (0, 32, 32, 32)
    stretched = place(scan_of(pixels), Preprocess(size_px=96, fit="stretch"))
    assert (stretched.pixels[:, 32:64] == 255).all()
    assert not stretched.pixels[:, :31].any()


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "nearest"])
def test_shrinking_is_antialiased(interpolation):
    """A fine checkerboard becomes grey, not stripes."""
    board = np.indices((512, 512)).sum(0) % 2
    pixels = place(scan_of(board), Preprocess(size_px=64, interpolation=interpolation)).pixels
    assert abs(pixels[4:-4, 4:-4].astype(int) - 127).max() <= 2


def test_nearest_makes_no_new_values_when_enlarging():
    pixels = place(scan_of([[0, 1], [1, 0]]), Preprocess(size_px=32, interpolation="nearest")).pixels
    assert set(np.unique(pixels)) == {0, 255}


def test_colour_becomes_luma_for_one_channel():
    pixels = np.zeros((8, 8, 3), np.float32)
    pixels[..., 1] = 1
    placed = place(scan_of(pixels), Preprocess(size_px=32, channels=1, mean=(0.5,), std=(0.5,)))
    assert set(np.unique(placed.pixels)) == {150}  # 0.587 * 255


def test_normalise_by_hand_and_in_batches():
    preprocess = Preprocess(size_px=32, mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 1.0))
    pixels = np.full((2, 32, 32, 3), 255, np.uint8)
    out = normalise(pixels, preprocess)
    assert out.shape == (2, 3, 32, 32)
    assert out.dtype == np.float32
    assert out.flags.c_contiguous
    np.testing.assert_allclose(out[0, :, 0, 0], [1, 3, 1], rtol=1e-6)
    assert np.array_equal(normalise(pixels[0], preprocess), out[0])
    with pytest.raises(ValueError, match="uint8"):
        normalise(pixels[..., :1], preprocess)


def test_prepare_is_place_then_normalise():
    scan, preprocess = dot(40, 60, 20, 30), Preprocess(size_px=48)
    assert np.array_equal(prepare(scan, preprocess), normalise(place(scan, preprocess).pixels, preprocess))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(60, 400),
    st.integers(60, 400),
    st.sampled_from([32, 64, 224]),
    st.sampled_from(["pad", "stretch", "crop"]),
    st.booleans(),
    st.data(),
)
def test_a_spot_comes_back_within_a_pixel(height, width, size_px, fit, coarse, data):
    """What the network sees at a place, unplaced, lies at that place of the scan."""
    short = min(height, width)
    y = height // 2 + data.draw(st.integers(-short // 2 + 20, short // 2 - 20))
    x = width // 2 + data.draw(st.integers(-short // 2 + 20, short // 2 - 20))
    placed = place(dot(height, width, y, x), Preprocess(size_px=size_px, fit=fit))
    back = np.nan_to_num(unplace(placed.pixels[..., 0] / 255.0, placed.box, (height, width)))
    rows, columns = np.indices(back.shape)
    found = (rows * back).sum() / back.sum(), (columns * back).sum() / back.sum()
    assert abs(found[0] - y) < 1
    assert abs(found[1] - x) < 1


def test_unplace_marks_what_was_not_seen():
    placed = place(scan_of(np.ones((32, 96))), Preprocess(size_px=32, fit="crop"))
    back = unplace(np.ones((7, 7)), placed.box, (32, 96))
    assert np.isnan(back[:, :32]).all()
    assert np.isnan(back[:, 64:]).all()
    assert (back[:, 32:64] == 1).all()
    assert back.dtype == np.float32


def test_cleaning_keeps_places():
    """A contour crop on a scan that is shrunk for cleaning: the spot still comes back to its place."""
    pixels = np.zeros((1500, 2400), np.float32)
    pixels[300:1200, 400:2000] = 0.5
    pixels[780:820, 980:1020] = 1
    placed = place(scan_of(pixels), Preprocess(cleaning=("contour-crop",)))
    top, left, height, width = placed.box.source
    assert abs(top - 300) < 20
    assert abs(left - 400) < 20
    assert height < 960
    assert width < 1660
    back = np.nan_to_num(unplace((placed.pixels[..., 0] > 200).astype(np.float32), placed.box, (1500, 2400)))
    rows, columns = np.nonzero(back > 0.5)
    assert abs(rows.mean() - 799.5) < 4  # one pixel of the network's is seven of the scan's
    assert abs(columns.mean() - 999.5) < 4


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (10_000, 1), (50, 50)])
@pytest.mark.parametrize("fit", ["pad", "stretch", "crop"])
@pytest.mark.parametrize("cleaning", [(), ("bilateral", "contour-crop", "hair-removal", "clahe")])
def test_any_shape_can_be_placed(size, fit, cleaning):
    rng = np.random.default_rng(0)
    for pixels in (rng.random(size), rng.random((*size, 3)), np.zeros(size), np.ones((*size, 3))):
        placed = place(scan_of(pixels), Preprocess(fit=fit, cleaning=cleaning))
        assert placed.pixels.shape == (224, 224, 3)
        assert np.isfinite(unplace(np.ones((7, 7)), placed.box, size)).any()
