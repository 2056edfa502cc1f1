"""Cross-validation: a run for each fold, and every case answered by the one network that never saw it.

On a few hundred cases one test part says little: two networks five points apart in AUROC cannot be told apart on a hundred.
Pooled over the folds, every labelled case counts. Nothing here loads torch before a run is carried out or an evaluation made.
"""

import contextlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medcls import home, store
from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import ModelCard
from medcls.core.run import RunSpec
from medcls.core.words import counted
from medcls.errors import BadData, BadSplit, Conflict, MedclsError
from medcls.runs.folder import DataSeen, RunFolder, list_runs, make_run, open_run
from medcls.workflows.ensemble import mean_card, publish_mean
from medcls.workflows.runs import RunView, check_spec, resume_run, show_run, start_run

if TYPE_CHECKING:
    from medcls.runs.make import Follow

_RETIRED = "One fold of a cross-validation; the mean of all folds is offered instead."
_NAMED_FOLD = re.compile(r", fold \d+( again)?$")
FEWEST = 3  # folds: one to test on, one to choose the epoch by, one to learn from
FOLD = "cv_fold"  # column of pooled cases: the fold each was tested in


@dataclass(frozen=True, eq=False)
class FoldSet:
    """Runs alike in everything but the fold they are tested on, of the same contents and the same split.

    Args:
        spec: What they share; its `fold` and `name` say nothing.
        n_folds: Folds of their split.
        runs: Id of the run of each fold that has one: a finished one where there is any, of several the last by id.
        finished: Folds whose run has come to its end.
    """

    spec: RunSpec
    n_folds: int
    runs: dict[int, str]
    finished: frozenset[int] = field(default_factory=frozenset)

    @property
    def missing(self) -> tuple[int, ...]:
        """Folds without a finished run."""
        return tuple(k for k in range(self.n_folds) if k not in self.finished)

    def describe(self) -> str:
        """Say how far it is, as `3 of 5 folds finished; missing: 3, 4`."""
        done = f"{self.n_folds - len(self.missing)} of {self.n_folds} folds finished"
        return f"{done}; missing: {', '.join(map(str, self.missing))}" if self.missing else done


@dataclass(frozen=True)
class _Data:
    """What runs must share besides their spec: the same contents, split alike."""

    fingerprints: Mapping[str, str]
    splits: Mapping[str, str]

    def is_of(self, seen: DataSeen | None) -> bool:
        """Tell whether a run saw this; of one that has read nothing yet that is assumed."""
        return seen is None or (seen.fingerprints == self.fingerprints and seen.splits == self.splits)


def count_folds(spec: RunSpec) -> int:
    """Give how many folds the split of a run's collections has; 0 for a hold-out.

    Args:
        spec: A run's spec; its `split` and `collections` are read.

    Raises:
        BadData: If a collection is unknown.
        BadSplit: If there is no such split, or the collections have different numbers of folds.
    """
    from medcls.data.collections import open_collection
    from medcls.data.splits import read_split

    if spec.split == "auto":
        return 0
    by_name = {name: len(read_split(open_collection(name), spec.split).folds) for name in spec.collections}
    if len(set(by_name.values())) > 1:
        raise BadSplit(
            f"Split {spec.split} has not as many folds in every collection",
            found=", ".join(f"{n} in {name}" for name, n in by_name.items()), do="Make it anew in each, with as many folds",
        )  # fmt: skip
    return next(iter(by_name.values()), 0)


def start_folds(spec: RunSpec) -> tuple[RunView, ...]:
    """Start a run in the background for every fold; they wait for each other where they share a device.

    Folds whose run is finished or at work are left as they are, and one that was stopped is gone on with.

    Args:
        spec: What is asked for; its `fold` is not read. A recipe that is a search is not searched: its knobs as they are count.

    Returns:
        The runs started or gone on with, by fold.

    Raises:
        BadSplit: If the split has fewer than three folds, or a part of one lacks a label.
        Conflict: If every fold has a run that is finished or at work.
        MedclsError: As `medcls.workflows.runs.start_run`.
    """
    found = _checked(spec)
    begun = {fold: show_run(run) for fold, run in found.runs.items()}
    idle = [fold for fold in found.missing if fold not in begun or not begun[fold].moves]
    if not idle:
        raise Conflict(
            "Every fold has its run already", found=found.describe(), do="See them on Runs, or change a setting to train anew"
        )  # fmt: skip
    return tuple(resume_run(begun[fold].id) if fold in begun else start_run(_of_fold(spec, fold)) for fold in idle)


