"""What stands around every page: its mark, the title of the tab, and the foot."""

from pathlib import Path

import streamlit as st

from medcls import __version__
from medcls.words import say
from pages._ui import visitor
from pages._ui.widgets import notices

# Pictures of our own: a symbol's name would be fetched from another host.
_HERE = Path(__file__).parent
ICON, WORDMARK = _HERE / "icon.svg", _HERE / "wordmark.svg"
_STYLE = _HERE / "frame.css"


def open_frame() -> None:
    """Set what the browser must know before anything is drawn."""
    st.set_page_config(page_title="medcls", page_icon=str(ICON), layout="wide")
    st.logo(str(WORDMARK), size="medium")
    st.html(_STYLE)


def name_tab(title: str) -> None:
    """Name the browser's tab after the page."""
    st.set_page_config(page_title=f"{title} · medcls")


def close_frame() -> None:
    """Draw the foot: what this is, which version, who is logged in and, where it is ours to offer, the way out."""
    told = [f"{say('pages.research-use')} medcls {__version__}", visitor.describe()]
    st.caption(notices.escape(" · ".join(filter(None, told))))
    visitor.offer_logout()
