"""Drawn marks are painted over; what nobody drew stays."""

import numpy as np
import pytest

from medcls.core.scan import Preprocess, Scan
from medcls.imaging.cleaning import remove_marks
from medcls.imaging.decode import read_scan
from medcls.imaging.marks import find_marks
from medcls.imaging.phantom import phantom
from medcls.imaging.prepare import place
from medcls.imaging.shifts import shift_pixels

# Single dots look like calcifications: most of a dotted curve goes, not all.
LEAST_GONE = {"calipers-plus": 0.85, "calipers-x": 0.75, "line": 0.8, "text": 0.75, "dotted-line": 0.5, "ellipse": 0.5}


def ultrasound(seed: int, label: str = "malignant") -> np.ndarray:
    return np.asarray(read_scan(phantom("breast-ultrasound", label, seed)).pixels)


@pytest.mark.parametrize("name", LEAST_GONE)
def test_most_of_what_is_drawn_goes(name: str) -> None:
    gone = []
    for seed in range(10):
        plain = ultrasound(seed)
        marked = shift_pixels(plain, name, 1.0, seed)
        drawn = marked - plain > 0.15
        left = remove_marks(marked)[0] - plain > 0.15
        gone.append(1 - left[drawn].mean())
    assert np.mean(gone) > LEAST_GONE[name]


@pytest.mark.parametrize("label", ["normal", "benign", "malignant"])
def test_little_is_painted_where_nothing_was_drawn(label: str) -> None:
    shares = [find_marks(np.rint(ultrasound(seed, label) * 255).astype(np.uint8)).mean() for seed in range(8)]
    assert max(shares) < 0.02


def test_a_bright_spot_and_a_bright_band_are_anatomy() -> None:
    grey = np.full((240, 320), 70, np.uint8)
    grey[100:103, 100:103] = 220
    grey[150:162, 20:300] = 200
    assert not find_marks(grey).any()


def test_texture_everywhere_is_no_mark() -> None:
    stripes = np.where(np.indices((200, 200))[1] % 8 < 2, 230, 40).astype(np.uint8)
    assert not find_marks(stripes).any()


def test_a_tiny_scan_has_no_marks() -> None:
    assert not find_marks(np.full((20, 20), 255, np.uint8)).any()


def test_a_line_on_a_large_scan_goes_too() -> None:
    large = np.kron(ultrasound(1), np.ones((3, 3), np.float32))
    left = []
    for seed in range(4):
        marked = shift_pixels(large, "line", 1.0, seed)
        drawn = marked - large > 0.15
        left.append((remove_marks(marked)[0] - large > 0.15)[drawn].mean())
    assert np.mean(left) < 0.25


def test_histology_without_the_step_keeps_every_byte() -> None:
    scan = read_scan(phantom("breast-histology-idc", "idc", 1))
    marked = Scan(shift_pixels(np.asarray(scan.pixels), "line", 1.0, 1), scan.sha256)
    kept = place(marked, Preprocess(50, fit="stretch")).pixels
    assert np.abs(kept / 255 - marked.pixels).max() < 0.003