def train_folds(spec: RunSpec, follow: "Follow | None" = None) -> FoldSet:
    """Carry out a run for every fold in this process; finished ones are kept, begun ones gone on with.

    Args:
        spec: What is asked for; its `fold` is not read. A recipe that is a search is not searched: its knobs as they are count.
        follow: Who is told besides the runs' folders. Where a run is stopped, by this or from elsewhere, the folds left are not begun.

    Returns:
        The runs as they are now; folds are missing if it was stopped, or if a process of its own is at work on one.

    Raises:
        BadSplit: If the split has fewer than three folds, or a part of one lacks a label.
        MedclsError: If data, network or weights cannot be had, or training came to nothing.
    """
    from medcls.runs.make import Follow
    from medcls.runs.worker import NothingToDo, work

    found, follow = _checked(spec), follow or Follow()
    for fold in found.missing:
        if follow.should_stop():
            break
        follow.say(f"Fold {fold} of 0 to {found.n_folds - 1}")
        run = open_run(found.runs[fold]) if fold in found.runs else make_run(_of_fold(spec, fold))
        if not run.is_alive():
            run.forget_stop()
        try:
            work(run, follow)
        except NothingToDo as error:
            follow.say(f"Fold {fold} is left: {error}")
            continue
        if run.state().status != "finished":
            break
    return _gather(spec, _data_now(spec), found.n_folds)


def _checked(spec: RunSpec) -> FoldSet:
    """Find the runs there are of a cross-validation that is asked for, if it can be carried out."""
    from medcls.workflows.preflight import look_at_data

    check_spec(spec)
    n_folds = count_folds(spec)
    if n_folds < FEWEST:
        raise BadSplit(
            "Cross-validation needs a split with folds", found=f"split {spec.split}, {counted(n_folds, 'fold')}",
            allowed=f"{FEWEST} folds or more",
            do="Make one for each collection (Data page, or `data split NAME --folds 5 --as five-folds`) and choose it",
        )  # fmt: skip
    for fold in range(n_folds):
        if blockers := look_at_data(_of_fold(spec, fold)).blockers:
            raise BadSplit(f"Fold {fold} cannot be trained", found=blockers[0].rstrip("."), do="Make fewer folds")
    return _gather(spec, _data_now(spec), n_folds)


def _of_fold(spec: RunSpec, fold: int) -> RunSpec:
    name = _NAMED_FOLD.sub("", spec.name) or f"{spec.backbone} on {', '.join(spec.collections)}"
    return replace(spec, fold=fold, name=f"{name[:180]}, fold {fold}")


def find_folds(run_id: str) -> FoldSet | None:
    """Give the cross-validation that a run is part of, by what it learned from; None if its split has no folds.

    Args:
        run_id: Id of any of its runs, or the beginning of one.

    Raises:
        BadSpec: If there is no such run, or it cannot be read.
    """
    run = open_run(run_id)
    spec, seen = run.spec(), run.data_seen()
    if seen is not None:
        data, n_folds = _Data(seen.fingerprints, seen.splits), seen.n_folds
    else:
        try:
            data, n_folds = _data_now(spec), count_folds(spec)
        except MedclsError:
            return None  # it never read its data, and now they, or their split, are gone
    if n_folds < FEWEST:
        return None
    found = _gather(spec, data, n_folds)
    return replace(found, runs=found.runs | {spec.fold: run.id}) if _stands_for(found, spec.fold, run) else found


def _stands_for(found: FoldSet, fold: int, run: RunFolder) -> bool:
    """Tell whether the run asked about takes the place of another of its fold: that is what was asked for."""
    return found.runs.get(fold) != run.id and (fold not in found.finished or run.state().status == "finished")


def _data_now(spec: RunSpec) -> _Data:
    from medcls.data.collections import open_collection
    from medcls.data.sources import whole_split

    collections = [open_collection(name) for name in spec.collections]
    return _Data(
        {c.name: c.fingerprint for c in collections}, {c.name: whole_split(c, spec).digest for c in collections}
    )


def _gather(spec: RunSpec, data: _Data, n_folds: int) -> FoldSet:
    """Find the runs of a cross-validation."""
    shared = _shared(spec)
    runs: dict[int, str] = {}
    finished: set[int] = set()
    for run in sorted(list_runs(), key=lambda run: run.id):
        with contextlib.suppress(MedclsError, FileNotFoundError):  # the Runs page tells of one that cannot be read
            own = run.spec()
            if _shared(own) != shared or not data.is_of(run.data_seen()) or own.fold >= n_folds:
                continue
            done = run.state().status == "finished"
            if done or own.fold not in finished:
                runs[own.fold] = run.id
                finished |= {own.fold} if done else set()
    return FoldSet(shared, n_folds, runs, frozenset(finished))


def _shared(spec: RunSpec) -> RunSpec:
    return replace(spec, fold=0, name="")


def pool_folds(found: FoldSet) -> tuple[Evaluation, CaseTable]:
    """Put together what the network of every fold said of the cases of that fold.

    Args:
        found: A cross-validation whose runs are all finished.

    Returns:
        The evaluation over all folds and its cases, each once; the column `cv_fold` says in which fold.

    Raises:
        BadData: If a fold has no finished run, or one was not measured.
    """
    parts = read_folds(found)
    return _pool(_card(found, [store.read_card(open_run(found.runs[k]).result) for k in parts]), parts)


