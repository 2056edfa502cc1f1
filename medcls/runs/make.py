"""A run carried out: data, network, loop, model folder, evaluation. The worker and `train` both do this."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from medcls import store
from medcls.classifier import Classifier, Ensemble
from medcls.core.collection import Case
from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import ModelCard
from medcls.core.prediction import Prediction
from medcls.core.run import EpochResult, RunSpec
from medcls.core.words import counted
from medcls.data.collections import Collection
from medcls.data.sources import Sources, find_sources
from medcls.errors import BadData
from medcls.stats.scores import confusion, evaluate_cases
from medcls.training.fit import TrainingData, Watch, fit
from medcls.training.make import Fitted, make_net, read_sources, write_result
from medcls.training.shares import is_first

# Parts of the cases whose scores are worth a line of their own, where a collection tells them.
SUBGROUPS = ("collection", "device", "birads")
_PARTS = {
    "train": "what a run trains on",
    "validate": "what a run chooses its epoch by",
    "test": "the test part of the split; no scan, and no group, that the model was trained or tuned on",
    "unseen": "every labelled scan of a group that the model was never trained or tuned on (told by the very same files: copies saved anew are not known)",
    "all": "every labelled scan",
}
FLATTERS = "then these scores flatter."  # how a note ends that puts an evaluation in doubt
CANNOT_TELL = "cases the model cannot tell; "  # in a note on how often it stood by no answer
FEW_GROUPS = "groups: intervals by resampling so few are too narrow"  # in one that doubts the intervals
LEFT_OUT = "they are left out."  # how one ends that tells of cases not counted
_FEWEST = 30  # cases in a subgroup worth a line
_FEWEST_GROUPS = 10  # below it a bootstrap over groups covers less than it says


@dataclass(frozen=True)
class Follow:
    """Who is told what while a run is carried out.

    Args:
        should_stop: Asked after every step; True ends training with the best epoch so far.
        on_step: Called with steps done and steps in the epoch.
        on_epoch: Called with every epoch's result.
        on_read: Called with the part being decoded, cases done and cases in all.
        say: Called with a sentence about what is being done.
        on_sources: Called with the cases chosen, before any scan is decoded.
    """

    should_stop: Callable[[], bool] = lambda: False
    on_step: Callable[[int, int], None] = lambda done, total: None
    on_epoch: Callable[[EpochResult], None] = lambda result: None
    on_read: Callable[[str, int, int], None] = lambda part, done, total: None
    say: Callable[[str], None] = lambda sentence: None
    on_sources: Callable[[Sources], None] = lambda sources: None


def make_model(spec: RunSpec, run_id: str, folder: Path, follow: Follow | None = None) -> ModelCard | None:
    """Carry out a run from its spec to an evaluated model folder in `folder/result`.

    A run that was killed goes on from `folder/checkpoint`.

    Args:
        spec: What is asked for.
        run_id: Id of the run.
        folder: The run's folder.
        follow: Who is told.

    Returns:
        The card of the model made; None if it was asked to stop before the first epoch was done, and in every process but the first.

    Raises:
        MedclsError: If data, network or weights cannot be had, or training came to nothing.
        OSError: If the disk is full or cannot be written.
    """
    follow = follow or Follow()
    sources = find_sources(spec)
    follow.on_sources(sources)
    net, matched, preprocess = make_net(spec, sources.task)
    follow.say(f"Initial weights: {matched.words}")
    parts = {}
    for part in ("train", "validate"):
        follow.say(f"Reading {sources.count(part)} scans to {part}")
        parts[part] = read_sources(sources, part, preprocess, spec, partial(follow.on_read, part))
    data = TrainingData(parts["train"], parts["validate"], len(sources.task.labels), preprocess)
    epochs = []
    for result in fit(net, data, spec, Watch(folder / "checkpoint", follow.should_stop, follow.on_step)):
        epochs.append(result)
        follow.on_epoch(result)
    if not epochs or not is_first():
        return None
    follow.say("Writing and evaluating the model")
    return finish(Fitted(net, data, sources, matched, tuple(epochs)), spec, run_id, folder / "result", follow.say)


def finish(fitted: Fitted, spec: RunSpec, run_id: str, result: Path, say: Callable[[str], None]) -> ModelCard:
    """Write a fitted network as a model folder, evaluate it as a user would run it, and put it in place whole."""
    aside = result.with_name(f".{result.name}.aside")
    shutil.rmtree(aside, ignore_errors=True)
    card = write_result(fitted, spec, run_id, aside)
    try:
        store.write_evaluation(aside, *evaluate_sources(Classifier.open(aside), fitted.sources, "test"))
        card = store.seal(aside, replace(card, files={}))
    except (
        BadData
    ) as error:  # no test part, or a model it started from has seen all of it: a model that was not measured
        say(f"Not measured. {error}")
    shutil.rmtree(result, ignore_errors=True)
    aside.rename(result)
    return card


def evaluate_sources(
    classifier: Classifier, sources: Sources, part: str, on_case: Callable[[int, int], None] = lambda done, total: None
) -> tuple[Evaluation, CaseTable]:
    """Evaluate a model on one part of every collection, case by case from the files' bytes.

    Of `test` and `unseen`, cases are left out whose scan, or one of the same group, the model was trained or tuned on. A note says
    where the model, or a member of it, does not tell which those are. Of the mean of a cross-validation's networks, those answer a
    case there that never saw it.

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

    def told(case: Case, prediction: Prediction) -> None:
        decided.append(None if prediction.decided is None else prediction.decided == case.label)

    for collection, cases in zip(sources.collections, sources.cases, strict=True):
        chosen = sorted(
            (c for p, rows in cases.items() if part in ("all", "unseen", p) for c in rows), key=lambda c: c.id
        )
        asked = ask_unseen(classifier, chosen, collection)
        if part in ("test", "unseen"):
            known += len(chosen) - sum(len(rows) for _, rows in asked)
        else:
            known += len(chosen) - len(unseen_cases(chosen, collection, classifier.seen))
            asked = [(classifier, chosen)] if chosen else []
        if asked:
            tables.append(_evaluate_by(asked, collection, on_case, told))
    if not tables:
        found = f"{known} cases, all of which the model was trained or tuned on" if known else "0 cases"
        raise BadData("There is no case to evaluate on", found=found, do="Choose another part or collection")
    table = join_tables(tables)
    names = ", ".join(c.name for c in sources.collections)
    evaluation = describe_cases(table, classifier.card, names, sources.fingerprint, _PARTS[part])
    if note := _cannot_tell_note(decided):
        evaluation = replace(evaluation, notes=(*evaluation.notes, note))
    if classifier.untold:
        evaluation = replace(evaluation, notes=(*evaluation.notes, _untold_note(classifier.untold)))
    if classifier.card.folds and part in ("test", "unseen"):
        note = f"Each case was answered by those of the {classifier.card.folds} networks that never saw it."
        evaluation = replace(evaluation, notes=(*evaluation.notes, note))
    if known:
        left = LEFT_OUT if part in ("test", "unseen") else "they count here, and these scores flatter it."
        note = (
            f"The model was trained or tuned on {known} cases of these collections, or on others of their group: {left}"
        )
        evaluation = replace(evaluation, notes=(*evaluation.notes, note))
    return evaluation, table


