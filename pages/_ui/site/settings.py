"""Site, settings and state: what is in force here, by whom and since when; undone by a click."""

import math
from typing import cast

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.site import SiteSettings, State
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import site
from pages._ui.widgets import notices

_STATES = {"approved": "pages.site-approved", "draft": "pages.site-draft", "retired": "pages.site-retired"}
_EVENTS = {**_STATES, "applied": "pages.site-applied-settings", "undone": "pages.site-undone"}


def show_settings(name: str, card: ModelCard) -> None:
    """Show a site's settings and state of a model, and let the user change them."""
    try:
        folder = site.site_folder(name) if name else None
    except MedclsError:
        folder = None
    if folder is None:
        notices.show_empty(say("pages.site-own-what"), say("pages.site-check-first"))
        return
    try:
        found, n_damaged = folder.in_force(card.id), folder.n_damaged()
    except MedclsError as error:
        notices.show_error(error)
        return
    if n_damaged:
        st.warning(say("pages.site-damaged", {"n": n_damaged}))
    if found is None:
        st.markdown(say("pages.site-own-none"))
    else:
        _show_force(found.settings)
        # What is shown now is undone, not what is in force when the click arrives.
        shown = (name, card.id, found.line)
        st.button(say("pages.undo"), icon=":material/undo:", key="site.undo", on_click=_undo, args=shown)
    _show_state(name, card)
    events = [
        {
            say("pages.site-event-when"): e.when,
            say("pages.site-event-who"): e.who,
            say("pages.site-event-what"): say(_EVENTS.get(e.state or e.what, "pages.site-undone")),
            say("pages.site-why"): e.why,
        }
        for e in folder.history()
        if e.model == card.id
    ]
    if events:
        st.dataframe(events[::-1], hide_index=True)


def _undo(name: str, model_id: str, shown: int) -> None:
    try:
        site.undo_settings(name, model_id, seen=shown)
    except MedclsError as error:
        notices.show_error(error)


def _show_force(settings: SiteSettings) -> None:
    """Say which settings are in force, and on how many scans they rest."""
    parts = []
    if settings.temperature != 1:
        parts.append(say("pages.site-own-temperature", {"value": settings.temperature}))
    if not math.isnan(settings.threshold):
        given = {"value": settings.threshold, "sensitivity": settings.aim.sensitivity}
        parts.append(say("pages.site-own-threshold", given))
    if settings.caution != 1:
        parts.append(say("pages.site-own-caution", {"value": settings.caution}))
    force = {"made": settings.made, "parts": "; ".join(parts), "n": settings.n_cases}
    st.markdown(say("pages.site-own-force", force))


def _show_state(name: str, card: ModelCard) -> None:
    now = site.state_of(name, card)
    st.subheader(say("pages.site-state"))
    st.caption(say("pages.site-state-means"))
    with st.form("site.state", border=False):
        chosen = st.segmented_control(
            say("pages.site-state"),
            list(_STATES),
            default=now,
            format_func=lambda one: say(_STATES[one]),
            label_visibility="collapsed",
        )
        why = st.text_input(say("pages.site-why"), max_chars=300)
        if st.form_submit_button(say("pages.site-save")) and chosen:
            try:
                site.set_state(name, card.id, cast(State, chosen), why=why)
            except MedclsError as error:
                notices.show_error(error)
            else:
                st.rerun()
