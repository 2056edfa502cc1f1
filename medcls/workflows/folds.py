"""Cross-validation: a run for each fold of a split, found again by what they share. What they gave: `fold_results`.

Nothing here loads torch before a run is carried out.
"""

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from medcls.core.data_seen import DataSeen
from medcls.core.note import Note
from medcls.core.progress import Progress, silent
from medcls.core.run import RunSpec
from medcls.errors import BadSpec, BadSplit, Conflict, MedclsError
from medcls.runs.folder import RunFolder, list_runs, make_run, open_run
from medcls.workflows.acts import act
from medcls.workflows.data_split import count_folds
from medcls.workflows.preflight import survey
from medcls.workflows.runs import RunView, check_spec, resume_run, show_run, start_run

if TYPE_CHECKING:
    from medcls.runs.make import Follow

_NAMED_FOLD = re.compile(r", fold \d+( again)?$")
FEWEST = 3  # folds: one to test on, one to choose the epoch by, one to learn from


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

    @property
    def progress(self) -> Note:
        """How far it is."""
        told = {"done": self.n_folds - len(self.missing), "n": self.n_folds}
        if not self.missing:
            return Note("workflows.folds-all-done", **told)
        return Note("workflows.folds-done", missing=self.missing, **told)


@dataclass(frozen=True)
class _Data:
    """What runs must share besides their spec: the same contents, split alike."""

    fingerprints: Mapping[str, str]
    splits: Mapping[str, str]

    def is_of(self, seen: DataSeen | None) -> bool:
        """Return whether a run saw these data; assumed of a run that has read nothing yet."""
        return seen is None or (seen.fingerprints == self.fingerprints and seen.splits == self.splits)


@act("build", "run.start-folds")
def start_folds(spec: RunSpec, progress: Progress = silent) -> tuple[RunView, ...]:
    """Start a run in the background for every fold; they wait for each other where they share a device.

    Folds whose run is finished or at work are left as they are, and one that was stopped is gone on with.

    Args:
        spec: What is asked for; its `fold` is not read. A recipe that is a search is not searched: its settings count
            as they are.
        progress: Called with folds started and folds in all.

    Returns:
        The runs started or gone on with, by fold.

    Raises:
        BadSpec: If it is a translator: each fold wants one of its own, which its run names.
        BadSplit: If the split has fewer than three folds, or a part of one lacks a label.
        Conflict: If every fold has a run that is finished or at work.
        MedclsError: As `medcls.workflows.runs.start_run`.
    """
    found = _checked(spec)
    begun = {fold: show_run(run) for fold, run in found.runs.items()}
    idle = [fold for fold in found.missing if fold not in begun or not begun[fold].moves]
    if not idle:
        raise Conflict("workflows.folds-all-run", found=found.progress)
    views = []
    for done, fold in enumerate(idle):
        progress(done, len(idle))
        views.append(resume_run(begun[fold].id) if fold in begun else start_run(_of_fold(spec, fold)))
    return tuple(views)


def train_folds(spec: RunSpec, follow: "Follow | None" = None) -> FoldSet:
    """Carry out a run for every fold in this process; finished ones are kept, begun ones gone on with.

    Args:
        spec: What is asked for; its `fold` is not read. A recipe that is a search is not searched: its settings count
            as they are.
        follow: Who is told besides the runs' folders. Where a run is stopped, by this or from elsewhere, the folds left
            are not begun.

    Returns:
        The runs as they are now; folds are missing if it was stopped, or if a process of its own is at work on one.

    Raises:
        BadSpec: If it is a translator: each fold wants one of its own, which its run names.
        BadSplit: If the split has fewer than three folds, or a part of one lacks a label.
        MedclsError: If data, network or weights cannot be had, or training came to nothing.
    """
    from medcls.runs.make import Follow
    from medcls.runs.worker import NothingToDo, work

    found, follow = _checked(spec), follow or Follow()
    for fold in found.missing:
        if follow.should_stop():
            break
        follow.say(Note("workflows.fold-begins", fold=fold, last=found.n_folds - 1))
        run = open_run(found.runs[fold]) if fold in found.runs else make_run(_of_fold(spec, fold))
        if not run.is_alive():
            run.forget_stop()
        try:
            work(run, follow)
        except NothingToDo as error:
            follow.say(Note("workflows.fold-left", fold=fold, error=Note.of(error)))
            continue
        if run.state().status != "finished":
            break
    return _gather(spec, _data_now(spec), found.n_folds)


def _checked(spec: RunSpec) -> FoldSet:
    """Find the runs there are of a cross-validation that is asked for, if it can be carried out."""
    if spec.is_translator:
        raise BadSpec("workflows.translator-of-folds")
    check_spec(spec)
    n_folds = count_folds(spec.data.collections, spec.data.split)
    if n_folds < FEWEST:
        raise BadSplit("workflows.folds-too-few", split=spec.data.split, n=n_folds, least=FEWEST)
    for fold in range(n_folds):
        if blockers := survey(_of_fold(spec, fold)).blockers:
            raise BadSplit("workflows.fold-untrainable", fold=fold, found=str(blockers[0]).rstrip("."))
    return _gather(spec, _data_now(spec), n_folds)


def name_together(name: str) -> str:
    """Return what the runs of a cross-validation are called together: the name of one of them without its fold.

    Example:
        >>> name_together("BUSI, ResNet-18, fold 3")
        'BUSI, ResNet-18'
    """
    return _NAMED_FOLD.sub("", name)


def _of_fold(spec: RunSpec, fold: int) -> RunSpec:
    name = name_together(spec.name) or f"{spec.network.backbone} on {', '.join(spec.data.collections)}"
    return spec.having(fold=fold, name=f"{name[:180]}, fold {fold}")


def find_folds(run_id: str) -> FoldSet | None:
    """Return the cross-validation that a run is part of, by what it learned from; None if its split has no folds.

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
            data, n_folds = _data_now(spec), count_folds(spec.data.collections, spec.data.split)
        except MedclsError:
            return None  # it never read its data, and now they, or their split, are gone
    if n_folds < FEWEST:
        return None
    found = _gather(spec, data, n_folds)
    return (
        replace(found, runs=found.runs | {spec.data.fold: run.id}) if _stands_for(found, spec.data.fold, run) else found
    )


def _stands_for(found: FoldSet, fold: int, run: RunFolder) -> bool:
    """Return whether the run asked about takes the place of another of its fold: that is what was asked for."""
    return found.runs.get(fold) != run.id and (fold not in found.finished or run.state().status == "finished")


def _data_now(spec: RunSpec) -> _Data:
    from medcls.data.collections import open_collection
    from medcls.data.sources import whole_split

    collections = [open_collection(name) for name in spec.data.collections]
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
            if _shared(own) != shared or not data.is_of(run.data_seen()) or own.data.fold >= n_folds:
                continue
            done = run.state().status == "finished"
            if done or own.data.fold not in finished:
                runs[own.data.fold] = run.id
                finished |= {own.data.fold} if done else set()
    return FoldSet(shared, n_folds, runs, frozenset(finished))


def _shared(spec: RunSpec) -> RunSpec:
    return spec.having(fold=0, name="")
