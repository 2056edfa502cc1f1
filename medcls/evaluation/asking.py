"""Asking a model labelled cases: which it may be asked, who answers them, what came of it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from medcls.core.collection import Case, Selection
from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.note import Note
from medcls.core.prediction import Prediction
from medcls.core.progress import Progress, silent
from medcls.data.collections import Collection
from medcls.data.sources import Sources, site_of, whole_sources
from medcls.errors import BadData
from medcls.evaluation.risk import ACQUIRED, REFUSED
from medcls.evaluation.scoring import describe_cases, join_tables, stack_tables
from medcls.models import store
from medcls.models.mean import Mean
from medcls.models.network import Network
from medcls.models.predictor import Predictor

_PARTS = {
    "train": Note("evaluation.part-train"),
    "validate": Note("evaluation.part-validate"),
    "test": Note("evaluation.part-test"),
    "unseen": Note("evaluation.part-unseen"),
    "all": Note("evaluation.part-all"),
}
DOUBTFUL = ("evaluation.untold",)  # notes that put an evaluation in doubt, also in a mean of such answers


def evaluate_sources(
    classifier: Predictor, sources: Sources, part: str, on_case: Progress = silent
) -> tuple[Evaluation, CaseTable]:
    """Evaluate a model on one part of every collection, case by case from the files' bytes.

    Of `test` and `unseen`, cases are left out whose scan, or one of the same group, the model was trained or tuned on.
    A note says where the model, or a member of it, does not tell which those are. Of the mean of a cross-validation's
    networks, those answer a case there that never saw it.

    Args:
        classifier: The model.
        sources: From `find_sources`.
        part: `train`, `validate`, `test`, `unseen` (every case the model never saw) or `all`.
        on_case: Called with cases done and cases in all, per collection.

    Returns:
        The evaluation and its cases, by collection and id; a column `collection` says where each comes from.

    Raises:
        BadData: If no case is left, or one has a label the model does not know.
    """
    tables, known = [], 0
    decided: list[bool | None] = []

    def record(case: Case, prediction: Prediction) -> None:
        decided.append(None if prediction.decided is None else prediction.decided == case.label)

    for collection, cases in zip(sources.collections, sources.cases, strict=True):
        chosen = sorted(
            (c for p, rows in cases.items() if part in ("all", "unseen", p) for c in rows), key=lambda c: c.id
        )
        asked = assign_unseen(classifier, chosen, collection)
        if part in ("test", "unseen"):
            known += len(chosen) - sum(len(rows) for _, rows in asked)
        else:
            known += len(chosen) - len(unseen_cases(chosen, collection, classifier.seen))
            asked = [(classifier, chosen)] if chosen else []
        if asked:
            tables.append(_evaluate_by(asked, collection, on_case, record))
    if not tables:
        raise BadData("evaluation.all-learned-from", n=known) if known else BadData("evaluation.no-case")
    table = join_tables(tables)
    names = ", ".join(c.name for c in sources.collections)
    evaluation = describe_cases(table, classifier.card, names, sources.fingerprint, _PARTS[part])
    notes = (*evaluation.notes, *_undecided(decided), *_doubts(classifier), *_who_answered(classifier, part, known))
    return replace(evaluation, notes=notes), table


def assign_unseen(
    classifier: Predictor, chosen: list[Case], collection: Collection
) -> list[tuple[Predictor, list[Case]]]:
    """Return who answers which cases, so that no network answers a case of a group it learned from.

    Of a cross-validation's networks the one that was tested on a case answers it: another may not have learned from it
    only because a copy of it was watched, or because it learned from a part of the cases.

    Args:
        classifier: The model.
        chosen: Cases of a collection.
        collection: The collection.

    Returns:
        The model with the cases it answers; of a cross-validation, the mean of some of its networks with those, for
        each set of networks. Cases that nobody may answer are left out.
    """
    if not classifier.card.folds:
        fresh = unseen_cases(chosen, collection, classifier.seen)
        return [(classifier, fresh)] if fresh else []
    who: dict[str, list[Network]] = {}
    tested: dict[str, list[Network]] = {}
    for member in classifier.members:
        mine = _tested_on(member.card.id)
        for case in unseen_cases(chosen, collection, member.seen):
            who.setdefault(case.id, []).append(member)
            if (collection.name, case.id) in mine:
                tested.setdefault(case.id, []).append(member)
    who |= tested
    by: dict[tuple[Network, ...], list[Case]] = {}
    for case in chosen:
        if case.id in who:
            by.setdefault(tuple(who[case.id]), []).append(case)
    return [(Mean(classifier.card, members), cases) for members, cases in by.items()]


def cases_for(model: Predictor, wanted: Selection) -> list[tuple[Predictor, list[Case], Callable[[Case], bytes]]]:
    """Return who answers which cases of collections, with what reads them.

    Args:
        model: The model.
        wanted: Which cases.

    Raises:
        BadData: If a collection is missing, or no case is left.
    """
    sources = whole_sources(wanted.collections, model.card.task, model.card.label_map)
    found: list[tuple[Predictor, list[Case], Callable[[Case], bytes]]] = []
    asked: list[tuple[Predictor, list[Case], Callable[[Case], bytes]]] = []
    for collection, parts in zip(sources.collections, sources.cases, strict=True):
        chosen = sorted((case for rows in parts.values() for case in rows), key=lambda case: case.id)
        some = [(model, chosen)] if wanted.part == "all" else assign_unseen(model, chosen, collection)
        asked += [(who, cases, collection.read) for who, cases in some]
    total = sum(len(cases) for _, cases, _ in asked)
    share = min(1.0, wanted.most / total) if wanted.most and total else 1.0
    for who, cases, read in asked:
        drawn = np.random.default_rng(wanted.seed).permutation(len(cases))
        kept = np.sort(drawn[: max(1, round(share * len(cases)))])
        found.append((who, [cases[i] for i in kept], read))
    if not any(cases for _, cases, _ in found):
        raise BadData("evaluation.no-case")
    return found


def _tested_on(model_id: str) -> set[tuple[str, str]]:
    """Return the cases tested on when a model was made: collection, and id with and without the collection's name."""
    cases = store.read_cases(model_id)
    if cases is None or "collection" not in cases.attributes:
        return set()
    pairs = list(zip(cases.attributes["collection"].tolist(), cases.case.tolist(), strict=True))
    return {*pairs, *((where, case.removeprefix(f"{where}/")) for where, case in pairs)}


