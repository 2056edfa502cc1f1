"""A site's own settings, each fitted on some of its patients and judged on the others."""

import math
from dataclasses import dataclass

import numpy as np
import scipy

from medcls.core.evaluation import Estimate
from medcls.core.note import Note
from medcls.stats.calibration import fit_temperature
from medcls.stats.intervals import percentiles
from medcls.stats.operating import proportion
from medcls.stats.weighted import draw_counts, group_index

FOLDS = 5
_LEAST = 1e-12
# A card's probabilities are calibrated already: at another site two temperatures of three lie within a factor of 1.28.
_SPREAD = 0.25
_RESAMPLES = 1000
_LIMITS, _LIMIT_RANGE = 13, (0.01, 100.0)  # of the caution: how many are tried, and within what


@dataclass(frozen=True, eq=False)
class FittedTemperature:
    """A temperature on top of a card's own.

    Args:
        value: Fitted on all cases; 1 leaves the probabilities.
        gain: By how much the mean log loss falls on patients left out of the fitting (above 0 is better).
        prob: Probabilities of every case by a temperature fitted on other patients, (N, K).
    """

    value: float
    gain: Estimate
    prob: np.ndarray

    @property
    def better(self) -> bool:
        """True if it is better beyond doubt: the whole interval of the gain lies above 0."""
        return self.gain.low > 0


@dataclass(frozen=True, eq=False)
class FittedThreshold:
    """A threshold on the probability of disease for a wanted sensitivity.

    Args:
        value: Fitted on all cases; NaN if there are too few with disease to promise the sensitivity.
        sensitivity: On patients left out of the fitting.
        specificity: On patients left out of the fitting.
        called: Whether disease is called by a threshold fitted on other patients, (N,) bool.
    """

    value: float
    sensitivity: Estimate
    specificity: Estimate
    called: np.ndarray


@dataclass(frozen=True, eq=False)
class FittedCaution:
    """The distance from which a site's scans are answered with a caution.

    Args:
        value: Limit on how unlike a scan was acquired, in limits of the card (1 leaves the card's).
        warned: Share of the scans that get the caution, by a limit fitted on other patients.
        gain: By how much the share of wrong answers that get it, less that of right ones, rises on others.
    """

    value: float
    warned: Estimate
    gain: Estimate

    @property
    def better(self) -> bool:
        """True if it is better beyond doubt: the whole interval of the gain lies above 0."""
        return self.gain.low > 0


def folds_of(group: np.ndarray, sick: np.ndarray, seed: int = 0, folds: int = FOLDS) -> np.ndarray:
    """Return a fold, 0 to `folds` - 1, for each case: whole groups, those with disease spread evenly.

    Args:
        group: What belongs together, (N,).
        sick: Whether the case shows disease, (N,) bool.
        seed: Seed of the order.
        folds: Number of folds.
    """
    index, n_groups = group_index(group)
    ill = np.bincount(index, sick, n_groups) > 0
    order = np.random.default_rng(seed).permutation(n_groups)
    order = np.concatenate([order[ill[order]], order[~ill[order]]])
    of_group = np.empty(n_groups, np.int64)
    of_group[order] = np.arange(n_groups) % folds
    return of_group[index]


def fit_site_temperature(
    prob: np.ndarray, truth: np.ndarray, group: np.ndarray, *, seed: int = 0, resamples: int = 1000
) -> FittedTemperature:
    """Fit a temperature to a site's cases, and judge it on patients it was not fitted to.

    It is drawn towards 1, as far as few cases would let it stray.

    Args:
        prob: Calibrated probabilities as the card gives them, (N, K).
        truth: Index of the true label, (N,).
        group: What belongs together, (N,).
        seed: Seed of folds and resamples.
        resamples: How many times groups are resampled for the interval of the gain.
    """
    logits = np.log(np.clip(prob, _LEAST, None))
    fold = folds_of(group, truth > 0, seed)
    judged = logits.copy()
    for one in np.unique(fold):
        rest = fold != one
        judged[~rest] = logits[~rest] / fit_temperature(logits[rest], truth[rest], _SPREAD).temperature
    before, after = _losses(logits, truth), _losses(judged, truth)
    return FittedTemperature(
        fit_temperature(logits, truth, _SPREAD).temperature,
        _mean_difference(before - after, group, seed, resamples),
        scipy.special.softmax(judged, axis=1),
    )


