"""The layouts medcls knows, most particular first."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from medcls.core.note import Note
from medcls.core.plan import PlanChoices, Question
from medcls.data.layouts.arrays import ARRAYS, IDC_ARRAYS
from medcls.data.layouts.beside import ask_which, contradicted, join_beside
from medcls.data.layouts.breakhis import BREAKHIS
from medcls.data.layouts.bus_bra import BUS_BRA
from medcls.data.layouts.busi import BUSI
from medcls.data.layouts.folders import DICOM, FOLDERS
from medcls.data.layouts.found_tables import find_tables
from medcls.data.layouts.idc import IDC
from medcls.data.layouts.layout import (
    Entry,
    Layout,
    Reading,
    are_patients,
    common_root,
    is_of_pictures,
    parts_by_folder,
)
from medcls.data.layouts.masks import find_companions
from medcls.data.layouts.names import NAMES, labels_in_names
from medcls.data.layouts.roles import Roles, find_roles
from medcls.data.layouts.table import HAM10000, ISIC, TABLE
from medcls.data.lexicon import MASK
from medcls.data.tree import BESIDE, OTHER, Tree, without_masks
from medcls.data.tree import TABLE as TABLE_KIND
from medcls.data.vocabulary import are_dates, disease_of, fold, holds, is_site
from medcls.errors import BadData
from medcls.words import counted, say

_MOST_SAID, _MOST_CHARS = 3, 300

_ORDER = (BUS_BRA, IDC, BUSI, BREAKHIS, IDC_ARRAYS, ARRAYS, HAM10000, ISIC, TABLE, DICOM, FOLDERS, NAMES)
LAYOUTS: Mapping[str, Layout] = MappingProxyType({layout.name: layout for layout in _ORDER})
_PUBLISHED = (BUS_BRA, IDC, BUSI, BREAKHIS, IDC_ARRAYS, ARRAYS)
__all__ = ["LAYOUTS", "Entry", "Layout", "Reading", "recognise"]


def recognise(tree: Tree, choices: PlanChoices | None = None) -> Reading:
    """Find which layout a tree has, and read it.

    Args:
        tree: What was found at the path.
        choices: What a person decided; None for nothing.

    Raises:
        BadData: If the layout named is unknown, or none fits.
    """
    choices = choices or PlanChoices()
    if choices.layout and choices.layout not in LAYOUTS:
        raise BadData("data.layout-unknown", found=choices.layout[:80], allowed=", ".join(LAYOUTS))
    reading = _by_name(tree, choices) if choices.layout else _by_looking(tree, choices)
    if reading is None or not (reading.entries or reading.missing):
        raise BadData(
            "data.nothing-recognised",
            allowed="; ".join(dict.fromkeys(str(layout.title) for layout in _ORDER)),
            found=_seen(tree, choices),
        )
    _leave_companions(tree, reading)
    return reading


def _leave_companions(tree: Tree, reading: Reading) -> None:
    """Take drawings over scans out of what was read, but for those that a table names itself."""
    found = find_companions(tree)
    taken = {entry.id for entry in reading.entries} if reading.cells else set()
    reading.entries = [entry for entry in reading.entries if reading.cells or entry.id not in found]
    reading.left |= {path: Note("data.companion") for path in found if path not in taken}


def _by_name(tree: Tree, choices: PlanChoices) -> Reading | None:
    layout = LAYOUTS[choices.layout]
    reading = layout.read(tree, choices)
    if reading is not None and layout in _PUBLISHED:
        join_beside(tree, choices, reading)
    return reading


def _by_looking(tree: Tree, choices: PlanChoices) -> Reading | None:
    if not (tree.sole or choices.table or choices.folders or choices.columns):
        for layout in _PUBLISHED:
            if (reading := layout.read(tree, choices)) is not None:
                _add_others(tree, choices, reading)
                join_beside(tree, choices, reading)
                return reading
    if choices.folders:
        return FOLDERS.read(tree, choices)
    by_table = TABLE.read(tree, choices)
    covered = by_table is not None and 2 * len(by_table.entries) >= len(without_masks(tree))
    alone = tree.sole or choices.table
    told = covered and by_table is not None and not _says_unknown(by_table)
    by_folders = None if alone or told else FOLDERS.read(tree, choices)
    if by_table is not None and (alone or (covered and (by_folders is None or _sides(by_folders) != {True, False}))):
        _tell_against_folders(by_table)
        return by_table
    found = by_folders if by_folders is not None and (by_table is None or by_folders.labelled) else by_table
    if found is None or not found.entries or not found.labelled:
        return NAMES.read(tree, choices) or found
    return (_by_names_inside(tree, choices, found) if found is by_folders else None) or found


def _add_others(tree: Tree, choices: PlanChoices, reading: Reading) -> None:
    """Add to a published set the scans that lie beside it in folders of the same labels (another set, another site)."""
    taken = {path for entry in reading.entries for path in (entry.id, *entry.masks)}
    if not taken or all(path in taken or path in reading.left for path in without_masks(tree)):
        return
    by_folders = FOLDERS.read(tree, choices)
    known = {fold(label): label for label in reading.labels}
    if by_folders is None or not {fold(entry.label or "") for entry in by_folders.entries} <= set(known):
        return
    placed = {entry.id: entry for entry in by_folders.entries}
    new = [e for e in by_folders.entries if e.id not in taken and not holds(e.id.rpartition("/")[2], MASK)]
    others = [replace(e, label=known[fold(e.label or "")]) for e in new]
    if not others:
        return
    kept = [replace(e, attributes={**_place(placed.get(e.id)), **e.attributes}) for e in reading.entries]
    reading.entries = [*kept, *others]
    reading.root = common_root([reading.root, by_folders.root])
    reading.questions += by_folders.questions
    reading.notes.append(Note("data.others-beside", n=len(others)))


def _place(entry: Entry | None) -> dict[str, str]:
    """Return the site and the part that folders say of a scan."""
    return {key: entry.attributes[key] for key in ("site", "part") if key in entry.attributes} if entry else {}


def _by_names_inside(tree: Tree, choices: PlanChoices, found: Reading) -> Reading | None:
    """Return what the files' names say where they say disease or none, and the folders nothing of it, but may be asked.

    Of folders that say whose, where or when, nothing is asked.
    """
    folders = {entry.label or "" for entry in found.entries}
    placed = are_dates(folders) or are_patients(folders) or all(map(is_site, folders))
    if folders == {"0", "1"} or not (placed or _says_unknown(found)):
        return None
    named = NAMES.read(tree, choices)
    if named is None or _sides(named) != {True, False}:
        return None
    if not placed:
        told = Note("data.asks-names-or-folders", labels=_some(named), others=_some(found))
        named.questions = [q for q in named.questions if q.option != "--layout"]
        named.questions.append(Question(told, "--layout", ("names", "folders"), "names"))
    return named


def _some(reading: Reading) -> str:
    return ", ".join(sorted({entry.label for entry in reading.entries if entry.label})[:_MOST_SAID])


def _sides(reading: Reading) -> set[bool | None]:
    """Return what labels say: disease, none, nothing of it."""
    return {disease_of(entry.label or "") for entry in reading.entries}


def _says_unknown(reading: Reading) -> bool:
    """Return whether no label says anything of disease: devices, sides, views, densities."""
    return _sides(reading) <= {None}


def _tell_against_folders(reading: Reading) -> None:
    """Note scans of a table whose folder, or name, says another part or label, and ask which label is right."""
    parts = parts_by_folder(entry.id for entry in reading.entries)
    said = [(e.attributes.get("part"), parts.get(e.id.rpartition("/")[0])) for e in reading.entries]
    if differ := sum(bool(told and part and told != part) for told, part in said):
        reading.notes.append(Note("data.parts-differ-folders", n=differ))
    roles = find_roles(tuple(entry.id.split("/")[:-1]) for entry in reading.entries)
    if roles is not None and roles.why != "words":
        _tell_other_labels(reading, roles)
        return
    placed = {e.id: roles.place(tuple(e.id.split("/")[:-1])) for e in reading.entries} if roles else {}
    others = (
        {path: told["label"] for path, told in placed.items() if told}
        if roles
        else labels_in_names(e.id for e in reading.entries)
    )
    labels = {e.id: e.label for e in reading.entries if e.id in others}
    if differ := len(contradicted(labels, others, reading.label_column)):
        reading.notes.append(Note("data.labels-differ-folders", n=differ))
        table = next(t.path for t in reading.tables if "label" in t.columns)
        ask_which(reading, table, differ, ("table", "folders" if roles else "names"))


def _tell_other_labels(reading: Reading, roles: Roles) -> None:
    """Note that folders could be labels too, where they part the scans otherwise than the table's labels do."""
    placed = ((entry.label, roles.place(tuple(entry.id.split("/")[:-1]))) for entry in reading.entries if entry.label)
    pairs = {(label, told["label"]) for label, told in placed if told}
    labels, folders = ({pair[at] for pair in pairs} for at in (0, 1))
    if folders <= {entry.attributes.get("site", "") for entry in reading.entries}:
        return
    alike = len(pairs) == len(labels) == len(folders) or all(map(is_of_pictures, folders))
    if not alike and 1 < len(folders) <= 2 * len(labels) and not are_patients(folders):
        names = ", ".join(sorted(folders)[:_MOST_SAID])
        reading.notes.append(Note("data.folders-other-labels", names=names, pattern=roles.pattern))


