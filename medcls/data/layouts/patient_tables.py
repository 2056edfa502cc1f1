"""Tables with a row for each patient, or folder, instead of one for each picture."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from medcls.core.note import Note
from medcls.data.column_names import role_of
from medcls.data.owners import read_names
from medcls.data.sides import side_in, side_of
from medcls.data.tables import Table, without_header
from medcls.data.tree import DICOM, Tree
from medcls.data.vocabulary import fold

SCAN = "scan"  # the column that is added; its name says that it holds paths
_MOST_MISSED, _MOST_ABSENT = 0.2, 0.6  # the second of a column that says it holds patients


class Owned:
    """Pictures by the names of their folders, and by their DICOM patients; each is looked up when first asked for.

    Args:
        tree: The tree.
        pictures: Pictures that tables may be about.
    """

    def __init__(self, tree: Tree, pictures: Iterable[str]) -> None:
        self._tree, self._pictures = tree, list(pictures)
        self._by_table: dict[str, dict[str, list[str]]] = {"patient": {}, "group": {}}

    @cached_property
    def by_folder(self) -> dict[str, list[str]]:
        """Pictures by the name of each folder above them, in one form."""
        named: defaultdict[str, list[str]] = defaultdict(list)
        for path in self._pictures:
            for name in {fold(part) for part in path.split("/")[:-1]}:
                named[name].append(path)
        return named

    @cached_property
    def by_dicom(self) -> dict[str, dict[str, list[str]]]:
        """Pictures by what their DICOM header names, in one form, for each kind of name."""
        named: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for path in self._pictures:
            if self._tree.files[path] == DICOM:
                for what, name in read_names(self._tree.root / path).items():
                    named[what][fold(name)].append(path)
        return {what: dict(found) for what, found in named.items()}

    @cached_property
    def by_beginning(self) -> dict[str, list[str]]:
        """Pictures by the first word, and the first two, of names of several: `P01` and `P01 L` of `P01_L_3.png`."""
        named: defaultdict[str, list[str]] = defaultdict(list)
        for path in self._pictures:
            words = fold(path.rpartition("/")[2]).split()[:-1]  # without the ending
            for n in range(1, min(len(words), 3)):
                named[" ".join(words[:n])].append(path)
        return dict(named)

    def learn(self, role: str, owners: Mapping[str, list[str]]) -> None:
        """Add pictures by their `patient`, or by the `group` of an examination, as other tables name them."""
        for owner, paths in owners.items():
            known = self._by_table[role].setdefault(fold(owner), [])
            there = set(known)
            known += [path for path in dict.fromkeys(paths) if path not in there]

    @property
    def n_pictures(self) -> int:
        """How many pictures there are."""
        return len(self._pictures)

    def lookups(self) -> Iterator[tuple[bool, dict[str, list[str]]]]:
        """Yield pictures by each kind of name, and whether such a name is an owner's."""
        yield True, self.by_folder
        yield True, self._by_table["patient"]
        yield False, self._by_table["group"]
        yield True, self.by_beginning
        for what in ("patient", "picture", "accession", "study", "series"):
            yield what == "patient", self.by_dicom.get(what, {})


def by_picture(table: Table, owned: Owned) -> tuple[Table, str, bool] | None:
    """Return a table of patients as a table of their pictures.

    A patient of whom there is no picture has one row, that of the path `<name>/*`, which no file has.

    Args:
        table: A table whose rows name no files.
        owned: Pictures its rows may be about: those in a folder of a patient's name, of a patient of another table,
            whose names begin with it, or of a DICOM patient, picture or examination. Where a name stands in several
            folders, those in the table's own are meant.

    Returns:
        The table with a row for each picture, its column that names whom the pictures are of, and True if these are
        patients, False if examinations or pictures; None if the table is of none of these.
    """
    names = [name for name in table.header if _tells_apart(table.column(name))]
    for owner, exact in owned.lookups() if names else ():
        for form, named, is_owner in (
            (fold, exact, owner),
            (_without_zeros, _by_number(exact), owner),
            (_folder_in(exact), exact if exact is owned.by_folder else {}, False),
        ):
            if column := _column(table, names, named, form):
                at = table.header.index(column)
                rows = [[*row, path] for row in table.rows for path in _paths(row[at], named, table.folder, form)]
                note = Note("data.table-of-patients", column=column)
                made = replace(table, header=(*table.header, SCAN), rows=rows, notes=(*table.notes, note))
                return made, column, is_owner
    return _by_two(table, owned)


