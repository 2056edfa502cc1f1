"""Operating points: what a threshold on one label's probability does, to the cases and to 1,000 people."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from medcls.core.evaluation import Estimate
from medcls.core.note import Note
from medcls.stats.curves import Steps
from medcls.stats.intervals import effective_cases, spread, wilson
from medcls.stats.weighted import draw_counts, group_index

_SLACK = 1e-12
_Best = Callable[
    [np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]
]  # hits, alarms -> counts and thresholds' indices


@dataclass(frozen=True)
class OperatingPoint:
    """What happens when a label is called at or above a threshold.

    Args:
        threshold: On the label's probability.
        prevalence: Share of people with the condition that the predictive values are for.
        sensitivity: Share of the positive cases that are called.
        specificity: Share of the other cases that are not.
        ppv: Chance that a call is right, at this prevalence.
        npv: Chance that no call is right, at this prevalence.
    """

    threshold: float
    prevalence: float
    sensitivity: Estimate
    specificity: Estimate
    ppv: Estimate
    npv: Estimate

    @property
    def missed_per_1000(self) -> float:
        """Of 1,000 people, those with the condition who are not called."""
        return 1000 * self.prevalence * (1 - self.sensitivity.value)

    @property
    def alarms_per_1000(self) -> float:
        """Of 1,000 people, those without the condition who are called."""
        return 1000 * (1 - self.prevalence) * (1 - self.specificity.value)


def predictive_value(prevalence: float, among_sick: float, among_well: float) -> float:
    """Return the share of sick among those with one answer, by Bayes' rule; NaN where nobody gets that answer.

    Args:
        prevalence: Share of people who are sick, in [0, 1].
        among_sick: Share of the sick who get the answer, in [0, 1].
        among_well: Share of the well who get it, in [0, 1].

    Example:
        >>> round(predictive_value(0.1, 0.9, 0.1), 3)
        0.5
    """
    sick, well = prevalence * among_sick, (1 - prevalence) * among_well
    return sick / (sick + well) if sick + well else math.nan


def predictive_interval(
    prevalence: float, among_sick: tuple[float, float, float], among_well: tuple[float, float, float]
) -> tuple[float, float]:
    """Return the interval of `predictive_value`, from those of both shares; NaN where nobody gets that answer.

    Args:
        prevalence: Share of people who are sick, in (0, 1).
        among_sick: Share of the sick who get the answer, and its interval.
        among_well: Share of the well who get it, and its interval.

    Example:
        >>> low, high = predictive_interval(0.1, (0.9, 0.8, 0.95), (0.1, 0.05, 0.2))
        >>> round(low, 2), round(high, 2)
        (0.33, 0.67)
    """
    odds = prevalence / (1 - prevalence)
    _, low, high = (_chance(odds * r) for r in _ratio(among_sick, among_well))
    return low, high


def operate(steps: Steps, threshold: float, prevalence: float, level: float = 0.95) -> OperatingPoint:
    """Return what a threshold does.

    Args:
        steps: The cases; scores are probabilities of the label.
        threshold: The label is called at or above this.
        prevalence: In (0, 1): share of people who have the condition where the model is to be used.
        level: Confidence level of the intervals.

    Raises:
        ValueError: If `prevalence` is not in (0, 1).

    References:
        Predictive values by Bayes' theorem from the likelihood ratios; intervals of these ratios by the method of
        variance estimates recovery: Donner, Zou, Closed-form confidence intervals for functions of the normal mean and
        standard deviation, Statistical Methods in Medical Research 21, 2012.

    Example:
        >>> import numpy as np
        >>> steps = Steps(np.array([0.9, 0.8, 0.3, 0.2]), np.array([True, False, True, False]), np.arange(4))
        >>> point = operate(steps, 0.25, prevalence=0.1)
        >>> point.sensitivity.value, point.specificity.value, round(point.ppv.value, 3)
        (1.0, 0.5, 0.182)
    """
    if not 0 < prevalence < 1:
        raise ValueError(f"prevalence must be above 0 and below 1, found {prevalence}")
    called = steps.score >= threshold
    sick = steps.is_positive.astype(bool)
    sensitivity = proportion(called, sick, steps.group, level)
    specificity = proportion(~called, ~sick, steps.group, level)
    n = group_index(steps.group)[1]
    odds = prevalence / (1 - prevalence)
    # A call's odds of being right: odds * sensitivity / (1 - specificity); a silence's of being wrong: the same turned.
    right = [_chance(odds * r) for r in _ratio(sensitivity, _rest(specificity))]
    wrong = [_chance(odds * r) for r in _ratio(_rest(sensitivity), specificity)]
    how = Note("stats.how-bayes", prevalence=prevalence)
    ppv = Estimate(right[0], right[1], right[2], level, n, how)
    npv = Estimate(1 - wrong[0], 1 - wrong[2], 1 - wrong[1], level, n, how)
    return OperatingPoint(threshold, prevalence, sensitivity, specificity, ppv, npv)


def proportion(hit: np.ndarray, counted: np.ndarray, group: np.ndarray, level: float = 0.95) -> Estimate:
    """Return the share of hits among the cases counted.

    Args:
        hit: (N,) bool.
        counted: (N,) bool.
        group: What belongs together, (N,).
        level: Confidence level.

    Returns:
        The share with Wilson's interval on the effective number of cases; NaN if none is counted.
    """
    index, n_groups = group_index(group)
    each = np.bincount(index[counted], minlength=n_groups)
    hits = np.bincount(index[counted], hit[counted], n_groups)
    n = int((each > 0).sum())
    if not n:
        return Estimate(math.nan, math.nan, math.nan, level, 0, Note("stats.how-none-counted"))
    if n == each.sum():
        return Estimate(
            float(hits.sum()) / n, *wilson(float(hits.sum()), n, level), level, n, Note("stats.how-wilson-cases")
        )
    share, effective = float(hits.sum() / each.sum()), effective_cases(hits, each, level)
    how = Note("stats.how-wilson-groups", n=int(each.sum()), effective=effective)
    return Estimate(share, *wilson(share * effective, effective, level), level, n, how)


def sensitivity_at(
    steps: Steps, specificity: float, *, seed: int = 0, resamples: int = 1000, level: float = 0.95
) -> tuple[Estimate, float]:
    """Return the greatest sensitivity among thresholds that keep a specificity, and the threshold.

    Args:
        steps: The cases.
        specificity: At least this must be kept, in [0, 1].
        seed: Seed of the resampling; the threshold is chosen anew in every resample, so its choice is in the interval.
        resamples: How many times groups are resampled.
        level: Confidence level.

    Returns:
        The sensitivity, and the lowest threshold that keeps the specificity (infinite if none but "never" does).
        NaN where one side has no case.
    """

    def best(hits: np.ndarray, alarms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        kept = alarms <= (1 - specificity) * alarms[-1] + _SLACK
        at = kept.sum(axis=0) - 1
        return np.take_along_axis(hits, at[None], axis=0)[0], at

    return _at(steps, _Side(True, best), _Drawing(seed, resamples, level))


def specificity_at(
    steps: Steps, sensitivity: float, *, seed: int = 0, resamples: int = 1000, level: float = 0.95
) -> tuple[Estimate, float]:
    """Return the greatest specificity among thresholds that reach a sensitivity, and the threshold.

    Args:
        steps: The cases.
        sensitivity: At least this must be reached, in [0, 1].
        seed: Seed of the resampling; the threshold is chosen anew in every resample.
        resamples: How many times groups are resampled.
        level: Confidence level.

    Returns:
        The specificity, and the highest threshold that reaches the sensitivity. NaN where one side has no case.
    """

    def best(hits: np.ndarray, alarms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        at = (hits < sensitivity * hits[-1] - _SLACK).sum(axis=0)
        return alarms[-1] - np.take_along_axis(alarms, at[None], axis=0)[0], at

    return _at(steps, _Side(False, best), _Drawing(seed, resamples, level))


@dataclass(frozen=True)
class _Side:
    """Whose share is counted: the sick (hits) or the well (alarms left out), and how the threshold is chosen."""

    sick: bool
    best: _Best

    def counted(self, hits: np.ndarray, alarms: np.ndarray) -> np.ndarray:
        """Return how many cases the side has, in each resample."""
        return hits[-1] if self.sick else alarms[-1]


@dataclass(frozen=True)
class _Drawing:
    """How groups are resampled."""

    seed: int
    resamples: int
    level: float


def _at(steps: Steps, side: _Side, how: _Drawing) -> tuple[Estimate, float]:
    n = group_index(steps.group)[1]
    hits, alarms = steps.called()
    if not hits[-1, 0] or not alarms[-1, 0]:
        return Estimate(math.nan, math.nan, math.nan, how.level, n, Note("stats.how-one-side")), math.nan
    found, at = side.best(hits, alarms)
    of = float(side.counted(hits, alarms)[0])
    value = float(found[0]) / of
    threshold = float(np.append(math.inf, steps.thresholds)[at[0]])
    if value in (0.0, 1.0) or n < 2:  # no resample would move it
        called = steps.score >= threshold
        return proportion(
            called == side.sick, steps.is_positive.astype(bool) == side.sick, steps.group, how.level
        ), threshold
    drawn = []
    for counts in draw_counts(n, how.resamples, len(steps.score), how.seed):
        sides = steps.called(counts)
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn.append(side.best(*sides)[0] / side.counted(*sides))
    error = float(np.nanstd(np.concatenate(drawn), ddof=1)) * math.sqrt(n / (n - 1))
    words = Note("stats.how-threshold-anew", resamples=how.resamples)
    return Estimate(value, *spread(value, error, n - 1, how.level), how.level, n, words), threshold


def _rest(share: Estimate) -> tuple[float, float, float]:
    return 1 - share.value, 1 - share.high, 1 - share.low


def _chance(odds: float) -> float:
    return 1.0 if math.isinf(odds) else odds / (1 + odds)


def _ratio(
    top: Estimate | tuple[float, float, float], bottom: Estimate | tuple[float, float, float]
) -> tuple[float, float, float]:
    """Return top / bottom with the interval that Donner and Zou build from the intervals of both."""
    a, la, ua = (top.value, top.low, top.high) if isinstance(top, Estimate) else top
    b, lb, ub = (bottom.value, bottom.low, bottom.high) if isinstance(bottom, Estimate) else bottom
    if math.isnan(a + b):
        return math.nan, math.nan, math.nan
    value = a / b if b > 0 else math.inf if a > 0 else math.nan
    low = _limit(a, la, b, ub, -1.0)
    high = _limit(a, ua, b, lb, 1.0)
    return value, low, high


def _limit(a: float, end_a: float, b: float, end_b: float, sign: float) -> float:
    bottom = end_b * (2 * b - end_b)
    top = end_a * (2 * a - end_a)
    inner = max(0.0, (a * b) ** 2 - top * bottom)
    if abs(bottom) < _SLACK:  # its limit there
        return math.inf if sign > 0 else max(0.0, top / (2 * a * b)) if a * b else 0.0
    found = (a * b + sign * math.sqrt(inner)) / bottom
    return math.inf if sign > 0 and bottom < 0 else max(0.0, found)
