"""Tables with a row for each patient, or folder, instead of one for each picture."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

from medcls.core.note import Note
from medcls.data.owners import read_owner
from medcls.data.tables import Table
from medcls.data.tree import DICOM, Tree
from medcls.data.vocabulary import fold, role_of

SCAN = "scan"  # the column that is added; its name says that it holds paths
_MOST_MISSED = 0.2


class Owned:
    """Pictures by the names of their folders, and by their DICOM patients; each is looked up when first asked for.

    Args:
        tree: The tree.
        pictures: Pictures that tables may be about.
    """

    def __init__(self, tree: Tree, pictures: Iterable[str]) -> None:
        self._tree, self._pictures = tree, list(pictures)

    @cached_property
    def by_folder(self) -> dict[str, list[str]]:
        """Pictures by the name of each folder above them, in one form."""
        named: defaultdict[str, list[str]] = defaultdict(list)
        for path in self._pictures:
            for name in {fold(part) for part in path.split("/")[:-1]}:
                named[name].append(path)
        return named

    @cached_property
    def by_dicom(self) -> dict[str, list[str]]:
        """Pictures by their DICOM patient, in one form."""
        named: defaultdict[str, list[str]] = defaultdict(list)
        for path in self._pictures:
            if self._tree.files[path] == DICOM and (owner := read_owner(self._tree.root / path)[0]):
                named[fold(owner.rpartition("\n")[2])].append(path)
        return named


def by_picture(table: Table, owned: Owned) -> tuple[Table, str] | None:
    """Return a table of patients as one of their pictures, and its column that names them; None if it is none.

    A patient of whom there is no picture has one row, that of the path `<name>/*`, which no file has.

    Args:
        table: A table whose rows name no files.
        owned: Pictures its rows may be about: those in a folder of a patient's name, or of a DICOM patient. Where a
            name stands in several folders, those in the table's own are meant.
    """
    names = [name for name in table.header if _tells_apart(table.column(name))]
    if not names:
        return None
    for look_up in (lambda: owned.by_folder, lambda: owned.by_dicom):
        named = look_up()
        if column := _column(table, names, named):
            at = table.header.index(column)
            rows = [[*row, path] for row in table.rows for path in _paths(row[at], named, table.folder)]
            note = Note("data.table-of-patients", column=column)
            return replace(table, header=(*table.header, SCAN), rows=rows, notes=(*table.notes, note)), column
    return None


def _paths(cell: str, named: dict[str, list[str]], folder: str) -> list[str]:
    """Return the pictures of a patient: those below a folder where there are any, else all."""
    found = named.get(fold(cell), [])
    near = [path for path in found if path.startswith(f"{folder}/")] if folder else []
    return near or found or ([f"{cell}/*"] if cell else [])


def _tells_apart(column: Iterable[str]) -> bool:
    cells = [fold(cell) for cell in column if cell]
    return len(cells) > 1 and len(set(cells)) == len(cells)


def _column(table: Table, names: Iterable[str], named: dict[str, list[str]]) -> str:
    """Return the first column whose cells nearly all are names; of several that which says it holds patients."""
    fitting = []
    for name in names:
        cells = [fold(cell) for cell in table.column(name) if cell]
        if sum(cell in named for cell in cells) >= (1 - _MOST_MISSED) * len(cells):
            fitting.append((role_of(name) == "patient", name))
    return max(fitting, key=lambda one: one[0])[1] if fitting else ""
