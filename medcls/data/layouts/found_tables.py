"""The tables of a tree: read, with what their columns say and the files their rows name."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from medcls.core.note import Note
from medcls.core.plan import PlanChoices, PlanTable, Question
from medcls.data.column_names import role_of, says_number
from medcls.data.encodings import words_beyond_ascii
from medcls.data.layouts.columns import (
    are_shares,
    find_columns,
    find_one_hot,
    graded_column,
    label_sense,
    mark_of,
    why_no_files,
    why_unclear,
)
from medcls.data.layouts.fill_down import filled_down
from medcls.data.layouts.isic import label_rule, plain_name
from medcls.data.layouts.patient_tables import Owned, by_picture, listed_patients
from medcls.data.layouts.rivals import settle_labels
from medcls.data.layouts.sides import by_side
from medcls.data.layouts.table_names import is_of_guesses, part_in, parts_by_name
from medcls.data.layouts.teller import unread_parts
from medcls.data.layouts.wide_tables import TOGETHER, by_each_picture
from medcls.data.resolve import MISSING, SEVERAL, Resolver
from medcls.data.tables import Table, read_list, read_tables
from medcls.data.tree import TABLE, Tree, without_masks
from medcls.data.vocabulary import fold
from medcls.errors import BadData

Row = Mapping[str, str]
_LINKS = frozenset(("patient", "group"))  # what a table of pictures and one of labels may share
_TELLING = frozenset(("part", "site", "label"))
_MOST_CHARS = 200_000
_FEW_ROWS, _SHOWN = 40, 8
_SEVERAL = re.compile(r"\s*[;|+&/]\s*")


@dataclass
class Found:
    """A table whose rows name files of the tree.

    Args:
        table: The table.
        columns: Column by role.
        paths: File each row names; `MISSING` or `SEVERAL`.
        layout: `table`, `isic` or `ham10000`.
        rule: Returns a row's label; None if the table has no labels.
        label_columns: Columns the rule reads.
        notes: What a person should know.
        links: True if another table, of patients, finds its pictures by this one.
        graded: True if its labels are grades, which are kept as grades where other labels are taken.
        part: Part of a split that its own name, or its sheet's, says; empty for none.
        questions: What only a person can say of it.
    """

    table: Table
    columns: dict[str, str]
    paths: list[str]
    layout: str = "table"
    rule: Callable[[Row], str | None] | None = None
    label_columns: tuple[str, ...] = ()
    notes: list[Note] = field(default_factory=list)
    links: bool = False
    graded: bool = False
    part: str = ""
    questions: list[Question] = field(default_factory=list)

    @property
    def named(self) -> set[str]:
        """Files of the tree that its rows name."""
        return {path for path in self.paths if path not in (MISSING, SEVERAL)}

    @property
    def sense(self) -> float:
        """How good its labels are: those of ISIC, then few words often repeated."""
        if self.layout != "table":
            return 9.0
        return (
            label_sense(self.table.column(self.columns["label"]))
            if "label" in self.columns
            else (0.5 if self.graded else 1.5) * bool(self.rule)
        )

    def owners_from(self) -> list[Note]:
        """Return where it says whose scans are: its columns, or its rows where they name several scans of one case."""
        codes = {note.code for note in self.table.notes}
        if "data.listed-together" in codes:
            return []
        by_rows = "data.several-pictures" in codes
        named = [self.columns[role] for role in ("patient", "group") if role in self.columns]
        rows = [by_rows and name.startswith(TOGETHER) for name in named]
        return [
            Note("data.from-rows") if row else Note("data.from-column", name=name)
            for name, row in zip(named, rows, strict=True)
        ]

    def rows(self) -> list[dict[str, str]]:
        """Return its rows by column."""
        return [dict(zip(self.table.header, cells, strict=True)) for cells in self.table.rows]

    def shown(self, *notes: Note) -> PlanTable:
        """Return what a plan shows of it."""
        told = dict(self.columns)
        if self.rule and "label" not in told and self.label_columns:
            told["label"] = ", ".join(self.label_columns)
        return PlanTable(
            self.table.path, told, len(self.table.rows), (*self.table.notes, *self.notes, *notes), self.table.header
        )


def find_tables(tree: Tree, choices: PlanChoices) -> tuple[list[Found], list[PlanTable]]:
    """Return the tables whose rows name files, and those of no use.

    Args:
        tree: The files there are.
        choices: What a person chose; a table named there is the only one looked at.

    Returns:
        Tables whose rows name files; and the others of which it can be said why not, with why.

    Raises:
        BadData: If the table that was chosen is not there.
    """
    drawn = [table for table in tree.drawn if choices.table in ("", table.path)]
    wanted = [tree.sole] if tree.sole else tree.of_kind(TABLE)
    if choices.table:
        wanted = [] if drawn else [_chosen_file(tree, choices.table)]
    pictures = without_masks(tree)
    resolver, owned = Resolver(pictures), Owned(tree, pictures)
    tables, useless = _read_all(tree, wanted, choices, resolver)
    tables += [table for table in drawn if table.rows]
    unclear = [table for table in drawn if any(note.code == "data.table-names-several" for note in table.notes)]
    useless += [PlanTable(table.path, {}, 0, table.notes) for table in unclear]
    looked = {table.path: _look(table, resolver, choices) for table in tables}
    linked = _linked(tables, looked, owned, lambda table: _look_by_patient(table, owned, resolver, choices))
    found = []
    for table in tables:
        if seen := linked.get(table.path) or looked[table.path] or _look_as_list(tree, table, resolver, choices):
            found.append(seen)
        elif why := why_no_files(table, resolver):
            useless.append(PlanTable(table.path, {}, len(table.rows), (*table.notes, why)))
    for one in _dwarfed(found):
        found.remove(one)
        useless.append(PlanTable(one.table.path, {}, len(one.table.rows), (Note("data.table-names-no-files"),)))
    parts = parts_by_name(one.table for one in found)
    for one in found:
        one.part = parts.get(one.table.path, "")
        if one.part and "part" not in one.columns:
            one.notes.append(Note("data.table-is-part", part=one.part))
        links = one.rule is None and bool(_LINKS & set(one.columns))
        one.links = bool(linked) and one.table.path not in linked and looked[one.table.path] is not None and links
    return found, useless


def _linked(
    tables: list[Table], looked: Mapping[str, Found | None], owned: Owned, look: Callable[[Table], Found | None]
) -> dict[str, Found]:
    """Return tables of patients or examinations with their pictures, by path.

    One that says a part, a site or a label may be reached over another of these, or over a table of labels; what else
    there is of ids is left to those who join these.

    Args:
        tables: All tables.
        looked: What each is by the files that it names itself.
        owned: Pictures by owner; what the tables say of owners is added.
        look: Looks at a table as one of patients.
    """
    found: dict[str, Found] = {}
    telling = [table for table in tables if any(role_of(n) in _TELLING and not says_number(n) for n in table.header)]
    left, new = tables, [one for one in looked.values() if one is not None and one.rule is None]
    while left:
        _learn(owned, new)
        new = []
        for table in left:
            seen = looked[table.path]
            if seen is None or not seen.named or (seen.rule and _by_chance(seen, owned.n_pictures)):
                by_patient = look(table)
                if by_patient and (seen is None or len(by_patient.named) > len(seen.named)):
                    found[table.path] = by_patient
                    new.append(by_patient)
        new += [one for one in looked.values() if one is not None and one.rule] if left is tables else []
        left = [table for table in telling if table.path not in found] if new else []
    return found


def _chosen_file(tree: Tree, chosen: str) -> str:
    """Return the file of the table that a person chose, which may be a sheet, `list.xlsx[2024]`."""
    file = chosen if chosen in tree.files else chosen.partition("[")[0] if chosen.endswith("]") else chosen
    if file not in tree.files:
        allowed = ", ".join(tree.of_kind(TABLE))[:400] or "none"
        raise BadData("data.no-such-table", found=chosen[:200], allowed=allowed)
    return file


def _dwarfed(found: list[Found]) -> list[Found]:
    """Return tables of a few numbers that other tables' labels dwarf: a list of classes beside `1.png` and `2.png`."""
    most = max((one.named for one in found if one.rule), key=len, default=set())
    return [
        one
        for one in found
        if one.rule
        and 2 * len(one.named) <= len(most)
        and one.named < most
        and all(cell.isdecimal() for cell in one.table.column(one.columns["path"]))
        and len(one.table.rows) <= _FEW_ROWS
    ]


