"""Tables as people save them: any separator and encoding, Excel, with a header or without."""

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from medcls.core.note import Note
from medcls.data.column_names import role_of
from medcls.data.cvat import MARK, rows_of_cvat
from medcls.data.encodings import decode
from medcls.data.excel import hidden_sheets, sheets_of_excel
from medcls.data.labels import diseases_by_name, find_labels
from medcls.data.separators import split_rows
from medcls.data.structured import rows_of_json, sheets_of_ods, tables_of_html
from medcls.errors import BadData

MAX_BYTES = 500_000_000
MAX_LIST_BYTES = 50_000_000
_HEADER_WITHIN = 8
_COUNTED = 50
_MARKED_AS_TEXT = re.compile(r"""="([^"]+)"|'(\d[^']*)|[“„”]([^“„”]+)[“„”]|«([^«»]+)»|[‘‚’]([^‘‚’]+)[‘‚’]""")


@dataclass(frozen=True)
class Table:
    """A table as read.

    Args:
        path: Its path below the root; of an Excel file with the sheet in brackets where it has several.
        header: Names of the columns, each once.
        rows: Cells by row, each row as long as the header, without blanks around them.
        notes: How it was read, where that is not plain.
        files: Paths of the files that it was put together from, where these are several.
    """

    path: str
    header: tuple[str, ...]
    rows: list[list[str]]
    notes: tuple[Note, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """Path of its file below the root."""
        return self.path.partition("[")[0] if self.path.endswith("]") else self.path

    @property
    def folder(self) -> str:
        """Folder it lies in, below the root; empty for the root."""
        return self.file.rpartition("/")[0]

    def column(self, name: str) -> list[str]:
        """Return the cells of a column.

        Raises:
            ValueError: If there is no such column.
        """
        at = self.header.index(name)
        return [row[at] for row in self.rows]


def read_tables(root: Path, path: str, encoding: str = "", named: frozenset[str] = frozenset()) -> list[Table]:
    """Read a file as a table, an Excel file as one for each sheet with cells.

    Args:
        root: Folder the path is below.
        path: Path of the file.
        encoding: Its encoding; empty finds out.
        named: Words of files' names that it may hold, beyond ASCII, in one form: they speak for an encoding.

    Raises:
        BadData: If it is no table.
        OSError: If it cannot be opened.
    """
    if (root / path).stat().st_size > MAX_BYTES:
        raise BadData("data.table-too-large", name=path, most=MAX_BYTES)
    data = (root / path).read_bytes()
    if data.startswith(b"PK") and b"opendocument.spreadsheet" in data[:200]:
        return _of_sheets(sheets_of_ods(data, MAX_BYTES), path)
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        sheets, n_lost = sheets_of_excel(data, path, MAX_BYTES)
        told = [Note("data.formulas-lost", n=n_lost)] if n_lost else []
        told += [Note("data.sheets-hidden", names=", ".join(hidden))] if (hidden := hidden_sheets(data)) else []
        return _of_sheets(sheets, path, tuple(told))
    text, notes = decode(data, encoding, named)
    if text.lstrip()[:1] in ("{", "["):
        rows = rows_of_json(text)
        return [_made(path, rows, notes)] if rows else []
    if MARK in text[:4096] and (rows := rows_of_cvat(text)):
        return [_made(path, rows, notes)]
    if "<table" in text[:4096].lower():
        return _of_sheets([("", rows) for rows in tables_of_html(text)], path, notes)
    rows, separator = split_rows(text)
    if separator not in ",":
        notes = (*notes, Note("data.table-separator", separator={"\t": "tab", " ": "blank"}.get(separator, separator)))
    return [_made(path, rows, notes)] if rows else []


def read_list(root: Path, path: str, encoding: str = "") -> Table | None:
    """Read a text as a list of one thing a line, whatever separators stand in it; None for a file of another kind.

    Args:
        root: Folder the path is below.
        path: Path of the file.
        encoding: Its encoding; empty finds out.
    """
    data = (root / path).read_bytes()
    if len(data) > MAX_LIST_BYTES or data.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        return None
    text, notes = decode(data, encoding)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return Table(path, (lines[0],), [[line] for line in lines[1:]], notes) if lines else None


def _made(path: str, rows: list[list[str]], notes: tuple[Note, ...] = ()) -> Table:
    """Make a table of rows of cells: its header found, its rows made as long as the header."""
    width = max((len(row) for row in rows[:50]), key=[len(row) for row in rows[:50]].count)
    start = _header_at(rows, width)
    if _goes_on(rows, start):
        start += 1
        rows = [*rows[:start], _of_two(rows[start - 1], rows[start]), *rows[start + 1 :]]
    header = [
        name.strip().removeprefix("#").strip() if at == 0 else name.strip() for at, name in enumerate(rows[start])
    ]
    while (
        len(header) > 1
        and not header[-1]
        and all(len(row) < len(header) or not row[len(header) - 1].strip() for row in rows[start:])
    ):
        header.pop()  # a comma at the end of every line
    header = [_plain(name) for name in header]
    if _has_names_of_rows(rows[start + 1 :], len(header)):
        header.insert(0, "")
    kept, joined, cut = [], 0, 0
    point = _decimal_point(rows[start + 1 :], header)
    for row in rows[start + 1 :]:
        if point is not None and len(row) == len(header) + 1:
            row[point : point + 2] = [f"{row[point]},{row[point + 1]}"]
            joined += 1
        while len(row) > len(header) and not row[-1].strip():
            row.pop()
        if len(row) > len(header):
            row, was_joined = _joined(row, len(header))
            joined, cut = joined + was_joined, cut + (len(row) > len(header))
        kept.append([_plain(cell) for cell in row[: len(header)]] + [""] * (len(header) - len(row)))
    more = [Note("data.rows-joined", n=joined)] if joined else []
    more += [Note("data.rows-too-long", n=cut)] if cut else []
    return Table(path, _named_once(header), kept, (*notes, *more))


def _plain(cell: str) -> str:
    """Return a cell without blanks around it, and without what marks it as text: `="007"`, `'007`, typographic quotes.

    Example:
        >>> [_plain(c) for c in ('="007"', "'007", " “benign” ", "'a'")]
        ['007', '007', 'benign', "'a'"]
    """
    text = cell.strip()
    if marked := _MARKED_AS_TEXT.fullmatch(text):
        return next(filter(None, marked.groups())).strip()
    return text


def _has_names_of_rows(rows: list[list[str]], width: int) -> bool:
    """Return whether each row has one cell more than the header, a number that counts the rows, as R writes them."""
    first = [row[0].strip() for row in rows[:_COUNTED]]
    if width < 2 or len(first) < 2 or any(len(row) != width + 1 for row in rows[:_COUNTED]):
        return False
    return all(map(str.isdecimal, first)) and all(int(b) - int(a) == 1 for a, b in pairwise(first))


def _decimal_point(rows: list[list[str]], header: list[str]) -> int | None:
    """Return where a decimal comma parts each row's number into two cells; None if that is no one place, or a label."""
    width = len(header)
    some = [row for row in rows[:_COUNTED] if any(cell.strip() for cell in row)]
    if width < 2 or not some or any(len(row) != width + 1 for row in some):
        return None
    places = [at for at in range(width) if all(row[at].strip().isdecimal() and row[at + 1].isdecimal() for row in some)]
    return places[0] if len(places) == 1 and role_of(header[places[0]]) != "label" else None


def _header_at(rows: list[list[str]], width: int) -> int:
    """Return which row is the header: the first with several cells, or one soon after it that says more roles."""
    first = next((i for i, row in enumerate(rows[:10]) if sum(bool(c.strip()) for c in row) >= min(2, width)), 0)

    def said(i: int) -> int:
        return len({role for name in rows[i] if (role := role_of(name.strip().removeprefix("#")))})

    better = max(range(first, min(len(rows), first + _HEADER_WITHIN)), key=lambda i: (said(i), -i))
    return better if said(better) > max(1, said(first)) else first


def _goes_on(rows: list[list[str]], at: int) -> bool:
    """Return whether a header has a second row: names below blanks of the first, none of which stands again below."""
    top, sub = rows[at], rows[at + 1] if len(rows) > at + 3 else []
    below = [i for i, name in enumerate(sub) if name.strip() and (i >= len(top) or not top[i].strip())]
    names = [name.strip() for name in sub if name.strip()]
    if not below or len(set(names)) < len(names) or any(any(map(str.isdigit, name)) for name in names):
        return False
    filled = [i for i, name in enumerate(sub) if name.strip()]
    return all(row[i].strip() != sub[i].strip() for row in rows[at + 2 :] for i in filled if i < len(row))


def _of_two(top: list[str], sub: list[str]) -> list[str]:
    """Return the header that two rows are: both names where these say a role, or else the lower one, or the upper."""
    names = []
    for at in range(max(len(top), len(sub))):
        above, name = (row[at].strip() if at < len(row) else "" for row in (top, sub))
        both = f"{above} {name}" if above and name and above != name else above or name
        names.append(both if role_of(both) else name or above)
    return names


def _joined(row: list[str], width: int) -> tuple[list[str], bool]:
    """Join what a comma in an unquoted cell has parted (`Melanoma, NOS`): the cell after it begins with a blank."""
    row = list(row)
    while len(row) > width and (
        at := next((i for i in range(1, len(row)) if row[i].startswith(" ") and row[i].strip()), 0)
    ):
        row[at - 1 : at + 1] = [f"{row[at - 1]},{row[at]}"]
    return row, len(row) == width


def _named_once(header: list[str]) -> tuple[str, ...]:
    names: list[str] = []
    for at, name in enumerate(header, 1):
        name = name or f"column {at}"
        names.append(name if name not in names else f"{name} ({at})")
    return tuple(names)


def without_header(table: Table) -> Table:
    """Return a table whose first row was taken for its header."""
    header = tuple(f"column {at}" for at in range(1, len(table.header) + 1))
    return Table(table.path, header, [list(table.header), *table.rows], (*table.notes, Note("data.table-no-header")))


def _of_sheets(sheets: list[tuple[str, list[list[str]]]], path: str, notes: tuple[Note, ...] = ()) -> list[Table]:
    """Return a table of each sheet that has cells, named after the sheet where there are several."""
    filled = [(title, [row for row in rows if any(row)]) for title, rows in sheets]
    filled = [(title, rows) for title, rows in filled if rows]
    return [_made(f"{path}[{title}]" if len(filled) > 1 else path, rows, notes) for title, rows in filled]


def label_words(cells: list[str]) -> int:
    """Count the different cells that are words of a label."""
    return sum(sick is not None for sick in diseases_by_name(find_labels(set(cells), cells=True).names).values())