def _seen(tree: Tree, choices: PlanChoices) -> str:
    """Say what there is, and why the tables, and what else there is most of, are of no use."""
    found, useless = find_tables(tree, choices)
    why = [f"{table.path}: {_said(table.notes[-1])}" for table in useless if table.notes]
    unlabelled = Note("data.table-without-labels")
    why += [f"{one.table.path}: {_said((one.notes or [unlabelled])[-1])}" for one in found if not one.rule]
    nameless = (one for one in found if one.rule and not one.named)
    why += [f"{one.table.path}: {_said(Note('data.table-names-no-files'))}" for one in nameless]
    packed = Counter(
        tree.archives.get(path, True)
        for path in tree.of_kind(OTHER)
        if path in tree.archives or path.lower().endswith(".zip")
    )
    for is_zip, n in packed.items():
        why.insert(0, f"{_said(Note('data.zip-inside' if is_zip else 'data.archive-inside'))} ({n:,})")
    drawn = [f"{table.path}: {_said(table.notes[-1])}" for table in tree.drawn if not table.rows]
    if n := len(tree.of_kind(BESIDE)) - sum(len(table.files) for table in tree.drawn):
        why.insert(0, f"{_said(Note('data.beside-a-picture'))} ({n:,})")
    why = [*drawn, *why]
    why += [_said(Note("data.npz"))] if any(path.lower().endswith(".npz") for path in tree.of_kind(OTHER)) else []
    others = Counter(what for path, what in tree.found.items() if tree.files.get(path) == OTHER)
    why += [f"{what} ({n:,})" for what, n in others.most_common(_MOST_SAID)]
    pictures, tables = counted(len(tree.pictures), "picture"), counted(len(tree.of_kind(TABLE_KIND)), "table")
    seen = say("data.seen", {"pictures": pictures, "tables": tables})
    return "; ".join([seen, *(text[:_MOST_CHARS] for text in why[:_MOST_SAID])])


def _said(note: Note) -> str:
    return say(note.code, note.params).rstrip(".")