def read_folds(found: FoldSet) -> dict[int, tuple[Evaluation, CaseTable]]:
    """Give what was measured in each fold.

    Args:
        found: A cross-validation whose runs are all finished.

    Raises:
        BadData: If a fold has no finished run, or one was not measured.
    """
    if found.missing:
        raise BadData(
            "The folds cannot be pooled yet", found=found.describe(), do="Wait for the runs left, or resume them"
        )
    parts = {}
    for fold in range(found.n_folds):
        result = open_run(found.runs[fold]).result
        evaluation, cases = store.read_evaluation(result), store.read_cases(result)
        if evaluation is None or cases is None:
            raise BadData(
                f"The run of fold {fold} was not measured", found="the model it starts from has seen its test cases",
                do="Start the runs from other weights",
            )  # fmt: skip
        parts[fold] = (evaluation, cases)
    return parts


def _card(found: FoldSet, cards: list[ModelCard], name: str = "") -> ModelCard:
    """Give the card of the mean of the folds' networks."""
    data = ", ".join(found.spec.collections)
    told = (
        f"{found.n_folds} networks, each trained without two of the {found.n_folds} folds of {data}: one to choose the epoch by, one to be "
        f"tested on. The first says: {cards[0].trained_on}"
    )
    card = replace(mean_card(cards, name or f"{cards[0].backbone}, {found.n_folds} folds"), folds=found.n_folds)
    spec = {knob: value for knob, value in cards[0].origin.spec.items() if knob not in ("fold", "name")}
    origin = replace(card.origin, collections=(f"{data} in {found.n_folds} folds",), spec=spec)
    return replace(card, trained_on=told, origin=origin)


def _pool(card: ModelCard, parts: Mapping[int, tuple[Evaluation, CaseTable]]) -> tuple[Evaluation, CaseTable]:
    from medcls.runs.make import describe_cases, stack_tables

    tables = [
        replace(cases, attributes={**cases.attributes, FOLD: np.full(len(cases), str(fold))})
        for fold, (_, cases) in parts.items()
    ]
    table = stack_tables(tables)
    if len(set(table.case.tolist())) < len(table):
        raise BadData("A case was tested in two folds", do="Make the split again and start the runs anew")
    first = next(iter(parts.values()))[0]
    evaluation = describe_cases(
        table, card, first.collection, first.fingerprint, "every fold; each case answered by the one network that was not trained or tuned on it"
    )  # fmt: skip
    return replace(evaluation, notes=(*evaluation.notes, *_notes(parts), *_caveats(len(parts)))), table


def _notes(parts: Mapping[int, tuple[Evaluation, CaseTable]]) -> list[str]:
    """Give what was noted of the folds: once what was noted of all, by fold what was not."""
    said: dict[str, list[int]] = {}
    for fold, (evaluation, _) in parts.items():
        for note in evaluation.notes:
            said.setdefault(note, []).append(fold)
    return [note if len(by) == len(parts) else f"Fold {', '.join(map(str, by))}: {note}" for note, by in said.items()]


def _caveats(n_folds: int) -> tuple[str, ...]:
    return (
        f"New scans are answered by the mean of the {n_folds} networks. It has no scores of its own, as it has seen all of these cases; its "
        "probabilities are less extreme than those of one network, so calibration and operating points measured here fit it roughly.",
        "The intervals are for other patients, not for another training of the same networks.",
    )


def publish_folds(
    found: FoldSet,
    name: str = "",
    model_id: str = "",
    licence: str = "",
    limits: tuple[str, ...] = (),
    into: Path | None = None,
) -> ModelCard:
    """Publish the networks of all folds as one model: their mean answers, and what is measured is pooled over the folds.

    The networks stand in the list of models as retired ones: each alone is weaker than the mean.

    Args:
        found: A cross-validation whose runs are all finished.
        name: What to call it; empty takes the runs' name.
        model_id: Id to publish the mean under, and with `-0`, `-1`, … the networks; empty makes the next free ones.
        licence: Terms of use to write on the cards; empty keeps what the runs wrote.
        limits: Further sentences on what it was not trained or tested on.
        into: Folder to publish into; None for the user's own models.

    Raises:
        BadData: If a fold has no finished run, or one was not measured.
        Conflict: If an id is taken.
    """
    parts = read_folds(found)
    results = [open_run(found.runs[fold]).result for fold in parts]
    name = name or _NAMED_FOLD.sub("", show_run(found.runs[0]).name)
    changes: dict[str, Any] = {"licence": licence} if licence else {}
    changes |= {"retired": _RETIRED, "limits": (*store.read_card(results[0]).limits, *limits)}
    with contextlib.ExitStack() as undo:
        cards = []
        for fold, result in enumerate(results):
            own_id = f"{model_id}-{fold}" if model_id else ""
            cards.append(store.publish(result, f"{name}, fold {fold}", own_id, into, **changes))
            undo.callback(shutil.rmtree, (into or home.weights()) / cards[-1].id)
        mean = _card(found, cards, name)
        made = publish_mean(mean, _pool(mean, parts), model_id, into)
        undo.pop_all()
    return made
