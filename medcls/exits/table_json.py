"""A table as a JSON list, an object for each row."""

import json

from medcls.exits.case import Mode
from medcls.exits.subjects import Table


def make(table: Table, mode: Mode) -> bytes:
    """Return a table's rows as JSON in UTF-8.

    Args:
        table: The table, having passed the gate.
        mode: `record` or `others`.
    """
    rows = [dict(row) for row in table.rows]
    return json.dumps(rows, indent=2, ensure_ascii=False, allow_nan=False).encode("utf-8")
