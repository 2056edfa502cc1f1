"""Whether the index of a collection holds what it was made to hold: SQLite takes any value in any column."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from medcls.data.index import Index
from medcls.errors import BadData

_WHOLE, _NUMBER, _TEXT, _TEXT_OR_NONE = ("integer",), ("integer", "real"), ("text",), ("text", "null")
_TABLES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "cases": {
        **dict.fromkeys(("height", "width"), _WHOLE),
        **dict.fromkeys(("id", "grp", "sha256", "masks", "attributes", "dropped"), _TEXT),
        **dict.fromkeys(("label", "patient", "own_group"), _TEXT_OR_NONE),
    },
    "set_aside": {"id": _TEXT, "reason": _TEXT},
    "not_taken": {"path": _TEXT, "reason": _TEXT},
    "pairs": {"a": _WHOLE, "b": _WHOLE, "likeness": _NUMBER},
    "flagged": {"kind": _TEXT, "n": _WHOLE, "score": _NUMBER},
    "judged": {"n": _WHOLE, "label": _TEXT_OR_NONE, "prob": _NUMBER, "own": _NUMBER},
    "facts": {"name": _TEXT, "value": _TEXT},
}
_FIND = "SELECT 1 FROM {} WHERE {} LIMIT 1"
_ROWS = {"pairs": ("a", "b"), "flagged": ("n",), "judged": ("n",)}  # columns that name rows of `cases`
_JSON = ("NOT json_valid(masks)", "masks NOT LIKE '[%'", "NOT json_valid(attributes)", "attributes NOT LIKE '{%'")
_FACTS = "name = 'pairs_compared' AND value GLOB '*[^0-9]*'", "name = 'probe' AND NOT json_valid(value)"


def check_sound(index: Index) -> None:
    """Refuse an index whose rows do not follow each other, or hold values of another kind than they were given.

    It costs half a second for 300,000 cases, and is done once as long as the file does not change.

    Args:
        index: The index of a collection.

    Raises:
        BadData: Naming the table.
    """
    told = (index.folder / "index.sqlite").stat()
    if wrong := _find_wrong(index.folder, told.st_mtime_ns, told.st_size):
        raise BadData("data.index-damaged", found=wrong)


@lru_cache(maxsize=64)
def _find_wrong(folder: Path, changed_ns: int, size: int) -> str:
    """Return the first table in which something is wrong; empty if none."""
    index = Index(folder)
    there = {row[0] for row in index.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    n, low, high = index.db.execute("SELECT count(*), coalesce(min(n), 0), coalesce(max(n), -1) FROM cases").fetchone()
    wrong = {name: _wrong(name, columns, n) for name, columns in _TABLES.items() if name in there}
    found = "cases" if (low, high) != (0, n - 1) else ""
    found = found or next((t for t, is_so in wrong.items() if index.db.execute(_FIND.format(t, is_so)).fetchone()), "")
    index.close()
    return found


def _wrong(table: str, columns: Mapping[str, tuple[str, ...]], n: int) -> str:
    """Return the condition under which a row of a table cannot be."""
    kinds = [f"typeof({c}) NOT IN ({', '.join(map(repr, kinds))})" for c, kinds in columns.items()]
    rows = [f"{column} NOT BETWEEN 0 AND {n - 1}" for column in _ROWS.get(table, ())]
    more = {"cases": _JSON, "facts": _FACTS}.get(table, ())
    return " OR ".join((*kinds, *rows, *more))
