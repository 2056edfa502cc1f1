"""The main script: runs before every page, draws the frame and then the page that was asked for."""

from typing import Any

import streamlit as st

from medcls.errors import MedclsError
from medcls.words import say
from pages._ui import cache, frame, state, visitor
from pages._ui.widgets import notices

# Section, file beside this folder, title, icon, address. One line per page, in the order of the work.
PAGES = (
    ("Read", "../classify.py", "Classify", ":material/center_focus_strong:", "classify"),
    ("Read", "../worklist.py", "Worklist", ":material/list_alt:", "worklist"),
    ("Read", "../heatmaps.py", "Heatmaps", ":material/blur_on:", "heatmaps"),
    ("Read", "../compare.py", "Compare", ":material/compare:", "compare"),
    ("Read", "../site.py", "Site", ":material/domain:", "site"),
    ("Build", "../data.py", "Data", ":material/photo_library:", "data"),
    ("Build", "../train.py", "Train", ":material/model_training:", "train"),
    ("Build", "../runs.py", "Runs", ":material/monitoring:", "runs"),
    ("Build", "../models.py", "Models", ":material/inventory_2:", "models"),
)


# What a person reads for each page, by its address.
TITLES = {
    "classify": "pages.title-classify",
    "worklist": "pages.title-worklist",
    "heatmaps": "pages.title-heatmaps",
    "compare": "pages.title-compare",
    "site": "pages.title-site",
    "data": "pages.title-data",
    "train": "pages.title-train",
    "runs": "pages.title-runs",
    "models": "pages.title-models",
}


def navigation() -> list[Any]:
    """Return the pages in the order of the work, the first being the one that opens."""
    return [
        st.Page(file, title=say(TITLES[address]), icon=icon, url_path=address, default=number == 0)
        for number, (_, file, _, icon, address) in enumerate(PAGES)
    ]


def run(page: Any) -> None:
    """Draw a page, or what went wrong with it, and the foot below it."""
    try:
        visitor.come_in()
        page.run()
    except state.Done:
        pass
    except MedclsError as error:
        notices.show_error(error)
    frame.close_frame()


if __name__ == "__main__":  # not in a process that multiprocessing starts from this one
    frame.open_frame()
    page = st.navigation(navigation(), position="top")
    frame.name_tab(page.title)
    state.open_page(page.title)
    cache.resume_once()
    try:
        run(page)
    finally:
        state.write_address()
