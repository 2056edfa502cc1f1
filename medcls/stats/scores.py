"""What a model is worth on labelled cases: every score with the interval that suits it."""

import math
from dataclasses import dataclass

import numpy as np

from medcls.core.evaluation import CaseTable, Estimate
from medcls.core.note import Note
from medcls.stats import delong
from medcls.stats.intervals import effective_cases, percentiles, spread, wilson, wilson_auroc
from medcls.stats.score_table import SCORES, Score, confusion, find, names_of, score
from medcls.stats.weighted import BLOCK_VALUES, Cases, Weighted, confidence_bin, draw_counts

__all__ = [
    "SCORES",
    "Drawn",
    "Score",
    "confusion",
    "draw",
    "estimate",
    "evaluate_cases",
    "find",
    "names_of",
    "resample",
    "score",
]

_END = 1e-12  # this close to an end of its scale a score counts as lying on it


def evaluate_cases(
    table: CaseTable,
    positive: tuple[int, ...],
    *,
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
    names: tuple[str, ...] = tuple(SCORES),
) -> dict[str, Estimate]:
    """Score a model on labelled cases, every score with its interval.

    Groups are resampled whole, so that several pictures of one patient do not count as several patients. Where every
    group is one case, proportions get Wilson's interval and AUROCs DeLong's.

    Args:
        table: What the model said of each case.
        positive: Indices of the labels that mean disease.
        seed: Seed of the resampling.
        resamples: How many times the groups are resampled.
        level: Confidence level, in (0, 1).
        names: Which of `SCORES` to compute.

    Returns:
        Each score by name: those of `SCORES`, where a score per label has one entry per label (`recall:malignant`,
        `auroc:benign`), `ece_floor` (the calibration error a perfectly calibrated model would show on as many cases)
        and `ece_excess` (what is above it). NaN where a score cannot be computed, as AUROC on one class.
    """
    return estimate(draw(table, positive, seed=seed, resamples=resamples, names=names), level)


@dataclass(frozen=True, eq=False)
class Drawn:
    """Scores of a model on cases and on resamples of them, drawn once for its intervals and for every difference.

    Args:
        cases: The cases.
        point: For each score, its values (1,), or (K,) if there is one per label.
        resampled: For each score, its values on resampled groups, (R, 1) or (R, K), as `resample` gives them.
        seed: Seed of the draws.
    """

    cases: Cases
    point: dict[str, np.ndarray]
    resampled: dict[str, np.ndarray]
    seed: int


def draw(
    table: CaseTable,
    positive: tuple[int, ...],
    *,
    seed: int = 0,
    resamples: int = 2000,
    names: tuple[str, ...] = tuple(SCORES),
) -> Drawn:
    """Score a model on labelled cases and on resampled groups of them; see `evaluate_cases`."""
    cases = Cases(table, tuple(positive))
    point = {name: SCORES[name].compute(Weighted.once(cases)).reshape(-1) for name in names}
    return Drawn(cases, point, resample(cases, names, seed, resamples), seed)


def estimate(drawn: Drawn, level: float = 0.95) -> dict[str, Estimate]:
    """Return every score that was drawn, with its interval; see `evaluate_cases`."""
    found: dict[str, Estimate] = {}
    for name, resampled in drawn.resampled.items():
        for column, full_name in enumerate(names_of(name, drawn.cases.table.labels)):
            value = float(drawn.point[name][column])
            found[full_name] = _estimate(drawn.cases, name, column, value, resampled[:, column], level)
    return found | _calibration_floor(drawn.cases, found["ece"], drawn.seed, level) if "ece" in found else found


