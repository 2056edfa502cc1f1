"""Runs that differ in one knob, lined up with what the knob did."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from medcls.core.evaluation import CaseTable, Estimate
from medcls.core.run import RunSpec, settings
from medcls.errors import BadData, MedclsError
from medcls.models import store
from medcls.runs.folder import RunFolder, list_runs
from medcls.stats.paired import Difference, by_collection, compare, correct_together, share_cases
from medcls.stats.score_table import SCORES, names_of
from medcls.stats.scores import evaluate_cases
from medcls.workflows.fold_results import pool_folds
from medcls.workflows.folds import find_folds

_SAY_NOTHING = {"name", "recipe", "device", "precision"}  # knobs that do not change what is learned


@dataclass(frozen=True, eq=False)
class AblationRow:
    """Two runs that differ in one knob.

    Args:
        knob: Name of the knob.
        before: Id of the run with the knob at its usual value, or the older one.
        after: Id of the other.
        value_before: The knob's value in it.
        value_after: The knob's value in the other.
        score_before: The chosen score on the cases both were tested on.
        score_after: The same of the other.
        difference: After minus before, with a verdict.
    """

    knob: str
    before: str
    after: str
    value_before: Any
    value_after: Any
    score_before: Estimate
    score_after: Estimate
    difference: Difference


@dataclass(frozen=True, eq=False)
class _Tested:
    run: str
    spec: RunSpec
    cases: CaseTable
    collection: str
    fingerprint: str
    positive: tuple[int, ...]
    folds: tuple[str, ...] = ()


def ablate(score: str = "auroc", *, run_ids: Sequence[str] = (), resamples: int = 2000) -> tuple[AblationRow, ...]:
    """Line up finished runs that differ in one knob and were made from the same contents.

    Args:
        score: Full name of the score to compare.
        run_ids: Only these runs; empty for all that have a result.
        resamples: How many times groups are resampled.

    Returns:
        One row for each pair, by knob; a whole cross-validation counts as one run, tested on every case. Runs that differ in name,
        recipe, device or number format alone count as the same in these; every pair's p is corrected (Holm) among the pairs of its knob.

    Raises:
        BadData: If there is no such score.
    """
    runs = [run for run in list_runs() if not run_ids or run.id in run_ids]
    whole = _pooled(runs)
    parts = {run_id for pooled in whole for run_id in pooled.folds}
    tested = whole + [t for run in runs if run.id not in parts and (t := _tested(run))]
    pairs: dict[str, list[tuple[_Tested, _Tested]]] = {}
    for a, b in combinations(sorted(tested, key=lambda t: t.run), 2):
        same_data = a.fingerprint == b.fingerprint and set(a.cases.labels) == set(b.cases.labels)
        if same_data and (knob := _only_knob(a, b)):
            usual = settings()[knob].default
            pairs.setdefault(knob, []).append((b, a) if b.spec.value(knob) == usual else (a, b))
    return tuple(
        row
        for knob in sorted(pairs)
        for row in _corrected([_row(knob, a, b, score, resamples) for a, b in pairs[knob]])
    )


def _corrected(rows: Sequence[AblationRow | None]) -> list[AblationRow]:
    """Return the rows that could be made, judged together."""
    made = [row for row in rows if row]
    judged = correct_together([row.difference for row in made])
    return [replace(row, difference=difference) for row, difference in zip(made, judged, strict=True)]


def _pooled(runs: Sequence[RunFolder]) -> list[_Tested]:
    """Return every whole cross-validation as if it were one run, under the id of its first fold's, tested on all cases."""
    found = []
    for run in runs:
        with contextlib.suppress(MedclsError, FileNotFoundError):  # one that cannot be read: the Runs page tells of it
            spec = run.spec()
            whole = None if spec.data.fold or spec.data.split == "auto" else find_folds(run.id)
            if whole is None or whole.missing:
                continue
            evaluation, cases = pool_folds(whole)
            positive = store.read_card(run.result).task.positive
            ids = tuple(whole.runs.values())
            found.append(
                _Tested(run.id, whole.spec, cases, evaluation.collection, evaluation.fingerprint, positive, ids)
            )
    return found


def _tested(run: RunFolder) -> _Tested | None:
    """Read what a run was tested on; None if it has no result that can be compared, or was stopped before its end."""
    try:
        if run.state().status != "finished":
            return None  # its spec says what was asked for, not what was done
        card = store.read_card(run.result)
        cases, evaluation = store.read_cases(run.result), store.read_evaluation(run.result)
        if cases is None or evaluation is None:
            return None
        return _Tested(run.id, run.spec(), cases, evaluation.collection, evaluation.fingerprint, card.task.positive)
    except MedclsError:
        return None  # no result yet, or not a readable one: the Runs page tells of it


def _only_knob(a: _Tested, b: _Tested) -> str | None:
    differ = [name for name in settings() if name not in _SAY_NOTHING and a.spec.value(name) != b.spec.value(name)]
    return differ[0] if len(differ) == 1 else None


def _row(knob: str, a: _Tested, b: _Tested, score: str, resamples: int) -> AblationRow | None:
    labels = a.cases.labels
    name = next((n for n in SCORES if score in names_of(n, labels)), None)
    if name is None:
        raise BadData(
            "workflows.no-such-score",
            found=score[:80],
            allowed=", ".join(n for s in SCORES for n in names_of(s, labels)),
        )
    try:
        tables = share_cases({run.run: by_collection(run.cases, run.collection) for run in (b, a)})
    except BadData:
        return None  # tested on other cases: nothing to line up
    positive = tuple(tables[b.run].labels.index(b.cases.labels[i]) for i in b.positive)
    (difference,) = compare(tables, score, positive, resamples=resamples)
    scores = {m: evaluate_cases(t, positive, resamples=resamples, names=(name,))[score] for m, t in tables.items()}
    return AblationRow(
        knob, a.run, b.run, a.spec.value(knob), b.spec.value(knob), scores[a.run], scores[b.run], difference
    )
