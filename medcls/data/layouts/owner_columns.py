"""Columns that say whose a scan is by their cells: names, numbers or codes that each stand beside several scans."""

import re
from collections.abc import Callable, Mapping

from medcls.data.column_names import says_number
from medcls.data.lexicon import NAME, NO_ONES, NO_PATH
from medcls.data.people import is_personal
from medcls.data.tables import Table
from medcls.data.vocabulary import are_dates, holds, is_numbered, says

_CODE = re.compile(r"[^\W\d_]{1,4}[-_ .]?\d{3,}|(?=.*\d)(?=.*[a-f])[0-9a-f]{8,}|\d{7,}", re.IGNORECASE)


def owners_by_content(table: Table, found: Mapping[str, str]) -> dict[str, str]:
    """Return a column of names or numbers that each stand beside several scans, by its role; empty if there is none."""
    if name := _repeated(table, found, lambda n: says(n, NAME) or _are_people(table, n)):
        return {"patient": name}
    name = _repeated(table, found, says_number) or _numbered_column(table, found) or _coded_column(table, found)
    return {"group": name} if name else {}


def _repeated(table: Table, found: Mapping[str, str], is_named: Callable[[str], bool]) -> str:
    """Return a column called a number or a name whose values each stand beside several scans: these stay together."""
    for at, name in enumerate(table.header):
        if name in found.values() or not is_named(name) or holds(name, NO_ONES):
            continue
        cells = [row[at] for row in table.rows if row[at]]
        n = len(set(cells))
        if max(4, len(cells) // 50) <= n < len(cells):
            return name
    return ""


def _numbered_column(table: Table, found: Mapping[str, str]) -> str:
    """Return a column without a name whose cells each number several scans (`P01`): these stay together."""
    if not table.header[0].startswith("column "):
        return ""
    for at, name in enumerate(table.header):
        cells = {row[at] for row in table.rows if row[at]}
        if name not in found.values() and _repeated(table, found, lambda n: n == name) and all(map(_is_id, cells)):  # noqa: B023
            return name
    return ""


def _coded_column(table: Table, found: Mapping[str, str]) -> str:
    """Return a column whose cells are codes that each stand beside several scans (`KM-0012`, a hash): kept together."""
    for at, name in enumerate(table.header):
        if holds(name, NO_PATH) or not _repeated(table, found, lambda n: n == name):  # noqa: B023
            continue
        cells = {row[at] for row in table.rows if row[at]}
        if all(map(_CODE.fullmatch, cells)) and not are_dates(cells):
            return name
    return ""


def _are_people(table: Table, name: str) -> bool:
    """Return whether a column without a name holds names of people."""
    return name.startswith("column ") and is_personal(name, table.column(name))


def _is_id(cell: str) -> bool:
    """Return whether a cell is a number with letters before it, not one alone: `P01`."""
    return is_numbered(cell) and any(map(str.isalpha, cell))
