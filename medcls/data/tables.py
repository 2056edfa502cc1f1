"""Tables as people save them: any separator and encoding, Excel, with a header or without."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medcls.core.note import Note
from medcls.data.column_names import role_of
from medcls.data.excel import sheets_of_excel
from medcls.data.labels import diseases_by_name, find_labels
from medcls.data.lexicon import NEGATION
from medcls.data.structured import rows_of_json, sheets_of_ods, tables_of_html
from medcls.data.vocabulary import disease_of, words_of
from medcls.errors import BadData

MAX_BYTES = 500_000_000
MAX_LIST_BYTES = 50_000_000
_HEAD_CHARS, _HEADER_WITHIN = 4096, 8
_SEPARATORS = ",;\t| ^~:"
_RARE_SEPARATORS = " ^~:"  # stand in texts, too
# Encodings tried where a table is neither UTF-8 nor UTF-16, likelier first; rare ones only where words speak for them.
_ENCODINGS = ("cp949", "cp932", "gb18030", "big5", "cp1252", "cp1251", "cp1250", "cp1254", "cp1253", "cp1256", "cp874")
_RARE = (
    *("euc_jp", "koi8_r", "mac_roman", "cp850", "cp866", "cp852", "cp437", "iso8859_2", "iso8859_7", "iso8859_8"),
    *("cp1255", "cp1258", "iso8859_5", "iso8859_6", "iso8859_9", "johab", "mac_cyrillic", "cp857", "cp737"),
)
_ESCAPED = {b"\x1b$)C": "iso2022_kr", b"\x1b$": "iso2022_jp_2"}  # what turns to another alphabet, in mail of old


@dataclass(frozen=True)
class Table:
    """A table as read.

    Args:
        path: Its path below the root; of an Excel file with the sheet in brackets where it has several.
        header: Names of the columns, each once.
        rows: Cells by row, each row as long as the header, without blanks around them.
        notes: How it was read, where that is not plain.
    """

    path: str
    header: tuple[str, ...]
    rows: list[list[str]]
    notes: tuple[Note, ...] = ()

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


def read_tables(root: Path, path: str, encoding: str = "") -> list[Table]:
    """Read a file as a table, an Excel file as one for each sheet with cells.

    Args:
        root: Folder the path is below.
        path: Path of the file.
        encoding: Its encoding; empty finds out.

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
        return _of_sheets(sheets, path, (Note("data.formulas-lost", n=n_lost),) if n_lost else ())
    text, notes = _decode(data, encoding)
    if text.lstrip()[:1] in ("{", "["):
        rows = rows_of_json(text)
        return [_made(path, rows, notes)] if rows else []
    if "<table" in text[:_HEAD_CHARS].lower():
        return _of_sheets([("", rows) for rows in tables_of_html(text)], path, notes)
    rows, separator = _split(text)
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
    text, notes = _decode(data, encoding)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return Table(path, (lines[0],), [[line] for line in lines[1:]], notes) if lines else None


_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def _decode(data: bytes, encoding: str) -> tuple[str, tuple[Note, ...]]:
    if encoding:
        try:
            return data.decode(encoding).removeprefix("\ufeff").replace("\0", ""), ()
        except (LookupError, UnicodeDecodeError) as error:
            raise BadData("data.encoding-wrong", found=encoding[:40]) from error
    for mark, name in _MARKS:
        if data.startswith(mark):
            noted = () if name == "utf-8-sig" else (Note("data.table-encoding", encoding=name.upper()),)
            return data.decode(name, "replace"), noted
    if data[:2000].count(0) > len(data[:2000]) // 20:
        name = "utf-16-le" if data[1:2000:2].count(0) >= data[:2000:2].count(0) else "utf-16-be"
        return data.decode(name, "replace"), (Note("data.table-encoding", encoding="UTF-16"),)
    data = data.replace(b"\0", b"")
    for escape, name in _ESCAPED.items():
        if escape in data[:_HEAD_CHARS]:
            return data.decode(name, "replace"), (Note("data.table-encoding", encoding=name),)
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError:
        return _guess(data)


def _guess(data: bytes) -> tuple[str, tuple[Note, ...]]:
    """Decode a table of an old encoding: the one in which its words are words, else the likeliest by its letters."""
    fitting = {}
    for name in (*_ENCODINGS, *_RARE):
        try:
            fitting[name] = data.decode(name)
        except UnicodeDecodeError:
            continue
    if not fitting:
        raise BadData("data.encoding-unknown")
    known = {name: _known_words(text) for name, text in fitting.items()}
    likeliest = "" if any(known.values()) else _likeliest(data, tuple(name for name in fitting if name not in _RARE))
    best = max(fitting, key=lambda name: (known[name], name == likeliest))  # the first of several
    return fitting[best], (Note("data.table-encoding-guessed", encoding=best),)


