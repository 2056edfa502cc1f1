"""Data page: bring labelled scans, by path on the server or as a ZIP archive."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import streamlit as st

from medcls.core.collection import CollectionRecord
from medcls.errors import MedclsError
from medcls.workflows import data
from pages._ui import state
from pages._ui.widgets import notices


def show_add(opened: bool) -> None:
    """Draw the form that adds a collection; after it worked, the new one is chosen."""
    with st.expander("Add a collection", expanded=opened, icon=":material/create_new_folder:"):
        layouts = data.list_layouts()
        st.caption("Recognised by looking: " + "; ".join(layouts.values()) + ".")
        left, right = st.columns(2)
        path = left.text_input("Folder, csv or ZIP on the machine medcls runs on", key="data.add.path")
        times = st.session_state.get(state.DATA_TIMES, 0)  # a new key empties the uploader once its archive was added
        upload = right.file_uploader("or drop a ZIP archive", type=["zip"], key=f"data.add.zip.{times}")
        name = left.text_input("Name", key="data.add.name", help="Empty takes the folder's name.")
        layout = right.selectbox(
            "Layout", ["", *layouts], format_func=lambda i: layouts.get(i, "recognise it"), key="data.add.layout"
        )
        copy = left.checkbox(
            "Copy the files instead of reading them where they are", key="data.add.copy", disabled=upload is not None
        )
        if path and upload is not None:
            right.warning("A path and a ZIP archive are given: only the archive will be added.", icon=":material/info:")
        if right.button("Add", type="primary", key="data.add.go", disabled=not (path or upload)):
            _add(lambda tell: _bring(path, upload, name, layout, copy, tell))
    if added := st.session_state.pop(state.DATA_ADDED, None):
        st.success(notices.escape(added), icon=":material/check:")


def _bring(path: str, upload: Any, name: str, layout: str, copy: bool, tell: data.Progress) -> CollectionRecord:
    if upload is not None:
        stem = Path(upload.name).stem.lower().replace(" ", "-")
        return data.add_upload(upload, name or stem, layout=layout, progress=tell)
    return data.add_collection(Path(path.strip().strip("\"'")), name, layout=layout, copy=copy, progress=tell)


def _add(bring: Callable[[data.Progress], CollectionRecord]) -> None:
    with watched("Adding the collection …") as tell:
        try:
            record = bring(tell)
        except MedclsError as error:
            notices.show_error(error)
            return
    state.remember(state.COLLECTION, record.name)
    aside = f"; {record.n_set_aside} could not be read" if record.n_set_aside else ""
    dropped = f"; {record.n_dropped} are left out until you decide otherwise (Findings)" if record.n_dropped else ""
    st.session_state[state.DATA_ADDED] = f"{record.name} was added: {record.n_cases:,} cases{dropped}{aside}."
    st.session_state[state.DATA_TIMES] = st.session_state.get(state.DATA_TIMES, 0) + 1
    st.rerun()


@contextmanager
def watched(title: str) -> Iterator[data.Progress]:
    """Show a progress bar with the stage, what is done and the time left, gone when the work is."""
    bar, started = st.progress(0.0, title), {"": 0.0}

    def tell(stage: str, done: int, total: int) -> None:
        spent_s = time.monotonic() - started.setdefault(stage, time.monotonic())
        left_s = spent_s / max(done, 1) * (total - done)
        left = f", about {left_s:.0f} s left" if spent_s + left_s > 5 and done else ""
        bar.progress(min(1.0, done / max(total, 1)), f"{stage.capitalize()}: {done:,} of {total:,}{left}")

    try:
        yield tell
    finally:
        bar.empty()
