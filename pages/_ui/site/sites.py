"""Which site is meant: one that is known, or a new one by its name."""

import streamlit as st

from medcls.workflows import site
from pages._ui import state
from pages._ui.widgets import notices

_NEW = ""


def pick_site() -> str:
    """Let the user choose a site, or name a new one.

    Returns:
        The site's name; empty until one is named. The choice stands in the address.
    """
    known: dict[str, str] = {}
    for one in site.sites():
        if one.value is None:
            assert one.error is not None
            notices.show_error(one.error, one.name)
        else:
            known[one.value.id] = one.value.site.name
    options, last = [*known, _NEW], state.choice(state.SITE)
    chosen = st.selectbox(
        "Site",
        options,
        index=options.index(last) if last in known else 0,
        format_func=lambda i: known.get(i, "a new site …"),
        key=f"site.pick.{'|'.join(known)}",
        label_visibility="collapsed",  # as of the task and the model beside it
    )
    state.remember(state.SITE, chosen)
    if chosen != _NEW:
        return known[chosen]
    return st.text_input("Name of the site", placeholder="Ward 3", key="site.new", max_chars=60).strip()