def resample(cases: Cases, names: tuple[str, ...], seed: int, resamples: int) -> dict[str, np.ndarray]:
    """Compute scores on resampled groups.

    Args:
        cases: The cases; without any, nothing is drawn.
        names: Names in `SCORES`.
        seed: Seed of the draws. Tables with the same groups in the same rows are resampled alike.
        resamples: How many.

    Returns:
        For each name, values (R, 1), or (R, K) if there is one per label.
    """
    blocks: dict[str, list[np.ndarray]] = {name: [] for name in names}
    draws = draw_counts(cases.grouping[1], resamples, len(cases.table), seed) if len(cases.table) else ()
    for counts in draws:
        weighted = Weighted(cases, counts)
        for name in names:
            blocks[name].append(SCORES[name].compute(weighted).reshape(counts.shape[1], -1))
    k = len(cases.table.labels)
    none = {name: np.zeros((0, k if SCORES[name].per_label else 1)) for name in names}
    return {name: np.concatenate([none[name], *parts]) for name, parts in blocks.items()}


def _estimate(cases: Cases, name: str, column: int, value: float, resampled: np.ndarray, level: float) -> Estimate:
    kind, n = SCORES[name], cases.grouping[1]
    if math.isnan(value):
        return Estimate(value, math.nan, math.nan, level, n, Note("stats.how-no-case"))
    if kind.parts is not None:
        return _share(cases, kind, column, value, level)
    if kind.ranks and (cases.independent or _at_end(value, kind.scale)):
        return _by_ranks(cases, name, column, value, level)
    if name == "ece":
        return _calibration_error(cases, value, resampled, level)
    if _at_end(value, kind.scale):
        return _at_the_end(cases, kind, value, level)
    return _bootstrapped(cases, kind, value, resampled, level)


def _at_end(value: float, scale: tuple[float, float]) -> bool:
    return min(abs(value - end) for end in scale) < _END


def _unit(cases: Cases) -> Note:
    return Note("stats.cases") if cases.independent else Note("stats.groups")


def _no_interval(cases: Cases, value: float, level: float) -> Estimate:
    n = cases.grouping[1]
    how = Note("stats.how-from-cases", n=n) if cases.independent else Note("stats.how-from-groups", n=n)
    return Estimate(value, math.nan, math.nan, level, n, how)


def _bootstrapped(cases: Cases, kind: Score, value: float, resampled: np.ndarray, level: float) -> Estimate:
    n = cases.grouping[1]
    finite = resampled[np.isfinite(resampled)]
    if n < 2 or len(finite) < 2:
        return _no_interval(cases, value, level)
    error = float(finite.std(ddof=1)) * math.sqrt(n / (n - 1))
    low, high = spread(value, error, n - 1, level, kind.scale)
    code = "stats.how-resampled-log" if math.isinf(kind.scale[1]) else "stats.how-resampled-logit"
    how = Note(code, resamples=len(resampled), units=_unit(cases))
    if lost := len(resampled) - len(finite):
        how = Note("stats.how-some-lost", how=how, lost=lost)
    return Estimate(value, low, high, level, n, how)


def _share(cases: Cases, kind: Score, column: int, value: float, level: float) -> Estimate:
    """Wilson's interval, on the effective number of cases where they come in groups."""
    k = len(cases.table.labels)
    assert kind.parts is not None
    parts = kind.parts(cases.cells.reshape(-1, k, k), cases.positive)
    hits, counted = (part.reshape(len(part), -1)[:, column] for part in parts)
    n = int((counted > 0).sum())
    if cases.independent:
        return Estimate(value, *wilson(float(hits.sum()), n, level), level, n, Note("stats.how-wilson-cases"))
    effective = effective_cases(hits, counted, level)
    how = Note("stats.how-wilson-groups", n=int(counted.sum()), effective=effective)
    return Estimate(value, *wilson(value * effective, effective, level), level, n, how)


