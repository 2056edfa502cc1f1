"""Tables that name no files but say whose a lesion is, or which two ids are one patient's."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from medcls.core.note import Note
from medcls.core.plan import PlanTable
from medcls.data.column_names import role_of
from medcls.data.labels import tidy
from medcls.data.layouts.layout import Reading
from medcls.data.letters import owner_form
from medcls.data.lexicon import NAME
from medcls.data.tables import Table, read_tables
from medcls.data.tree import Tree
from medcls.data.vocabulary import names_nobody, words_of
from medcls.errors import BadData

_OWNERS, _MOSTLY = ("patient", "group"), 0.5
Pair = tuple[str, str]


def link_owners(tree: Tree, reading: Reading) -> None:
    """Add the patients of lesions, and join ids of one patient, as tables say that name no file; they count as used.

    Args:
        tree: The tree.
        reading: What was read of it; changed.
    """
    known = {owner_form(name) for entry in reading.entries for name in (entry.patient, entry.group) if name}
    for shown in reading.tables if known else ():
        if shown.columns or not any(note.code == "data.table-names-no-files" for note in shown.notes):
            continue
        for table in _tables(tree, shown):
            if table.path == shown.path and (columns := _columns(table, known)):
                _join(table, columns, reading)
                told = PlanTable(shown.path, dict(zip(("group", "patient"), columns, strict=True)), shown.n_rows)
                reading.tables = [told if one is shown else one for one in reading.tables]
                reading.used.add(table.file)
                reading.patients_from.append(Note("data.from-column", name=columns[1]))


def _tables(tree: Tree, shown: PlanTable) -> list[Table]:
    file = shown.path if shown.path in tree.files else shown.path.partition("[")[0]
    try:
        return read_tables(tree.root, file)
    except (BadData, OSError):
        return []  # why it is no table is told where tables are looked through


def _columns(table: Table, known: set[str]) -> Pair | None:
    """Return the column of owners that scans have, and the one that says whose these are; None if there are none."""
    owners = [name for name in table.header if role_of(name) in _OWNERS or _are_ids(table.column(name), known)]
    for name in sorted(owners, key=lambda one: role_of(one) == "patient"):  # lesions first
        cells = {owner_form(tidy(cell)) for cell in table.column(name) if cell}
        others = [other for other in owners if other != name and len(set(table.column(other))) > 1]
        if others and len(cells & known) > _MOSTLY * len(cells):
            return name, max(others, key=lambda other: role_of(other) == "patient")
    return None


def _are_ids(cells: list[str], known: set[str]) -> bool:
    """Return whether cells are owners that scans have, whatever the column is called; mere numbers may be anything."""
    forms = {owner_form(tidy(cell)) for cell in cells if cell}
    return len(forms & known) > _MOSTLY * len(forms) and not all(map(str.isdecimal, forms))


def _join(table: Table, columns: Pair, reading: Reading) -> None:
    """Let scans have the patient that a table gives their lesion, or the other id that it gives their patient."""
    named = any(word in NAME for word in words_of(columns[1]))
    first: dict[str, str] = {}
    for lesion, owner in _pairs(table, columns):
        first.setdefault(owner_form(lesion), reading.people.number(owner) if named else owner)
    top = _ends(first)
    reading.entries = [
        replace(e, patient=top[key]) if (key := owner_form(e.patient or e.group or "")) in top else e
        for e in reading.entries
    ]


def _ends(first: Mapping[str, str]) -> dict[str, str]:
    """Return the last name that each leads to, where one id leads to another that leads on."""
    found = {}
    for key, name in first.items():
        seen = {key}
        while (form := owner_form(name)) in first and form not in seen:
            seen.add(form)
            name = first[form]
        found[key] = name
    return found


def _pairs(table: Table, columns: Pair) -> Iterator[Pair]:
    for a, b in zip(table.column(columns[0]), table.column(columns[1]), strict=True):
        if tidy(a) and tidy(b) and not names_nobody(b):
            yield tidy(a), tidy(b)
