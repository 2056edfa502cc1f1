"""Runs that differ in one setting, lined up with what the setting did."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from medcls.core.evaluation import CaseTable, Estimate
from medcls.core.progress import Progress, silent
from medcls.core.run import RunSpec, settings
from medcls.errors import BadData
from medcls.stats.difference import Difference, correct_together
from medcls.stats.paired import by_collection, compare_drawn, share_cases
from medcls.stats.score_table import SCORES, names_of
from medcls.stats.scores import draw, estimate

_SAY_NOTHING = {"name", "recipe", "device", "precision"}  # settings that do not change what is learned


@dataclass(frozen=True, eq=False)
class AblationRow:
    """Two runs that differ in one setting.

    Args:
        setting: Name of the setting.
        before: Id of the run with the setting at its usual value, or the older one.
        after: Id of the other.
        value_before: The setting's value in it.
        value_after: The setting's value in the other.
        score_before: The chosen score on the cases both were tested on.
        score_after: The same of the other.
        difference: After minus before, with a verdict.
    """

    setting: str
    before: str
    after: str
    value_before: Any
    value_after: Any
    score_before: Estimate
    score_after: Estimate
    difference: Difference


@dataclass(frozen=True, eq=False)
class Tested:
    """A run, or a whole cross-validation, and what it was tested on.

    Args:
        run: Its id.
        spec: What was asked for.
        cases: What it said of each case.
        collection: Where they are from.
        fingerprint: Fingerprint of the contents it was made from.
        positive: Indices of the labels that mean disease.
        folds: Ids of the runs of a cross-validation.
    """

    run: str
    spec: RunSpec
    cases: CaseTable
    collection: str
    fingerprint: str
    positive: tuple[int, ...]
    folds: tuple[str, ...] = ()


def line_up(
    tested: Sequence[Tested], score: str = "auroc", *, resamples: int = 2000, progress: Progress = silent
) -> tuple[AblationRow, ...]:
    """Line up runs that differ in one setting and were made from the same contents.

    Args:
        tested: The runs.
        score: Full name of the score to compare.
        resamples: How many times groups are resampled.
        progress: Called with pairs done and pairs in all.

    Returns:
        One row for each pair, by setting; every pair's p is corrected (Holm) among the pairs of its setting.

    Raises:
        BadData: If there is no such score.
    """
    _check_score(score, [t.cases.labels for t in tested])
    pairs: dict[str, list[tuple[Tested, Tested]]] = {}
    for a, b in combinations(sorted(tested, key=lambda t: t.run), 2):
        same_data = a.fingerprint == b.fingerprint and set(a.cases.labels) == set(b.cases.labels)
        if same_data and (setting := _only_setting(a, b)):
            usual = settings()[setting].default
            pairs.setdefault(setting, []).append((b, a) if b.spec.value(setting) == usual else (a, b))
    rows: dict[str, list[AblationRow | None]] = {setting: [] for setting in sorted(pairs)}
    asked = [(setting, a, b) for setting in rows for a, b in pairs[setting]]
    for done, (setting, a, b) in enumerate(asked):
        progress(done, len(asked))
        rows[setting].append(_row(setting, a, b, score, resamples))
    return tuple(row for made in rows.values() for row in _corrected(made))


def _check_score(score: str, labels: Sequence[tuple[str, ...]]) -> None:
    """Raise BadData if there is no such score of any run; where there is no run, of a label whatever its name."""
    known = [n for s in SCORES for n in sorted({n for each in labels or [()] for n in names_of(s, each)})]
    by_label = {name.removesuffix("_each") for name in SCORES if SCORES[name].per_label}
    of_any_label = not labels and ":" in score and score.partition(":")[0] in by_label
    if score not in known and not of_any_label:
        raise BadData("workflows.no-such-score", found=score[:80], allowed=", ".join(known))


def _corrected(rows: Sequence[AblationRow | None]) -> list[AblationRow]:
    """Return the rows that could be made, judged together."""
    made = [row for row in rows if row]
    judged = correct_together([row.difference for row in made])
    return [replace(row, difference=difference) for row, difference in zip(made, judged, strict=True)]


def _only_setting(a: Tested, b: Tested) -> str | None:
    differ = [name for name in settings() if name not in _SAY_NOTHING and a.spec.value(name) != b.spec.value(name)]
    return differ[0] if len(differ) == 1 else None


def _row(setting: str, a: Tested, b: Tested, score: str, resamples: int) -> AblationRow | None:
    name = next((n for n in SCORES if score in names_of(n, a.cases.labels)), None)
    if name is None:  # a score of a label that other runs have
        return None
    try:
        tables = share_cases({run.run: by_collection(run.cases, run.collection) for run in (b, a)})
    except BadData:
        return None  # tested on other cases: nothing to line up
    positive = tuple(tables[b.run].labels.index(b.cases.labels[i]) for i in b.positive)
    drawn = {m: draw(t, positive, resamples=resamples, names=(name,)) for m, t in tables.items()}
    (difference,) = compare_drawn(drawn, score)
    scores = {m: estimate(one)[score] for m, one in drawn.items()}
    return AblationRow(
        setting, a.run, b.run, a.spec.value(setting), b.spec.value(setting), scores[a.run], scores[b.run], difference
    )
