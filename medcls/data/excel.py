"""Sheets of an Excel file as rows of cells, formulas with the value their program computed last."""

import io
import re
import zipfile
from collections.abc import Iterable
from typing import Any

from medcls.data.structured import Rows, cell
from medcls.errors import BadData
from medcls.imaging.archive_names import BROKEN

_LOCKED = "EncryptedPackage".encode("utf-16-le")
_LINK = "=HYPERLINK("
_JOINED = re.compile(rb'<mergeCell ref="([A-Z]{1,3}\d+:[A-Z]{1,3}\d+)"')


def sheets_of_excel(data: bytes, path: str, max_bytes: int) -> tuple[list[tuple[str, Rows]], int]:
    """Return the sheets of an Excel file by their names, and in how many cells a formula has no value.

    Args:
        data: The file.
        path: Its path, for errors.
        max_bytes: What it may unpack to.

    Returns:
        Cells of each sheet; a formula that was never computed is empty, but for a link, which is kept as it is written.

    Raises:
        BadData: If it is damaged, locked by a password, too large, or older than 2007.
    """
    from xml.etree.ElementTree import ParseError

    from openpyxl.utils.exceptions import InvalidFileException

    if not data.startswith(b"PK"):
        raise BadData("data.excel-locked" if _LOCKED in data else "data.old-excel")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            if sum(info.file_size for info in opened.infolist()) > max_bytes:
                raise BadData("data.table-too-large", name=path, most=max_bytes)
        return _read(data)
    except (
        InvalidFileException,
        *BROKEN,
        OSError,
        TypeError,
        ParseError,
        AttributeError,
    ) as error:
        raise BadData("data.excel-broken", found=type(error).__name__) from error


def _read(data: bytes) -> tuple[list[tuple[str, Rows]], int]:
    computed = _sheets(data, values=True)
    if all(value is not None for _, rows in computed for row in rows for value in row):
        return [(title, [[cell(value) for value in row] for row in rows]) for title, rows in computed], 0
    n_lost, sheets = 0, []
    for (title, rows), (_, written) in zip(computed, _sheets(data, values=False), strict=True):
        merged = [_merged(row, said) for row, said in zip(rows, written, strict=True)]
        sheets.append((title, [cells for cells, _ in merged]))
        n_lost += sum(lost for _, lost in merged)
    return sheets, n_lost


def _merged(values: tuple[Any, ...], written: tuple[Any, ...]) -> tuple[list[str], int]:
    """Return a row's cells by their values and by what is written in them, and how many formulas have no value."""
    cells, n_lost = [], 0
    for value, said in zip(values, written, strict=True):
        uncomputed = value is None and isinstance(said, str) and said.startswith("=")
        is_link = uncomputed and said.upper().startswith(_LINK)
        n_lost += uncomputed and not is_link
        cells.append(said if is_link else cell(value))
    return cells, n_lost


def _sheets(data: bytes, *, values: bool) -> list[tuple[str, list[tuple[Any, ...]]]]:
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(data), read_only=True, data_only=values)
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        return [(sheet.title, _filled(sheet, _joined(parts.read(sheet._worksheet_path)))) for sheet in shown]


def hidden_sheets(data: bytes) -> list[str]:
    """Return the names of the sheets of an Excel file that its maker hid; those are not read."""
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(data), read_only=True)
    return [sheet.title for sheet in book.worksheets if sheet.sheet_state != "visible"]


def _joined(sheet: bytes) -> list[str]:
    """Return the ranges of cells that were joined into one (`C2:C5`), of which openpyxl tells nothing here."""
    return [found.decode() for found in _JOINED.findall(sheet)] if b"<mergeCell" in sheet else []


def _filled(sheet: Any, joined: Iterable[str]) -> list[tuple[Any, ...]]:
    """Return a sheet's rows with the value of cells that were joined into one in each of them, downwards."""
    from openpyxl.utils.cell import range_boundaries

    rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    for reference in joined:
        left, top, _, bottom = range_boundaries(reference)
        for row in rows[top : min(bottom, len(rows))]:
            if len(row) >= left and len(rows[top - 1]) >= left:
                row[left - 1] = rows[top - 1][left - 1]
    return [tuple(row) for row in rows]
