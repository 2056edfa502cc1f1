"""Data page: bring labelled scans, by path on the server or as a ZIP archive: look first, then add."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import streamlit as st

from medcls.core.collection import CollectionRecord
from medcls.core.plan import Plan, PlanChoices
from medcls.core.progress import Progress
from medcls.errors import MedclsError
from medcls.words import counted
from medcls.workflows import case_report, data_plan
from pages._ui import state
from pages._ui.data import plan as plan_view
from pages._ui.widgets import downloads, notices


def show_add(opened: bool) -> None:
    """Draw what adds a collection: path or archive, its plan, what to change in it; once added, it is chosen."""
    with st.expander(
        "Add a collection", expanded=opened or state.DATA_PLAN in st.session_state, icon=":material/create_new_folder:"
    ):
        left, right = st.columns(2)
        path = left.text_input("Folder, table or ZIP on the machine medcls runs on", key="data.add.path")
        times = st.session_state.get(state.DATA_TIMES, 0)  # a new key empties the uploader once its archive was added
        upload = right.file_uploader("or drop a ZIP archive", type=["zip"], key=f"data.add.zip.{times}")
        if path and upload is not None:
            right.warning(
                "A path and a ZIP archive are given: only the archive will be looked at.", icon=":material/info:"
            )
        source = _source(path, upload)
        saved = left.file_uploader("Decide as in a saved plan", type=["json"], key=f"data.add.plan.{times}")
        if left.button(
            "Look", type="primary" if _plan(source) is None else "secondary", key="data.add.look", disabled=not source
        ):
            _look(source, path, upload, _saved(saved))
        if (plan := _plan(source)) is not None:
            _show_plan(plan, source, path, upload)
    if added := st.session_state.pop(state.DATA_ADDED, None):
        st.success(notices.escape(added), icon=":material/check:")


def _source(path: str, upload: Any) -> str:
    """Return what tells one source from another; empty where none is given."""
    return f"upload {upload.file_id}" if upload is not None else _tidy(path)


def _tidy(path: str) -> str:
    return path.strip().strip("\"'")


def _plan(source: str) -> Plan | None:
    kept = st.session_state.get(state.DATA_PLAN)
    return kept[1] if kept and kept[0] == source else None


def _saved(file: Any) -> PlanChoices | None:
    if file is None:
        return None
    try:
        return Plan.from_json(file.getvalue(), file.name).choices
    except MedclsError as error:
        notices.show_error(error, file.name)
        return None


def _look(source: str, path: str, upload: Any, choices: PlanChoices | None = None) -> None:
    try:
        with watched("Looking …") as tell:
            if upload is not None:
                plan = data_plan.look_at_upload(upload, choices, tell)
            else:
                plan = data_plan.look_at(Path(_tidy(path)), choices, tell)
    except MedclsError as error:
        notices.show_error(error)
        return
    st.session_state[state.DATA_PLAN] = (source, plan)
    st.rerun()


def _show_plan(plan: Plan, source: str, path: str, upload: Any) -> None:
    plan_view.show_summary(plan)
    changed = plan_view.ask_choices(plan)
    if changed is not None:
        _look(source, path, upload, changed)
    plan_view.show_not_taken(plan, lambda: _list_left(plan, path, upload))
    left, middle, right = st.columns([2, 1, 1], vertical_alignment="bottom")
    name = left.text_input("Name", key="data.add.name", help="Empty takes the folder's name.")
    copy = left.checkbox(
        "Copy the files instead of reading them where they are", key="data.add.copy", disabled=upload is not None
    )
    file = case_report.OwnFile("plan", plan.to_json().encode(), "plan")
    with middle:
        downloads.offer("Save the plan", "own-file", lambda: file, "record", "plan.json", key="data.plan.save")
    if right.button("Add", type="primary", key="data.add.go", disabled=bool(plan.open_questions)):
        _add(lambda tell: _bring(plan, path, upload, name, copy, tell))


def _list_left(plan: Plan, path: str, upload: Any) -> dict[str, str]:
    if upload is not None:
        with data_plan.kept_upload(upload) as kept:
            left = data_plan.list_not_taken(kept, plan.choices)
    else:
        left = data_plan.list_not_taken(Path(_tidy(path)), plan.choices)
    return {file: str(why) for file, why in left.items()}


def _bring(plan: Plan, path: str, upload: Any, name: str, copy: bool, tell: Progress) -> CollectionRecord:
    if upload is not None:
        return data_plan.add_upload(upload, plan, name or data_plan.collection_name(upload.name), progress=tell)
    return data_plan.add_planned(Path(_tidy(path)), plan, name, copy=copy, progress=tell)


def _add(bring: Callable[[Progress], CollectionRecord]) -> None:
    with watched("Adding the collection …") as tell:
        try:
            record = bring(tell)
        except MedclsError as error:
            notices.show_error(error)
            return
    state.remember(state.COLLECTION, record.name)
    aside = f"; {record.n_set_aside:,} could not be read" if record.n_set_aside else ""
    dropped = f"; {record.n_dropped:,} are left out until you decide otherwise (Findings)" if record.n_dropped else ""
    n = record.n_not_taken
    taken = f"; {counted(n, 'file')} {'was' if n == 1 else 'were'} not taken" if n else ""
    st.session_state[state.DATA_ADDED] = f"{record.name} was added: {record.n_cases:,} cases{dropped}{aside}{taken}."
    st.session_state[state.DATA_TIMES] = st.session_state.get(state.DATA_TIMES, 0) + 1
    st.session_state.pop(state.DATA_PLAN, None)
    st.rerun()


@contextmanager
def watched(title: str) -> Iterator[Progress]:
    """Show a progress bar with the stage, what is done and the time left, gone when the work is."""
    bar, started = st.progress(0.0, title), {"": 0.0}

    def tell(done: int, total: int, stage: str = "") -> None:
        spent_s = time.monotonic() - started.setdefault(stage, time.monotonic())
        left_s = spent_s / max(done, 1) * (total - done)
        left = f", about {left_s:.0f} s left" if spent_s + left_s > 5 and done else ""
        bar.progress(min(1.0, done / max(total, 1)), f"{stage.capitalize()}: {done:,} of {total:,}{left}")

    try:
        yield tell
    finally:
        bar.empty()
