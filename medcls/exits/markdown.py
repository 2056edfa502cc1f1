"""A table of figures as Markdown; no case is in it."""

from medcls.exits.case import Mode
from medcls.exits.nameless import without_sites
from medcls.exits.subjects import Markdown


def make(table: Markdown, mode: Mode) -> bytes:
    """Return the table in UTF-8; without the names of sites where it may name none.

    Args:
        table: The table, having passed the gate.
        mode: `record` or `others`.
    """
    text = table.write(not table.nameless)
    return str(without_sites(text) if table.nameless else text).encode("utf-8")