def _evaluate_by(
    asked: list[tuple[Predictor, list[Case]]],
    collection: Collection,
    on_case: Progress,
    record: Callable[[Case, Prediction], None],
) -> CaseTable:
    """Have each answer its cases of a collection; return one table by id."""
    parts: list[CaseTable] = []
    total = sum(len(cases) for _, cases in asked)
    for classifier, cases in asked:
        before = sum(map(len, parts))

        def count(done: int, n: int, stage: str = "", before: int = before) -> None:
            on_case(before + done, total)

        named = [
            replace(c, attributes={**c.attributes, "collection": collection.name, "site": site_of(c, collection)})
            for c in cases
        ]
        doubts: list[tuple[str, str]] = []

        def hear(case: Case, prediction: Prediction, doubts: list[tuple[str, str]] = doubts) -> None:
            doubts.append(_doubt(prediction))
            record(case, prediction)

        table = classifier.evaluate(named, collection.read, count, hear)
        columns = dict(zip((ACQUIRED, REFUSED), np.array(doubts).T, strict=True))
        parts.append(replace(table, attributes={**table.attributes, **columns}))
    table = stack_tables(parts)
    return table.take(np.argsort(table.case, kind="stable"))


def _doubt(prediction: Prediction) -> tuple[str, str]:
    """Return how unlike a scan was acquired, empty if that is not measured, and why nothing was decided of it."""
    why = "" if prediction.refusal is None else "unsure" if prediction.unsure else "foreign"
    return "" if prediction.acquired is None else f"{prediction.acquired:.3g}", why


def _undecided(decided: list[bool | None]) -> tuple[Note, ...]:
    """Return a note on how many cases a model left undecided: scores count its most probable label there too."""
    answers = [right for right in decided if right is not None]
    silent, n = len(decided) - len(answers), len(decided)
    if not silent:
        return ()
    notes = [Note("evaluation.undecided", silent=silent, n=n)]
    if answers:
        notes.append(Note("evaluation.right-of-decided", n=len(answers), share=sum(answers) / len(answers)))
    if 2 * silent > n:
        notes.append(Note("evaluation.perhaps-other-kind"))
    return tuple(notes)


def _doubts(classifier: Predictor) -> tuple[Note, ...]:
    names = classifier.without_record
    return (Note("evaluation.untold", models=" and ".join(names), n=len(names)),) if names else ()


def _who_answered(classifier: Predictor, part: str, known: int) -> tuple[Note, ...]:
    notes, kept_out = [], part in ("test", "unseen")
    if classifier.card.folds and kept_out:
        notes.append(Note("evaluation.by-fold", folds=classifier.card.folds))
    if known:
        notes.append(Note("evaluation.left-out" if kept_out else "evaluation.learned-from", n=known))
    return tuple(notes)


def unseen_cases(cases: list[Case], collection: Collection, seen: frozenset[str]) -> list[Case]:
    """Return the cases of groups none of whose scans a model has seen.

    Args:
        cases: Cases of a collection.
        collection: The collection.
        seen: What the model learned from, as `medcls.models.store.read_seen` gives it; empty: nothing is known, all are
            given, and the caller says so (see `medcls.models.predictor.Predictor.without_record`).
    """
    if not seen:
        return cases
    met = {case.group for case in collection.cases if store.seen_key(case.sha256) in seen}
    return [case for case in cases if case.group not in met]