def _known_words(text: str) -> int:
    """Count the cells of a table that are words of a label in letters other than ASCII."""
    cells = {cell.strip(' "') for row in _split(text[:200_000])[0][:2000] for cell in row}
    odd = [cell for cell in cells if cell and not cell.isascii() and len(cell) < 40]
    whole = diseases_by_name({cell: cell for cell in odd})
    words = {word for cell in odd for word in words_of(cell) if not word.isascii()}
    return sum(whole[cell] is not None and _is_told(cell) for cell in odd) + sum(map(_is_known, words))


def _is_told(cell: str) -> bool:
    """Return whether what a cell says is not said by its words of ASCII letters alone."""
    plain = (words_of(piece) for piece in cell.split() if piece.isascii() or not piece.isalpha())
    return disease_of(" ".join(word for words in plain for word in words if word.isascii())) is None


def _is_known(word: str) -> bool:
    return word in NEGATION or disease_of(word) is not None or bool(role_of(word))


def _likeliest(data: bytes, names: tuple[str, ...]) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(data[:100_000], cp_isolation=list(names)).best()
    return best.encoding if best else "cp1252"


def _split(text: str) -> tuple[list[list[str]], str]:
    """Split a text into rows of cells by the separator that makes most rows alike; return the separator too."""
    lines = text.splitlines()
    if lines and lines[0].lower().startswith("sep=") and len(lines[0].strip()) == 5:  # Excel's own hint
        separator = lines[0].strip()[4]
        return list(_rows("\n".join(lines[1:]), separator)), separator
    head = "\n".join(lines[:50])
    scored: list[tuple[float, bool, int, str]] = []
    for separator in _SEPARATORS:
        try:
            lengths = [len(row) for row in _rows(head, separator)]
        except BadData:
            continue
        usual = max(set(lengths), key=lengths.count) if lengths else 0
        if usual > 1 and (separator not in _RARE_SEPARATORS or (not scored and set(lengths) == {usual})):
            scored.append((round(lengths.count(usual) / len(lengths), 1), lengths[0] == usual, usual, separator))
    separator = max(scored, key=lambda s: s[:3])[3] if scored else ","
    return list(_rows(text, separator)), separator


def _rows(text: str, separator: str) -> Iterator[list[str]]:
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=False):
            if any(cell.strip() for cell in row):
                yield row
    except csv.Error as error:
        raise BadData("data.table-broken", found=str(error)[:120]) from error


def _made(path: str, rows: list[list[str]], notes: tuple[Note, ...] = ()) -> Table:
    """Make a table of rows of cells: its header found, its rows made as long as the header."""
    width = max((len(row) for row in rows[:50]), key=[len(row) for row in rows[:50]].count)
    start = _header_at(rows, width)
    header = [
        name.strip().removeprefix("#").strip() if at == 0 else name.strip() for at, name in enumerate(rows[start])
    ]
    while (
        len(header) > 1
        and not header[-1]
        and all(len(row) < len(header) or not row[len(header) - 1].strip() for row in rows[start:])
    ):
        header.pop()  # a comma at the end of every line
    kept, joined, cut = [], 0, 0
    for row in rows[start + 1 :]:
        while len(row) > len(header) and not row[-1].strip():
            row.pop()
        if len(row) > len(header):
            row, was_joined = _joined(row, len(header))
            joined, cut = joined + was_joined, cut + (len(row) > len(header))
        kept.append([cell.strip() for cell in row[: len(header)]] + [""] * (len(header) - len(row)))
    more = [Note("data.rows-joined", n=joined)] if joined else []
    more += [Note("data.rows-too-long", n=cut)] if cut else []
    return Table(path, _named_once(header), kept, (*notes, *more))


def _header_at(rows: list[list[str]], width: int) -> int:
    """Return which row is the header: the first with several cells, or one soon after it that says more roles."""
    first = next((i for i, row in enumerate(rows[:10]) if sum(bool(c.strip()) for c in row) >= min(2, width)), 0)

    def said(i: int) -> int:
        return len({role for name in rows[i] if (role := role_of(name.strip().removeprefix("#")))})

    better = max(range(first, min(len(rows), first + _HEADER_WITHIN)), key=lambda i: (said(i), -i))
    return better if said(better) > max(1, said(first)) else first


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
