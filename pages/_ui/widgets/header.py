"""The head of a Read page: its title, the tasks as tabs, the model, the site and the research-use badge."""

from collections.abc import Sequence

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.task import Task
from medcls.words import say
from medcls.workflows import models
from pages._ui.widgets import notices, pickers


def open_page(title: str) -> ModelCard | None:
    """Draw the head with tasks and models.

    Broken models are named with what ails them; where there is none at all, the page says what to do first.

    Returns:
        The chosen model's card; None if there is none, or the address names one that is not here.
    """
    found = open_task(title)
    if found is None:
        return None
    task, cards, place = found
    with place:
        return pickers.pick_model(cards, task)


def open_task(title: str) -> tuple[Task, Sequence[ModelCard], st.delta_generator.DeltaGenerator] | None:
    """Draw the head with tasks only.

    Returns:
        The chosen task, every card, and where further pickers stand; None as `open_page`.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", key="header"):
        st.header(title, anchor=False, width="content")
        cards = models.list_models()
        tabs = st.container(width="content")
        place = st.container(width=330)
        st.badge(say("pages.badge"), color="gray", icon=":material/science:", help=say("pages.research-use"))
    for name, error in models.broken_models().items():
        notices.show_error(error, name)
    if not cards:
        notices.show_empty(say("pages.no-model"), say("pages.no-model-do"))
        return None
    with tabs:
        task = pickers.pick_task(cards)
    return (task, cards, place) if task else None
