"""Models: take one that was made elsewhere."""

import streamlit as st

from medcls.core.progress import staged
from medcls.errors import Conflict, MedclsError
from medcls.words import say
from medcls.workflows import exchange
from pages._ui import state
from pages._ui.widgets import notices
from pages._ui.widgets.waits import watched


def show_import() -> None:
    """Take a model's archive; every hash is checked and pickles are refused."""
    with st.expander(say("pages.models-import-a-model")):
        file = st.file_uploader(say("pages.models-a-zip-that"), type=["zip"], key="models.import")
        st.caption(say("pages.models-only-safetensors-are"))
        if file is None or not st.button(say("pages.models-import"), type="primary"):
            return
        failed = False
        try:
            with watched(say("pages.models-checking")) as tell:
                taken = exchange.import_model(file.getvalue(), staged(tell, say("pages.models-checked")))
        except MedclsError as error:
            notices.show_error(error, file.name)
            if not isinstance(error, Conflict):
                return
            taken, failed = (), True  # one that was cut for others differs from the one here, which may be retired
        if taken:
            st.success(notices.escape(say("pages.imported", {"models": [card.name or card.id for card in taken]})))
        for card in (retired := exchange.retired_in(file.getvalue())):
            st.session_state[state.MODEL_RETIRED] = card.id
            told = {"name": card.name or card.id, "why": card.retired}
            st.warning(notices.escape(say("pages.import-retired", told)), icon=":material/inventory_2:")
        if not taken and not retired and not failed:
            st.info(say("pages.import-here"))
