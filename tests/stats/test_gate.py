"""The line between own and foreign pictures: where it lies on made numbers, and what it refuses to be taught."""

import numpy as np
import pytest

from medcls.stats.gate import Gate


def clouds(seed: int, n: int = 200) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, (n, 6)), {"near": rng.normal(3, 1, (n, 6)), "few": rng.normal(-4, 1, (n // 10, 6))}


def test_it_tells_what_lies_on_either_side():
    own, foreign = clouds(0)
    wide = {
        name: np.c_[rows, rows**2] for name, rows in foreign.items()
    }  # a line needs squares to close around a cloud
    gate = Gate.fit(np.c_[own, own**2], wide)
    fresh, strangers = clouds(1)
    assert (gate.score(np.c_[fresh, fresh**2]) > 0).mean() < 0.02
    for rows in strangers.values():
        assert (gate.score(np.c_[rows, rows**2]) > 0).mean() > 0.98


def test_a_rare_kind_counts_as_much_as_a_common_one():
    own, foreign = clouds(0)
    many = Gate.fit(own, {"near": np.concatenate([foreign["near"]] * 5)})
    np.testing.assert_allclose(many.weight, Gate.fit(own, {"near": foreign["near"]}).weight, atol=1e-3)


def test_what_is_no_number_is_taught_to_nobody_and_scored_as_none():
    own, foreign = clouds(0)
    with pytest.raises(ValueError, match="finite"):
        Gate.fit(np.where(own > 2, np.nan, own), foreign)
    for nothing in ({}, {"near": np.zeros((0, 6))}):
        with pytest.raises(ValueError, match="foreign"):
            Gate.fit(own, nothing)
    assert np.isnan(Gate.fit(own, foreign).score(np.full((1, 6), np.nan))).all()
