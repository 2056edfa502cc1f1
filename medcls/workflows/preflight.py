"""What a run would need, before it is started: data, findings, time, memory, disk space."""

import dataclasses
from collections.abc import Sequence

from medcls import home
from medcls.core.collection import CollectionRecord
from medcls.core.note import Note
from medcls.core.outcome import Outcome, outcomes
from medcls.core.progress import Progress, silent
from medcls.core.run import RunSpec
from medcls.data.left_out import LeftOut
from medcls.errors import MedclsError
from medcls.runs.preflight import Preflight, survey

__all__ = [
    "LeftOut",
    "Preflight",
    "check_run",
    "first_data",
    "list_broken",
    "list_data",
    "list_foreign_labels",
    "open_data",
    "survey",
]

_PARTS = 8  # cases counted, scans read, and six of the steps that are tried


def check_run(spec: RunSpec, progress: Progress = silent) -> Preflight:
    """Return everything a run needs, measured by carrying out a few of its steps.

    Args:
        spec: What would be started.
        progress: Told of the cases counted, of the scans read, and of each step that is tried.

    Returns:
        What was found; what cannot work stands in `blockers`.

    Raises:
        BadData: If no collection is named, or one is unknown.
        BadTask: If the task is unknown.
        BadModel: If the initial weights cannot be found.
    """
    from medcls.runs.costs import reading_s, with_costs
    from medcls.runs.rehearsal import rehearse_apart
    from medcls.workflows.runs import check_spec

    check_spec(spec)
    progress(0, _PARTS)
    data = survey(spec)
    progress(1, _PARTS)
    if data.blockers or spec.is_translator:  # a translator's steps are not tried beforehand: its first epoch tells
        return data
    scan_s = reading_s(spec)
    progress(2, _PARTS)

    def tell(done: int, total: int, stage: str = "") -> None:
        progress(2 + (_PARTS - 2) * done // total, _PARTS)

    try:
        rehearsal = rehearse_apart(spec, len(data.labels), tell)
    except MedclsError as error:
        return dataclasses.replace(data, blockers=(Note.of(error),))
    return with_costs(data, spec, rehearsal, scan_s)


def list_data() -> tuple[CollectionRecord, ...]:
    """Return the labelled collections there are, by name."""
    from medcls.data.collections import list_collections

    return list_collections()


def list_broken() -> tuple[Outcome[CollectionRecord], ...]:
    """Return the labelled collections whose record cannot be read, by name, each with the reason."""
    from medcls.data.registry import broken_collections

    return broken_collections()


def open_data(names: Sequence[str]) -> list[Outcome[CollectionRecord]]:
    """Return the record of each collection named, or why the collection cannot be opened."""
    from medcls.data.collections import open_collection

    return outcomes(names, str, lambda name: open_collection(name).record)


def first_data(records: Sequence[CollectionRecord]) -> str:
    """Name the collection to begin with: the first that has cases of every label of its task, else the first.

    Args:
        records: At least one.
    """
    from medcls.tasks import list_tasks

    tasks = list_tasks(home.tasks())
    whole = [r for r in records if r.task_id not in tasks or set(tasks[r.task_id].label_ids) <= set(r.labels)]
    return (whole or list(records))[0].name


def list_foreign_labels(spec: RunSpec) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Return the labels of a run's collections that its task has not, by collection, and those of the task.

    They can be read as one of the task's, or left out, by `DataSpec.label_map`.

    Raises:
        BadData: If a collection is unknown.
        BadTask: If the task is unknown.
    """
    from medcls.data.sources import list_foreign

    return list_foreign(spec)