def _by_ranks(cases: Cases, name: str, column: int, value: float, level: float) -> Estimate:
    """DeLong's interval of one AUROC, or of the mean of several; a score interval where the AUROC is 0 or 1."""
    n, which = cases.grouping[1], _rankings_of(cases, name, column)
    moved = np.mean([delong.influence(cases.rankings[i], len(cases.table))[1] for i in which], axis=0)
    variance = float((moved**2).sum())
    if _at_end(value, (0.0, 1.0)) or math.isnan(variance):
        sides = [_sides(cases, i) for i in which]
        p, q = (min(side) for side in zip(*sides, strict=True))
        return Estimate(
            value, *wilson_auroc(value, p, q, level), level, n, Note("stats.how-newcombe", units=_unit(cases))
        )
    return Estimate(value, *delong.interval(value, variance, level), level, n, Note("stats.how-delong"))


def _rankings_of(cases: Cases, name: str, column: int) -> list[int]:
    k = len(cases.table.labels)
    if name == "auroc_disease" or k == 2:
        return [k] if name != "auroc_each" else [column]
    return [column] if name == "auroc_each" else [i for i in range(k) if cases.present[i]]


def _sides(cases: Cases, which: int) -> tuple[int, int]:
    index, ranking = cases.grouping[0], cases.rankings[which]
    return len(np.unique(index[ranking.positive])), len(np.unique(index[ranking.negative]))


def _at_the_end(cases: Cases, kind: Score, value: float, level: float) -> Estimate:
    """Wilson's interval with the groups of the rarest label, where resampling would give no width."""
    index, truth = cases.grouping[0], cases.table.truth
    n = min(len(np.unique(index[truth == k])) for k in np.flatnonzero(cases.present))
    least, greatest = kind.scale
    if math.isinf(greatest):
        return Estimate(value, math.nan, math.nan, level, cases.grouping[1], Note("stats.how-none-at-end"))
    low, high = (least + (greatest - least) * end for end in wilson((value - least) / (greatest - least) * n, n, level))
    how = Note("stats.how-wilson-at-end", n=n, units=_unit(cases))
    return Estimate(value, low, high, level, cases.grouping[1], how)


def _calibration_error(cases: Cases, value: float, resampled: np.ndarray, level: float) -> Estimate:
    if cases.grouping[1] < 2:
        return _no_interval(cases, value, level)
    bias = float(np.nanmean(resampled)) - value
    low, high = (min(1.0, max(0.0, end - bias)) for end in percentiles(resampled, level))
    how = Note("stats.how-calibration-error", resamples=len(resampled), units=_unit(cases))
    return Estimate(value, low, high, level, cases.grouping[1], how)


def _calibration_floor(cases: Cases, ece: Estimate, seed: int, level: float, draws: int = 1000) -> dict[str, Estimate]:
    """Calibration error of imaginary outcomes drawn from the probabilities themselves, and what is above it."""
    n = cases.grouping[1]
    if math.isnan(ece.value):
        nothing = Estimate(math.nan, math.nan, math.nan, level, n, ece.how)
        return {"ece_floor": nothing, "ece_excess": nothing}
    confidence = np.sort(cases.table.prob.max(axis=1))
    starts = np.flatnonzero(np.diff(confidence_bin(confidence), prepend=-1))
    rng = np.random.default_rng(seed)
    blocks = []
    for rows in np.array_split(np.arange(draws), -(-draws * len(confidence) // BLOCK_VALUES)):
        gap = confidence - (rng.random((len(rows), len(confidence))) < confidence)
        blocks.append(np.abs(np.add.reduceat(gap, starts, axis=1)).sum(axis=1) / len(confidence))
    drawn = np.concatenate(blocks)
    floor, (low, high) = float(drawn.mean()), percentiles(drawn, level)
    how = Note("stats.how-calibration-floor", draws=draws)
    value, least, most = (float(np.maximum(0.0, v - floor)) for v in (ece.value, ece.low, ece.high))  # NaN stays NaN
    return {
        "ece_floor": Estimate(floor, low, high, level, n, how),
        "ece_excess": Estimate(value, least, most, level, n, Note("stats.how-less-floor", how=ece.how)),
    }
