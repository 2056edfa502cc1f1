"""Models: the way back from retiring one."""

import streamlit as st

from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import models
from pages._ui import state
from pages._ui.widgets import notices


def offer(key: str) -> None:
    """Say which model was retired last in this session, and offer it back.

    Args:
        key: Of the button: it stands at the page's head and, where the page was left when retiring, at its foot.
    """
    gone = st.session_state.get(state.MODEL_RETIRED)
    if gone is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        names = {card.id: card.name for card in models.list_models(retired=True)}
        st.markdown(notices.escape(say("pages.retired-now", {"name": names.get(gone) or gone})), width="content")
        if st.button(say("pages.undo"), icon=":material/undo:", key=key):
            st.session_state.pop(state.MODEL_RETIRED)
            try:
                models.retire(gone, "")
            except MedclsError as error:
                notices.show_error(error)
                return
            st.rerun()
