"""Tables as files a spreadsheet may open safely."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# A cell that starts with one of these is a formula to a spreadsheet (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def guard(value: Any) -> Any:
    """Give a cell's value so that no spreadsheet takes it for a formula; numbers stay numbers.

    Example:
        >>> guard("=1+1"), guard(" =1+1"), guard("scan.png"), guard(-0.5)
        ("'=1+1", "' =1+1", 'scan.png', -0.5)
    """
    if not isinstance(value, str):
        return value
    return "'" + value if value.startswith(_FORMULA) or value.lstrip().startswith(_FORMULA) else value


def to_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """Give rows as CSV (UTF-8 with a byte-order mark, which spreadsheets need), every cell guarded.

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
    """Give rows as a JSON list."""
    return json.dumps(list(rows), indent=2, ensure_ascii=False, allow_nan=False).encode("utf-8")
