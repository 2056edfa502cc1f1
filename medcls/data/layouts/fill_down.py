"""Cells left empty below the first row of a patient, as merged cells leave them: what stands above holds for them."""

from dataclasses import replace
from itertools import pairwise

from medcls.core.note import Note
from medcls.data.column_names import role_of
from medcls.data.tables import Table

_FEWEST, _SHARE, _MOSTLY = 4, 0.3, 0.6


def filled_down(table: Table) -> Table:
    """Return a table whose patients, or lesions, stand in the first of their rows alone, with them in all of these.

    Columns that are empty wherever that of the patients is are filled with it. A table in which a patient stands twice
    says each where it holds, and stays as it is; so does one of which most patients have one row, others none: of these
    it is not known whose they are.
    """
    roles = {name: role_of(name) for name in table.header}
    owners = [name for name, role in roles.items() if role == ("patient" if "patient" in roles.values() else "group")]
    if not (name := next((name for name in owners if _is_first_alone(table, name)), "")):
        return table
    key = table.header.index(name)
    empty = [not row[key] for row in table.rows]
    columns = [
        at
        for at in range(len(table.header))
        if at == key or not any(row[at] for row, blank in zip(table.rows, empty, strict=True) if blank)
    ]
    rows, above = [], table.rows[0]
    for row, blank in zip(table.rows, empty, strict=True):
        above = above if blank else row
        rows.append([above[at] if at in columns else cell for at, cell in enumerate(row)])
    names = ", ".join(table.header[at] for at in columns if any(row[at] for row in table.rows))
    return replace(table, rows=rows, notes=(*table.notes, Note("data.filled-down", names=names)))


def _is_first_alone(table: Table, name: str) -> bool:
    cells = table.column(name)
    filled = [cell for cell in cells if cell]
    several = len(cells) - len(filled) >= max(1, _SHARE * len(cells)) and len(cells) >= _FEWEST
    told = all(any(row) for row in table.rows)
    once = len(filled) > 1 and len(set(filled)) == len(filled)
    followed = sum(bool(a) and not b for a, b in pairwise(cells)) >= _MOSTLY * len(filled)
    return bool(cells and cells[0]) and several and told and once and followed
