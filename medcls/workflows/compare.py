"""Models compared on labelled scans: the same cases, intervals, and whether the difference is more than chance."""

from collections.abc import Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medcls.core.evaluation import CaseTable, Estimate, Evaluation
from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.errors import BadData
from medcls.models import store
from medcls.stats.curves import Curve, Steps, precision_recall, reliability, roc
from medcls.stats.paired import Difference, McNemar, by_collection, compare, mcnemar, share_cases
from medcls.stats.score_table import SCORES, confusion, names_of
from medcls.stats.scores import evaluate_cases
from medcls.workflows.compare_scan import check_models

RESAMPLES = 2000


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
    notes: tuple[Note, ...] = ()

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
    """Return every score's full name with what a person reads (`recall:benign` -> `Recall, benign`)."""
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
            raise BadData("workflows.no-cases-kept", model_id=model_id)
        tables[model_id], evaluations[model_id] = table, evaluation
    return _compare(tables, evaluations, resamples)


def compare_folders(folders: Sequence[Path], *, resamples: int = RESAMPLES) -> Comparison:
    """Compare models that were evaluated apart, as far as they share cases.

    Args:
        folders: Written by `evaluate.write`, one a model: `evaluation.json` and `cases.csv`.
        resamples: How many times groups are resampled for the intervals.

    Raises:
        BadModel: If there are too few or too many, one model stands twice, or one or its file is missing or damaged.
        BadData: If a folder has no evaluation, they share no case, or their labels differ.
    """
    tables: dict[str, CaseTable] = {}
    evaluations: dict[str, Evaluation] = {}
    for path in folders:
        table, evaluation = store.read_cases(path), store.read_evaluation(path)
        if table is None or evaluation is None:
            raise BadData("workflows.folder-without-evaluation", name=path.name)
        if evaluation.model in tables:
            raise BadData("workflows.model-in-two-folders", model=evaluation.model)
        tables[evaluation.model], evaluations[evaluation.model] = table, evaluation
    check_models(list(tables))
    return _compare(tables, evaluations, resamples)


def compare_afresh(
    model_ids: Sequence[str],
    collections: tuple[str, ...],
    part: str = "unseen",
    *,
    split: str = "auto",
    fold: int = 0,
    resamples: int = RESAMPLES,
    known: MutableMapping[str, tuple[Evaluation, CaseTable]] | None = None,
    on_case: Callable[[str, int, int], None] = lambda model_id, done, total: None,
) -> Comparison:
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
    cases = share_cases({m: by_collection(table, evaluations[m].collection) for m, table in tables.items()})
    first = next(iter(cards.values()))
    labels = next(iter(cases.values())).labels
    positive = tuple(labels.index(first.task.label_ids[i]) for i in first.task.positive)
    scores = {m: evaluate_cases(table, positive, resamples=resamples) for m, table in cases.items()}
    collections = dict.fromkeys(e.collection for e in evaluations.values())
    parts = dict.fromkeys(piece for e in evaluations.values() for piece in e.part.split("; "))
    return Comparison(
        cards, cases, scores, "; ".join(collections), "; ".join(parts), _notes(tables, cases, evaluations)
    )


def _notes(
    tables: dict[str, CaseTable], cases: dict[str, CaseTable], evaluations: dict[str, Evaluation]
) -> tuple[Note, ...]:
    shared = len(next(iter(cases.values())))
    notes: list[Note] = []
    if any(len(table) > shared for table in tables.values()):
        answered = _by_first((len(table), model_id) for model_id, table in tables.items())
        each = "; ".join(f"{n} for {', '.join(ids)}" for n, ids in answered.items())
        counts = f"{next(iter(answered))} for each, not all of them the same" if len(answered) == 1 else each
        notes.append(Note("evaluation.shared-only", n=shared, counts=counts))
    if len({e.fingerprint for e in evaluations.values()}) > 1:
        notes.append(Note("evaluation.other-states"))
    said = _by_first((note, model_id) for model_id, e in evaluations.items() for note in e.notes)
    return (*notes, *(Note("evaluation.of-models", models=ids, note=note) for note, ids in said.items()))


