"""The theme's switch: light or dark with one click, on every page, without a rerun.

Streamlit has no call for it: the switch presses its menu's own items, so that what is chosen is kept where Streamlit
keeps it. It also tells the browser, for sheets that stand outside the app, and the other pages, which keep their own.
"""

from pathlib import Path

import streamlit as st

from medcls.words import say
from pages._ui.contents import BELOW

_FOLDER = Path(__file__).parent
_mount = st.components.v2.component(
    "medcls_theme",
    html='<button type="button">◐</button>',
    css=(_FOLDER / "theme.css").read_text(encoding="utf-8"),
    js=(_FOLDER / "theme.js").read_text(encoding="utf-8"),
)


def offer() -> None:
    """Draw the switch, at the end of the row it is drawn in (frame.css)."""
    with st.container(key="theme", width="content"):
        # A list in it would be tried as a table: Streamlit loads pandas for that, on the first page of a server.
        _mount(key="theme.switch", data={"word": say("pages.theme"), "below": " ".join(BELOW)})
