"""The cases a run or an evaluation uses, chosen before any scan is decoded."""

from collections.abc import Sequence
from dataclasses import dataclass

from medcls import home
from medcls.core.collection import Case, Split
from medcls.core.run import RunSpec
from medcls.core.task import Task
from medcls.data.collections import Collection, open_collection
from medcls.data.splits import make_split, read_split, write_split
from medcls.errors import BadData, BadSplit, BadTask
from medcls.tasks import list_tasks, own_task


@dataclass(frozen=True, eq=False)
class Sources:
    """The cases a run uses, chosen before any scan is decoded.

    Args:
        task: The question.
        collections: Collections in the order of the spec.
        cases: For each collection, its labelled cases by part (`train`, `validate`, `test`).
        by: What the splits kept together, in words.
    """

    task: Task
    collections: tuple[Collection, ...]
    cases: tuple[dict[str, tuple[Case, ...]], ...]
    by: str

    @property
    def fingerprint(self) -> str:
        """Fingerprints of the collections, joined."""
        return "+".join(c.fingerprint for c in self.collections)

    def count(self, part: str) -> int:
        """Number of cases in a part over all collections."""
        return sum(len(cases.get(part, ())) for cases in self.cases)


def find_sources(spec: RunSpec) -> Sources:
    """Open a run's collections and choose the cases of each part.

    Raises:
        BadData: If a collection is missing, or a part is empty.
        BadTask: If the task is unknown, or the labels of several collections make no task together.
    """
    if not spec.collections:
        raise BadData(
            "The run names no labelled collection", allowed="one or more names", do="See `python -m medcls data list`"
        )
    collections = tuple(open_collection(name) for name in spec.collections)
    task = _task_of(spec, collections)
    chosen, by = [], []
    for collection in collections:
        split = choose_split(collection, spec)
        rows = {case.id: case for case in collection.cases}
        chosen.append({part: tuple(rows[i] for i in ids if rows[i].label) for part, ids in split.parts.items()})
        by.append(f"{collection.name} split by {split.by}")
    sources = Sources(task, collections, tuple(chosen), "; ".join(by))
    for part in ("train", "validate"):
        if not sources.count(part):
            raise BadData(f"The run has no case to {part} on", found="0 cases", do="Choose another split")
    return sources


def whole_sources(names: Sequence[str], task: Task) -> Sources:
    """Open collections and take every labelled case of them, without any split: the smallest one can be measured on.

    Args:
        names: Names of collections.
        task: The question.

    Raises:
        BadData: If a collection is missing.
    """
    collections = tuple(open_collection(name) for name in names)
    cases = tuple({"all": tuple(case for case in c.cases if case.label)} for c in collections)
    return Sources(task, collections, cases, "not split")


def choose_split(collection: Collection, spec: RunSpec) -> Split:
    """Give the hold-out of a collection that a run uses.

    `auto` is made once, by patient where patients are known and else by group, with a seed of its own: runs with
    different seeds are still tested on the same cases.

    Raises:
        BadSplit: If the split is unknown or has no such fold.
    """
    if spec.split != "auto":
        split = read_split(collection, spec.split)
        return split.rotate(spec.fold) if split.folds else split
    try:
        return read_split(collection, "auto")
    except BadSplit:
        known = any(patient is not None for patient in collection.column("patient"))
        split = make_split(collection, name="auto", by="patient" if known else "group")
        write_split(collection, split)
        return split


def _task_of(spec: RunSpec, collections: Sequence[Collection]) -> Task:
    tasks = list_tasks(home.tasks())
    asked = spec.task or next((c.task_id for c in collections if c.task_id in tasks), "")
    if asked and asked not in tasks:
        raise BadTask("There is no such task", found=repr(asked)[:80], allowed=", ".join(tasks))
    return tasks[asked] if asked else own_task(tuple(dict.fromkeys(label for c in collections for label in c.labels)))
