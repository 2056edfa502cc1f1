"""Left and right: columns that each tell of one side of a patient, and the side that a picture's path names."""

from collections.abc import Mapping
from dataclasses import replace

from medcls.core.note import Note
from medcls.data.layouts.patient_tables import SCAN
from medcls.data.lexicon import LEFT, RIGHT
from medcls.data.sides import side_in, side_of
from medcls.data.tables import Table
from medcls.data.vocabulary import words_of


def by_side(table: Table) -> Table:
    """Return a table with one column in the place of two that each tell of one side, by the side of each row's picture.

    Columns `left` and `right` become `label`, `dx_left` and `dx_right` become `dx`. Where a path names no side, or
    both, its cell stays empty: what is not known is no label.

    Args:
        table: A table with a row for each picture, whose paths stand in the column that was added for them.
    """
    twins = _twins(table)
    if not twins or SCAN not in table.header:
        return table
    at, scan = {name: n for n, name in enumerate(table.header)}, table.header.index(SCAN)
    gone = {name for pair in twins.values() for name in pair.values()}
    kept = [n for name, n in at.items() if name not in gone]
    rows = []
    for row in table.rows:
        side = side_in(row[scan])
        rows.append([*(row[n] for n in kept), *(row[at[pair[side]]] if side else "" for pair in twins.values())])
    note = Note("data.columns-are-sides", names=", ".join(sorted(gone)))
    return replace(table, header=(*(table.header[n] for n in kept), *twins), rows=rows, notes=(*table.notes, note))


def _twins(table: Table) -> Mapping[str, Mapping[str, str]]:
    """Return the names of columns of both sides by side, by what is left of them without it."""
    found: dict[str, dict[str, str]] = {}
    for name in table.header:
        if side := side_of(name):
            rest = "_".join(word for word in words_of(name) if word not in LEFT | RIGHT)
            found.setdefault(rest or "label", {})[side] = name
    return {name: pair for name, pair in found.items() if len(pair) > 1 and name not in table.header}
