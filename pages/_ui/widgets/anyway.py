"""What a model cannot tell: bars and maps come only when a person asks for them all the same, alike on every page."""

import streamlit as st

from medcls.words import say
from medcls.workflows import scans
from pages._ui import state


def wanted(entry: scans.Entry, frame: int | None = None) -> bool:
    """Return whether a person asked for the numbers of a scan that was refused."""
    return (id(entry), frame) in state.kept(state.SHOW_ANYWAY, set)


def offer(entry: scans.Entry, frame: int | None = None) -> None:
    """Draw the button that shows the numbers of a refused scan, or hides them again."""
    asked: set[tuple[int, int | None]] = state.kept(state.SHOW_ANYWAY, set)
    key = (id(entry), frame)
    if key in asked:
        st.caption(say("pages.shown-anyway"))
        st.button(say("pages.hide-again"), key="anyway.off", type="tertiary", on_click=asked.discard, args=(key,))
    else:
        st.button(say("pages.show-anyway"), key="anyway.on", type="tertiary", on_click=asked.add, args=(key,))
