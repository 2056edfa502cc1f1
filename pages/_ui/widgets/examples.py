"""Examples to try a page on before a drop: drawn by medcls, and marked so."""

from html import escape

import streamlit as st

from medcls.core.task import Task
from medcls.words import say
from pages._ui import cache
from pages._ui.widgets import drops, notices
from pages._ui.widgets.palette import SCAN_BACKGROUND


def offer(task: Task) -> None:
    """Show a task's examples, each with a button that puts it before the user as if it had been dropped."""
    found = cache.examples(task)
    if not found:
        return
    st.caption(say("pages.examples-what"))
    for place, (column, example) in enumerate(zip(st.columns(len(found)), found, strict=True)):
        word = task.label(example.label).name
        alt = escape(say("pages.example-alt", {"word": word}))
        with column:
            st.html(
                f'<div style="background:{SCAN_BACKGROUND};border-radius:6px;padding:8px">'
                f'<img src="{example.thumbnail}" alt="{alt}" '
                'style="width:100%;height:11rem;object-fit:contain"></div>'
            )
            st.button(
                say("pages.example-try", {"word": notices.escape(word)}),
                key=f"example.{task.id}.{place}",
                width="stretch",
                on_click=drops.show_example,
                args=(task, place),
            )
