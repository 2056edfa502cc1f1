"""Labelled collections as a page or a command uses them: add, view, lay out. See also `data_audit`, `data_split`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medcls import home
from medcls.core.collection import Case, CollectionRecord
from medcls.core.note import Note
from medcls.core.outcome import Outcome
from medcls.core.prediction import Heatmap
from medcls.core.scan import Scan
from medcls.core.task import Task
from medcls.workflows.acts import act

if TYPE_CHECKING:
    from medcls.data.tissue import Tissue


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


def list_collections() -> tuple[CollectionRecord, ...]:
    """Return the records of all collections on this machine, by name."""
    from medcls.data.collections import list_collections as listed

    return listed()


def broken() -> tuple[Outcome, ...]:
    """Return the collections and the user's task files that cannot be read, by name, each with the reason."""
    from medcls import home
    from medcls.data.registry import broken_collections
    from medcls.tasks import broken_tasks

    return (*broken_collections(), *broken_tasks(home.tasks()))


def list_layouts() -> dict[str, str]:
    """Return the layouts that are recognised: name -> what a person reads."""
    from medcls.data.layouts import LAYOUTS

    return {name: str(layout.title) for name, layout in LAYOUTS.items()}


@act("build", "data.remove", "name")
def remove_collection(name: str) -> None:
    """Forget a collection: record, index, splits, and files that were copied or unpacked for it; not the originals.

    Raises:
        BadData: If there is none.
    """
    from medcls.data.collections import remove_collection as remove

    remove(name)


def read_overview(name: str) -> Overview:
    """Return what is in a collection.

    Raises:
        BadData: If there is none.
    """
    from medcls.data.collections import open_collection

    collection = open_collection(name)
    patients, own = collection.column("patient"), collection.column("own_group")
    by_patient = any(p is not None for p in patients)
    known = patients if by_patient else own
    whose = "patient" if by_patient else "lesion" if any(group is not None for group in own) else ""
    sizes = np.stack([collection.column("height"), collection.column("width")], 1).astype(np.int64)
    first = collection.cases[0] if len(collection.cases) else None
    return Overview(
        collection.record,
        task_of(collection.record),
        _text(collection.column("label")),
        _text(known),
        sizes,
        whose,
        len(set(collection.column("grp"))),
        tuple(collection.stored[0].index.unreadable()),
        first is not None and {"x", "y"} <= set(first.attributes),
    )


def _text(column: np.ndarray) -> np.ndarray:
    return np.array(["" if value is None else value for value in column], str)


def task_of(record: CollectionRecord) -> Task:
    """Return the task a collection's labels belong to, or one made of them."""
    from medcls.tasks import list_tasks, own_task

    tasks = list_tasks(home.tasks())
    if record.task_id in tasks:
        return tasks[record.task_id]
    labels = record.labels if len(record.labels) > 1 else (*record.labels, "other")
    return own_task(labels, names=record.names, positive=record.positive)


def count_attributes(name: str, most: int = 30) -> dict[str, dict[str, dict[str, int]]]:
    """Count cases by whatever else a set says of them (diagnosis, device, BI-RADS, …).

    Args:
        name: Name of the collection.
        most: Attributes with more values than this are left out, as are those with one.

    Returns:
        Attribute -> value -> label -> number of cases in use.
    """
    from medcls.data.collections import open_collection

    counts: dict[str, dict[str, dict[str, int]]] = {}
    for key, value, label, n in open_collection(name).stored[0].index.count_attributes():
        counts.setdefault(key, {}).setdefault(str(value), {})[label or ""] = n
    return {key: values for key, values in counts.items() if 2 <= len(values) <= most}


def sample_cases(name: str, label: str, n: int, seed: int = 0, patient: str = "") -> tuple[str, ...]:
    """Draw case ids of a label at random, at most one of a group.

    Args:
        name: Name of the collection.
        label: Label id; empty for any.
        n: How many at most.
        seed: Seed of the draw.
        patient: Only of this patient or lesion; empty for all.
    """
    from medcls.data.collections import open_collection

    collection = open_collection(name)
    fits = np.ones(len(collection.cases), bool)
    if label:
        fits &= collection.column("label") == label
    if patient:
        fits &= (collection.column("patient") == patient) | (collection.column("own_group") == patient)
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(fits))
    groups = collection.column("grp")[rows].astype(str)
    rows = rows if patient else rows[np.sort(np.unique(groups, return_index=True)[1])]
    return tuple(collection.column("id")[rows[:n]].tolist())


def read_pictures(name: str, ids: Sequence[str], side_px: int = 200) -> dict[str, tuple[Case, bytes | None]]:
    """Return cases with small pictures of them, dropped cases too.

    Args:
        name: The collection.
        ids: Ids of its cases.
        side_px: Longest side of a picture at most.

    Returns:
        By id the case, and its PNG or None if it cannot be read.
    """
    from medcls.data.collections import open_collection
    from medcls.errors import MedclsError
    from medcls.imaging.decode import read_scan
    from medcls.imaging.picture import to_png

    collection = open_collection(name)
    found: dict[str, tuple[Case, bytes | None]] = {}
    for case_id in ids:
        case = collection.case(case_id)
        try:
            found[case_id] = (case, to_png(read_scan(collection.read(case)).pixels, side_px))
        except MedclsError:
            found[case_id] = (case, None)
    return found


def lay_out_tissue(name: str, patient: str, tile_px: int = 16) -> "Tissue":
    """Lay a patient's patches out by their coordinates.

    Args:
        name: Name of the collection.
        patient: Patient id.
        tile_px: Side of a patch in the picture.

    Raises:
        BadData: If the patient has no patches with coordinates.
    """
    from medcls.data.collections import open_collection
    from medcls.data.tissue import lay_out

    return lay_out(open_collection(name), patient, tile_px)


def read_case(name: str, case_id: str) -> Scan:
    """Return a case of a collection as a scan, a dropped one too.

    Raises:
        BadData: If the collection or its file is gone or has changed.
        BadScan: If it cannot be decoded.
    """
    from medcls.data.collections import open_collection
    from medcls.imaging.decode import read_scan

    collection = open_collection(name)
    return read_scan(collection.read(collection.case(case_id)))


def show_labels(tissue: "Tissue", task: Task) -> tuple[Scan, Heatmap]:
    """Return tissue, and where its patches are labelled as disease.

    Args:
        tissue: As `lay_out_tissue` gives it.
        task: Says which labels mean disease.

    Returns:
        The tissue as a scan, and the labels as a map over it.
    """
    return tissue.scan(), tissue.labelled(task)
