"""How two models differ in one score, which of them is better, and the verdict that follows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from medcls.core.evaluation import Estimate
from medcls.core.note import Note
from medcls.stats.scores import SCORES

_NOT_JUDGED = Note("stats.pair-not-judged")


@dataclass(frozen=True)
class Difference:
    """How two models differ in one score on the same cases.

    Args:
        a: Id of the first model.
        b: Id of the second.
        score: Full name of the score, as in an evaluation.
        estimate: Score of `a` minus score of `b`.
        p: Chance of so large a difference, either way, between equal models; NaN if it cannot be said.
        p_holm: The same after Holm's correction for all pairs looked at together.
        pairs: How many pairs those are.
        seen: Smallest difference these cases would show four times in five; NaN if unknown.
        n_cases: Cases both models answered.
        better: Id of the better model if the difference is beyond chance; empty if not.
        verdict: All this as a note.
    """

    a: str
    b: str
    score: str
    estimate: Estimate
    p: float
    p_holm: float
    pairs: int
    seen: float
    n_cases: int
    better: str = ""
    verdict: Note = _NOT_JUDGED

    def verdict_of(self, names: Mapping[str, str]) -> Note:
        """Return the verdict with the model that is better called by another name.

        Args:
            names: What to call each model, by id.
        """
        called = {"better": names[self.better]} if self.better else {}
        return Note(self.verdict.code, **{**self.verdict.params, **called})


def correct_together(differences: Sequence[Difference]) -> tuple[Difference, ...]:
    """Correct differences that were tested one by one for multiple comparisons, and judge them anew.

    Args:
        differences: As `compare` gave them, on whatever cases.

    Returns:
        The same, each with Holm's p among all of them, and the verdict that follows.
    """
    corrected = holm([d.p for d in differences])
    return tuple(
        _judged(replace(d, p_holm=float(p), pairs=len(differences)))
        for d, p in zip(differences, corrected, strict=True)
    )


def _judged(d: Difference) -> Difference:
    """Return a difference with the model that is better, if any is, and the verdict that follows."""
    sign = 1 if SCORES[find_title(d.score)].better == "high" else -1
    beyond = d.p_holm <= 1 - d.estimate.level
    better = "" if not beyond else d.a if sign * d.estimate.value > 0 else d.b
    return replace(d, better=better, verdict=_verdict(better, d))


def _verdict(better: str, d: Difference) -> Note:
    n, pairs = d.n_cases, d.pairs
    if math.isnan(d.p):
        return Note("stats.pair-incomparable", n=n)
    if better:
        low, high = sorted((abs(d.estimate.low), abs(d.estimate.high)))
        told = {"better": better, "by": abs(d.estimate.value), "low": low, "high": high, "p": _p(d.p_holm)}
        return Note("stats.pair-better-holm", pairs=pairs, **told) if pairs > 1 else Note("stats.pair-better", **told)
    if pairs > 1 and d.p <= 1 - d.estimate.level:
        return Note("stats.pair-alike-holm", n=n, pairs=pairs, p=_p(d.p), after=_p(d.p_holm).removeprefix("= "))
    return Note("stats.pair-alike-seen", n=n, seen=d.seen) if d.seen > 0 else Note("stats.pair-alike", n=n)


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"


def find_title(full_name: str) -> str:
    """Return the entry of `SCORES` that a full name belongs to, whatever the labels."""
    stem, colon, _ = full_name.partition(":")
    return f"{stem}_each" if colon and f"{stem}_each" in SCORES else stem


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Correct p-values for being looked at together.

    Args:
        p_values: One per test; NaN for a test that could not be made, which stays NaN and is not counted.

    Returns:
        Corrected p-values, (n,) float64, same order.

    Example:
        >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, np.float64)
    out = np.full(p.shape, np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    out[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return out
