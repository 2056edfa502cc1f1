"""The way from labelled scans to a published model: what is done is ticked, and one button goes on."""

import streamlit as st

from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import build_path, runs
from pages._ui import state
from pages._ui.widgets import notices

_WORDS = {
    "data": "pages.path-data",
    "audit": "pages.path-audit",
    "split": "pages.path-split",
    "train": "pages.path-train",
    "publish": "pages.path-publish",
}
_TIE = "\N{NO-BREAK SPACE}"
# Where each step is taken: page, and what its address must say.
_WHERE: dict[str, tuple[str, dict[str, str]]] = {
    "data": ("../data.py", {}),
    "audit": ("../data.py", {state.SECTION: "Findings"}),
    "split": ("../data.py", {state.SECTION: "Split"}),
    "train": ("../train.py", {}),
    "publish": ("../runs.py", {}),
}


def show_of_run(view: runs.RunView) -> None:
    """Draw the path of the collection that a run learned from; nothing where that collection is gone."""
    try:
        show(view.spec.data.collections[0], here="publish")
    except MedclsError:
        return


def show(collection: str | None, here: str = "") -> None:
    """Draw the path of a collection, with the next step as a button; of none, the path as it lies ahead.

    Args:
        collection: Name of the collection worked on.
        here: The step taken on this very page: there is no way to it.
    """
    path = build_path.read_path(collection)
    marks = ["✓" if step in path.done else "○" for step in build_path.STEPS]
    words = [f"{mark}{_TIE}{say(_WORDS[step])}" for mark, step in zip(marks, build_path.STEPS, strict=True)]
    with st.container(horizontal=True, vertical_alignment="center", key="path"):
        st.markdown(f"{_TIE}→ ".join(words), width="content")
        if (
            collection
            and path.next not in ("", here)
            and st.button(say("pages.path-next", {"step": say(_WORDS[path.next])}), key="path.next", icon=_ICON)
        ):
            _go(path, collection)
        if not path.next:
            st.caption(notices.escape(say("pages.path-done")))


_ICON = ":material/arrow_forward:"


def _go(path: build_path.Path, collection: str) -> None:
    page, where = _WHERE[str(path.next)]
    if path.next == "publish":
        named = {state.RUN: path.run}
    else:
        named = {state.DATA if path.next == "train" else state.COLLECTION: collection}
    for key, value in {**named, **where}.items():
        state.lead(key, value)
    st.switch_page(page, query_params={**named, **where})
