"""Cleaning steps: each does what it says, on shapes where the answer is known."""

import numpy as np
import pytest

from medcls.core.scan import CLEANING
from medcls.imaging.cleaning import CLEANERS, clean, crop_to_contour, equalise_locally, smooth_bilateral
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom


def test_the_table_holds_every_name_a_card_may_use():
    assert tuple(CLEANERS) == CLEANING


@pytest.mark.parametrize("name", CLEANING)
@pytest.mark.parametrize("colour", [False, True])
def test_every_step_gives_display_values_and_leaves_its_input(name, colour):
    scan = read_scan(phantom("skin-melanoma" if colour else "breast-ultrasound", "melanoma" if colour else "benign", 2))
    before = scan.pixels.copy()
    pixels, (top, left) = CLEANERS[name](scan.pixels)
    assert pixels.dtype == np.float32
    assert pixels.ndim == scan.pixels.ndim
    assert pixels.min() >= 0
    assert pixels.max() <= 1
    assert top + pixels.shape[0] <= before.shape[0]
    assert left + pixels.shape[1] <= before.shape[1]
    assert np.array_equal(scan.pixels, before)
    assert np.array_equal(CLEANERS[name](scan.pixels)[0], pixels)


def test_bilateral_smooths_noise_and_keeps_an_edge():
    rng = np.random.default_rng(0)
    step = np.where(np.arange(64) < 32, 0.2, 0.8).astype(np.float32) * np.ones((64, 1), np.float32)
    noisy = np.clip(step + 0.03 * rng.standard_normal(step.shape), 0, 1).astype(np.float32)
    smooth, _ = smooth_bilateral(noisy)
    assert smooth[:, :28].std() < noisy[:, :28].std() / 2
    assert smooth[:, 32].mean() - smooth[:, 31].mean() > 0.5


def test_contour_crop_by_hand():
    pixels = np.zeros((200, 300), np.float32)
    pixels[30:170, 60:240] = 0.6
    pixels[5:15, 5:30] = 1  # a label in the corner
    cropped, (top, left) = crop_to_contour(pixels)
    assert abs(top - 30) <= 3
    assert abs(left - 60) <= 3
    assert abs(cropped.shape[0] - 140) <= 6
    assert abs(cropped.shape[1] - 180) <= 6


@pytest.mark.parametrize("pixels", [np.zeros((50, 50)), np.ones((50, 50)), np.eye(50)], ids=["black", "white", "thin"])
def test_contour_crop_keeps_what_has_no_clear_contour(pixels):
    cropped, corner = crop_to_contour(pixels.astype(np.float32))
    assert cropped.shape[0] >= 45
    assert max(corner) <= 2


def test_clahe_raises_local_contrast_and_keeps_hue():
    rng = np.random.default_rng(0)
    flat = (0.5 + 0.02 * rng.standard_normal((128, 128))).astype(np.float32)
    assert equalise_locally(flat)[0].std() > 1.5 * flat.std()
    red = np.dstack([flat, flat * 0.3, flat * 0.3])
    out, _ = equalise_locally(red)
    assert out[..., 0].mean() > out[..., 1].mean() + 0.2


def test_steps_add_up_their_corners():
    pixels = np.zeros((200, 300), np.float32)
    pixels[30:170, 60:240] = 0.6
    once, corner = clean(pixels, ("contour-crop",))
    twice, corners = clean(pixels, ("contour-crop", "bilateral", "contour-crop"))
    assert corners[0] >= corner[0]
    assert twice.shape[0] <= once.shape[0]
    assert np.allclose(
        pixels[corners[0] : corners[0] + twice.shape[0], corners[1] : corners[1] + twice.shape[1]].shape, twice.shape
    )
