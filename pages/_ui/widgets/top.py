"""The top of a page, where what was asked for at its foot stands once it is there."""

import streamlit as st

from pages._ui import state

# The browser keeps how far a page was scrolled while its contents change. Each number scrolls once.
_mount = st.components.v2.component(
    "medcls_top",
    js="""
export default function ({ data }) {
  if (window.medclsTop === data.number) return;
  window.medclsTop = data.number;
  document.querySelector('[data-testid="stMain"]')?.scrollTo({ top: 0 });
}
""",
)


def ask() -> None:
    """Have the next run of the page begin at its top."""
    st.session_state[state.TOP] = st.session_state.get(state.TOP, 0) + 1


def show() -> None:
    """Scroll up where that was asked for and not done yet."""
    if number := st.session_state.get(state.TOP):
        _mount(key="top", data={"number": number})
