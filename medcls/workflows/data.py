"""Labelled collections as a page or a command uses them: add, view, lay out. See also `data_audit`, `data_split`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from medcls import home
from medcls.core.collection import Case, CollectionRecord
from medcls.core.outcome import Outcome
from medcls.core.prediction import Heatmap
from medcls.core.progress import Progress, silent
from medcls.core.scan import Scan
from medcls.core.task import Task
from medcls.data.overview import READ, Overview, draw_cases, overview_of
from medcls.workflows.acts import act

if TYPE_CHECKING:
    from medcls.data.tissue import Tissue

OVERVIEW_STEPS = len(READ)  # that `read_overview` counts


def list_collections() -> tuple[CollectionRecord, ...]:
    """Return the records of all collections on this machine, by name."""
    from medcls.data.collections import list_collections as listed

    return listed()


def broken() -> tuple[Outcome, ...]:
    """Return the collections and the user's task files that cannot be read, by name, each with the reason."""
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


def read_overview(name: str, progress: Progress = silent) -> Overview:
    """Return what is in a collection.

    Args:
        name: Name of the collection.
        progress: Called with the columns read and how many there are.

    Raises:
        BadData: If there is none.
    """
    from medcls.data.collections import open_collection

    return overview_of(open_collection(name), progress)


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
        patient: Only of this patient or lesion, several of a group too; empty for all.
    """
    from medcls.data.collections import open_collection

    return draw_cases(open_collection(name), label, n, seed, patient)


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
