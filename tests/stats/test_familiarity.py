"""Distances from what was learned, against SciPy and by hand."""

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis as scipy_mahalanobis

from medcls.stats.familiarity import Normal, neighbour_distance, unit_rows


def test_the_distance_is_that_of_mahalanobis() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4000, 5)) @ (np.eye(5) + 0.2 * rng.normal(size=(5, 5))) + [3, 0, -1, 100, 0.5]
    fitted = Normal.fit(values)
    inverse = np.linalg.inv(np.cov(values.T, bias=True))
    some = values[:20] + rng.normal(size=(20, 5))
    expected = [scipy_mahalanobis(v, values.mean(0), inverse) for v in some]
    np.testing.assert_allclose(fitted.distance(some), expected, rtol=0.02)  # the ridge's share
    assert np.sqrt((fitted.distance(values) ** 2).mean()) == pytest.approx(np.sqrt(5), rel=0.02)


def test_what_never_varied_is_judged_by_a_least_spread_and_not_by_rounding() -> None:
    rng = np.random.default_rng(0)
    values = np.c_[rng.normal(size=500), np.full(500, 0.5)]  # as chroma of scans that are all grey
    fitted = Normal.fit(values)
    rounding, coloured = fitted.distance([[0, 0.5001], [0, 0.8]])
    assert rounding < 1
    assert coloured > 100


@pytest.mark.parametrize("n", [1, 2, 6])
def test_few_scans_still_give_a_finite_distance(n: int) -> None:
    values = np.random.default_rng(0).random((n, 10))
    distance = Normal.fit(values).distance([*values, values[0] + 1])
    assert np.isfinite(distance).all()
    assert distance[-1] > distance[:-1].max()


def test_the_nearest_features_count_and_their_length_does_not() -> None:
    bank = unit_rows(np.eye(8))
    near, far = neighbour_distance(np.array([[5.0] * 5 + [0] * 3, [-1.0] * 8]), bank)
    assert near == pytest.approx(1 - 1 / np.sqrt(5))
    assert far == pytest.approx(1 + 1 / np.sqrt(8))
