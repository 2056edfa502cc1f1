"""The cases a run or an evaluation uses, chosen before any scan is decoded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from medcls import home
from medcls.core.collection import PARTS, Case, Split
from medcls.core.note import Note
from medcls.core.run import RunSpec
from medcls.core.task import Task, is_own
from medcls.data.collections import Collection, open_collection
from medcls.data.splits import carry_split, make_split, read_split, write_split
from medcls.errors import BadData, BadSplit, BadTask
from medcls.tasks import list_tasks, own_task

# What a split kept together; the last two were not made by medcls.
_SPLIT_BY = {
    "patient": "data.split-by-patient",
    "group": "data.split-by-group",
    "given": "data.split-as-given",
    "published": "data.split-as-published",
}


@dataclass(frozen=True, eq=False)
class Sources:
    """The cases a run uses, chosen before any scan is decoded.

    Args:
        task: The question.
        collections: Collections in the order of the spec.
        cases: For each collection, its labelled cases by part (`train`, `validate`, `test`).
        by: How each collection was split, then what was left out of its parts.
        splits: Digest of each collection's split, by the collection's name; empty where there is none.
        n_folds: Folds of the splits; 0 for hold-outs.
    """

    task: Task
    collections: tuple[Collection, ...]
    cases: tuple[dict[str, tuple[Case, ...]], ...]
    by: tuple[Note, ...]
    splits: dict[str, str] = field(default_factory=dict)
    n_folds: int = 0

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
        BadData: If a collection is missing, a part is empty, or a label that is to be read as another is not there.
        BadTask: If the task is unknown, or the labels of several collections make no task together.
    """
    if not spec.data.collections:
        raise BadData("data.run-without-collection")
    as_stored = tuple(open_collection(name) for name in spec.data.collections)
    _check_map(as_stored, spec.data.label_map)
    collections = _read_with(as_stored, spec.data.label_map)
    task = _task_of(spec, collections)
    check_labels(task, collections)
    chosen, wholes = [], []
    by: list[Note] = []
    for collection, stored in zip(collections, as_stored, strict=True):
        wholes.append(whole_split(stored, spec))  # of all its cases: other runs use it too
        split = _hold_out(wholes[-1], spec.data.fold)
        chosen.append(_labelled(split, collection))
        by.append(Note(_SPLIT_BY.get(split.by, "data.split-as-given"), name=collection.name))
    if site := spec.data.leave_out:
        chosen = leave_out(collections, chosen, site)
        by.append(Note("data.site-left-out", site=site))
    if len(collections) > 1:
        by += _leave_out_copies(collections, chosen)
    splits = {collection.name: whole.digest for collection, whole in zip(collections, wholes, strict=True)}
    n_folds = min(len(whole.folds) for whole in wholes)
    sources = Sources(task, collections, tuple(chosen), tuple(by), splits, n_folds)
    for part in ("train", "validate"):
        if not sources.count(part):
            raise BadData("data.run-part-empty", part=part)
    return sources


def _labelled(split: Split, collection: Collection) -> dict[str, tuple[Case, ...]]:
    """Return the labelled cases of each part of a split.

    Raises:
        BadSplit: If it names a case that the collection's index has lost.
    """
    rows = {case.id: case for case in collection.cases}
    if any(i not in rows for ids in split.parts.values() for i in ids):
        raise BadSplit("data.split-unknown-case")
    return {part: tuple(rows[i] for i in ids if rows[i].label) for part, ids in split.parts.items()}


def site_of(case: Case, collection: Collection) -> str:
    """Return the site a case comes from: what its set says, or else the collection."""
    return case.attributes.get("site") or collection.name


def sites_of(collections: Sequence[Collection]) -> tuple[str, ...]:
    """Return the sites that labelled cases of some collections come from, in order of the alphabet."""
    return tuple(sorted({site_of(case, c) for c in collections for case in c.cases if case.label}))


def check_site(site: str, sites: Sequence[str]) -> None:
    """Check that a site can be left out of several.

    Raises:
        BadData: If no case comes from there, or all of them do.
    """
    if site not in sites or len(sites) < 2:
        raise BadData("data.no-such-site", found=site[:80], allowed=", ".join(sites))