def fit_threshold(
    score: np.ndarray, sick: np.ndarray, group: np.ndarray, sensitivity: float, *, seed: int = 0
) -> FittedThreshold:
    """Fit the threshold that promises a sensitivity for new patients, and measure it on patients it was not fitted to.

    Args:
        score: Probability of disease, (N,).
        sick: Whether the case shows disease, (N,) bool.
        group: What belongs together, (N,).
        sensitivity: Wanted on new patients, (0, 1).
        seed: Seed of the folds.
    """
    fold, called = folds_of(group, sick, seed), np.zeros(len(score), bool)
    for one in np.unique(fold):
        rest = fold != one
        threshold = promise(score[rest], sick[rest], group[rest], sensitivity)
        called[~rest] = score[~rest] >= (0.0 if math.isnan(threshold) else threshold)
    return FittedThreshold(
        promise(score, sick, group, sensitivity),
        proportion(called, sick, group),
        proportion(~called, ~sick, group),
        called,
    )


def nearer_aim(
    fitted: FittedThreshold, own: np.ndarray, sick: np.ndarray, group: np.ndarray, sensitivity: float, *, seed: int = 0
) -> tuple[str, Estimate]:
    """Return how much nearer a threshold brings a model's calls to a wanted sensitivity, on patients left out.

    Where the model's own calls fall short of it, that is the sensitivity gained; where they reach it, the specificity
    gained, as far as the sensitivity is kept.

    Args:
        fitted: From `fit_threshold`.
        own: Whether the model itself calls disease, (N,) bool.
        sick: Whether the case shows disease, (N,) bool.
        group: What belongs together, (N,).
        sensitivity: What was wanted.
        seed: Seed of the resamples.

    Returns:
        `sensitivity` or `specificity`, and the gain with its interval: better beyond doubt if that lies above 0. NaN
        without a case that counts, or where the sensitivity is lost.
    """
    short = not sick.any() or float(own[sick].mean()) < sensitivity
    name, counted = ("sensitivity", sick) if short else ("specificity", ~sick)
    if not counted.any() or (not short and fitted.sensitivity.value < sensitivity):
        return name, Estimate(math.nan, math.nan, math.nan, 0.95, 0, Note("evaluation.not-measured"))
    change = (fitted.called.astype(float) - own) * (1 if short else -1)
    return name, _mean_difference(change[counted], group[counted], seed, _RESAMPLES)


def fit_caution(far: np.ndarray, wrong: np.ndarray, group: np.ndarray, *, seed: int = 0) -> FittedCaution:
    """Fit the distance from which scans get a caution, so that wrong answers get one and right ones do not (Youden).

    Args:
        far: How unlike each scan was acquired, in limits of the card, (N,); NaN is left out.
        wrong: Whether the answer was wrong, (N,) bool.
        group: What belongs together, (N,).
        seed: Seed of folds and resamples.

    Returns:
        The limit and what it is worth on patients left out; the card's own where there is nothing to fit it to.

    References:
        Youden, Index for rating diagnostic tests, Cancer 3, 1950.
    """
    told = np.isfinite(far)
    far, wrong, group = far[told], wrong[told], group[told]
    if not wrong.any() or wrong.all():
        unknown = Estimate(math.nan, math.nan, math.nan, 0.95, 0, Note("evaluation.not-measured"))
        return FittedCaution(1.0, unknown, unknown)
    fold, warned = folds_of(group, wrong, seed), np.zeros(len(far), bool)
    for one in np.unique(fold):
        rest = fold != one
        warned[~rest] = far[~rest] > _best_limit(far[rest], wrong[rest])
    change = warned.astype(float) - (far > 1)
    return FittedCaution(
        _best_limit(far, wrong),
        proportion(warned, np.ones(len(far), bool), group),
        _difference_between(change, wrong, group, seed),
    )