def _by_chance(one: Found, n_pictures: int) -> bool:
    """Return whether rows may name files by chance: few of them, by a column that is not called so (`1` of `1.png`)."""
    role = role_of(one.columns["path"])
    return role in _LINKS or (role != "path" and 2 * len(one.named) < n_pictures)


def _read_all(
    tree: Tree, wanted: list[str], choices: PlanChoices, resolver: Resolver
) -> tuple[list[Table], list[PlanTable]]:
    """Return the tables of some files, and files that cannot be read as tables, each with why."""
    tables, useless = [], []
    names = " ".join(path for path in tree.pictures if not path.isascii()) if wanted else ""
    beyond = frozenset(words_beyond_ascii(names[:_MOST_CHARS]))
    for path in wanted:
        if is_of_guesses(path) and not (tree.sole or choices.table):
            useless.append(PlanTable(path, {}, 0, (Note("data.table-of-guesses"),)))
            continue
        try:
            tables += read_tables(tree.root, path, choices.encoding, beyond)
        except BadData as error:
            useless.append(PlanTable(path, {}, 0, (Note("data.table-not-read", why=str(error)),)))
        except OSError as error:
            useless.append(
                PlanTable(path, {}, 0, (Note("data.table-not-read", why=error.strerror or type(error).__name__),))
            )
    if choices.table.endswith("]") and (chosen := [table for table in tables if table.path == choices.table]):
        tables = chosen
    tables = [filled_down(table) for table in tables]
    if not {"path", "label"} & set(choices.columns):
        tables = [by_each_picture(table, resolver, tree.root) for table in tables]
    return tables, useless


