"""The page's address as a page fills it in on opening: in place of the bare one, so that Back goes back one step."""

import streamlit as st

# Streamlit makes an entry of the history of every change of the address. What the page itself adds on opening is none:
# each is told once, by its number, and only while the page it was meant for is still shown.
_mount = st.components.v2.component(
    "medcls_address",
    js="""
export default function ({ data }) {
  if (!data.query || window.medclsAddress === data.number) return;
  window.medclsAddress = data.number;
  if (window.location.search === data.before) {
    window.history.replaceState(window.history.state, "", window.location.pathname + data.query);
  }
}
""",
)


def replace(before: str, query: str, number: int) -> None:
    """Put a query into the browser's address without an entry of its history.

    Args:
        before: The query that stands there now, with its question mark; another one is left alone.
        query: The query that is to stand there, with its question mark.
        number: Another one for each time; a number told before does nothing.
    """
    _mount(key="address", data={"before": before, "query": query, "number": number})