def leave_out(
    collections: Sequence[Collection], chosen: Sequence[dict[str, tuple[Case, ...]]], site: str
) -> list[dict[str, tuple[Case, ...]]]:
    """Return the parts with a site's cases all to test on and in no other part, and no other site's cases tested.

    Args:
        collections: The collections.
        chosen: The cases of each, by part.
        site: The site.

    Raises:
        BadData: If no case comes from there, or all of them do.
    """
    check_site(site, sites_of(collections))
    found = []
    for collection, parts in zip(collections, chosen, strict=True):
        others = {
            part: tuple(case for case in cases if site_of(case, collection) != site)
            for part, cases in parts.items()
            if part != "test"
        }
        tested = tuple(case for case in collection.cases if case.label and site_of(case, collection) == site)
        found.append({**others, "test": tested})
    return found


def _leave_out_copies(collections: Sequence[Collection], chosen: list[dict[str, tuple[Case, ...]]]) -> list[Note]:
    """Take out of training what another collection is tested or watched on: each was split on its own.

    Args:
        collections: Several collections.
        chosen: Their cases by part; groups with a near-duplicate in a later part of another collection are removed.

    Returns:
        A note for each collection that lost cases.
    """
    place = [{case.id: (PARTS.index(p), case.group) for p, cases in c.items() for case in cases} for c in chosen]
    lost: list[set[str]] = [set() for _ in collections]
    for pair in _pairs_across(tuple(c.name for c in collections), tuple(c.fingerprint for c in collections)):
        found = sorted((*place[i][case_id], i) for i, case_id in pair if case_id in place[i])
        if len(found) == 2 and found[0][0] != found[1][0]:
            _, group, which = found[0]
            lost[which].add(group)
    told = []
    for collection, parts, groups in zip(collections, chosen, lost, strict=True):
        before = sum(map(len, parts.values()))
        parts.update({part: tuple(case for case in cases if case.group not in groups) for part, cases in parts.items()})
        if left_out := before - sum(map(len, parts.values())):
            told.append(Note("data.copies-left-out", n=left_out, collection=collection.name))
    return told


@lru_cache(maxsize=8)
def _pairs_across(
    names: tuple[str, ...], fingerprints: tuple[str, ...]
) -> list[tuple[tuple[int, str], tuple[int, str]]]:
    """Near-duplicates between collections, as (which collection, case id) twice; found once for the same contents."""
    collections = [open_collection(name) for name in names]
    joint = Collection(tuple(stored for collection in collections for stored in collection.stored))
    which = np.concatenate([np.full(len(c.cases), i) for i, c in enumerate(collections)])
    ids = np.concatenate([c.column("id") for c in collections])
    pairs = joint.pairs()[0]
    return [
        ((int(which[a]), str(ids[a])), (int(which[b]), str(ids[b]))) for a, b in pairs.tolist() if which[a] != which[b]
    ]


def map_for(names: Sequence[str], label_map: Mapping[str, str]) -> dict[str, str]:
    """Return what a label map says of some collections, by their names."""
    return {key: label for key, label in label_map.items() if key.partition("/")[0] in names}


def _check_map(collections: tuple[Collection, ...], label_map: Mapping[str, str]) -> None:
    """Refuse a map that names a collection or a label that is not there."""
    known = {f"{c.name}/{label}" for c in collections for label in c.labels}
    if unknown := sorted(set(label_map) - known):
        raise BadData("data.label-map-unknown", found=unknown[0][:120], allowed=", ".join(sorted(known)))


def _read_with(collections: tuple[Collection, ...], label_map: Mapping[str, str]) -> tuple[Collection, ...]:
    """Return collections whose labels are read as a map says."""
    return tuple(
        Collection(c.stored, {key.removeprefix(f"{c.name}/"): to for key, to in map_for([c.name], label_map).items()})
        for c in collections
    )


def whole_sources(names: Sequence[str], task: Task, label_map: Mapping[str, str] | None = None) -> Sources:
    """Open collections and take every labelled case of them, without any split: the smallest one can be measured on.

    Args:
        names: Names of collections.
        task: The question.
        label_map: Which labels are read as others, as `DataSpec.label_map`; of other collections too.

    Raises:
        BadData: If a collection is missing.
    """
    collections = _read_with(tuple(open_collection(name) for name in names), label_map or {})
    cases = tuple({"all": tuple(case for case in c.cases if case.label)} for c in collections)
    return Sources(task, collections, cases, (Note("data.not-split"),))


