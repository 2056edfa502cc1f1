"""Which site is meant: one that is known, or a new one by its name."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from medcls.words import say
from medcls.workflows import site
from pages._ui import state
from pages._ui.widgets import notices

_NEW = ""


def pick_site(place: DeltaGenerator) -> str:
    """Let the user choose a site, or name a new one.

    Args:
        place: Where the choice stands; the name of a new one is asked for below.

    Returns:
        The site's name; empty until one is named, or while the address names one that is not here: no other is chosen
        in its place. The choice stands in the address.
    """
    known: dict[str, str] = {}
    broken: set[str] = set()
    for one in site.sites():
        if one.value is None:
            notices.show_failure(one)
            broken.add(one.name)
        else:
            known[one.value.id] = one.value.site.name
    options, last = [*known, _NEW], state.choice(state.SITE)
    if last and last not in {*known, *broken}:
        notices.show_missing(say("pages.unknown-site", {"wanted": last}))
    start = last if last in known else None if last else options[0]
    key = f"site.pick.{'|'.join(known)}"
    state.follow(key, state.SITE, start)
    chosen = place.selectbox(
        say("pages.site"),
        options,
        index=None if start is None else options.index(start),
        format_func=lambda i: known.get(i, say("pages.site-new")),
        key=key,
        placeholder=say("pages.site"),
        label_visibility="collapsed",  # as of the task and the model beside it
    )
    if chosen is None:
        return ""
    state.remember(state.SITE, chosen)
    if chosen != _NEW:
        return known[chosen]
    return st.text_input(
        say("pages.site-name"), placeholder=say("pages.site-name-example"), key="site.new", max_chars=60, width=330
    ).strip()