def _learn(owned: Owned, looked: Iterable[Found]) -> None:
    """Let pictures be found by the patients and the examinations that tables name."""
    for one in looked:
        for role in _LINKS.intersection(one.columns):
            owned.learn(role, _by_owner(one, role))


def _by_owner(one: Found, role: str) -> dict[str, list[str]]:
    """Return the files of each patient, or of each examination or lesion, that a table names."""
    named: dict[str, list[str]] = {}
    for owner, path in zip(one.table.column(one.columns[role]), one.paths, strict=True):
        if owner and path not in (MISSING, SEVERAL):
            named.setdefault(owner, []).append(path)
    return named


def _look(table: Table, resolver: Resolver, choices: PlanChoices) -> Found | None:
    table, columns = find_columns(table, resolver, choices.columns)
    if "path" not in columns:
        return None
    questions: list[Question] = []
    told: list[Note] = []
    graded = ""
    if "label" in columns and "label" not in choices.columns:
        columns["label"], questions, told = settle_labels(table, columns)
    elif "label" not in choices.columns and (name := graded_column(table, columns)):
        graded = name
    numbers = role_of(columns["path"]) == "path"
    at = table.header.index(columns["path"])
    paths = [_file(row, at, resolver, table, numbers) for row in table.rows]
    found = Found(table, columns, paths, questions=questions)
    isic = None if "label" in choices.columns else label_rule(table, columns["path"])
    hot = () if isic or "label" in choices.columns else find_one_hot(table, columns)
    if isic:
        found.layout, rule, found.label_columns = isic
        found.rule = lambda row: rule({plain_name(name): cell for name, cell in row.items()})
        found.columns.pop("label", None)
    elif hot and ("label" not in columns or columns["label"] in hot):
        found.columns.pop("label", None)
        found.rule, found.label_columns = (lambda row: _hot(row, hot)), hot
        found.notes.append(Note("data.one-hot", columns=", ".join(hot)))
    elif "label" in columns and not are_shares(table.column(columns["label"])):
        found.rule, found.label_columns = (lambda row: row[columns["label"]]), (columns["label"],)
        found.notes += told
    elif graded:
        found.graded, found.label_columns = True, (graded,)
        found.rule = lambda row: row[graded]
    _tell_unclear(found)
    if "part" in columns and (unread := unread_parts(table.column(columns["part"]), columns["part"])):
        found.notes.append(Note("data.parts-unread", column=columns["part"], names=", ".join(unread[:_SHOWN])))
    return found if found.named or found.rule else None


def _file(row: list[str], at: int, resolver: Resolver, table: Table, numbers: bool) -> str:
    """Return the file a row names; of several, the one whose folder its other cells name, or the table is called by."""
    found = resolver.find(row[at], table.folder, numbers=numbers)
    if found == SEVERAL:
        found = resolver.among(row[at], [*row[:at], *row[at + 1 :]])
    return found if found != SEVERAL else resolver.in_part(row[at], part_in(table), table.folder)


def _tell_unclear(found: Found) -> None:
    """Note what gives rows of a table no label, or several: probabilities, several ones, two labels in a cell."""
    if "label" in found.columns and found.rule:
        cells = found.table.column(found.columns["label"])
        known = {fold(cell) for cell in cells}
        parted = [[fold(part) for part in _SEVERAL.split(cell)] for cell in cells if _SEVERAL.search(cell)]
        if several := sum(all(parts) and set(parts) <= known for parts in parted):
            found.notes.append(Note("data.cells-of-several", n=several))
        return
    if "label" in found.columns:
        found.notes.append(Note("data.table-soft", columns=found.columns.pop("label"), n=len(found.table.rows)))
    elif (not found.rule or found.layout != "table") and (why := why_unclear(found.table, found.columns)):
        found.notes.append(why)


def _look_as_list(tree: Tree, table: Table, resolver: Resolver, choices: PlanChoices) -> Found | None:
    """Look at a text as a list of files whose names hold blanks or commas (`benign (1).png`); None if it is none."""
    listed = read_list(tree.root, table.file, choices.encoding) if table.path == table.file else None
    found = _look(listed, resolver, replace(choices, columns={})) if listed else None
    return found if found and 2 * len(found.named) >= len(found.paths) else None


def _look_by_patient(table: Table, owned: Owned, resolver: Resolver, choices: PlanChoices) -> Found | None:
    """Look at a table that has a row for each patient; None if it has none, or says nothing of several."""
    if (expanded := by_picture(table, owned) or listed_patients(table, owned)) is None:
        return None
    per_picture, key, owner = by_side(expanded[0]), *expanded[1:]
    found = _look(per_picture, resolver, choices)
    if found is None or key in found.label_columns:
        return None
    labels = {found.rule(row) for row in found.rows()} if found.rule else set()
    if labels and len(labels) >= len(table.rows):  # a name for each folder: a list of the labels
        return None
    if owner and not {"patient", "group"} & set(found.columns):
        found.columns["patient"] = key
    return found


def _hot(row: Row, columns: tuple[str, ...]) -> str:
    said = [name for name in columns if mark_of(row[name]) == 1.0]
    return said[0] if said else ""
