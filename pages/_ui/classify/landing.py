"""Classify before a drop: what it does, and examples to try it on."""

from html import escape

import streamlit as st

from medcls.core.model import ModelCard
from medcls.words import say
from pages._ui import cache
from pages._ui.classify import opinions
from pages._ui.widgets import drops, notices
from pages._ui.widgets.palette import SCAN_BACKGROUND


def show(card: ModelCard) -> None:
    """Say in one sentence what the page does, and offer the examples."""
    st.markdown(notices.escape(say("pages.classify-what", {"question": card.task.question})))
    opinions.show_switch("landing.own.first")
    found = cache.examples(card.task)
    if found:
        st.caption(say("pages.examples-what"))
        for place, (column, example) in enumerate(zip(st.columns(len(found)), found, strict=True)):
            word = card.task.label(example.label).name
            alt = escape(say("pages.example-alt", {"word": word}))
            with column:
                st.html(
                    f'<div style="background:{SCAN_BACKGROUND};border-radius:6px;padding:8px">'
                    f'<img src="{example.thumbnail}" alt="{alt}" '
                    'style="width:100%;height:11rem;object-fit:contain"></div>'
                )
                st.button(
                    say("pages.example-try", {"word": word}),
                    key=f"example.{card.task.id}.{place}",
                    width="stretch",
                    on_click=drops.show_example,
                    args=(card.task, place),
                )
