"""Tables that say of nothing but which pictures belong together, as lists of duplicates do: `image1,image2`."""

import numpy as np

from medcls.core.collection import LISTED
from medcls.core.note import Note
from medcls.data.column_names import role_of
from medcls.data.layouts.columns import label_sense
from medcls.data.layouts.patient_tables import SCAN
from medcls.data.lexicon import COMPANION, DERIVED, NO_PATH, SIDE_OR_SEX
from medcls.data.lexicon import words as lexicon_words
from medcls.data.resolve import MISSING, SEVERAL, Resolver
from medcls.data.settle import join
from medcls.data.tables import Table
from medcls.data.vocabulary import disease_of, fold, holds, part_of, says

TOGETHER = "group"  # the column that is added; its name says that equal cells stay together
_MOSTLY, _PLAIN = 0.8, 1.9
_DUPLICATE = lexicon_words("duplicate duplicates copy copies original same similar near twin match matched pair")
_TELLING = frozenset(("label", "patient", "group", "part", "site"))


def as_pair_list(table: Table, resolver: Resolver) -> Table | None:
    """Return a list of pictures that belong together as a table of each and its set; None if a table is another thing.

    Args:
        table: The table. Its rows may share pictures: those of all rows that do are one set.
        resolver: Knows the files there are.
    """
    columns = [name for name in table.header if _names_pictures(table, name, resolver)]
    others = [name for name in table.header if name not in columns]
    if len(columns) < 2 or any(map(disease_of, columns)) or all(map(part_of, columns)):
        return None
    if any(role_of(name) in _TELLING or label_sense(table.column(name)) > _PLAIN for name in others):
        return None
    places = [table.header.index(name) for name in columns]
    files = [[resolver.find(row[at], table.folder) for at in places if row[at]] for row in table.rows]
    rows = [list(dict.fromkeys(path for path in row if path not in (MISSING, SEVERAL))) for row in files]
    if sum(len(row) > 1 for row in rows) < _MOSTLY * len(rows) or not _are_pairs(columns, rows):
        return None
    note = Note("data.listed-together", names=", ".join(columns))
    sets = [[f"{LISTED}{table.path}-{number}", path] for path, number in _sets(rows).items()]
    return Table(table.path, (TOGETHER, SCAN), sets, (*table.notes, note))


def _names_pictures(table: Table, name: str, resolver: Resolver) -> bool:
    if says(name, NO_PATH) or role_of(name) == "mask" or holds(name, COMPANION | DERIVED) or is_owner(table, name):
        return False
    cells = [cell for cell in table.column(name) if cell]
    there = sum(resolver.find(cell, table.folder) not in (MISSING, SEVERAL) for cell in cells)
    return bool(cells) and not all(map(str.isdecimal, cells)) and there >= _MOSTLY * len(cells)


def is_owner(table: Table, name: str) -> bool:
    """Return whether a column says whose a picture is, and another names the pictures: an id may be a file's name."""
    others = (role_of(other) for other in table.header if other != name)
    return role_of(name) == "patient" and "path" in others


def _are_pairs(columns: list[str], rows: list[list[str]]) -> bool:
    """Return whether columns are called pictures, or copies of such, or rows share pictures."""
    if all(
        role_of(name) == "path" or says(name, SIDE_OR_SEX) or set(fold(name).split()) & _DUPLICATE for name in columns
    ):
        return True
    return len({path for row in rows for path in row}) < sum(map(len, rows))


def _sets(rows: list[list[str]]) -> dict[str, int]:
    """Return the number of the set that each picture is in, from 1."""
    place: dict[str, int] = {}
    for row in rows:
        for path in row:
            place.setdefault(path, len(place))
    edges = [(place[row[0]], place[path]) for row in rows for path in row[1:]]
    a, b = np.array(edges, np.int64).reshape(-1, 2).T
    return {path: int(number) + 1 for path, number in zip(place, join(len(place), a, b), strict=True)}
