"""Tables that name no files but say whose a lesion is, or which two ids are one patient's."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from medcls.core.note import Note
from medcls.core.plan import PlanTable
from medcls.data.column_names import role_of
from medcls.data.labels import tidy
from medcls.data.layouts.layout import Reading
from medcls.data.letters import owner_form
from medcls.data.lexicon import NAME
from medcls.data.people import are_names
from medcls.data.tables import Table, read_tables
from medcls.data.ties import Ties
from medcls.data.tree import Tree
from medcls.data.vocabulary import names_nobody, words_of
from medcls.errors import BadData

_OWNERS, _MOSTLY = ("patient", "group"), 0.5


@dataclass(frozen=True)
class _Link:
    """A table that says whose lesions are, or which ids are one patient's.

    Args:
        table: The table.
        group: Column of what scans have: lesions, or ids of patients.
        patient: Column of the patients that these are of, or of their other ids.
        by_name: True if it holds names of people.
    """

    table: Table
    group: str
    patient: str
    by_name: bool

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield the cells of each row that has both."""
        for a, b in zip(self.table.column(self.group), self.table.column(self.patient), strict=True):
            if tidy(a) and tidy(b) and not names_nobody(b):
                yield tidy(a), tidy(b)


def link_owners(tree: Tree, reading: Reading) -> None:
    """Add the patients of lesions, and join ids of one patient, as tables say that name no file; they count as used.

    Args:
        tree: The tree.
        reading: What was read of it; changed.
    """
    patients = {owner_form(entry.patient) for entry in reading.entries if entry.patient}
    groups = {owner_form(entry.group) for entry in reading.entries if entry.group}
    links = []
    for link in _links(_tables(tree, reading) if patients or groups else [], patients, groups):
        links.append(link)
        reading.used.add(link.table.file)
        told = PlanTable(
            link.table.path, {"group": link.group, "patient": link.patient}, len(link.table.rows), link.table.notes
        )
        reading.tables = [told if one.path == told.path else one for one in reading.tables]
        reading.patients_from.append(Note("data.from-column", name=link.patient))
    if links:
        _join(links, reading)


def _tables(tree: Tree, reading: Reading) -> list[Table]:
    """Return the tables that name no file."""
    nameless = {
        shown.path
        for shown in reading.tables
        if not shown.columns and any(note.code == "data.table-names-no-files" for note in shown.notes)
    }
    files = dict.fromkeys(path if path in tree.files else path.partition("[")[0] for path in nameless)
    found = []
    for file in sorted(files):
        try:
            found += [table for table in read_tables(tree.root, file) if table.path in nameless]
        except (BadData, OSError):
            continue  # why it is no table is told where tables are looked through
    return found


def _links(tables: list[Table], patients: set[str], groups: set[str]) -> Iterator[_Link]:
    """Yield the tables that link owners that scans have, or that others of these tables link to them."""
    left, more = tables, True
    while more:
        found = {table.path: link for table in left if (link := _link(table, patients, groups))}
        left, more = [table for table in left if table.path not in found], bool(found)
        for link in found.values():
            patients |= {owner_form(b) for _, b in link.pairs()}
            yield link


def _link(table: Table, patients: set[str], groups: set[str]) -> _Link | None:
    """Return what a table links; None if it links nothing that scans have.

    A lesion is of one patient, who may have many; an id of a patient has one other or a few. What parts patients into a
    few kinds (`arm`, `group`) is no id of theirs.
    """
    roles = {name: role_of(name) for name in table.header if any(table.column(name))}
    lesions = [name for name, role in roles.items() if role == "group" and _are(table, name, groups)]
    ids = [name for name, role in roles.items() if role == "patient" or _are(table, name, patients, plain=False)]
    for name in lesions:
        for other in (one for one in ids if one != name):
            if _most_have_one(table, name, other):
                return _Link(table, name, other, _are_people(table, other))
    for name in (one for one in ids if _are(table, one, patients)):
        for other in (one for one in ids if one != name and not _are_people(table, one)):
            if 2 * len(set(table.column(other))) >= len(set(table.column(name))) > 1:
                return _Link(table, name, other, False)
    return None


def _forms(table: Table, name: str) -> set[str]:
    return {owner_form(tidy(cell)) for cell in table.column(name) if cell}


def _are(table: Table, name: str, known: set[str], plain: bool = True) -> bool:
    """Return whether most cells are known owners; mere numbers count only where `plain`, as they may be anything."""
    forms = _forms(table, name)
    return len(forms & known) > _MOSTLY * len(forms) and (plain or not all(map(str.isdecimal, forms)))


def _most_have_one(table: Table, lesions: str, patients: str) -> bool:
    """Return whether most lesions are of one patient: those numbered anew in each are not."""
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for lesion, patient in zip(table.column(lesions), table.column(patients), strict=True):
        owners[lesion].add(patient)
    return sum(len(of) == 1 for of in owners.values()) > _MOSTLY * len(owners)


def _are_people(table: Table, name: str) -> bool:
    return any(word in NAME for word in words_of(name)) or are_names(table.column(name))


def _join(links: list[_Link], reading: Reading) -> None:
    """Let scans have the patient that tables give their lesion, and one id where they give their patient several."""
    one, names = Ties(), dict[str, str]()
    written = {owner_form(entry.patient): entry.patient for entry in reading.entries if entry.patient}
    for link in links:
        for of, owner in link.pairs():
            shown = reading.people.number(owner) if link.by_name else owner
            one.tie(owner_form(shown), owner_form(of))
            names.setdefault(owner_form(shown), shown)
    top: dict[str, str] = {}
    for whole in one.wholes():
        told = [written[form] for form in whole if form in written] + [names[form] for form in whole if form in names]
        top |= dict.fromkeys(whole, told[0])
    reading.entries = [
        replace(e, patient=top[key]) if (key := owner_form(e.patient or e.group or "")) in top else e
        for e in reading.entries
    ]
