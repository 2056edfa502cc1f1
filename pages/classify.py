"""Classify: drop scans, see what the network says of each."""

import streamlit as st

from medcls.errors import MedclsError
from pages._ui.classify.answers import answers
from pages._ui.classify.detail import show_detail, show_what_to_know
from pages._ui.classify.table import show_downloads, show_table
from pages._ui.widgets import drops, notices, pickers

card = pickers.pick_task_and_model("Classify")
if card is None:
    st.stop()

entries = drops.drop("classify", card.task)
if not entries:
    st.caption(card.task.question)
    notices.show_research_use()
    pickers.warm(card)
    st.stop()

try:
    rows = answers(entries, card)
except MedclsError as error:
    notices.show_error(error)
    st.stop()

detail = st.container()
chosen = 0
if len(rows) > 1:
    st.subheader(f"The {len(rows)} files of this drop")
    chosen = show_table(rows, card, key=f"classify.table.{len(rows)}.{card.id}")
answered = any(row.prediction for row in rows)
if answered or len(rows) > 1:
    show_downloads(rows, card)
if answered:
    show_what_to_know(card)
with detail:
    show_detail(rows, chosen, card)