def _best_limit(far: np.ndarray, wrong: np.ndarray) -> float:
    """Return the limit that tells wrong answers from right ones best; the card's, 1, where none is better than it."""
    if not wrong.any() or wrong.all():
        return 1.0
    limits = np.concatenate([[1.0], np.quantile(far, np.linspace(0.5, 0.98, _LIMITS))])
    warned = far[:, None] > limits
    worth = warned[wrong].mean(0) - warned[~wrong].mean(0)
    return float(np.clip(limits[int(worth.argmax())], *_LIMIT_RANGE))


def promise(score: np.ndarray, sick: np.ndarray, group: np.ndarray, sensitivity: float) -> float:
    """Return the highest threshold that a scan of a new patient with disease reaches with at least the wanted chance.

    Of n patients with disease and one more, any is as likely to be the k-th lowest: called from the k-th lowest score
    of the n on, the next one is called with a chance of 1 - k / (n + 1), whatever the scores' distribution. A patient's
    scans share a patient's weight, as if one of them had been drawn.

    Args:
        score: Probability of disease, (N,).
        sick: Whether the case shows disease, (N,) bool.
        group: What belongs together, (N,).
        sensitivity: Wanted on new patients, (0, 1).

    Returns:
        The threshold; NaN if so few have the disease that none but calling everybody keeps the promise.

    References:
        Vovk, Gammerman, Shafer, Algorithmic learning in a random world, 2005 (split conformal prediction); Dunn,
        Wasserman, Ramdas, Distribution-free prediction sets for two-layer hierarchical models, JASA 118, 2023 (pooled
        distributions).

    Example:
        >>> scores = np.linspace(0.05, 0.95, 19)
        >>> float(round(promise(scores, np.ones(19, bool), np.arange(19), 0.9), 2))
        0.1
    """
    index, n_groups = group_index(group[sick])
    room = (1 - sensitivity) * (n_groups + 1) - 1 + 1e-9  # weight that may lie below the threshold
    if not sick.any() or room < 0:
        return math.nan
    order = np.argsort(score[sick])
    ranked, weight = score[sick][order], (1 / np.bincount(index)[index])[order]
    first = np.searchsorted(ranked, ranked, side="left")  # ties lie on the threshold, not below it
    below = np.concatenate([[0.0], np.cumsum(weight)])[first]
    return float(ranked[below <= room].max())


def _losses(logits: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return -scipy.special.log_softmax(logits, axis=1)[np.arange(len(truth)), truth]


def _mean_difference(values: np.ndarray, group: np.ndarray, seed: int, resamples: int) -> Estimate:
    """Return the mean of values with percentiles of resampled groups."""
    index, n_groups = group_index(group)
    sums, counts = np.bincount(index, values, n_groups), np.bincount(index, minlength=n_groups)
    drawn = [
        (times.T @ sums) / np.maximum(times.T @ counts, 1)
        for times in draw_counts(n_groups, resamples, len(values), seed)
    ]
    low, high = percentiles(np.concatenate(drawn))
    return Estimate(
        float(values.mean()), low, high, 0.95, n_groups, Note("evaluation.how-percentiles", resamples=resamples)
    )


def _difference_between(values: np.ndarray, apart: np.ndarray, group: np.ndarray, seed: int) -> Estimate:
    """Return the mean of values where `apart`, less their mean elsewhere, with percentiles of resampled groups."""
    index, n_groups = group_index(group)

    def summed(what: np.ndarray) -> np.ndarray:
        return np.bincount(index, what.astype(float), n_groups)

    sums = [(summed(values * side), summed(side)) for side in (apart, ~apart)]
    drawn = []
    for times in draw_counts(n_groups, _RESAMPLES, len(values), seed):
        there, elsewhere = ((times.T @ total) / np.maximum(times.T @ n, 1) for total, n in sums)
        drawn.append(there - elsewhere)
    low, high = percentiles(np.concatenate(drawn))
    value = float(values[apart].mean() - values[~apart].mean())
    return Estimate(value, low, high, 0.95, n_groups, Note("evaluation.how-percentiles", resamples=_RESAMPLES))
