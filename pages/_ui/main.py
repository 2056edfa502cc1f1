"""The main script: runs before every page, draws the frame and then the page that was asked for."""

from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException

from medcls.errors import MedclsError
from medcls.words import say
from pages._ui import cache, frame, state, visitor
from pages._ui.contents import PAGES
from pages._ui.widgets import notices


def navigation() -> list[Any]:
    """Return the pages in the order of the work, the first being the one that opens."""
    return [
        st.Page(
            f"../{page.address}.py",
            title=say(page.title),
            icon=page.icon,
            url_path=page.address,
            default=page == PAGES[0],
        )
        for page in PAGES
    ]


def run(page: Any) -> None:
    """Draw a page, or what went wrong with it, and the foot below it."""
    try:
        visitor.come_in()
        page.run()
    except state.Done:
        pass
    except (MedclsError, OSError) as error:
        notices.show_error(error)
    frame.close_frame()


if __name__ == "__main__":  # not in a process that multiprocessing starts from this one
    frame.open_frame()
    page = st.navigation(navigation(), position="top")
    frame.name_tab(page.title)
    state.open_page(page.title, next(one.shows for one in PAGES if say(one.title) == page.title))
    cache.resume_once()
    again = False
    try:
        run(page)
    except RerunException:  # drawn again with the address it had: the run that comes writes what was chosen
        again = True
        raise
    finally:
        if not again:
            state.write_address()
