"""Models compared on labelled scans: the same cases, intervals, and whether the difference is more than chance."""

import math
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from medcls import store
from medcls.core.evaluation import CaseTable, Estimate, Evaluation
from medcls.core.model import ModelCard
from medcls.errors import BadData
from medcls.stats.curves import Curve, Steps, precision_recall, reliability, roc
from medcls.stats.paired import Difference, McNemar, compare, mcnemar, share_cases
from medcls.stats.score_table import SCORES, confusion, names_of
from medcls.stats.scores import evaluate_cases
from medcls.workflows.compare_scan import check_models

RESAMPLES = 2000
_BINS = 4  # parts into which a column of numbers is cut
_MOST_VALUES = 8
_NEVER_GROUPS = {"case", "group"}


@dataclass(frozen=True, eq=False)
class Comparison:
    """Models on the cases they share.

    Args:
        cards: The models' cards, by id, in the order asked.
        cases: What each said of each shared case: row i is the same case in every table.
        scores: Every score of every model on these cases.
        collection: Where the cases come from, in words.
        part: Which part of it, in words.
        notes: What a reader must know.
    """

    cards: dict[str, ModelCard]
    cases: dict[str, CaseTable]
    scores: dict[str, dict[str, Estimate]]
    collection: str
    part: str
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> CaseTable:
        """The table of the first model, for what all share: cases, groups, truth, attributes."""
        return next(iter(self.cases.values()))

    @property
    def positive(self) -> tuple[int, ...]:
        """Indices of the labels that mean disease."""
        card = next(iter(self.cards.values()))
        return tuple(self.first.labels.index(card.task.label_ids[i]) for i in card.task.positive)

    @property
    def n_groups(self) -> int:
        """How many groups the cases form."""
        return len(np.unique(self.first.group))

    def score_names(self) -> dict[str, str]:
        """Names of the scores that can be compared, with what a person reads."""
        return score_titles(self.first.labels)


def score_titles(labels: tuple[str, ...]) -> dict[str, str]:
    """Give every score's full name with what a person reads (`recall:benign` -> `Recall, benign`)."""
    return {
        full_name: SCORES[name].title + (f", {full_name.partition(':')[2]}" if SCORES[name].per_label else "")
        for name in SCORES
        for full_name in names_of(name, labels)
    }


def compare_stored(model_ids: Sequence[str], *, resamples: int = RESAMPLES) -> Comparison:
    """Compare models on the test cases they were published with, as far as they share them.

    Args:
        model_ids: Two to eight models.
        resamples: How many times groups are resampled for the intervals.

    Raises:
        BadModel: If there are too few or too many, or one is missing or damaged.
        BadData: If one kept no cases, they share none, or their labels differ.
    """
    check_models(model_ids)
    tables: dict[str, CaseTable] = {}
    evaluations: dict[str, Evaluation] = {}
    for model_id in model_ids:
        table, evaluation = store.read_cases(model_id), store.read_evaluation(model_id)
        if table is None or evaluation is None:
            raise BadData(
                f"Model {model_id} was published without cases", do="Evaluate the models on a labelled set instead"
            )
        tables[model_id], evaluations[model_id] = table, evaluation
    return _compare(tables, evaluations, resamples)


def compare_afresh(
    model_ids: Sequence[str], collections: tuple[str, ...], part: str = "unseen", *,
    split: str = "auto", fold: int = 0, resamples: int = RESAMPLES,
    known: MutableMapping[str, tuple[Evaluation, CaseTable]] | None = None,
    on_case: Callable[[str, int, int], None] = lambda model_id, done, total: None,
) -> Comparison:  # fmt: skip
    """Evaluate models on labelled scans, one after the other, and compare them.

    Args:
        model_ids: Two to eight models.
        collections: Names of labelled collections.
        part: `unseen` (cases of groups that none of the models was trained or tuned on), `test`, `validate`, `train`, or `all`.
        split: Name of the split.
        fold: Fold that is the test part, where the split has folds.
        resamples: How many times groups are resampled for the intervals.
        known: Evaluations made before of these very cases, by model; those made now are added, so that an interrupted
            comparison goes on where it stopped. None keeps none.
        on_case: Called with the model, cases done and cases in all.

    Raises:
        BadModel: If there are too few or too many, or one is missing or damaged.
        BadData: If a collection is missing or has no such case, or the models' labels differ.
    """
    from medcls.workflows.evaluate import evaluate

    check_models(model_ids)
    made = {} if known is None else known
    for model_id in model_ids:

        def told(done: int, total: int, model_id: str = model_id) -> None:
            on_case(model_id, done, total)

        if model_id not in made:
            made[model_id] = evaluate(model_id, collections, part, split=split, fold=fold, on_case=told)
    evaluations = {model_id: made[model_id][0] for model_id in model_ids}
    tables = {model_id: made[model_id][1] for model_id in model_ids}
    return _compare(tables, evaluations, resamples)


