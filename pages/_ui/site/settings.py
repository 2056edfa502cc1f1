"""Site, settings and state: what is in force here, by whom and since when; undone by a click."""

import math
from typing import cast

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.site import State
from medcls.errors import MedclsError
from medcls.workflows import site
from pages._ui.widgets import notices

STATES = {"approved": "approved", "draft": "draft", "retired": "retired"}


def show_settings(name: str, card: ModelCard) -> None:
    """Show a site's settings and state of a model, and let the user change them."""
    try:
        folder = site.site_folder(name) if name else None
    except MedclsError:
        folder = None
    if folder is None:
        notices.show_empty(
            "A site's own threshold, temperature and approvals stand here.", "Run a check first: it makes the site."
        )
        return
    settings = folder.settings(card.id)
    if settings is None:
        st.markdown("No settings of this site are in force: answers stand as the model gives them.")
    else:
        parts = [f"temperature {settings.temperature:.2f}"] if settings.temperature != 1 else []
        if not math.isnan(settings.threshold):
            parts.append(
                f"disease from a probability of {settings.threshold:.2f} on, "
                f"for a sensitivity of {settings.aim.sensitivity:.2f}"
            )
        st.markdown(f"In force since {settings.made}: {'; '.join(parts)}. They rest on {settings.n_cases} scans.")
        if st.button("Undo", icon=":material/undo:", key="site.undo"):
            site.undo_settings(name, card.id)
            st.rerun()
    _show_state(name, card)
    events = [
        {"when": e.when, "who": e.who, "what": f"{e.what} {e.state}".strip(), "why": e.why}
        for e in folder.history()
        if e.model == card.id
    ]
    if events:
        st.dataframe(events[::-1], hide_index=True)


def _show_state(name: str, card: ModelCard) -> None:
    now = site.state_of(name, card)
    st.subheader("State here")
    with st.form("site.state", border=False):
        chosen = st.segmented_control("State", list(STATES), default=now, format_func=STATES.__getitem__)
        why = st.text_input(
            "Why", help="Approving needs a passed check, or a sentence why not; it is kept.", max_chars=300
        )
        if st.form_submit_button("Save") and chosen:
            try:
                site.set_state(name, card.id, cast(State, chosen), why=why)
            except MedclsError as error:
                notices.show_error(error)
            else:
                st.rerun()
