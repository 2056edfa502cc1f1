"""Shifts: seeded, alike for every label, of the right shape, and stronger when asked to be."""

import numpy as np
import pytest

from medcls.core.shifts import KINDS, SHIFTS, STRENGTHS, shifts_for
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.imaging.shifts import Mixture, draw_shifted, shift_pixels, shift_scan

RESIZING = {"crop", "aspect", "linear-frame", "border", "resolution"}
COLOUR_ONLY = set(KINDS["colour"]) - {"tint"}
# What moves the whole grid, or blanks a part chosen by the strength, is judged by its size instead.
JUDGED_BY_SIZE = {"crop", "linear-frame", "border", "aspect", "resolution"}


def scan_of(colour: bool) -> np.ndarray:
    name, label = ("skin-melanoma", "melanoma") if colour else ("breast-ultrasound", "benign")
    return np.asarray(read_scan(phantom(name, label, 3, (150, 200))).pixels)


@pytest.mark.parametrize("name", SHIFTS)
@pytest.mark.parametrize("colour", [False, True])
def test_a_seed_gives_the_same_picture_of_the_same_kind(name: str, colour: bool) -> None:
    pixels = scan_of(colour)
    before = pixels.copy()
    changed = shift_pixels(pixels, name, 0.7, 5)
    assert np.array_equal(pixels, before)
    assert np.array_equal(changed, shift_pixels(pixels, name, 0.7, 5))
    assert changed.dtype == np.float32
    assert 0 <= changed.min() <= changed.max() <= 1
    assert changed.ndim == (3 if name == "tint" else pixels.ndim)
    assert name in RESIZING or changed.shape[:2] == pixels.shape[:2]
    assert not (changed.shape == pixels.shape and np.array_equal(changed, pixels)) or (
        not colour and name in COLOUR_ONLY
    )


@pytest.mark.parametrize("name", SHIFTS)
def test_bytes_stay_bytes(name: str) -> None:
    eight = np.rint(scan_of(True) * 255).astype(np.uint8)
    assert shift_pixels(eight, name, 1.0, 1).dtype == np.uint8


@pytest.mark.parametrize("name", sorted(set(SHIFTS) - JUDGED_BY_SIZE))
def test_a_stronger_shift_changes_more(name: str) -> None:
    pixels = scan_of(True)
    change = [
        np.mean([np.abs(shift_pixels(pixels, name, strength, seed) - pixels).mean() for seed in range(12)])
        for strength in STRENGTHS.values()
    ]
    assert change[0] < change[-1]
    assert change[1] <= change[-1] * 1.1


@pytest.mark.parametrize("name", sorted(JUDGED_BY_SIZE))
def test_a_stronger_change_of_size_is_larger(name: str) -> None:
    pixels = scan_of(False)
    off = [
        np.mean(
            [
                abs(np.log(np.divide(shift_pixels(pixels, name, s, seed).shape, pixels.shape))).sum()
                for seed in range(12)
            ]
        )
        for s in STRENGTHS.values()
    ]
    assert off[0] < off[1] < off[2]


@pytest.mark.parametrize("name", sorted(set(KINDS["marks"])))
def test_marks_lie_where_the_seed_says_whatever_the_scan_shows(name: str) -> None:
    dark, light = np.full((120, 160, 3), 0.3, np.float32), np.full((120, 160, 3), 0.6, np.float32)
    where = [np.abs(shift_pixels(p, name, 0.8, 9) - p).max(2) > 0.02 for p in (dark, light)]
    assert where[0].any()
    assert (where[0] != where[1]).mean() < 0.02  # dark ink shows less on a dark ground


def test_other_seeds_give_other_pictures() -> None:
    pixels = scan_of(False)
    drawn = [shift_pixels(pixels, "line", 0.5, seed).tobytes() for seed in range(8)]
    assert len(set(drawn)) == 8


def test_a_strength_out_of_range_is_a_mistake() -> None:
    for strength in (0.0, 1.5, float("nan")):
        with pytest.raises(ValueError, match="strength"):
            shift_pixels(scan_of(False), "gain", strength, 0)


def test_a_shifted_scan_is_known_as_the_same_scan() -> None:
    scan = read_scan(phantom("breast-ultrasound", "benign", 1))
    assert shift_scan(scan, "gamma", 1.0, 0).sha256 == scan.sha256


def test_a_mixture_applies_some_of_what_is_named() -> None:
    scan = read_scan(phantom("breast-ultrasound", "malignant", 1))
    mixture = Mixture(("gain", "line"), 1.0, 0.5)
    drawn = [draw_shifted(scan, mixture, seed).pixels for seed in range(30)]
    same = sum(np.array_equal(p, scan.pixels) for p in drawn)
    assert 2 <= same <= 16  # a quarter are drawn unchanged
    assert np.array_equal(drawn[3], draw_shifted(scan, mixture, 3).pixels)
    assert np.array_equal(draw_shifted(scan, Mixture(()), 0).pixels, scan.pixels)


def test_every_modality_has_shifts_and_histology_no_marks() -> None:
    for modality in ("ultrasound", "radiograph", "histology", "dermoscopy", "other"):
        assert shifts_for(modality)  # type: ignore[arg-type]
    assert not set(shifts_for("histology")) & set(KINDS["marks"])
    assert set(SHIFTS) == {
        name for m in ("ultrasound", "radiograph", "histology", "dermoscopy") for name in shifts_for(m)
    }  # type: ignore[arg-type]
