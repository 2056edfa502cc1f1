"""Curves over the threshold of one label: ROC, precision-recall and reliability, each with its band."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from medcls.stats.intervals import effective_cases, percentiles, wilson
from medcls.stats.weighted import draw_counts, group_index

GRID = np.linspace(0.0, 1.0, 101)
_SLACK = 1e-12  # rates are quotients of sums: equal ones may differ in the last digit


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve with its band.

    Args:
        x: Positions, (M,), rising.
        y: Values on these cases, (M,); NaN where there is nothing to say.
        low: Lower edge of the band, pointwise, (M,).
        high: Upper edge of the band, pointwise, (M,).
        n: What each point rests on, (M,): cases of its bin, or all groups.
        level: Confidence level of the band at each point.
    """

    x: np.ndarray
    y: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n: np.ndarray
    level: float


@dataclass(frozen=True, eq=False)
class Steps:
    """One label against the rest, cases by falling score: what happens as the threshold is lowered.

    Args:
        score: Of each case, (N,); higher means positive.
        is_positive: Truth, (N,) bool.
        group: What must be resampled together, (N,).
    """

    score: np.ndarray
    is_positive: np.ndarray
    group: np.ndarray

    def __post_init__(self) -> None:
        order = np.argsort(-np.asarray(self.score, np.float64), kind="stable")
        for name, values in (("score", self.score), ("is_positive", self.is_positive), ("group", self.group)):
            object.__setattr__(self, name, np.asarray(values)[order])

    @property
    def thresholds(self) -> np.ndarray:
        """Distinct scores, falling: at each, cases that score at least as much are called positive, (T,)."""
        return self.score[self._last]

    @property
    def _last(self) -> np.ndarray:
        return np.flatnonzero(np.append(np.diff(self.score) != 0, True)) if len(self.score) else np.zeros(0, np.int64)

    def called(self, counts: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Count true and false alarms at each threshold, before the first of which nothing is called positive.

        Args:
            counts: Weights of the groups in the order of `group_index`, (G, R); None for every case once.

        Returns:
            Hits and false alarms, (T + 1, R) each, rising from 0.
        """
        weights = np.ones((len(self.score), 1)) if counts is None else counts[group_index(self.group)[0]]
        positive = self.is_positive.astype(bool)[:, None]
        sums = []
        for side in (positive, ~positive):
            total = np.zeros((len(self._last) + 1, weights.shape[1]))
            total[1:] = np.cumsum(np.where(side, weights, 0.0), axis=0)[self._last]
            sums.append(total)
        return sums[0], sums[1]


def roc(steps: Steps, *, seed: int = 0, resamples: int = 500, level: float = 0.95) -> Curve:
    """Return the ROC curve: the greatest sensitivity a threshold reaches at each false positive rate of a grid of 101.

    Args:
        steps: The cases.
        seed: Seed of the resampling of groups.
        resamples: How many times.
        level: Confidence level of the band.

    Returns:
        x false positive rate, y sensitivity; NaN where one side has no case.
    """
    return _banded(steps, _sensitivity_on_grid, seed, resamples, level)


def precision_recall(steps: Steps, *, seed: int = 0, resamples: int = 500, level: float = 0.95) -> Curve:
    """Return the precision-recall curve: precision at the highest threshold that reaches each recall of a grid of 101.

    Args:
        steps: The cases.
        seed: Seed of the resampling of groups.
        resamples: How many times.
        level: Confidence level of the band.

    Returns:
        x recall, y precision; NaN where there is no positive case.
    """
    return _banded(steps, _precision_on_grid, seed, resamples, level)


def reliability(steps: Steps, *, bins: int = 10, level: float = 0.95) -> Curve:
    """Return how often the label was true among cases with about the same probability for it.

    Args:
        steps: The cases; scores are probabilities.
        bins: Bins of equal width over [0, 1], each open below and closed above.
        level: Confidence level of the interval of each bin (Wilson on the effective number of cases).

    Returns:
        x mean probability of each bin that holds a case, y share of them that are positive, n cases of the bin.
    """
    place = np.clip(np.ceil(steps.score * bins).astype(np.int64) - 1, 0, bins - 1)
    index, n_groups = group_index(steps.group)
    rows = []
    for one in np.unique(place):
        inside = place == one
        counted = np.bincount(index[inside], minlength=n_groups)
        hits = np.bincount(index[inside], steps.is_positive[inside], n_groups)
        share = hits.sum() / counted.sum()
        effective = effective_cases(hits, counted, level)
        rows.append((steps.score[inside].mean(), share, *wilson(share * effective, effective, level), counted.sum()))
    x, y, low, high, n = np.array(rows).reshape(-1, 5).T
    return Curve(x, y, low, high, n.astype(np.int64), level)


def _banded(
    steps: Steps, on_grid: Callable[[np.ndarray, np.ndarray], np.ndarray], seed: int, resamples: int, level: float
) -> Curve:
    n_groups = group_index(steps.group)[1]
    value = on_grid(*(side[:, 0] for side in steps.called()))
    drawn = []
    for counts in draw_counts(n_groups, resamples, len(steps.score), seed) if n_groups else ():
        hits, alarms = steps.called(counts)
        drawn += [on_grid(hits[:, r], alarms[:, r]) for r in range(counts.shape[1])]
    band = np.array([percentiles(column, level) for column in np.reshape(drawn, (-1, len(GRID))).T])
    return Curve(GRID, value, band[:, 0], band[:, 1], np.full(len(GRID), n_groups), level)


def _sensitivity_on_grid(hits: np.ndarray, alarms: np.ndarray) -> np.ndarray:
    if not hits[-1] or not alarms[-1]:
        return np.full(len(GRID), np.nan)
    return (hits / hits[-1])[np.searchsorted(alarms / alarms[-1], GRID + _SLACK, "right") - 1]


def _precision_on_grid(hits: np.ndarray, alarms: np.ndarray) -> np.ndarray:
    if not hits[-1]:
        return np.full(len(GRID), np.nan)
    precision = hits[1:] / np.maximum(hits[1:] + alarms[1:], _SLACK)
    return precision[np.searchsorted(hits[1:] / hits[-1], GRID - _SLACK, "left")]
