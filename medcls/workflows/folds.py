"""Cross-validation: a run for each fold, and every case answered by the one network that never saw it.

On a few hundred cases one test part says little: two networks five points apart in AUROC cannot be told apart on a hundred.
Pooled over the folds, every labelled case counts. Nothing here loads torch before a run is carried out or an evaluation made.
"""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medcls import home, store
from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import ModelCard
from medcls.core.run import RunSpec
from medcls.core.words import counted
from medcls.errors import BadData, BadSplit, Conflict, MedclsError
from medcls.runs.folder import RunFolder, list_runs, open_run
from medcls.workflows.ensemble import mean_card, publish_mean
from medcls.workflows.runs import RunView, check_spec, resume_run, show_run, start_run
from medcls.workflows.train import train

if TYPE_CHECKING:
    from medcls.runs.make import Follow

_RETIRED = "One fold of a cross-validation; the mean of all folds is offered instead."
FEWEST = 3  # folds: one to test on, one to choose the epoch by, one to learn from


@dataclass(frozen=True, eq=False)
class FoldSet:
    """Runs alike in everything but the fold they are tested on.

    Args:
        spec: What they share; its `fold` and `name` say nothing.
        n_folds: Folds of their split.
        runs: Id of the run of each fold that has one, finished ones before others, then the newest.
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
        spec: What is asked for; its `fold` is not read.

    Returns:
        The runs started or gone on with, by fold.

    Raises:
        BadSplit: If the split has fewer than three folds.
        Conflict: If every fold has a run that is finished or at work.
        MedclsError: As `medcls.workflows.runs.start_run`.
    """
    check_spec(spec)
    found = _gather(spec, _checked_count(spec))
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
        spec: What is asked for; its `fold` is not read.
        follow: Who is told besides the runs' folders. Where it asks to stop, the folds left are not begun.

    Raises:
        BadSplit: If the split has fewer than three folds.
        MedclsError: If data, network or weights cannot be had, or training came to nothing.
    """
    from medcls.runs.make import Follow
    from medcls.runs.worker import work

    check_spec(spec)
    follow, n_folds = follow or Follow(), _checked_count(spec)
    while (found := _gather(spec, n_folds)).missing and not follow.should_stop():
        fold = found.missing[0]
        follow.say(f"Fold {fold}: {found.describe()}")
        if begun := found.runs.get(fold):
            work(open_run(begun), follow)
        else:
            train(_of_fold(spec, fold), follow)
    return found


def _checked_count(spec: RunSpec) -> int:
    n_folds = count_folds(spec)
    if n_folds < FEWEST:
        raise BadSplit(
            "Cross-validation needs a split with folds", found=f"split {spec.split}, {counted(n_folds, 'fold')}",
            allowed=f"{FEWEST} folds or more",
            do="Make one for each collection (Data page, or `data split NAME --folds 5 --as five-folds`) and choose it",
        )  # fmt: skip
    return n_folds


def _of_fold(spec: RunSpec, fold: int) -> RunSpec:
    name = spec.name or f"{spec.backbone} on {', '.join(spec.collections)}"
    return replace(spec, fold=fold, name=f"{name[:180]}, fold {fold}")


def find_folds(run_id: str) -> FoldSet | None:
    """Give the cross-validation that a run is part of; None if its split has no folds.

    Args:
        run_id: Id of any of its runs, or the beginning of one.

    Raises:
        BadSpec: If there is no such run, or it cannot be read.
    """
    spec = open_run(run_id).spec()
    try:
        n_folds = count_folds(spec)
    except MedclsError:
        return None  # its collection or its split is gone: what belongs together cannot be known any more
    return _gather(spec, n_folds) if n_folds >= FEWEST else None


def _gather(spec: RunSpec, n_folds: int) -> FoldSet:
    """Find the runs of a cross-validation that learned from the contents its collections have now."""
    shared, runs, finished = _shared(spec), {}, set()
    for run in sorted(_alike(shared), key=lambda run: run.id):
        fold, done = run.spec().fold, run.state().status == "finished"
        if fold < n_folds and (done or fold not in finished):
            runs[fold] = run.id
            finished |= {fold} if done else set()
    return FoldSet(shared, n_folds, runs, frozenset(finished))


def _shared(spec: RunSpec) -> RunSpec:
    return replace(spec, fold=0, name="")


def _alike(shared: RunSpec) -> Iterator[RunFolder]:
    from medcls.data.collections import open_collection

    now = {name: open_collection(name).fingerprint for name in shared.collections}
    for run in list_runs():
        with contextlib.suppress(MedclsError, FileNotFoundError):  # the Runs page tells of one that cannot be read
            seen = run.data_seen()
            if _shared(run.spec()) == shared and (seen is None or seen.fingerprints == now):
                yield run


def pool_folds(found: FoldSet) -> tuple[Evaluation, CaseTable]:
    """Put together what the network of every fold said of the cases of that fold.

    Args:
        found: A cross-validation whose runs are all finished.

    Returns:
        The evaluation over all folds and its cases, each once, ids with their collection before them.

    Raises:
        BadData: If a fold has no finished run, or one was not measured.
    """
    card, parts = _parts(found)
    return _pool(card, parts)


def _parts(found: FoldSet) -> tuple[ModelCard, list[tuple[Evaluation, CaseTable]]]:
    if found.missing:
        raise BadData(
            "The folds cannot be pooled yet", found=found.describe(), do="Wait for the runs left, or resume them"
        )
    results = {fold: open_run(found.runs[fold]).result for fold in range(found.n_folds)}
    parts = []
    for fold, result in results.items():
        evaluation, cases = store.read_evaluation(result), store.read_cases(result)
        if evaluation is None or cases is None:
            raise BadData(
                f"The run of fold {fold} was not measured", found="the model it starts from has seen its test cases",
                do="Start the runs from other weights",
            )  # fmt: skip
        parts.append((evaluation, cases))
    return _card(found, [store.read_card(result) for result in results.values()]), parts


def _card(found: FoldSet, cards: list[ModelCard], name: str = "") -> ModelCard:
    """Give the card of the mean of the folds' networks."""
    data = ", ".join(found.spec.collections)
    told = (
        f"{found.n_folds} networks, each trained without two of the {found.n_folds} folds of {data}: one to choose the epoch by, one to be "
        f"tested on. The first says: {cards[0].trained_on}"
    )
    card = replace(mean_card(cards, name or f"{cards[0].backbone}, {found.n_folds} folds"), folds=found.n_folds)
    origin = replace(card.origin, collections=cards[0].origin.collections, spec=found.spec.to_dict())
    return replace(card, trained_on=told, origin=origin)


