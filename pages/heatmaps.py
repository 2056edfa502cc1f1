"""Heatmaps: one scan, many maps — methods, labels, layers or models side by side, each with its tests."""

import streamlit as st

from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import models
from pages._ui import state
from pages._ui.classify import opinions
from pages._ui.heatmaps import ask, grid, tests, tissue
from pages._ui.widgets import anyway, drops, examples, header, notices, pickers

card = header.open_page(say("pages.title-heatmaps"))
if card is None:
    state.done()

entries = drops.drop("heatmaps", card.task)
if not entries:
    st.markdown(say("pages.heatmaps-what"))
    examples.offer(card.task)
    pickers.warm(card)
    state.done()

tissue.offer(entries, card)
entry = drops.pick(entries, "heatmaps.scan")
read = drops.read_entry(entry)
if read.value is None:
    notices.show_unread(read)
    state.done()

if opinions.waits(entry):
    opinions.lead_back()
    grid.show(read.value, [], card)
    state.done()

try:
    answer = ask.answer_of(read.value, card)
except MedclsError as error:
    notices.show_error(error)
    state.done()
if not ask.show_answer(answer, card, entry):
    grid.show(read.value, [], card)
    state.done()
rivals = [other for other in models.list_models(card.task.id) if other.id != card.id]
with st.container(key="maps"):  # where narrow, the second comes first (frame.css)
    with st.container(key="maps-asked"):
        maps = grid.draw(read.value, card, rivals, anyway.wanted(entry))
    with st.container(key="maps-shown"):
        grid.show(read.value, maps, card)
        ask.show_notes(answer)
grid.show_downloads(read.value, maps)
tests.show_tests(read.value, maps)
