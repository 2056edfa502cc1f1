"""Site: does a model hold here, set it up for here, and go on watching."""

import streamlit as st

from medcls.workflows import models
from pages._ui import state
from pages._ui.site import check, letters, settings, sites, watch
from pages._ui.widgets import notices, pickers

st.title("Site")
cards = models.list_models()
if not cards:
    notices.show_empty(
        "Here a department finds out in minutes whether a model holds on its own scans; there is no model yet.",
        "Train one (Build: Train) or import one (Build: Models).",
    )
    state.done()
where, task_column, model_column = st.columns([1, 1, 2])
with where:
    site = sites.pick_site()
with task_column:
    task = pickers.pick_task(cards)
with model_column:
    card = pickers.pick_model(cards, task) if task else None
if card is None:
    state.done()
checked, own, others, watched = st.tabs(["Check", "Settings and state", "Other sites", "Watch"])
with checked:
    check.show_check(site, card)
with own:
    settings.show_settings(site, card)
with others:
    letters.show_letters(site, card)
with watched:
    watch.show_watch(site, card)
