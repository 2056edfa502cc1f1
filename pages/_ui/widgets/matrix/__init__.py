"""A matrix of differences between every two of a few things: columns by letters, so that eight fit on a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

_FOLDER = Path(__file__).parent
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_mount = st.components.v2.component(
    "medcls_matrix",
    html='<div class="matrix"></div>',
    css=(_FOLDER / "matrix.css").read_text(encoding="utf-8"),
    js=(_FOLDER / "matrix.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Cell:
    """A difference, row minus column.

    Args:
        value: It, as it is read.
        interval: Its interval in brackets; empty for none.
        sure: True if it is more than chance.
    """

    value: str
    interval: str = ""
    sure: bool = False


def show(
    names: Mapping[str, str], cells: Mapping[tuple[str, str], Cell], title: str, key: str
) -> tuple[str, str] | None:
    """Show a matrix; a click on a cell, or Enter on it, chooses it.

    Args:
        names: What a person reads, by id, in the order of rows and columns.
        cells: By the ids of row and column.
        title: What it shows, for people who cannot see it.
        key: Distinguishes it from others on the page.

    Returns:
        The ids of row and column of the cell chosen; None if none is.
    """
    ids = list(names)
    rows = [[_told(cells.get((a, b))) for b in ids] for a in ids]
    data = {"names": list(names.values()), "letters": list(LETTERS[: len(ids)]), "rows": rows, "title": title}
    result = _mount(key=key, data=data, on_cell_change=_nothing)
    chosen = result.get("cell")
    if not isinstance(chosen, Sequence) or len(chosen) != 2:
        return None
    places = [int(place) for place in chosen if isinstance(place, int | float) and 0 <= place < len(ids)]
    pair = (ids[places[0]], ids[places[1]]) if len(places) == 2 else None
    return pair if pair in cells else None


def _told(cell: Cell | None) -> list[str | bool] | None:
    return [cell.value, cell.interval, cell.sure] if cell else None


def _nothing() -> None:
    """The cell that was chosen is read from the result."""
