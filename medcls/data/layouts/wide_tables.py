"""Tables that name several pictures in a row: a column for each label or part, or several views of one case."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from medcls.core.note import Note
from medcls.data.column_names import role_of
from medcls.data.labels import diseases_by_name
from medcls.data.layouts.pair_lists import as_pair_list, is_owner
from medcls.data.layouts.patient_tables import SCAN
from medcls.data.lexicon import COMPANION, DERIVED, NO_PATH, SIDE_OR_SEX
from medcls.data.resolve import MISSING, SEVERAL, Resolver
from medcls.data.tables import Table
from medcls.data.two_values import has_two_values
from medcls.data.vocabulary import holds, parts_of, says

_SAMPLE, _MOSTLY = 400, 0.8
_VIEW, TOGETHER = "view", "exam"  # columns that are added; the name of the second says that equal cells stay together


def by_each_picture(table: Table, resolver: Resolver, root: Path) -> Table:
    """Return a table with a row for each picture, where several of its columns name pictures; else the table itself.

    Where the names of these columns are labels, or parts of a split, they are told of the pictures below them, and
    what else stands in a row is not: a row is a mere line then. Else the pictures of a row are views of one case: each
    has all that the row says, and they stay together.

    Args:
        table: The table.
        resolver: Knows the files there are.
        root: The folder that their paths start from; of columns of masks, which only pictures tell, none is a view.
    """
    if (listed := as_pair_list(table, resolver)) is not None:
        return listed
    named = _without_masks(_picture_columns(table, resolver), root)
    role, names = _said_by_names(table, named)
    if role:
        note = Note("data.columns-are-labels" if role == "label" else "data.columns-are-parts", names=", ".join(names))
        rows = [[name, cell] for name in names for cell in table.column(name) if cell]
        return replace(table, header=(role, SCAN), rows=rows, notes=(*table.notes, note))
    several = len(named) > 1 and sum(map(len, named.values())) == len(set().union(*named.values()))
    return _as_views(table, named) if several else table


def _picture_columns(table: Table, resolver: Resolver) -> dict[str, set[str]]:
    """Return the pictures that cells name, by column, where nearly all cells of a column name one, each another."""
    found: dict[str, set[str]] = {}
    step = max(1, len(table.rows) // _SAMPLE)
    for at, name in enumerate(table.header):
        if says(name, NO_PATH) or role_of(name) == "mask" or holds(name, COMPANION | DERIVED) or is_owner(table, name):
            continue
        cells = [row[at] for row in table.rows[::step] if row[at]]
        there = {resolver.find(cell, table.folder) for cell in cells} - {MISSING, SEVERAL}
        if cells and len(there) >= _MOSTLY * len(cells):
            found[name] = there
    numbers = {name for name in found if all(cell.isdecimal() for cell in table.column(name))}
    return {name: there for name, there in found.items() if name not in numbers or len(numbers) == len(found)}


def _without_masks(named: Mapping[str, set[str]], root: Path) -> Mapping[str, set[str]]:
    """Leave out columns of which a few pictures, looked into, are all of two values; none if nothing else is left."""
    if len(named) < 2:
        return named
    scans = {name: there for name, there in named.items() if not all(map(has_two_values, _a_few(there, root)))}
    return scans or named


def _a_few(there: set[str], root: Path) -> list[Path]:
    listed = sorted(there)
    return [root / listed[at] for at in {0, len(listed) // 2, len(listed) - 1}]


def _said_by_names(table: Table, named: Mapping[str, set[str]]) -> tuple[str, list[str]]:
    """Return what the names of columns of pictures say, `label` or `part`, and those that say it; empty if nothing."""
    told = diseases_by_name({name: name for name in named})
    sick = [name for name in named if told[name] is not None]
    if {told[name] for name in sick} == {True, False}:
        return "label", sick
    if len(parts := parts_of(named)) > 1 and len(parts) == len(named):
        return "part", list(parts)
    views = any(role_of(name) == "path" or says(name, SIDE_OR_SEX) or name.startswith("column ") for name in named)
    return ("label", list(named)) if len(named) > 1 and len(named) == len(table.header) and not views else ("", [])


def _as_views(table: Table, named: Collection[str]) -> Table:
    """Return a table with a row for each picture of its rows, which stay together by the number of the row."""
    others = [at for at, name in enumerate(table.header) if name not in named]
    taken = {table.header[at] for at in others}
    view, together, scan = (name if name not in taken else f"{name} 2" for name in (_VIEW, TOGETHER, SCAN))
    places = {name: table.header.index(name) for name in table.header if name in named}
    rows = [
        [*(row[at] for at in others), name, f"{table.path} {n}", row[place]]
        for n, row in enumerate(table.rows, 1)
        for name, place in places.items()
        if row[place]
    ]
    header = (*(table.header[at] for at in others), view, together, scan)
    note = Note("data.several-pictures", names=", ".join(places))
    return replace(table, header=header, rows=rows, notes=(*table.notes, note))