def _by_first(pairs: Iterable[tuple[Any, str]]) -> dict[Any, list[str]]:
    """Gather the second of each pair under the first."""
    found: dict[Any, list[str]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def differences(comparison: Comparison, score: str = "auroc", *, resamples: int = RESAMPLES) -> tuple[Difference, ...]:
    """Compare every pair of models in one score, by a paired bootstrap over groups with Holm's correction.

    Args:
        comparison: The models and their cases.
        score: Full name of a score (see `Comparison.score_names`).
        resamples: How many times groups are resampled.

    Raises:
        BadData: If there is no such score.
    """
    check_score(comparison, score)
    return compare(comparison.cases, score, comparison.positive, resamples=resamples)


def check_score(comparison: Comparison, score: str) -> None:
    """Check that a score has this full name.

    Raises:
        BadData: If there is none.
    """
    if score not in comparison.score_names():
        raise BadData("workflows.no-such-score", found=score[:80], allowed=", ".join(comparison.score_names()))


def right_and_wrong(comparison: Comparison) -> dict[tuple[str, str], McNemar]:
    """Count, for every pair of models, the cases only one of them got right (McNemar's test; cases taken as independent)."""
    right = {m: t.prob.argmax(axis=1) == t.truth for m, t in comparison.cases.items()}
    names = list(right)
    return {(a, b): mcnemar(right[a], right[b]) for i, a in enumerate(names) for b in names[i + 1 :]}


def collections_for(cards: Sequence[ModelCard]) -> tuple[str, ...]:
    """Return the labelled collections of this machine that these models can be evaluated on: all labels are theirs."""
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
    """Return every model's curves for a label against the rest, with bands from resampled groups."""
    found = {}
    for model_id in comparison.cases:
        steps = steps_of(comparison, model_id, label)
        found[model_id] = Curves(
            roc(steps, resamples=resamples), precision_recall(steps, resamples=resamples), reliability(steps)
        )
    return found


def steps_of(comparison: Comparison, model_id: str, label: str) -> Steps:
    """Return one model's cases ordered by its probability for one label."""
    table = comparison.cases[model_id]
    k = table.labels.index(label)
    return Steps(table.prob[:, k], table.truth == k, table.group)


def confusions(comparison: Comparison) -> dict[str, tuple[tuple[int, ...], ...]]:
    """Return every model's confusion matrix, row = truth, column = most probable label."""
    return {model_id: confusion(table) for model_id, table in comparison.cases.items()}


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


def count_disagreements(comparison: Comparison) -> int:
    """Count the cases on which the models' most probable labels differ."""
    decided = np.stack([t.prob.argmax(axis=1) for t in comparison.cases.values()])
    return int((decided != decided[0]).any(axis=0).sum())


def disagreements(comparison: Comparison, most: int = 60) -> tuple[Disagreement, ...]:
    """Return the cases on which the models' most probable labels differ, widest spread of the probability of disease first."""
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
            str(first.case[i]),
            "" if where is None else str(where[i]),
            first.labels[first.truth[i]],
            {m: first.labels[decided[j, i]] for j, m in enumerate(tables)},
            {m: float(disease[j, i]) for j, m in enumerate(tables)},
            float(spread[i]),
        )
        for i in rows
    )


def read_case(disagreement: Disagreement) -> bytes:
    """Return the bytes of the scan a disagreement is about.

    Raises:
        BadData: If its collection is not on this machine, or the file is gone.
    """
    from medcls.data.collections import open_collection

    if not disagreement.collection:
        raise BadData("workflows.case-of-no-collection")
    collection = open_collection(disagreement.collection)
    return collection.read(collection.case(disagreement.case.removeprefix(f"{disagreement.collection}/")))
