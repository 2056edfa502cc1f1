"""A model asked the same cases under every shift of their modality."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from medcls.core.collection import Case, Selection
from medcls.core.evaluation import CaseTable, Estimate
from medcls.core.note import Note
from medcls.core.prediction import Prediction
from medcls.core.progress import Progress, silent
from medcls.core.scan import Scan
from medcls.core.shifts import STRENGTHS, shifts_for
from medcls.core.stress import StressRow, StressStudy
from medcls.imaging.decode import read_scan
from medcls.imaging.shifts import shift_scan
from medcls.models.predictor import Predictor
from medcls.stats.scores import evaluate_cases, resample
from medcls.stats.weighted import Cases, draw_counts, group_index

_BATCH = 8
_RESAMPLES = 1000
_SCORES = ("auroc_disease", "sensitivity", "specificity")
AS_IT_IS = ("", "")  # the shift of a scan that is not changed
Asked = tuple[Predictor, Sequence[Case], Callable[[Case], bytes]]


@dataclass(frozen=True, eq=False)
class _Answers:
    """What a model said of every case under one shift."""

    prob: np.ndarray  # (N, K)
    refused: np.ndarray  # (N,) bool
    cautioned: np.ndarray  # (N,) bool


def stress(
    model: Predictor,
    asked: Sequence[Asked],
    wanted: Selection,
    *,
    shifts: Sequence[str] = (),
    on_case: Progress = silent,
) -> StressStudy:
    """Measure what shifts do to a model's answers.

    Args:
        model: The model.
        asked: Who answers which cases, and what returns a case's bytes (see `evaluation.asking.assign_unseen`).
        wanted: Which cases those are; with its seed every case has a draw of its own, the same at every strength.
        shifts: Names of shifts; none for all that scans of the modality meet.
        on_case: Called with cases done and cases in all.

    Raises:
        BadScan: If a scan cannot be read.
    """
    names = tuple(shifts) or shifts_for(model.card.task.modality)
    variants = [AS_IT_IS, *((name, strength) for name in names for strength in STRENGTHS)]
    cases = [case for _, some, _ in asked for case in some]
    found: dict[tuple[str, str], list[Prediction]] = {variant: [] for variant in variants}
    for who, some, read in asked:
        for start in range(0, len(some), _BATCH):
            scans = [read_scan(read(case)) for case in some[start : start + _BATCH]]
            done = len(found[AS_IT_IS])
            for variant in variants:
                found[variant] += who.predict_many(
                    [_shifted(s, variant, wanted.seed + done + i) for i, s in enumerate(scans)]
                )
            on_case(done + len(scans), len(cases))
    answers = {variant: _gather(predictions) for variant, predictions in found.items()}
    return _study(model, cases, answers, wanted)


def _shifted(scan: Scan, variant: tuple[str, str], seed: int) -> Scan:
    name, strength = variant
    return shift_scan(scan, name, STRENGTHS[strength], seed) if name else scan


def _gather(predictions: Sequence[Prediction]) -> _Answers:
    cautioned = [p.acquired is not None and not p.acquired <= 1 for p in predictions]
    return _Answers(
        np.array([p.prob for p in predictions]), np.array([p.foreign for p in predictions]), np.array(cautioned)
    )


def _study(
    model: Predictor,
    cases: Sequence[Case],
    answers: dict[tuple[str, str], _Answers],
    wanted: Selection,
) -> StressStudy:
    labels, positive = model.card.task.label_ids, model.card.task.positive
    ids, groups = (np.array([getattr(case, field) for case in cases]) for field in ("id", "group"))
    truth = np.array([labels.index(str(case.label)) for case in cases])
    plain = CaseTable(ids, groups, truth, answers[AS_IT_IS].prob, labels, {})
    tables = {variant: replace(plain, prob=found.prob) for variant, found in answers.items()}
    scores = {v: evaluate_cases(t, positive, resamples=_RESAMPLES, names=_SCORES) for v, t in tables.items()}
    drawn = {v: resample(Cases(t, positive), _SCORES, 0, _RESAMPLES) for v, t in tables.items()}
    rows = tuple(_row(variant, answers, scores, drawn, groups) for variant in answers if variant != AS_IT_IS)
    before, n_groups = scores[AS_IT_IS], len(set(groups))
    return StressStudy(
        model.card.id,
        ", ".join(wanted.collections),
        wanted.part,
        len(cases),
        n_groups,
        wanted.seed,
        before["auroc_disease"],
        before["sensitivity"],
        before["specificity"],
        _share(answers[AS_IT_IS].refused, groups),
        rows,
        (Note("evaluation.stress-paired", n=n_groups),),
    )


def _row(
    variant: tuple[str, str],
    answers: dict[tuple[str, str], _Answers],
    scores: dict[tuple[str, str], dict[str, Estimate]],
    drawn: dict[tuple[str, str], dict[str, np.ndarray]],
    groups: np.ndarray,
) -> StressRow:
    here, found, plain = scores[variant], answers[variant], answers[AS_IT_IS]
    apart = {name: _change(scores, drawn, variant, name, len(set(groups))) for name in _SCORES}
    flipped = found.prob.argmax(axis=1) != plain.prob.argmax(axis=1)
    return StressRow(
        variant[0],
        variant[1],
        here["auroc_disease"],
        here["sensitivity"],
        here["specificity"],
        apart["auroc_disease"],
        apart["sensitivity"],
        apart["specificity"],
        _share(flipped, groups),
        _share(found.refused, groups),
        _share(found.cautioned, groups),
    )


def _change(
    scores: dict[tuple[str, str], dict[str, Estimate]],
    drawn: dict[tuple[str, str], dict[str, np.ndarray]],
    variant: tuple[str, str],
    name: str,
    n_groups: int,
) -> Estimate:
    """Return a score under a shift minus without it, both on the same resampled groups."""
    value = scores[variant][name].value - scores[AS_IT_IS][name].value
    apart = drawn[variant][name][:, 0] - drawn[AS_IT_IS][name][:, 0]  # (R,)
    return _between(value, apart, n_groups, Note("evaluation.how-paired", resamples=_RESAMPLES))


def _share(hit: np.ndarray, groups: np.ndarray) -> Estimate:
    """Return the share of cases that are hits, with an interval over resampled groups."""
    index, n_groups = group_index(groups)
    hits, counts = np.bincount(index, hit), np.bincount(index)  # (G,)
    drawn = [(hits @ w) / (counts @ w) for w in draw_counts(n_groups, _RESAMPLES, len(hit), 0)]
    return _between(
        float(hit.mean()), np.concatenate(drawn), n_groups, Note("evaluation.how-percentiles", resamples=_RESAMPLES)
    )


def _between(value: float, drawn: np.ndarray, n_groups: int, how: Note) -> Estimate:
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not len(known):
        return Estimate(float("nan"), float("nan"), float("nan"), 0.95, n_groups, how)
    low, high = np.quantile(known, [0.025, 0.975])
    return Estimate(value, min(float(low), value), max(float(high), value), 0.95, n_groups, how)