def choose_split(collection: Collection, spec: RunSpec) -> Split:
    """Return the hold-out of a collection that a run uses: its split, or of folds the one tested on `spec.data.fold`.

    Raises:
        BadSplit: If the split is unknown or has no such fold.
    """
    return _hold_out(whole_split(collection, spec), spec.data.fold)


def _hold_out(split: Split, fold: int) -> Split:
    return split.rotate(fold) if split.folds else split


def whole_split(collection: Collection, spec: RunSpec) -> Split:
    """Return the split of a collection that a run uses, with all its folds where it has any.

    `auto` is made once, by patient where patients are known and else by group, with a seed of its own: runs with
    different seeds are still tested on the same cases. Where the contents change, it is carried over to them.

    Raises:
        BadSplit: If the split is unknown.
    """
    if spec.data.split != "auto":
        return read_split(collection, spec.data.split)
    try:
        split = read_split(collection, "auto")
    except BadSplit:  # none yet, or made for contents that have changed since
        split = _auto_split(collection)
        write_split(collection, split)
    return split


def _auto_split(collection: Collection) -> Split:
    try:
        return carry_split(collection, "auto")
    except BadSplit:  # none to carry over
        known = any(patient is not None for patient in collection.column("patient"))
        return make_split(collection, name="auto", by="patient" if known else "group")


def check_labels(task: Task, collections: Sequence[Collection]) -> None:
    """Refuse collections whose labels make no task together, before anything is decoded.

    Args:
        task: The question a run would be asked.
        collections: Its collections.

    Raises:
        BadTask: If a collection has a label that the task has not, or labels of their own differ between collections.
    """
    used = {c.name: _labels_used(c) for c in collections}
    for collection in collections:
        if foreign := used[collection.name] - set(task.label_ids):
            raise BadTask(
                "data.labels-outside-task",
                collection=collection.name,
                task=task.id,
                found=", ".join(sorted(foreign)),
                allowed=", ".join(task.label_ids),
            )
    widest = max(collections, key=lambda c: len(used[c.name]))
    for collection in collections:
        if is_own(task.id) and (odd := used[collection.name] - used[widest.name]):
            raise BadTask(
                "data.labels-differ",
                collection=collection.name,
                other=widest.name,
                found=", ".join(sorted(odd)),
                allowed=", ".join(sorted(used[widest.name])),
            )


def list_foreign(spec: RunSpec) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Return the labels of a run's collections that the others, or its task, have not, and those they may be read as.

    Args:
        spec: The run's spec; what its `label_map` says already is not counted with.

    Returns:
        Label ids by collection, and label ids of the task.

    Raises:
        BadData: If a collection is missing.
        BadTask: If the task is unknown.
    """
    collections = tuple(open_collection(name) for name in spec.data.collections)
    used = {c.name: _labels_used(c) for c in collections}
    task = _task_named(spec, collections)
    allowed = task.label_ids if task else _widest(used)
    foreign = {name: tuple(sorted(labels - set(allowed))) for name, labels in used.items()}
    return {name: labels for name, labels in foreign.items() if labels}, allowed


def _labels_used(collection: Collection) -> set[str]:
    return {str(label) for label in collection.column("label") if label is not None}


def _widest(used: Mapping[str, set[str]]) -> tuple[str, ...]:
    """Return the labels of the collection that has most of them; the first of those where several have."""
    return tuple(sorted(used[max(used, key=lambda name: len(used[name]))]))


def _task_named(spec: RunSpec, collections: tuple[Collection, ...]) -> Task | None:
    """Return the task that a spec names, or that a collection belongs to; None where it is made of their labels.

    Raises:
        BadTask: If the task is unknown.
    """
    tasks = list_tasks(home.tasks())
    asked = spec.data.task or next((c.task_id for c in collections if c.task_id in tasks), "")
    if asked and asked not in tasks:
        raise BadTask("data.no-such-task", found=repr(asked)[:80], allowed=", ".join(tasks))
    return tasks[asked] if asked else None


def _task_of(spec: RunSpec, collections: tuple[Collection, ...]) -> Task:
    if task := _task_named(spec, collections):
        return task
    labels = tuple(dict.fromkeys(label for c in collections for label in c.labels))
    names = {i: name for c in reversed(collections) for i, name in c.record.names.items()}
    own = {label for c in collections for label in c.record.labels if label not in c.read_as}
    sick = {(i, c.read_as.get(i, i)) for c in collections for i in c.record.positive}
    return own_task(labels, names=names, positive={to for i, to in sick if to == i or to not in own})
