"""Does a model hold at this site? Judged on a few hundred of its scans, with a stated chance of being wrong.

The verdict *fit* is given where an exact one-sided bound on what was asked for lies at or above the aim, *not fit*
where the bound on the other side lies below it, so that each is wrong in at most one check of twenty; else the scans
are *too few to tell*. Cases of one patient count for as many as they are worth.
"""

import math
from collections.abc import Mapping

import numpy as np
import scipy

from medcls.core.evaluation import CaseTable, Estimate
from medcls.core.note import Note
from medcls.core.site import Aim, Verdict
from medcls.stats.curves import Steps
from medcls.stats.intervals import effective_cases
from medcls.stats.operating import operate
from medcls.stats.scores import evaluate_cases
from medcls.stats.weighted import group_index

WRONG = 0.05  # chance that a verdict is wrong, at most
_MOST_SCANS = 100_000
_SLACK = 1e-9


def one_sided(hits: float, n: float, wrong: float = WRONG) -> tuple[float, float]:
    """Return Clopper and Pearson's lower and upper bound of a proportion, each one-sided.

    Args:
        hits: Successes, 0 to `n`; need not be whole.
        n: Independent trials; 0 gives (0, 1).
        wrong: Chance that the truth lies below the lower bound, and that it lies above the upper one, at most.

    Returns:
        Lower and upper bound, in [0, 1].

    References:
        Clopper, Pearson, The use of confidence or fiducial limits, Biometrika 26, 1934.

    Example:
        >>> low, high = one_sided(30, 30)
        >>> round(low, 3), high
        (0.905, 1.0)
    """
    if n <= 0:
        return 0.0, 1.0
    low = 0.0 if hits <= _SLACK else float(scipy.special.betaincinv(hits, n - hits + 1, wrong))
    high = 1.0 if hits >= n - _SLACK else float(scipy.special.betaincinv(hits + 1, n - hits, 1 - wrong))
    return low, high


def judge(aim: Aim, called: np.ndarray, sick: np.ndarray, group: np.ndarray) -> tuple[Verdict, tuple[Note, ...]]:
    """Return whether what was called at a site settles that the aim is reached, or missed.

    Args:
        aim: What is asked for.
        called: Whether disease was called, (N,) bool.
        sick: Whether the scan shows disease, (N,) bool.
        group: What belongs together (patient), (N,).

    Returns:
        The verdict, and a note on each share asked for: code `evaluation.site-<verdict>`, with `score`, `share`, `low`,
        `high`, `n` and `aim`.
    """
    asked = [
        ("sensitivity", aim.sensitivity, called, sick),
        ("specificity", aim.specificity, ~called, ~sick),
    ]
    parts = [(name, goal, *_worth(hit, counted, group)) for name, goal, hit, counted in asked if goal]
    verdicts: list[Verdict] = []
    notes = []
    for name, goal, hits, n, cases in parts:
        low = one_sided(hits, n)[0]
        high = one_sided(hits, n, WRONG / len(parts))[1]
        verdict: Verdict = "fit" if low >= goal else "not-fit" if high < goal else "too-few"
        verdicts.append(verdict)
        share = hits / n if n else math.nan
        notes.append(Note(_CODES[verdict], score=name, share=share, low=low, high=high, n=cases, aim=goal))
    overall: Verdict = "not-fit" if "not-fit" in verdicts else "too-few" if "too-few" in verdicts else "fit"
    order = sorted(range(len(notes)), key=lambda i: (verdicts[i] != overall, i))
    return overall, tuple(notes[i] for i in order)


_CODES: Mapping[Verdict, str] = {
    "fit": "evaluation.site-fit",
    "not-fit": "evaluation.site-not-fit",
    "too-few": "evaluation.site-too-few",
}


def scans_needed(aim: Aim, called: np.ndarray, sick: np.ndarray, group: np.ndarray) -> int | None:
    """Return how many further scans would probably settle an aim, if the shares found so far are the true ones.

    Args:
        aim: What is asked for.
        called: Whether disease was called, (N,) bool.
        sick: Whether the scan shows disease, (N,) bool.
        group: What belongs together (patient), (N,).

    Returns:
        Scans of the same mixture of patients; 0 if it is settled, None if a share found lies so near the aim that even
        100,000 scans would not settle it, or no scan counts for it.
    """
    if judge(aim, called, sick, group)[0] != "too-few":
        return 0
    needed = 0
    for goal, hit, counted in ((aim.sensitivity, called, sick), (aim.specificity, ~called, ~sick)):
        if not goal:
            continue
        hits, n, _ = _worth(hit, counted, group)
        if not n:
            return None
        factor = _factor(hits / n, n, goal)
        if factor is None or factor * len(sick) > _MOST_SCANS:
            return None
        needed = max(needed, math.ceil((factor - 1) * len(sick)))
    return needed


def _factor(share: float, n: float, goal: float) -> float | None:
    """Return how many times as many scans settle a goal; 1 if those there are do."""
    factor = 1.0
    while factor * n <= _MOST_SCANS:
        low, high = one_sided(share * n * factor, n * factor)
        if low >= goal or high < goal:
            return factor
        factor *= 1.05
    return None


def _worth(hit: np.ndarray, counted: np.ndarray, group: np.ndarray) -> tuple[float, float, int]:
    """Return successes and trials as independent cases would give them, and how many cases were counted."""
    index, n_groups = group_index(group)
    each = np.bincount(index[counted], minlength=n_groups)
    hits = np.bincount(index[counted], hit[counted], n_groups)
    n = int(each.sum())
    if not n:
        return 0.0, 0.0, 0
    effective = float(n) if each.max() == 1 else effective_cases(hits, each, 1 - 2 * WRONG)
    return float(hits.sum()) / n * effective, effective, n


def score_site(table: CaseTable, positive: tuple[int, ...], called: np.ndarray, aim: Aim) -> dict[str, Estimate]:
    """Return a check's figures: `auroc_disease`, `ece_excess`, and sensitivity, specificity, PPV and NPV of the calls.

    Args:
        table: What the model said of each scan.
        positive: Indices of the labels that mean disease.
        called: Whether disease was called, (N,) bool.
        aim: For its prevalence, which the predictive values are for.
    """
    sick = np.isin(table.truth, positive)
    found = evaluate_cases(table, positive, names=("auroc_disease", "ece"))
    point = operate(Steps(called.astype(float), sick, table.group), 0.5, aim.prevalence)
    return {
        "auroc_disease": found["auroc_disease"],
        "ece_excess": found["ece_excess"],
        "sensitivity": point.sensitivity,
        "specificity": point.specificity,
        "ppv": point.ppv,
        "npv": point.npv,
    }
