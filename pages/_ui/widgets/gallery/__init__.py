"""Pictures in rows on near-black, each with its label and what is said of it; a click opens it large, in the viewer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from medcls.core.scan import Scan
from medcls.errors import MedclsError
from medcls.words import say
from pages._ui import state
from pages._ui.widgets import notices, viewer
from pages._ui.widgets.charts import data_url

_FOLDER = Path(__file__).parent
_mount = st.components.v2.component(
    "medcls_gallery",
    html='<div class="gallery"></div>',
    css=(_FOLDER / "gallery.css").read_text(encoding="utf-8"),
    js=(_FOLDER / "gallery.js").read_text(encoding="utf-8"),
)
_ABOVE_PX = 330  # of the sheet, above and below the stage


@dataclass(frozen=True)
class Figure:
    """One picture of the rows.

    Args:
        name: What it is called; shown large, and read out with the word.
        png: The picture; None where it cannot be read.
        word: Its label in a word, with its mark.
        colour: The label's.
        told: Further lines under it.
    """

    name: str
    png: bytes | None
    word: str
    colour: str
    told: Sequence[str] = ()


def show(
    figures: Sequence[Figure],
    read: Callable[[int], Scan],
    key: str,
    side_px: int = 150,
    offer: Callable[[int], None] | None = None,
) -> None:
    """Show pictures; a click opens one in the viewer, from where arrows lead to the others.

    Args:
        figures: The pictures.
        read: Decodes the scan of one, by its place; raises `MedclsError` where that cannot be done.
        key: Distinguishes these from others on the page.
        side_px: Least width of a picture; a row is filled.
        offer: Draws what can be done with the one that is open, by its place.
    """
    rows = [
        {
            "name": figure.name,
            "src": data_url(figure.png) if figure.png else "",
            "word": figure.word,
            "colour": figure.colour,
            "told": list(figure.told),
        }
        for figure in figures
    ]
    words = {"open": say("pages.open-viewer"), "unreadable": say("pages.picture-unreadable")}
    result = _mount(key=key, data={"rows": rows, "words": words, "side": side_px}, on_open_change=_nothing)
    place = result.get("open")
    if isinstance(place, int | float) and 0 <= place < len(figures):
        st.session_state[state.GALLERY_AT] = int(place)
        _open(figures, read, offer)


def _nothing() -> None:
    """The place that was clicked is read from the result."""


def _open(figures: Sequence[Figure], read: Callable[[int], Scan], offer: Callable[[int], None] | None) -> None:
    """Open the sheet with the picture that is looked at."""

    def step(by: int) -> None:
        st.session_state[state.GALLERY_AT] = min(len(figures) - 1, max(0, _at() + by))

    @st.dialog(say("pages.viewer-title"), width="large")
    def sheet() -> None:
        figure = figures[min(_at(), len(figures) - 1)]
        try:
            scan = read(min(_at(), len(figures) - 1))
        except MedclsError as error:
            notices.show_error(error, figure.name)
        else:
            pane = viewer.Pane(figure.name, say("pages.alt-scan", {"name": figure.name}))
            options = viewer.Options(scans=len(figures) > 1, above_px=_ABOVE_PX)
            viewer.show(scan, [pane], "gallery.viewer", options, on_step=step)
        st.markdown(f"**{notices.escape(figure.word)}**  \n" + "  \n".join(map(notices.escape, figure.told)))
        if offer is not None:
            offer(_at())
        if len(figures) > 1:
            with st.container(horizontal=True, vertical_alignment="center"):
                for by, code in ((-1, "pages.previous"), (1, "pages.next")):
                    st.button(say(code), key=f"gallery.step.{by}", on_click=step, args=(by,), type="tertiary")
                st.caption(say("pages.place", {"at": _at() + 1, "n": len(figures)}))

    sheet()


def _at() -> int:
    at: Any = st.session_state.get(state.GALLERY_AT, 0)
    return int(at)
