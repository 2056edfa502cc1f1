"""Site: does a model hold here, set it up for here, and go on watching."""

import streamlit as st

from medcls.words import say
from medcls.workflows import models
from pages._ui import state
from pages._ui.site import check, letters, settings, sites, watch
from pages._ui.widgets import header, notices, pickers

with header.head(say("pages.title-site")):
    where = st.container(width=210)
    task_place = st.container(width="content")
    model_place = st.container(width=320)
cards = models.list_models()
if not cards:
    notices.show_empty(
        say("pages.site-what-without"),
        say("pages.no-model-do"),
    )
    state.done()
site = sites.pick_site(where)
with task_place:
    task = pickers.pick_task(cards)
with model_place:
    card = pickers.pick_model(cards, task) if task else None
if card is None:
    state.done()
if not site:
    st.markdown(say("pages.site-what"))
checked, own, others, watched = st.tabs(
    [
        say("pages.site-tab-check"),
        say("pages.site-tab-own"),
        say("pages.site-tab-others"),
        say("pages.site-tab-watch"),
    ]
)
with checked:
    check.show_check(site, card)
with own:
    settings.show_settings(site, card)
with others:
    letters.show_letters(site, card)
with watched:
    watch.show_watch(site, card)