def _compare(tables: dict[str, CaseTable], evaluations: dict[str, Evaluation], resamples: int) -> Comparison:
    cards = {model_id: store.read_card(model_id) for model_id in tables}
    cases = share_cases({model_id: _by_collection(table) for model_id, table in tables.items()})
    first = next(iter(cards.values()))
    labels = next(iter(cases.values())).labels
    positive = tuple(labels.index(first.task.label_ids[i]) for i in first.task.positive)
    scores = {m: evaluate_cases(table, positive, resamples=resamples) for m, table in cases.items()}
    collections = dict.fromkeys(e.collection for e in evaluations.values())
    parts = dict.fromkeys(e.part for e in evaluations.values())
    return Comparison(
        cards, cases, scores, "; ".join(collections), "; ".join(parts), _notes(tables, cases, evaluations)
    )


def _by_collection(table: CaseTable) -> CaseTable:
    """Put the collection's name before ids that lack it: one set alone and the same set among others then match."""
    where = table.attributes.get("collection")
    if where is None:
        return table

    def full(ids: np.ndarray) -> np.ndarray:
        return np.array(
            [i if i.startswith(f"{w}/") else f"{w}/{i}" for i, w in zip(ids, where, strict=True)], dtype=str
        )

    return CaseTable(full(table.case), full(table.group), table.truth, table.prob, table.labels, table.attributes)


def _notes(
    tables: dict[str, CaseTable], cases: dict[str, CaseTable], evaluations: dict[str, Evaluation]
) -> tuple[str, ...]:
    shared = len(next(iter(cases.values())))
    notes = [
        f"{model_id} was evaluated on {len(table)} cases, of which {shared} are shared by all models here."
        for model_id, table in tables.items()
        if len(table) > shared
    ]
    if len({e.fingerprint for e in evaluations.values()}) > 1:
        notes.append(
            "The models were evaluated on different states of the labelled sets; only cases with one id and one truth are compared."
        )
    said = {(model_id, note): f"{model_id}: {note}" for model_id, e in evaluations.items() for note in e.notes}
    return (*notes, *said.values())


def differences(comparison: Comparison, score: str = "auroc", *, resamples: int = RESAMPLES) -> tuple[Difference, ...]:
    """Compare every pair of models in one score, by a paired bootstrap over groups with Holm's correction.

    Args:
        comparison: The models and their cases.
        score: Full name of a score (see `Comparison.score_names`).
        resamples: How many times groups are resampled.

    Raises:
        BadData: If there is no such score.
    """
    if score not in comparison.score_names():
        raise BadData("There is no such score", found=score[:80], allowed=", ".join(comparison.score_names()))
    return compare(comparison.cases, score, comparison.positive, resamples=resamples)


def right_and_wrong(comparison: Comparison) -> dict[tuple[str, str], McNemar]:
    """Count, for every pair of models, the cases only one of them got right (McNemar's test; cases taken as independent)."""
    right = {m: t.prob.argmax(axis=1) == t.truth for m, t in comparison.cases.items()}
    names = list(right)
    return {(a, b): mcnemar(right[a], right[b]) for i, a in enumerate(names) for b in names[i + 1 :]}


def collections_for(cards: Sequence[ModelCard]) -> tuple[str, ...]:
    """Give the labelled collections of this machine that these models can be evaluated on: all labels are theirs."""
    from medcls.data.collections import list_collections

    known = [set(card.task.label_ids) for card in cards]
    return tuple(r.name for r in list_collections() if r.labels and all(set(r.labels) <= labels for labels in known))


@dataclass(frozen=True, eq=False)
class Curves:
    """One model's curves for one label."""

    roc: Curve
    precision_recall: Curve
    reliability: Curve


def curves(comparison: Comparison, label: str, *, resamples: int = 300) -> dict[str, Curves]:
    """Give every model's curves for a label against the rest, with bands from resampled groups."""
    found = {}
    for model_id in comparison.cases:
        steps = steps_of(comparison, model_id, label)
        found[model_id] = Curves(
            roc(steps, resamples=resamples), precision_recall(steps, resamples=resamples), reliability(steps)
        )
    return found


def steps_of(comparison: Comparison, model_id: str, label: str) -> Steps:
    """Give one model's cases ordered by its probability for one label."""
    table = comparison.cases[model_id]
    k = table.labels.index(label)
    return Steps(table.prob[:, k], table.truth == k, table.group)


def confusions(comparison: Comparison) -> dict[str, tuple[tuple[int, ...], ...]]:
    """Give every model's confusion matrix, row = truth, column = most probable label."""
    return {model_id: confusion(table) for model_id, table in comparison.cases.items()}