def _pool(card: ModelCard, parts: list[tuple[Evaluation, CaseTable]]) -> tuple[Evaluation, CaseTable]:
    from medcls.runs.make import FLATTERS, LEFT_OUT, describe_cases, stack_tables
    from medcls.stats.paired import by_collection

    table = stack_tables([by_collection(cases, evaluation.collection) for evaluation, cases in parts])
    if len(set(table.case.tolist())) < len(table):
        raise BadData("A case was tested in two folds", do="Make the split again and start the runs anew")
    first = parts[0][0]
    evaluation = describe_cases(
        table, card, first.collection, first.fingerprint, "every fold; each case answered by the one network that was not trained or tuned on it"
    )  # fmt: skip
    doubts = dict.fromkeys(note for e, _ in parts for note in e.notes if note.endswith((FLATTERS, LEFT_OUT)))
    mean = f"New scans are answered by the mean of the {len(parts)} networks. It has no scores of its own: it has seen all of these cases."
    return replace(evaluation, notes=(*evaluation.notes, *doubts, mean)), table


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
    card, parts = _parts(found)
    name = name or show_run(found.runs[0]).name.removesuffix(", fold 0")
    changes: dict[str, Any] = {"licence": licence} if licence else {}
    changes |= {"retired": _RETIRED, "limits": (*card.limits, *limits)}
    with contextlib.ExitStack() as undo:
        cards = []
        for fold in range(found.n_folds):
            one = store.publish(
                open_run(found.runs[fold]).result, f"{name}, fold {fold}", model_id and f"{model_id}-{fold}", into, **changes
            )  # fmt: skip
            undo.callback(shutil.rmtree, (into or home.weights()) / one.id)
            cards.append(one)
        mean = _card(found, cards, name)
        made = publish_mean(mean, _pool(mean, parts), model_id, into)
        undo.pop_all()
    return made
