"""Models: take one that was made elsewhere."""

import streamlit as st

from medcls.core.model import ModelCard
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
        _take(file.name, file.getvalue())


def _take(name: str, data: bytes) -> None:
    """Take an archive's models and say which; of one that is here retired say so, be it the same copy or not."""
    taken: tuple[ModelCard, ...] = ()
    conflict = None
    try:
        with watched(say("pages.models-checking")) as tell:
            taken = exchange.import_model(data, staged(tell, say("pages.models-checked")))
    except Conflict as error:
        conflict = error  # one that was cut for others differs from the one here, which may be retired
    except MedclsError as error:
        notices.show_error(error, name)
        return
    if taken:
        st.success(notices.escape(say("pages.imported", {"models": [card.name or card.id for card in taken]})))
    retired = exchange.retired_in(data)
    for card in retired:
        st.session_state[state.MODEL_RETIRED] = card.id
        told = {"name": card.name or card.id, "why": card.retired}
        said = say("pages.import-retired-other" if conflict else "pages.import-retired", told)
        st.warning(notices.escape(said), icon=":material/inventory_2:")
    if conflict and not retired:
        notices.show_error(conflict, name)
    elif not taken and not retired:
        st.info(say("pages.import-here"))