def ask_unseen(
    classifier: Classifier, chosen: list[Case], collection: Collection
) -> list[tuple[Classifier, list[Case]]]:
    """Give who answers which of some cases, so that nobody answers one of a group it learned from.

    Of a cross-validation's networks the one that was tested on a case answers it: another may not have learned from it only because
    a copy of it was watched, or because it learned from a part of the cases.

    Args:
        classifier: The model.
        chosen: Cases of a collection.
        collection: The collection.

    Returns:
        The model with the cases it answers; of a cross-validation, the mean of some of its networks with those, for each set of networks.
        Cases that nobody may answer are left out.
    """
    if not (isinstance(classifier, Ensemble) and classifier.card.folds):
        fresh = unseen_cases(chosen, collection, classifier.seen)
        return [(classifier, fresh)] if fresh else []
    who: dict[str, list[Classifier]] = {}
    tested: dict[str, list[Classifier]] = {}
    for member in classifier.members:
        mine = _tested_on(member.card.id)
        for case in unseen_cases(chosen, collection, member.seen):
            who.setdefault(case.id, []).append(member)
            if (collection.name, case.id) in mine:
                tested.setdefault(case.id, []).append(member)
    who |= tested
    by: dict[tuple[Classifier, ...], list[Case]] = {}
    for case in chosen:
        if case.id in who:
            by.setdefault(tuple(who[case.id]), []).append(case)
    return [(Ensemble(classifier.card, members), cases) for members, cases in by.items()]


def _tested_on(model_id: str) -> set[tuple[str, str]]:
    """Give the cases a model was tested on when it was made: their collection, and their id with and without its name before it."""
    cases = store.read_cases(model_id)
    if cases is None or "collection" not in cases.attributes:
        return set()
    pairs = list(zip(cases.attributes["collection"].tolist(), cases.case.tolist(), strict=True))
    return {*pairs, *((where, case.removeprefix(f"{where}/")) for where, case in pairs)}


