"""Models: all of them, their cards and figures; measure, export, import, retire."""

import streamlit as st

from medcls.words import say
from medcls.workflows import models
from pages._ui import state
from pages._ui.models import cards as model_cards
from pages._ui.models import measure, stress, table, taking, undo
from pages._ui.widgets import header, notices

with header.head(say("pages.title-models")):
    st.space("stretch")
    retired = st.toggle(say("pages.models-show-retired-ones"), key=state.MODELS_RETIRED)
taking.show_import()
undo.offer()
cards = models.list_models(retired=retired)
for name, error in models.broken_models().items():
    notices.show_error(error, name)
if not cards:
    notices.show_empty(
        say("pages.models-networks-that-can"),
        say("pages.models-train-one-build"),
    )
    state.done()
chosen = table.show_list(cards)
model_cards.show_card(chosen)
stress.show_holds(chosen)
measure.show_measure(chosen)
model_cards.show_actions(chosen)