def _by_two(table: Table, owned: Owned) -> tuple[Table, str, bool] | None:
    """Return a table with a row for each patient and side, lesion or view as a table of pictures; None if it is none.

    Pictures are those of the patient whose path says the second cell, as a folder or a word of the name.
    """
    names = [name for name in table.header if len(set(table.column(name))) > 1]
    for exact in (owned.by_folder, owned.by_beginning):
        if not (first := _column(table, [n for n in names if not _tells_apart(table.column(n))], exact, fold)):
            continue
        at = table.header.index(first)
        for second in (name for name in names if name != first):
            pairs = [(fold(row[at]), row[table.header.index(second)]) for row in table.rows]
            if len(set(pairs)) < len(pairs):
                continue
            paths = [_that_say(cell, exact.get(owner, ())) for owner, cell in pairs]
            taken = [path for some in paths for path in some]
            if len(set(taken)) == len(taken) and sum(map(bool, paths)) >= (1 - _MOST_MISSED) * len(paths):
                rows = [[*row, path] for row, some in zip(table.rows, paths, strict=True) for path in some]
                note = Note("data.table-of-two", column=first, other=second)
                made = replace(table, header=(*table.header, SCAN), rows=rows, notes=(*table.notes, note))
                return made, first, True
    return None


def _that_say(cell: str, paths: Iterable[str]) -> list[str]:
    """Return the pictures whose path says a cell: a folder does, or else a word of their names, or the side."""
    listed, wanted = list(paths), fold(cell)
    inside = [path for path in listed if wanted in map(fold, path.split("/")[:-1])]
    inside = inside or [path for path in listed if wanted in fold(path.rpartition("/")[2]).split()[:-1]]
    side = side_of(cell)
    return inside or [path for path in listed if side and side_in(path) == side]


def listed_patients(table: Table, owned: Owned) -> tuple[Table, str, bool] | None:
    """Return a bare list of patients, one a line, as a table of their pictures; else None. See `by_picture`."""
    if len(table.header) != 1:
        return None
    plain = without_header(table)
    cells = [fold(cell) for (cell,) in plain.rows]
    if not all(cell in owned.by_folder for cell in cells) or len(set(cells)) < len(cells):
        return None
    rows = [[cell, path] for (cell,) in plain.rows for path in _paths(cell, owned.by_folder, table.folder, fold)]
    column = plain.header[0]
    note = Note("data.table-of-patients", column=column)
    return replace(plain, header=(column, SCAN), rows=rows, notes=(*plain.notes, note)), column, True


def _folder_in(named: Mapping[str, list[str]]) -> Callable[[str], str]:
    """Return what gives of a path the folder nearest to its end that is known: `P1_CC/1.2.3/0.dcm` is of `P1_CC`."""

    def form(cell: str) -> str:
        names = [fold(name) for name in reversed(cell.replace("\\", "/").split("/"))] if "/" in cell else []
        return next((name for name in names if name in named), fold(cell))

    return form


def _without_zeros(name: str) -> str:
    """Return a name in its one form, without the leading zeros that a spreadsheet takes away from a number."""
    form = fold(name)
    return form.lstrip("0") or "0" if form.isdecimal() else form


def _by_number(named: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return pictures by names without leading zeros; nothing where two names would become one."""
    found = {_without_zeros(name): paths for name, paths in named.items()}
    return found if len(found) == len(named) else {}


def _paths(cell: str, named: dict[str, list[str]], folder: str, form: Callable[[str], str]) -> list[str]:
    """Return the pictures of a patient: those below a folder where there are any, else all."""
    found = named.get(form(cell), [])
    near = [path for path in found if path.startswith(f"{folder}/")] if folder else []
    return near or found or ([f"{cell}/*"] if cell else [])


def _tells_apart(column: Iterable[str]) -> bool:
    cells = [fold(cell) for cell in column if cell]
    return len(cells) > 1 and len(set(cells)) == len(cells)


def _column(table: Table, names: Iterable[str], named: dict[str, list[str]], form: Callable[[str], str]) -> str:
    """Return the first column whose cells nearly all are names; of several that which says it holds patients."""
    fitting = []
    for name in names:
        cells = [form(cell) for cell in table.column(name) if cell]
        says = role_of(name) == "patient"
        missed = _MOST_ABSENT if says else _MOST_MISSED
        if named and sum(cell in named for cell in cells) >= (1 - missed) * len(cells):
            fitting.append((says, name))
    return max(fitting, key=lambda one: one[0])[1] if fitting else ""
