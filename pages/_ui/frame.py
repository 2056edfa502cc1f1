"""What stands around every page: title of the tab, width, and the foot of the sidebar."""

from pathlib import Path

import streamlit as st

from medcls import __version__
from pages._ui.widgets import notices

# A picture of our own: a symbol's name would be fetched from another host.
ICON = Path(__file__).with_name("icon.svg")

SIDEBAR_PX = 200  # leaves room for scan and answer side by side at 800 px


def open_frame() -> None:
    """Set what the browser must know before anything is drawn."""
    st.set_page_config(page_title="medcls", page_icon=str(ICON), layout="wide", initial_sidebar_state=SIDEBAR_PX)


def close_frame() -> None:
    """Draw the foot of the sidebar: what this is, and which version."""
    with st.sidebar:
        st.caption(f"medcls {__version__}  \n{notices.RESEARCH_USE}")
