"""A text as rows of cells: by the separator that makes most rows alike."""

import csv
import io
from collections.abc import Iterator

from medcls.errors import BadData

_SEPARATORS = ",;\t| ^~:="
_COMMON = ",;\t|"
_RARE_SEPARATORS = " ^~:="  # stand in texts, too


def split_rows(text: str) -> tuple[list[list[str]], str]:
    """Split a text into rows of cells by the separator that makes most rows alike.

    Returns:
        The rows, and the separator.

    Raises:
        BadData: If quotes stand in it as no table has them.
    """
    lines = text.splitlines()
    if lines and lines[0].lower().startswith("sep=") and len(lines[0].strip()) == 5:  # Excel's own hint
        separator = lines[0].strip()[4]
        return list(rows_of("\n".join(lines[1:]), separator)), separator
    head = "\n".join(lines[:50])
    scored: list[tuple[float, bool, int, str]] = []
    for separator in _SEPARATORS:
        try:
            lengths = [len(row) for row in rows_of(head, separator)]
        except BadData:
            continue
        usual = max(set(lengths), key=lengths.count) if lengths else 0
        alike = set(lengths) == {usual} or (set(lengths[1:]) == {usual} and lengths[0] == usual - 1 > 1)
        if usual > 1 and (separator not in _RARE_SEPARATORS or (not scored and alike)):
            scored.append((round(lengths.count(usual) / len(lengths), 1), lengths[0] == usual, usual, separator))
    separator = max(scored, key=lambda s: s[:3])[3] if scored else ","
    rows = list(rows_of(text, separator))
    if not scored and all(len(row) == 1 for row in rows) and '"' in head:  # each line in quotes as a whole
        return (
            split_rows("\n".join(row[0] for row in rows))
            if any(s in rows[0][0] for s in ",;\t|")
            else (rows, separator)
        )
    return _mended(rows, separator), separator


def _mended(rows: list[list[str]], separator: str) -> list[list[str]]:
    """Return rows with those parted anew that another separator parts into as many cells as the first row has."""
    width = len(rows[0]) if rows else 0
    others = [other for other in _COMMON if other != separator]
    for at, row in enumerate(rows if width > 1 else ()):
        filled = [cell for cell in row if cell.strip()]
        if len(filled) == 1:
            fitting = (parted for other in others if len(parted := next(rows_of(filled[0], other), [])) == width)
            rows[at] = next(fitting, row)
    if separator == " " and all(row[0].endswith(":") for row in rows):  # `1.png: benign`
        return [[row[0][:-1], *row[1:]] for row in rows]
    return rows


def rows_of(text: str, separator: str) -> Iterator[list[str]]:
    """Yield the rows of a text that have something in them.

    Raises:
        BadData: If quotes stand in it as no table has them.
    """
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=False):
            if any(cell.strip() for cell in row):
                yield row
    except csv.Error as error:
        raise BadData("data.table-broken", found=str(error)[:120]) from error
