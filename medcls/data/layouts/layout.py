"""What a layout is: how a data set lies on disk, and what its files say."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate

from medcls.core.note import Note
from medcls.core.plan import PlanChoices, PlanTable, Question
from medcls.data.lexicon import AUGMENT, DERIVED, PICTURE_WORDS, SET
from medcls.data.people import People
from medcls.data.tree import Tree
from medcls.data.vocabulary import (
    are_dates,
    disease_of,
    fold,
    is_numbered,
    is_site,
    levels_of_dates,
    names_patient,
    parts_of,
    words_of,
)

_FEW_PATIENTS = 4
_UNDERSTOOD = ("part", "fold", "site")  # attributes that say what a set's own words mean


@dataclass(frozen=True, slots=True)
class Entry:
    """One scan as its layout describes it, before its bytes were looked at.

    Args:
        id: Path below the root with `/`; for arrays `X.npy#17`.
        label: The label as it is written, or its id in a published layout; None if unlabelled.
        patient: Patient or slide id; None if unknown.
        group: What must stay together if that is not the patient (a lesion); None for the patient.
        masks: Paths of lesion masks below the root.
        attributes: Whatever else the set says of the case.
    """

    id: str
    label: str | None
    patient: str | None = None
    group: str | None = None
    masks: tuple[str, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass
class Reading:
    """What a layout made of a tree.

    Args:
        layout: Name of the layout.
        root: Folder that ids shall start at, below the tree's root; empty for that itself.
        entries: The scans, ids below the tree's root.
        why: Why the layout was recognised.
        task_id: Task the labels belong to; `own` for one made of them.
        labels: Label ids in order; empty if they are found in the data.
        names: Names of those labels by id, where they are not the ids.
        cells: True where labels are cells of a table.
        folders: Roles of the levels of folders.
        tables: Tables that were looked at.
        used: Paths of files that are read as tables, or as whole arrays.
        left: Why a file of the tree is not taken, by path.
        missing: Why something a table names is not taken, by its name.
        patients_from: Where patients are known from.
        notes: What a person should know.
        questions: A question that only a person can answer.
        people: The people whose names it tells; shared by all tables.
    """

    layout: str
    root: str
    entries: list[Entry]
    why: list[Note] = field(default_factory=list)
    task_id: str = "own"
    labels: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    cells: bool = False
    folders: str = ""
    tables: list[PlanTable] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    left: dict[str, Note] = field(default_factory=dict)
    missing: dict[str, Note] = field(default_factory=dict)
    patients_from: list[Note] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    people: People = field(default_factory=People)

    @property
    def labelled(self) -> bool:
        """True if some scan has a label."""
        return any(entry.label for entry in self.entries)

    @property
    def label_column(self) -> str:
        """Name of the column of a table that labels are cells of; empty where they are none."""
        return next((table.columns["label"] for table in self.tables if "label" in table.columns), "")


@dataclass(frozen=True)
class Layout:
    """A way in which labelled scans lie on disk.

    Args:
        name: Stable name, stored with every collection.
        title: What a person reads.
        read: Returns what a tree holds in this layout; None if it has another.
        task_id: Task the labels belong to; `own` for a task made of the labels.
        labels: Label ids in order; empty if they are found in the data.
    """

    name: str
    title: Note
    read: Callable[[Tree, PlanChoices], Reading | None]
    task_id: str = "own"
    labels: tuple[str, ...] = ()


def find_roots(tree: Tree, fits: Callable[[Tree, str], bool]) -> list[str]:
    """Return the outermost folders that fit, in order; several where a set is cut into parts or of several sites."""
    roots: set[str] = set()
    for folder in sorted(tree.folders, key=lambda f: (f.count("/") if f else -1, f)):
        above = accumulate(folder.split("/"), "{}/{}".format)
        if "" not in roots and roots.isdisjoint(above) and fits(tree, folder):
            roots.add(folder)
    return sorted(roots)


def common_root(folders: Iterable[str]) -> str:
    """Return the innermost folder that all of some folders lie in."""
    parted = [folder.split("/") if folder else [] for folder in folders]
    shared = []
    for names in zip(*parted, strict=False):
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    return "/".join(shared)


def below(folder: str, name: str) -> str:
    """Return the path of a name in a folder; the root is empty."""
    return f"{folder}/{name}" if folder else name


def roles_of_roots(roots: list[str]) -> dict[str, dict[str, str]]:
    """Return what the folders above several roots tell of the scans in them: their `part` and their `site`."""
    shared = common_root(roots)
    inner = {root: root[len(shared) :].strip("/").split("/") for root in roots}
    told: dict[str, dict[str, str]] = {root: {} for root in roots}
    for level in range(max((len(names) for names in inner.values()), default=0)):
        at = {root: names[level] for root, names in inner.items() if len(names) > level and names[level]}
        parts = parts_of(at.values())
        for root, name in at.items():
            if part := parts.get(name, ""):
                told[root]["part" if not part.startswith("fold-") else "fold"] = part.removeprefix("fold-")
            elif len(set(at.values())) > 1 and not _is_no_site(name):
                told[root]["site"] = f"{told[root]['site']}/{name}" if "site" in told[root] else name
    return told


def _is_no_site(name: str) -> bool:
    """Return whether a folder's name says what is no site: a label, or that pictures are in it."""
    return disease_of(name) is not None or is_of_pictures(name)


