"""Data page: cases as rows of pictures on near-black."""

import hashlib
from collections.abc import Container, Mapping, Sequence
from html import escape

import streamlit as st

from medcls.core.collection import Case
from medcls.core.task import Task
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import data
from pages._ui.widgets import notices, viewer
from pages._ui.widgets.charts import data_url
from pages._ui.widgets.palette import SCAN_BACKGROUND, SCAN_TEXT, label_colours, label_word


def show_cases(
    name: str, task: Task, ids: Sequence[str], side_px: int = 150, out: Container[str] = (), key: str = ""
) -> None:
    """Show cases side by side, each with its label (colour, mark, word) and id; a button opens them in the viewer.

    Args:
        name: Name of the collection.
        task: The question its labels answer.
        ids: Case ids.
        side_px: Least width of a picture; a row is filled.
        out: Ids of those that are left out of the collection, which is said under them.
        key: Tells the button apart where the same cases stand on a page twice.
    """
    found = data.read_pictures(name, ids, 2 * side_px)
    st.html(
        f'<div style="display:grid;grid-template-columns:repeat(auto-fill,minmax({side_px}px,1fr));gap:8px;'
        f'background:{SCAN_BACKGROUND};border-radius:6px;padding:12px">'
        + "".join(_figure(task, case, png, case.id in out) for case, png in found.values())
        + "</div>"
    )
    digest = hashlib.sha256("|".join([name, key, *ids]).encode()).hexdigest()[:16]
    if found and st.button(say("pages.open-viewer"), key=f"data.view.{digest}", type="tertiary", icon=_ICON):
        _open(name, task, list(found))


_ICON = ":material/zoom_in:"


def _open(name: str, task: Task, ids: Sequence[str]) -> None:
    """Open a sheet with one of some cases in the viewer."""

    @st.dialog(say("pages.viewer-title"), width="large")
    def sheet() -> None:
        chosen = ids[0]
        if len(ids) > 1:
            chosen = st.selectbox(say("pages.scan"), ids, format_func=lambda i: i.rsplit("/", 1)[-1], key="data.view")
        try:
            scan = data.read_case(name, chosen)
        except MedclsError as error:
            notices.show_error(error, chosen)
            return
        viewer.show(scan, [viewer.Pane("", say("pages.alt-scan", {"name": chosen}))], "data.viewer")

    sheet()


def _figure(task: Task, case: Case, png: bytes | None, out: bool) -> str:
    colour, word = _label(task, case.label)
    word = f"{word} — left out" if out else word
    short = case.id.rsplit("/", 1)[-1]
    picture = (
        f'<img src="{data_url(png)}" alt="{escape(word)}: {escape(short)}" loading="lazy" '
        f'style="width:100%;aspect-ratio:1;object-fit:contain">'
        if png
        else f'<div style="width:100%;aspect-ratio:1;color:{SCAN_TEXT}">{escape(say("pages.picture-unreadable"))}</div>'
    )
    return (
        f'<figure style="margin:0;min-width:0" title="{escape(case.id)}">{picture}'
        f'<figcaption style="color:{SCAN_TEXT};font-size:.75rem;line-height:1.3;'
        'overflow:hidden;text-overflow:ellipsis">'
        f'<span style="border-left:4px solid {colour};padding-left:5px">{escape(word)}</span><br>'
        f'<span style="white-space:nowrap;opacity:.8">{escape(short)}</span></figcaption></figure>'
    )


def _label(task: Task, label: str | None) -> tuple[str, str]:
    colours: Mapping[str, str] = label_colours(task)
    if label is not None and label in colours:
        return colours[label], label_word(task, label)
    return SCAN_TEXT, label or "no label"
