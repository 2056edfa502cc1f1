"""Tables as files a spreadsheet may open safely."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from medcls.core.spreadsheet import guard


def to_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """Return rows as CSV (UTF-8 with a byte-order mark, which spreadsheets need), every cell guarded.

    Args:
        rows: One mapping per line; a missing column is left empty.
        columns: The columns, in order.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([guard(name) for name in columns])
    for row in rows:
        writer.writerow([guard(row.get(name, "")) for name in columns])
    return ("\ufeff" + out.getvalue()).encode("utf-8")


def to_json(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows as a JSON list."""
    return json.dumps(list(rows), indent=2, ensure_ascii=False, allow_nan=False).encode("utf-8")
