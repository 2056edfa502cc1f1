"""Models: the way back from retiring one."""

import streamlit as st

from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import models
from pages._ui import state
from pages._ui.models import table
from pages._ui.widgets import notices


def offer() -> None:
    """Say which model was retired last in this session, and offer it back, in a bar that stays in sight."""
    gone = st.session_state.get(state.MODEL_RETIRED)
    if gone is None:
        return
    with st.bottom, st.container(horizontal=True, vertical_alignment="center"):
        names = {card.id: card.name for card in models.list_models(retired=True)}
        st.markdown(notices.escape(say("pages.retired-now", {"name": names.get(gone) or gone})), width="content")
        if st.button(say("pages.undo"), icon=":material/undo:", key="models.undo"):
            _bring_back(gone)
        if st.button(say("pages.bar-close"), icon=":material/close:", key="models.undo.close", type="tertiary"):
            st.session_state.pop(state.MODEL_RETIRED)
            st.rerun()


def _bring_back(model_id: str) -> None:
    """Offer a retired model again and read its card, as before."""
    st.session_state.pop(state.MODEL_RETIRED)
    try:
        models.retire(model_id, "")
    except MedclsError as error:
        notices.show_error(error)
        return
    table.open_card(model_id)
    st.rerun()
