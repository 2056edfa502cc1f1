"""DeLong: how sure an AUROC is, from one pass over the ranks, without resampling."""

import math

import numpy as np
import scipy

from medcls.stats.intervals import quantile
from medcls.stats.weighted import Ranking


def influence(ranking: Ranking, n_cases: int) -> tuple[float, np.ndarray]:
    """Return an AUROC and how much each case moves it.

    Args:
        ranking: The cases in order, of `n_cases` in all.
        n_cases: Length of the result.

    Returns:
        The AUROC, and one number per case (N,), scaled so that the sum of squares is DeLong's variance and the sum of
        products of two models' numbers on the same cases is DeLong's covariance. NaN if a side has under two cases.

    References:
        DeLong, DeLong, Clarke-Pearson, Biometrics 44, 1988; Sun, Xu, IEEE Signal Processing Letters 21, 2014 (ranks).
    """
    p, q = len(ranking.positive), len(ranking.negative)
    moved = np.full(n_cases, np.nan)
    if min(p, q) == 0:
        return math.nan, moved
    beaten = (ranking.below + ranking.upto) / (2 * q)
    auroc = float(beaten.mean())
    if min(p, q) < 2:
        return auroc, moved
    # A negative that i positives do not beat stands above them: count, for each, positives scoring higher, ties half.
    above = (
        p
        - (np.searchsorted(ranking.below, np.arange(q), "right") + np.searchsorted(ranking.upto, np.arange(q), "right"))
        / 2
    )
    moved[ranking.positive] = (beaten - auroc) / math.sqrt(p * (p - 1))
    moved[ranking.negative] = (above / p - auroc) / math.sqrt(q * (q - 1))
    return auroc, moved


def interval(auroc: float, variance: float, level: float = 0.95) -> tuple[float, float]:
    """Return an interval of an AUROC on the logit scale, which stays inside (0, 1).

    Args:
        auroc: In (0, 1).
        variance: Of the AUROC, 0 or more.
        level: Confidence level, in (0, 1).

    Returns:
        Lower and upper end.

    References:
        Pepe, The Statistical Evaluation of Medical Tests, 2003, section 5.2.5.
    """
    half = quantile(level) * math.sqrt(variance) / (auroc * (1 - auroc))
    middle = scipy.special.logit(auroc)
    return float(scipy.special.expit(middle - half)), float(scipy.special.expit(middle + half))
