"""A table as CSV that a spreadsheet may open safely."""

import csv
import io

from medcls.core.spreadsheet import cell, guard
from medcls.exits.case import Mode
from medcls.exits.subjects import Table


def make(table: Table, mode: Mode) -> bytes:
    """Return a table as CSV, UTF-8 with the byte-order mark spreadsheets need; a number that is not finite is empty.

    Args:
        table: The table, having passed the gate.
        mode: `record` or `others`.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([guard(name) for name in table.columns])
    for row in table.rows:
        writer.writerow([cell(row.get(name, "")) for name in table.columns])
    return ("\ufeff" + out.getvalue()).encode("utf-8")