def is_of_pictures(name: str) -> bool:
    """Return whether a folder's name says only that pictures are in it, as they were or changed: `raw`, `augmented`."""
    return set(words_of(name)) <= PICTURE_WORDS | SET | DERIVED | AUGMENT


def parts_by_folder(paths: Iterable[str]) -> Mapping[str, str]:
    """Return the part each folder's name tells, by the folder, where a level of folders names two parts at least.

    Args:
        paths: Paths of the scans.
    """
    levels: dict[int, set[str]] = {}
    folders = {path.rpartition("/")[0] for path in paths}
    for folder in folders:
        for level, name in enumerate(folder.split("/")):
            levels.setdefault(level, set()).add(name)
    parts = {level: found for level, names in levels.items() if len(set((found := parts_of(names)).values())) > 1}
    found = {}
    for folder in folders:
        named = [parts[level][name] for level, name in enumerate(folder.split("/")) if name in parts.get(level, ())]
        if named:
            found[folder] = named[0]
    return found


def sites_by_folder(paths: Iterable[str]) -> Mapping[str, str]:
    """Return the site each folder's name tells, by the folder, where all names of a level are those of sites.

    Args:
        paths: Paths of the scans.
    """
    folders = [folder.split("/") for folder in {path.rpartition("/")[0] for path in paths}]
    for level in range(max(map(len, folders), default=0)):
        names = {folder[level] if len(folder) > level else "" for folder in folders}
        if len(names) > 1 and all(map(is_site, names)):
            return {"/".join(folder): folder[level] for folder in folders}
    return {}


def patients_by_folder(entries: Iterable[Entry]) -> Mapping[str, str]:
    """Return the patient each folder's name tells, by folder, where a level numbers patients of several scans each.

    Args:
        entries: Scans whose labels are known otherwise; a level that says no more than the label is none of patients.
    """
    labels: dict[str, set[str]] = {}
    scans: Counter[str] = Counter()
    for entry in entries:
        folder = entry.id.rpartition("/")[0]
        labels.setdefault(folder, set()).add(entry.label or "")
        scans[folder] += 1
    parted = {folder: folder.split("/") for folder in labels}
    n_labels = len(set().union(*labels.values()))
    depth = min(map(len, parted.values()), default=0)
    dates = levels_of_dates({parts[level] for parts in parted.values()} for level in range(depth))
    for level in (level for level in range(depth) if not dates[level]):
        names: dict[str, set[str]] = {}
        for folder, parts in parted.items():
            names.setdefault(parts[level], set()).update(labels[folder])
        several = sum(scans.values()) > len(names) and (len(names) > 2 * n_labels or max(map(len, names.values())) > 1)
        if len(names) >= _FEW_PATIENTS and several and all(map(_is_owner, names)):
            return {folder: parts[level] for folder, parts in parted.items()}
    return {}


def _is_owner(name: str) -> bool:
    """Return whether a folder's name is a patient's: it says so, or is a number with at most two letters (`BP01`)."""
    return names_patient(name) or (is_numbered(name) and sum(c.isalpha() for c in name) <= 2)


def with_part(attributes: dict[str, str], part: str) -> dict[str, str]:
    """Return attributes with a part as `part_of` gives it; folds stand under `fold`."""
    return (
        {**attributes, **({"fold": part[5:]} if part.startswith("fold-") else {"part": part})} if part else attributes
    )


def with_parts(entries: Iterable[Entry]) -> list[Entry]:
    """Return entries with the part that a folder above them names, where they have none yet."""
    listed = list(entries)
    parts = parts_by_folder(entry.id for entry in listed)
    return [
        entry
        if {"part", "fold"} & set(entry.attributes)
        else replace(entry, attributes=with_part(entry.attributes, parts.get(entry.id.rpartition("/")[0], "")))
        for entry in listed
    ]


def are_patients(names: Iterable[str]) -> bool:
    """Return whether the folders of a level are a patient each, by their names."""
    names = list(names)
    return (
        bool(names)
        and not are_dates(names)
        and (all(map(is_numbered, names)) or sum(map(names_patient, names)) > 0.8 * len(names))
    )


def kept_as(column: str, cell: str = "") -> str:
    """Return the name under which a scan keeps a cell of no role; `part` and the like are what was understood.

    Example:
        >>> kept_as("age"), kept_as("part", "alpha"), kept_as("fold", "3")
        ('age', 'column part', 'fold')
    """
    is_fold = column == "fold" and cell.removesuffix(".0").isdecimal()
    return f"column {column}" if column in _UNDERSTOOD and not is_fold else column


def same_name(a: str, b: str) -> bool:
    """Return whether two names are one, whatever their case and form."""
    return fold(a) == fold(b)