@dataclass(frozen=True)
class Subgroup:
    """Models on part of the cases.

    Args:
        value: The column's value, or its range.
        n_cases: Cases in it.
        n_groups: Groups in it.
        scores: The chosen score of every model.
    """

    value: str
    n_cases: int
    n_groups: int
    scores: dict[str, Estimate]


def columns_of(comparison: Comparison) -> tuple[str, ...]:
    """Give the columns that split the cases into two subgroups or more."""
    return tuple(
        name
        for name, values in comparison.first.attributes.items()
        if name not in _NEVER_GROUPS and len(np.unique(_binned(values))) > 1
    )


def subgroups(
    comparison: Comparison, column: str, score: str = "auroc", *, resamples: int = 500
) -> tuple[Subgroup, ...]:
    """Give one score of every model in each subgroup; numbers are cut into quarters of the cases.

    Args:
        comparison: The models and their cases.
        column: One of `columns_of`.
        score: Full name of a score.
        resamples: How many times groups are resampled for each interval.

    Raises:
        BadData: If there is no such column.
    """
    if column not in comparison.first.attributes:
        raise BadData("The cases have no such column", found=column[:80], allowed=", ".join(columns_of(comparison)))
    values = _binned(comparison.first.attributes[column])
    name = next(n for n in SCORES if score in names_of(n, comparison.first.labels))
    found = []
    for value in dict.fromkeys(values[np.argsort([_sort_key(v) for v in values], kind="stable")]):
        rows = np.flatnonzero(values == value)
        tables = {m: t.take(rows) for m, t in comparison.cases.items()}
        scores = {
            m: evaluate_cases(t, comparison.positive, resamples=resamples, names=(name,))[score]
            for m, t in tables.items()
        }
        found.append(Subgroup(str(value), len(rows), len(np.unique(comparison.first.group[rows])), scores))
    return tuple(found)


def _sort_key(value: str) -> str:
    return value.zfill(12) if value[:1].isdigit() else value


def _binned(values: np.ndarray) -> np.ndarray:
    """Give values to group by: as they are if few, quarters if numbers, the commonest and the rest otherwise."""
    kinds, counts = np.unique(values, return_counts=True)
    if len(kinds) <= _MOST_VALUES:
        return np.where(values == "", "not stated", values)
    try:
        numbers = np.array([float(v) if v else math.nan for v in values])
    except ValueError:
        common = kinds[np.argsort(-counts, kind="stable")[: _MOST_VALUES - 1]]
        return np.where(np.isin(values, common), values, "all others")
    ends = np.unique(np.nanquantile(numbers, np.linspace(0, 1, _BINS + 1)))
    place = np.clip(np.searchsorted(ends, numbers, "right") - 1, 0, max(0, len(ends) - 2))
    names = np.array([f"{low:g} to {high:g}" for low, high in pairwise(ends)] or ["all"])
    return np.where(np.isnan(numbers), "not stated", names[np.minimum(place, len(names) - 1)])


@dataclass(frozen=True)
class Disagreement:
    """A case on which models do not answer alike.

    Args:
        case: Its id.
        collection: The collection it belongs to; empty if unknown.
        truth: Its true label.
        answers: Most probable label by model.
        prob: Probability of disease by model.
        spread: Largest minus smallest of these.
    """

    case: str
    collection: str
    truth: str
    answers: dict[str, str]
    prob: dict[str, float]
    spread: float


def disagreements(comparison: Comparison, most: int = 60) -> tuple[Disagreement, ...]:
    """Give the cases on which the models' most probable labels differ, widest spread of the probability of disease first."""
    tables = comparison.cases
    decided = np.stack([t.prob.argmax(axis=1) for t in tables.values()])
    disease = np.stack([t.prob[:, list(comparison.positive)].sum(axis=1) for t in tables.values()])
    rows = np.flatnonzero((decided != decided[0]).any(axis=0))
    spread = disease.max(axis=0) - disease.min(axis=0)
    rows = rows[np.argsort(-spread[rows], kind="stable")][:most]
    first = comparison.first
    where = first.attributes.get("collection")
    return tuple(
        Disagreement(
            str(first.case[i]), "" if where is None else str(where[i]), first.labels[first.truth[i]],
            {m: first.labels[decided[j, i]] for j, m in enumerate(tables)},
            {m: float(disease[j, i]) for j, m in enumerate(tables)}, float(spread[i]),
        )
        for i in rows
    )  # fmt: skip


def read_case(disagreement: Disagreement) -> bytes:
    """Give the bytes of the scan a disagreement is about.

    Raises:
        BadData: If its collection is not on this machine, or the file is gone.
    """
    from medcls.data.collections import open_collection

    if not disagreement.collection:
        raise BadData("This case does not say which collection it is from", do="Evaluate the models again")
    collection = open_collection(disagreement.collection)
    return collection.read(collection.case(disagreement.case.removeprefix(f"{disagreement.collection}/")))
