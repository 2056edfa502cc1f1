"""Drawn marks are painted over; what nobody drew stays."""

import cv2
import numpy as np
import pytest

from medcls.core.scan import Preprocess, Scan
from medcls.imaging import marks
from medcls.imaging.cleaning import paint_found
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
        left = paint_found(marked, find_marks)[0] - plain > 0.15
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


def written(words: str, squeeze: float = 0.75) -> np.ndarray:
    """A dim caption on a dark ground, (240, 320) uint8, its letters squeezed until some touch."""
    cover = np.zeros((240, round(320 / squeeze)), np.uint8)
    cv2.putText(cover, words, (60, 200), cv2.FONT_HERSHEY_SIMPLEX, 0.42, 255, 1, cv2.LINE_AA)
    return cv2.resize(cover, (320, 240), interpolation=cv2.INTER_AREA)


def test_letters_that_touch_are_painted_over_with_their_word() -> None:
    cover = written("MAMA ESQUERDA")
    grey = (60 + cover * (140 / 255)).astype(np.uint8)
    found = find_marks(grey)
    assert found[cover > 128].mean() > 0.97
    rows = np.flatnonzero(found.any(1))
    assert rows.min() >= 185  # nothing above the caption
    assert rows.max() <= 205


def test_a_faint_fascia_as_high_as_letters_stays_unless_it_is_next_to_them() -> None:
    grey = np.full((240, 320), 60, np.uint8)
    cv2.line(grey, (220, 193), (258, 200), 115, 2)
    cv2.line(grey, (225, 194), (238, 196), 135, 2)
    assert not find_marks(grey).any()
    captioned = np.maximum(grey, (60 + written("RDQX") * (140 / 255)).astype(np.uint8))
    found = find_marks(captioned)
    assert found[:, :210].any()
    assert not found[:, 210:].any()


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
        left.append((paint_found(marked, find_marks)[0] - large > 0.15)[drawn].mean())
    assert np.mean(left) < 0.25


def test_histology_without_the_step_keeps_every_byte() -> None:
    scan = read_scan(phantom("breast-histology-idc", "idc", 1))
    marked = Scan(shift_pixels(np.asarray(scan.pixels), "line", 1.0, 1), scan.sha256)
    kept = place(marked, Preprocess(50, fit="stretch")).pixels
    assert np.abs(kept / 255 - marked.pixels).max() < 0.003


def along(grey: np.ndarray, ends: np.ndarray, scale: float) -> bool:
    """Say of one line what `_drawn_along` says of many at once: point by point, as it is defined."""
    x1, y1, x2, y2 = (int(v) for v in ends)
    n = int(np.hypot(x2 - x1, y2 - y1))
    x, y = np.rint(np.linspace(x1, x2, n)).astype(int), np.rint(np.linspace(y1, y2, n)).astype(int)
    off, steep = max(2, round(2.5 * scale)), abs(y2 - y1) > abs(x2 - x1)
    level = abs(y2 - y1) < 0.36 * abs(x2 - x1)
    clear = []
    for px, py in zip(x, y, strict=True):
        sides = []
        for sign in (-1, 1):
            beside_y = min(max(py + (0 if steep else sign * off), 0), grey.shape[0] - 1)
            beside_x = min(max(px + (sign * off if steep else 0), 0), grey.shape[1] - 1)
            sides.append(int(grey[beside_y, beside_x]))
        clear.append(int(grey[py, px]) - max(sides) > (45 if level else 13))
    return bool(np.mean(clear) >= 0.72)


def test_lines_are_judged_together_as_each_alone() -> None:
    rng = np.random.default_rng(4)
    found = []
    for seed in range(4):
        grey = np.rint(ultrasound(seed) * 255).astype(np.uint8)
        ends = rng.integers(0, min(grey.shape), (120, 4))
        ends = ends[np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]) >= 6]
        for x1, y1, x2, y2 in ends[::2].tolist():
            cv2.line(grey, (x1, y1), (x2, y2), 230, 1)
        scale = 1.0 + seed / 3
        together = marks._drawn_along(grey, ends, scale)
        assert together.tolist() == [along(grey, one, scale) for one in ends]
        found.append(together.mean())
    assert 0.1 < np.mean(found) < 0.9
