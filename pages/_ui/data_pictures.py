"""Data page: cases as rows of pictures on near-black."""

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from medcls.core.collection import Case
from medcls.core.task import Task
from medcls.workflows import data
from pages._ui.charts import data_url
from pages._ui.palette import SCAN_BACKGROUND, SCAN_TEXT, label_colours, label_word


def show_cases(name: str, task: Task, ids: Sequence[str], side_px: int = 150) -> None:
    """Show cases side by side, each with its label (colour, mark and word) and its id.

    Args:
        name: Name of the collection.
        task: The question its labels answer.
        ids: Case ids.
        side_px: Longest side of a picture.
    """
    found = data.read_pictures(name, ids, 2 * side_px)
    st.html(
        f'<div style="display:flex;flex-wrap:wrap;gap:8px;background:{SCAN_BACKGROUND};border-radius:6px;padding:12px">'
        + "".join(_figure(task, case, png, side_px) for case, png in found.values())
        + "</div>"
    )


def _figure(task: Task, case: Case, png: bytes | None, side_px: int) -> str:
    colour, word = _label(task, case.label)
    short = case.id.rsplit("/", 1)[-1]
    picture = (
        f'<img src="{data_url(png)}" alt="{escape(word)}: {escape(short)}" loading="lazy" '
        f'style="width:{side_px}px;height:{side_px}px;object-fit:contain;image-rendering:auto">'
        if png
        else f'<div style="width:{side_px}px;height:{side_px}px;color:{SCAN_TEXT}">cannot be read</div>'
    )
    return (
        f'<figure style="margin:0;width:{side_px}px" title="{escape(case.id)}">{picture}'
        f'<figcaption style="color:{SCAN_TEXT};font-size:.75rem;line-height:1.3;overflow:hidden;text-overflow:ellipsis">'
        f'<span style="border-left:4px solid {colour};padding-left:5px">{escape(word)}</span><br>'
        f'<span style="white-space:nowrap;opacity:.8">{escape(short)}</span></figcaption></figure>'
    )


def _label(task: Task, label: str | None) -> tuple[str, str]:
    colours: Mapping[str, str] = label_colours(task)
    if label is not None and label in colours:
        return colours[label], label_word(task, label)
    return SCAN_TEXT, label or "no label"
