"""Classify before a drop: what it does, and examples to try it on."""

import streamlit as st

from medcls.core.model import ModelCard
from medcls.words import say
from pages._ui.classify import opinions
from pages._ui.widgets import examples, notices


def show(card: ModelCard) -> None:
    """Say in one sentence what the page does, and offer the examples."""
    st.markdown(notices.escape(say("pages.classify-what", {"question": card.task.question})))
    opinions.show_switch("landing.own.first")
    examples.offer(card.task)
