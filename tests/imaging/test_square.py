"""Pixels that are not square."""

import cv2
import numpy as np
import pytest

from medcls.imaging.square import make_square

ROUND = cv2.circle(np.zeros((120, 120), np.uint8), (60, 60), 40, 255, -1)


@pytest.mark.parametrize("size", [(1.0, 2.0), (2.0, 1.0), (0.3, 0.2), (72.0, 96.0)])
@pytest.mark.parametrize("colours", [1, 3])
def test_a_circle_stored_with_oblong_pixels_is_round_again(size, colours):
    """Stored squeezed in the direction of the longer side; made square it is the circle."""
    rows, columns = (round(120 * min(size) / side) for side in size)
    stored = cv2.resize(ROUND, (columns, rows), interpolation=cv2.INTER_AREA)
    stored = stored if colours == 1 else np.dstack([stored] * 3)
    notes: list[str] = []
    square, spacing = make_square(stored, size, 10**6, notes)
    assert square.shape[:2] == (120, 120)
    assert spacing == (min(size), min(size))
    shown = square if colours == 1 else square[..., 0]
    assert np.abs(shown.astype(float) - ROUND).mean() < 8
    assert len(notes) == 1


@pytest.mark.parametrize("size", [(1, 1), (300, 302), (float("nan"), 1), (0, 1), (-1, 1), (float("inf"), 1)])
def test_what_is_square_or_no_number_changes_nothing(size):
    notes: list[str] = []
    assert make_square(ROUND, size, 10**6, notes)[0] is ROUND
    assert not notes


def test_a_ratio_that_cannot_be_is_told_and_left():
    notes: list[str] = []
    assert make_square(ROUND, (1, 72), 10**6, notes)[0] is ROUND
    assert len(notes) == 1


def test_no_picture_grows_above_the_limit():
    square, spacing = make_square(ROUND, (1, 2), 120 * 120, [])
    assert square.shape == (60, 120)
    assert spacing == (2, 2)
