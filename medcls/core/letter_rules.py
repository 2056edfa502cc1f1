"""What the numbers of an evaluation card cannot be, each rule by itself: plain arithmetic of counts."""

import itertools
import math
import unicodedata
from datetime import date

from medcls.core.evaluation import Estimate
from medcls.core.site import FOUND

SLACK = 1e-6
ROC_STEPS = 21  # false-alarm rates 0, 0.05, … 1
LEVEL = 0.95  # of every interval that a check gives
MOST_SCANS = 10_000_000
_PREDICTIVE = ("ppv", "npv")
_BINS = 10
_LONGEST = 300  # letters of a name
_NEAR = 1e-3  # of figures that are told twice, the second time rounded
_FAR = 0.1  # of an area from a curve of few patients, or with ties
_Z = 1.959963984540054


def is_share(score: Estimate) -> bool:
    """Return whether a score and its interval lie in [0, 1], where they are known."""
    return all(math.isnan(v) or -SLACK <= v <= 1 + SLACK for v in (score.value, score.low, score.high))


def holds(name: str, score: Estimate) -> bool:
    """Return whether a score lies in its interval, of the level that checks give.

    No interval is without a score, but of a predictive value where nobody got that answer.
    """
    known = name not in _PREDICTIVE and not (math.isnan(score.low) and math.isnan(score.high))
    outside = score.value < score.low - SLACK or score.value > score.high + SLACK
    return not outside and not (known and math.isnan(score.value)) and abs(score.level - LEVEL) <= SLACK


def is_counted(score: Estimate, scans: int, groups: int) -> bool:
    """Return whether a score is a share of so many scans: a whole number of them, in no more patients than there are.

    Args:
        score: A proportion.
        scans: Scans that it is a share of.
        groups: Patients there are.
    """
    if not scans:
        return not score.n and math.isnan(score.value)
    if any(math.isnan(v) for v in (score.value, score.low, score.high)) or not 1 <= score.n <= min(scans, groups):
        return False
    return is_whole(score.value, scans)


def is_whole(share: float, n: int) -> bool:
    """Return whether a share of `n` is a whole number of them."""
    return abs(share * n - round(share * n)) <= SLACK * max(1, n)


def is_narrow(score: Estimate, scans: int) -> bool:
    """Return whether a proportion's interval is narrower than Wilson's on as many scans, each of another patient."""
    if not scans or math.isnan(score.value):
        return False
    p, square = min(1.0, max(0.0, score.value)), _Z * _Z / scans
    middle = (p + square / 2) / (1 + square)
    half = math.sqrt(p * (1 - p) * square + square * square / 4) / (1 + square)
    return score.low > middle - half + SLACK or score.high < middle + half - SLACK


def are_bins(rows: tuple[tuple[float, float, float], ...], n_right: int) -> bool:
    """Return whether calibration bins can be: whole counts in tenths one after the other, and so many right in all.

    Args:
        rows: Scans, their mean probability and the share right, of each tenth that has any.
        n_right: Scans whose most probable label is the true one.
    """
    if any(not 1 <= n <= MOST_SCANS or n != int(n) or not is_whole(right, int(n)) for n, _, right in rows):
        return False
    tenths = [int(min(_BINS - 1, _BINS * (mean + SLACK))) for _, mean, _ in rows]
    return tenths == sorted(set(tenths)) and sum(round(n * right) for n, _, right in rows) == n_right


def rises(roc: tuple[float, ...]) -> bool:
    """Return whether sensitivities are those of a ROC curve: shares that never fall."""
    return (
        len(roc) == ROC_STEPS
        and all(0 <= v <= 1 for v in roc)
        and all(b >= a - SLACK for a, b in itertools.pairwise(roc))
    )


def is_curve_of(roc: tuple[float, ...], area: float, n_positive: int, n_rest: int) -> bool:
    """Return whether a ROC curve and an AUROC can be of so many scans with disease and without, and of each other.

    Args:
        roc: Sensitivities; empty if not told.
        area: AUROC; NaN if not told.
        n_positive: Scans with disease.
        n_rest: The others.
    """
    if not n_positive or not n_rest:
        return not roc and math.isnan(area)
    if not roc or not rises(roc):
        return not roc
    low, high = sum(roc[:-1]), max(sum(roc[1:]), _area_of_ties(roc))
    near = low / (ROC_STEPS - 1) - _FAR <= area <= high / (ROC_STEPS - 1) + _FAR  # false without an area
    return near and roc[-1] >= 1 - SLACK and all(is_whole(v, n_positive) for v in roc)


def _area_of_ties(roc: tuple[float, ...]) -> float:
    """Return the area, in steps, if each level stretch before a rise is one of scans that nothing tells apart."""
    area, start = 0.0, 0
    for i, sensitivity in enumerate(roc):
        if sensitivity > roc[start]:
            area += (roc[start] + sensitivity) / 2 * (i - start)
            start = i
    return area + roc[start] * (ROC_STEPS - 1 - start)


def are_near(some: tuple[float, ...], others: tuple[float, ...]) -> bool:
    """Return whether figures are the same but for rounding; those that only one side tells are."""
    if not some or not others:
        return True
    near = [math.isnan(a + b) or abs(a - b) <= _NEAR for a, b in zip(some, others, strict=False)]
    return len(some) == len(others) and all(near)


def is_found(name: str, value: float) -> bool:
    """Return whether this can have been found in pictures."""
    return name in FOUND and 0 <= value <= FOUND[name]


def is_day(text: str) -> bool:
    """Return whether a text is a day as ISO 8601 writes it."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def is_short(text: str) -> bool:
    """Return whether a text is short and has nothing unseen in it that would change how others read."""
    return len(text) <= _LONGEST and not any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in text)
