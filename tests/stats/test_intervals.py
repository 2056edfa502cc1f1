"""Intervals and DeLong against independent implementations."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from medcls.stats import delong
from medcls.stats.intervals import effective_cases, quantile, spread, wilson, wilson_auroc
from medcls.stats.weighted import Ranking, draw_counts


@pytest.mark.parametrize(("hits", "n"), [(0, 7), (1, 7), (5, 12), (97, 118), (118, 118)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_wilson_equals_statsmodels_and_scipy(hits: int, n: int, level: float) -> None:
    found = wilson(hits, n, level)
    assert found == pytest.approx(proportion_confint(hits, n, 1 - level, method="wilson"), abs=1e-9)
    other = stats.binomtest(hits, n).proportion_ci(level, method="wilson")
    assert found == pytest.approx((other.low, other.high), abs=1e-9)


def test_quantiles_equal_scipy() -> None:
    assert quantile(0.95) == pytest.approx(stats.norm.ppf(0.975), abs=1e-12)
    assert quantile(0.9, 7) == pytest.approx(stats.t.ppf(0.95, 7), abs=1e-12)


def test_effective_cases() -> None:
    level, inflate = 0.95, (quantile(0.95) / quantile(0.95, 3)) ** 2
    whole = effective_cases(np.array([2, 0, 2, 0]), np.array([2, 2, 2, 2]), level)
    assert whole == pytest.approx(
        0.25 / (4 / 64 * 4 / 3) * inflate
    )  # pairs that agree: 4 groups, less one for the mean
    assert effective_cases(np.array([2, 2, 4]), np.array([2, 2, 4])) == pytest.approx(64 / 24)
    assert effective_cases(np.array([1, 1, 1, 1]), np.array([2, 2, 2, 2])) == pytest.approx(16 / 4)
    assert effective_cases(np.array([3, 0]), np.array([5, 0])) == 1.0


def test_one_group_is_of_one_piece_whatever_rounding_leaves() -> None:
    for counted in range(1, 200):
        for hits in range(counted + 1):
            assert effective_cases(np.array([float(hits)]), np.array([float(counted)])) == pytest.approx(1.0)


def test_spread_is_symmetric_where_the_scale_has_no_ends() -> None:
    low, high = spread(0.5, 0.05, np.inf)
    assert low + high == pytest.approx(1)
    low, high = spread(0.99, 0.05, 30)
    assert 0 < low < 0.99 < high < 1
    low, high = spread(2.0, 0.5, 30, scale=(0.0, np.inf))
    assert low * high == pytest.approx(4.0)


def test_a_perfect_auroc_keeps_a_lower_end() -> None:
    low, high = wilson_auroc(1.0, 10, 20)
    assert 0.75 < low < 0.95
    assert high == 1.0
    assert wilson_auroc(0.0, 10, 20) == pytest.approx((1 - high, 1 - low), abs=1e-9)
    assert wilson_auroc(0.8, 0, 20) == (0.0, 1.0)
    middle = wilson_auroc(0.8, 40, 60)
    assert middle[0] < 0.8 < middle[1]


def naive_delong(scores: list[np.ndarray], positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DeLong as in the paper, pair by pair."""
    aurocs, v10, v01 = [], [], []
    for score in scores:
        p, q = score[positive], score[~positive]
        wins = np.array([[1.0 if x > y else 0.5 if x == y else 0.0 for y in q] for x in p])
        aurocs.append(wins.mean())
        v10.append(wins.mean(axis=1))
        v01.append(wins.mean(axis=0))
    return np.array(aurocs), np.cov(v10) / positive.sum() + np.cov(v01) / (~positive).sum()


@pytest.mark.parametrize("seed", range(5))
def test_delong_equals_the_paper_pair_by_pair(seed: int) -> None:
    rng = np.random.default_rng(seed)
    positive = rng.random(70) < 0.3
    scores = [np.round(rng.normal(size=70) + positive, 1) for _ in range(2)]  # rounded: ties
    aurocs, covariance = naive_delong(scores, positive)
    found = [delong.influence(Ranking.of(score, positive), 70) for score in scores]
    assert [auroc for auroc, _ in found] == pytest.approx(aurocs, abs=1e-12)
    moved = np.array([m for _, m in found])
    assert moved @ moved.T == pytest.approx(covariance, abs=1e-12)


def test_delong_golden_case() -> None:
    """Positives 3, 5, 6; negatives 1, 2, 4: eight of nine pairs won; variance worked by hand."""
    auroc, moved = delong.influence(Ranking.of(np.array([3.0, 5, 6, 1, 2, 4]), np.array([1, 1, 1, 0, 0, 0], bool)), 6)
    assert auroc == pytest.approx(8 / 9)
    # components 2/3, 1, 1 on either side: sample variance 1/27, over three, twice
    assert (moved**2).sum() == pytest.approx(2 / 81)
    low, high = delong.interval(auroc, 2 / 81)
    half = 1.959963984540054 * np.sqrt(2 / 81) / (8 / 81)
    assert np.log([low / (1 - low), high / (1 - high)]) == pytest.approx([np.log(8) - half, np.log(8) + half])


def test_draws_are_multinomial_and_repeatable() -> None:
    counts = np.concatenate(list(draw_counts(50, 4000, 100_000, seed=3)), axis=1)
    assert counts.shape == (50, 4000)
    assert (counts.sum(axis=0) == 50).all()
    assert counts.mean() == 1
    assert counts.var() == pytest.approx(1 - 1 / 50, rel=0.02)
    again = np.concatenate(list(draw_counts(50, 4000, 100_000, seed=3)), axis=1)
    assert (counts == again).all()
