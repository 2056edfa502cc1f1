"""Pointing measures by hand."""

import numpy as np
import pytest

from medcls.explain.pointing import Pointing, centred_gaussian, point


def test_by_hand() -> None:
    values = np.array([[0.0, 0.2, 0.0], [0.0, 1.0, 0.3], [np.nan, 0.5, 0.0]])
    mask = np.array([[0, 0, 0], [0, 1, 1], [0, 0, 0]], bool)
    found = point(values, mask)
    assert found.hit
    assert found.energy_inside == pytest.approx(1.3 / 2.0)
    assert found.iou == pytest.approx(1 / 3)  # brightest two: 1.0 and 0.5; the lesion: 1.0 and 0.3
    assert found.mask_share == pytest.approx(2 / 9)


def test_empty_map_hits_nothing() -> None:
    assert point(np.full((4, 4), np.nan), np.eye(4, dtype=bool)) == Pointing(False, 0.0, 0.0, 0.25)


def test_plateau_needs_its_greater_part_on_the_lesion() -> None:
    values = np.ones((1, 4))
    assert not point(values, np.array([[1, 0, 0, 0]], bool)).hit
    assert point(values, np.array([[1, 1, 1, 0]], bool)).hit


def test_perfect_map() -> None:
    mask = np.zeros((6, 6), bool)
    mask[1:3, 2:5] = True
    assert point(mask.astype(float), mask) == Pointing(True, 1.0, 1.0, 6 / 36)


def test_gaussian_is_centred_and_as_wide_as_said() -> None:
    values = centred_gaussian((101, 201))
    assert np.unravel_index(values.argmax(), values.shape) == (50, 100)
    assert values[50, 100] == 1
    assert values[50, 150] == pytest.approx(np.exp(-0.5 * (50 / 50.25) ** 2), rel=1e-5)
    assert np.array_equal(values, values[::-1, ::-1])


@pytest.mark.parametrize("mask", [np.zeros((3, 3), bool), np.ones((2, 3), bool)])
def test_wrong_mask(mask: np.ndarray) -> None:
    with pytest.raises(ValueError, match="mask"):
        point(np.ones((3, 3)), mask)
