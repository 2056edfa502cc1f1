"""Hairs are found and painted over; what a lesion consists of stays."""

import cv2
import numpy as np
import pytest

from medcls.core.scan import Scan
from medcls.imaging.cleaning import paint_found
from medcls.imaging.decode import read_scan
from medcls.imaging.hair import find_hair
from medcls.imaging.painted import show_painted
from medcls.imaging.phantom import phantom_scan
from medcls.imaging.prepare import painted_over
from medcls.imaging.shifts import shift_pixels

SKIN = (0.8, 0.6, 0.5)


def lesion(seed: int, side_px: int = 256) -> np.ndarray:
    """A blotch with a fading edge on skin, both with grain, (S, S, 3) float32."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((side_px, side_px)) / side_px - 0.5
    deep = 1 / (1 + np.exp((np.hypot(rows, 1.3 * columns) - 0.22) * 40))
    grain = cv2.GaussianBlur(rng.normal(0, 0.05, (side_px, side_px)), (0, 0), 1.5)
    return np.clip(np.array(SKIN) * (1 - 0.6 * deep[..., None]) + grain[..., None], 0, 1).astype(np.float32)


def luma(pixels: np.ndarray) -> np.ndarray:
    return np.rint(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) * 255).astype(np.uint8)


@pytest.mark.parametrize("strength", [1 / 3, 1.0])
@pytest.mark.parametrize("side_px", [150, 256, 900])
def test_most_of_drawn_hair_goes_and_little_else(strength: float, side_px: int) -> None:
    gone, apart = [], []
    for seed in range(4):
        plain = lesion(seed, side_px)
        hairy = shift_pixels(plain, "hair", strength, seed)
        drawn = np.abs(hairy - plain).max(axis=2) > 0.15
        mask = find_hair(luma(hairy))
        gone.append(mask[drawn].mean())
        apart.append(mask[~cv2.dilate(drawn.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)].mean())
    assert np.mean(gone) > 0.7
    assert np.mean(apart) < 0.02


def test_a_picture_of_few_pixels_stays_as_it_is() -> None:
    """At half of 200 x 150 px streaks of a lesion are as thin as hairs, and were taken out with it."""
    hairy = shift_pixels(lesion(0, 110), "hair", 1.0, 1)
    assert not find_hair(luma(hairy)).any()


def test_what_is_painted_looks_like_what_lies_beside_it() -> None:
    plain = lesion(0)
    hairy = shift_pixels(plain, "hair", 1.0, 1)
    drawn = np.abs(hairy - plain).max(axis=2) > 0.15
    cleaned, corner = paint_found(hairy, find_hair)
    assert corner == (0, 0)
    assert np.abs(cleaned - plain)[drawn].mean() < 0.4 * np.abs(hairy - plain)[drawn].mean()


@pytest.mark.parametrize("seed", range(4))
def test_a_lesion_without_hair_stays_to_the_bit(seed: int) -> None:
    plain = lesion(seed)
    assert np.array_equal(paint_found(plain, find_hair)[0], plain)


def test_a_pigment_network_is_no_hair() -> None:
    plain = lesion(0)
    for at in range(0, 256, 13):  # meshes with gaps: no line runs on for long
        for gap in range(at % 26, 256, 26):
            plain[at : at + 2, gap : gap + 13] *= 0.8
            plain[gap : gap + 13, at : at + 2] *= 0.8
    assert find_hair(luma(plain)).mean() < 0.01


@pytest.mark.parametrize(
    "grey", [np.full((20, 20), 9, np.uint8), np.tile([[0, 0, 0, 200]], (256, 64)).astype(np.uint8)]
)
def test_too_small_or_striped_all_over_stays_as_it_is(grey: np.ndarray) -> None:
    assert not find_hair(grey).any()


def test_what_was_painted_over_is_shown_in_colour() -> None:
    plain = phantom_scan("skin-melanoma", "melanoma", 3)
    hairy = Scan(shift_pixels(plain.pixels, "hair", 1.0, 2), "1" * 64)
    found = show_painted(hairy, "hair-removal")
    assert found is not None
    marked, without = read_scan(found.marked).pixels, read_scan(found.without).pixels
    mask = painted_over(hairy, "hair-removal")
    assert found.share == pytest.approx(mask.mean())
    assert without.shape == marked.shape == hairy.pixels.shape
    assert (marked[mask][:, 2] > marked[mask][:, 0]).mean() > 0.95, "blue, where the skin is red"
    assert np.allclose(without[~mask], hairy.pixels[~mask], atol=1 / 255)
