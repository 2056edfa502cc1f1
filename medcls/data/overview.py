"""What is in a collection at a glance: labels, patients, sizes; and cases drawn from it to be looked at."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medcls import home
from medcls.core.collection import CollectionRecord, names_owner
from medcls.core.note import Note
from medcls.core.progress import Progress, silent
from medcls.core.task import Task
from medcls.tasks import list_tasks, own_task

if TYPE_CHECKING:
    from medcls.data.collection import Collection

READ = ("patient", "own_group", "height", "width", "label", "grp")  # the columns an overview is made of


@dataclass(frozen=True, eq=False)
class Overview:
    """What is in a collection, column by column; row i of every array is the same case.

    Args:
        record: The collection's record.
        task: The question its labels answer.
        label: Label id, '' if unlabelled, (N,) str.
        patient: Patient, else lesion, else '', (N,) str.
        size_px: Height and width, (N, 2) int.
        whose: What `patient` names: `patient`, `lesion`, or '' where neither is known.
        n_groups: Number of groups.
        unreadable: Files left out, with the reason.
        has_places: True if cases carry coordinates, so that a patient's tissue can be laid out.
    """

    record: CollectionRecord
    task: Task
    label: np.ndarray
    patient: np.ndarray
    size_px: np.ndarray
    whose: str
    n_groups: int
    unreadable: tuple[tuple[str, Note], ...]
    has_places: bool

    @property
    def positive(self) -> frozenset[str]:
        """Ids of the labels that mean disease."""
        return frozenset(self.task.labels[i].id for i in self.task.positive)

    def count(self) -> dict[str, int]:
        """Count the cases of each label."""
        return {label: int((self.label == label).sum()) for label in self.record.labels}

    def per_patient(self) -> dict[str, tuple[int, float]]:
        """Return cases and share of positive ones by patient; empty where no patients are known."""
        names, number = np.unique(self.patient, return_inverse=True)
        n = np.bincount(number)
        hits = np.bincount(number, np.isin(self.label, list(self.positive)))
        return {str(p): (int(n[i]), float(hits[i] / n[i])) for i, p in enumerate(names) if p}


def overview_of(collection: "Collection", progress: Progress = silent) -> Overview:
    """Return what is in a collection, its labels as they are now.

    Args:
        collection: The collection.
        progress: Called with the columns read and how many there are.
    """
    read: dict[str, np.ndarray] = {}
    for i, name in enumerate(READ):
        progress(i, len(READ))
        read[name] = collection.column(name)
    patients = read["patient"]
    own = np.array([group if names_owner(group) else None for group in read["own_group"]], object)
    by_patient = any(p is not None for p in patients)
    known = patients if by_patient else own
    whose = "patient" if by_patient else "lesion" if any(group is not None for group in own) else ""
    sizes = np.stack([read["height"], read["width"]], 1).astype(np.int64)
    first = collection.cases[0] if len(collection.cases) else None
    return Overview(
        collection.record,
        task_of(collection.record),
        _text(read["label"]),
        _text(known),
        sizes,
        whose,
        len(set(read["grp"])),
        tuple(collection.stored[0].index.unreadable()),
        first is not None and {"x", "y"} <= set(first.attributes),
    )


def _text(column: np.ndarray) -> np.ndarray:
    return np.array(["" if value is None else value for value in column], str)


def task_of(record: CollectionRecord) -> Task:
    """Return the task a collection's labels belong to, or one made of them."""
    tasks = list_tasks(home.tasks())
    if record.task_id in tasks:
        return tasks[record.task_id]
    labels = record.labels if len(record.labels) > 1 else (*record.labels, "other")
    return own_task(labels, names=record.names, positive=record.positive)


def draw_cases(collection: "Collection", label: str, n: int, seed: int = 0, patient: str = "") -> tuple[str, ...]:
    """Draw case ids at random, at most one of a group.

    Args:
        collection: The collection.
        label: Label id; empty for any.
        n: How many at most.
        seed: The same seed draws the same cases.
        patient: Only of this patient or lesion, several of a group too; empty for all.
    """
    fits = np.ones(len(collection.cases), bool)
    if label:
        fits &= collection.column("label") == label
    if patient:
        fits &= (collection.column("patient") == patient) | (collection.column("own_group") == patient)
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(fits))
    groups = collection.column("grp")[rows].astype(str)
    rows = rows if patient else rows[np.sort(np.unique(groups, return_index=True)[1])]
    return tuple(collection.column("id")[rows[:n]].tolist())