def _evaluate_by(
    asked: list[tuple[Classifier, list[Case]]], collection: Collection, on_case: Callable[[int, int], None],
    told: Callable[[Case, Prediction], None],
) -> CaseTable:  # fmt: skip
    """Have each answer its cases of a collection; gives one table by id."""
    parts: list[CaseTable] = []
    total = sum(len(cases) for _, cases in asked)
    for classifier, cases in asked:
        before = sum(map(len, parts))

        def count(done: int, n: int, before: int = before) -> None:
            on_case(before + done, total)

        named = [replace(c, attributes={**c.attributes, "collection": collection.name}) for c in cases]
        parts.append(classifier.evaluate(named, collection.read, count, told))
    table = stack_tables(parts)
    return table.take(np.argsort(table.case, kind="stable"))


def _cannot_tell_note(decided: list[bool | None]) -> str:
    """Say on how many cases a model stood by no answer: scores count its most probable label there too."""
    answers = [right for right in decided if right is not None]
    silent, n = len(decided) - len(answers), len(decided)
    if not silent:
        return ""
    words = f"On {silent} of these {n} {CANNOT_TELL}scores count its most probable label there too."
    if answers:
        share = sum(answers) / len(answers)
        words += f" Of the {counted(len(answers), 'case')} that it decides, a share of {share:.2f} is right."
    return words + (" They may not be the kind of picture it was taught." if 2 * silent > n else "")


def _untold_note(untold: tuple[str, ...]) -> str:
    verb = "does" if len(untold) == 1 else "do"
    return (
        f"{' and '.join(untold)} {verb} not say which scans were trained or tuned on: "
        f"any of these cases may be among them, and {FLATTERS}"
    )


def unseen_cases(cases: list[Case], collection: Collection, seen: frozenset[str]) -> list[Case]:
    """Give the cases of groups none of whose scans a model has seen.

    Args:
        cases: Cases of a collection.
        collection: The collection.
        seen: What the model learned from, as `medcls.store.read_seen` gives it; empty: nothing is known, all are given, and
            the caller says so (see `medcls.classifier.Classifier.untold`).
    """
    if not seen:
        return cases
    met = {case.group for case in collection.cases if store.seen_key(case.sha256) in seen}
    return [case for case in cases if case.group not in met]


def describe_cases(table: CaseTable, card: ModelCard, collection: str, fingerprint: str, part: str) -> Evaluation:
    """Score a table of cases, as a whole and by subgroup."""
    positive = card.task.positive
    subgroups = {}
    for name in SUBGROUPS:
        values = table.attributes.get(name)
        for value in sorted(set(values) - {""}) if values is not None else ():
            rows = table.take(values == value)
            if _FEWEST <= len(rows) < len(table):
                subgroups[f"{name}={value}"] = evaluate_cases(rows, positive)
    counts = tuple(tuple(int(n) for n in row) for row in confusion(table))
    answered = {table.labels[k] for k in set(table.prob.argmax(axis=1))}
    notes: tuple[str, ...] = (
        (f"This model answers {answered.pop()!r} to every case.",) if len(answered) == 1 and len(table) > 1 else ()
    )
    n_groups = len(set(table.group))
    if n_groups < _FEWEST_GROUPS:
        notes += (f"Only {n_groups} {FEW_GROUPS}, and say little of other patients.",)
    return Evaluation(
        card.id, collection, fingerprint, part, table.labels, len(table), n_groups,
        evaluate_cases(table, positive), counts, subgroups, notes,
    )  # fmt: skip


def join_tables(tables: list[CaseTable]) -> CaseTable:
    """Put tables of several collections one after the other, ids with their collection before them."""
    if len(tables) == 1:
        return tables[0]
    return stack_tables([_under_collection(table) for table in tables])


def _under_collection(table: CaseTable) -> CaseTable:
    where = table.attributes["collection"]
    case, group = (
        np.array([f"{w}/{i}" for w, i in zip(where, ids, strict=True)], str) for ids in (table.case, table.group)
    )
    return replace(table, case=case, group=group)


def stack_tables(tables: list[CaseTable]) -> CaseTable:
    """Put tables with the same labels one after the other; a column one of them lacks is empty there."""
    names = sorted({name for table in tables for name in table.attributes})
    columns = {n: np.concatenate([t.attributes.get(n, np.full(len(t), "")) for t in tables]) for n in names}
    case, group, truth, prob = (
        np.concatenate([getattr(t, field) for t in tables]) for field in ("case", "group", "truth", "prob")
    )
    return CaseTable(case, group, truth, prob, tables[0].labels, columns)
