"""Data page: bring labelled scans, by path on the server or as a ZIP archive: look first, then add."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from medcls.core.collection import CollectionRecord
from medcls.core.plan import Plan, PlanChoices
from medcls.core.progress import Progress
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import case_report, data_plan
from pages._ui import state
from pages._ui.data import plan as plan_view
from pages._ui.widgets import downloads, notices, top
from pages._ui.widgets.waits import watched

NOT_RECOGNISED = "data.nothing-recognised"


def show_add(opened: bool) -> None:
    """Draw what adds a collection: path or archive, its plan, what to change in it; once added, it is chosen."""
    with st.expander(
        say("pages.data-add-a-collection"),
        expanded=opened or any(key in st.session_state for key in (state.DATA_PLAN, state.DATA_REFUSED)),
        icon=":material/create_new_folder:",
    ):
        left, right = st.columns(2)
        path = left.text_input(say("pages.data-folder-table-or-zip"), key="data.add.path")
        times = st.session_state.get(state.DATA_TIMES, 0)  # a new key empties the uploader once its archive was added
        upload = right.file_uploader(say("pages.data-or-drop-a-zip"), type=["zip"], key=f"data.add.zip.{times}")
        if path and upload is not None:
            right.warning(say("pages.data-a-path-and-a"), icon=":material/info:")
        source = _source(path, upload)
        saved = left.file_uploader(say("pages.data-decide-as-in-a"), type=["json"], key=f"data.add.plan.{times}")
        if st.button(
            say("pages.data-look"),
            type="primary" if _plan(source) is None else "secondary",
            key="data.add.look",
            disabled=not source,
        ):
            _look(source, path, upload, _saved(saved))
        if (plan := _plan(source)) is not None:
            _show_plan(plan, source, path, upload)
        elif (refused := _refused(source)) is not None:
            _show_refused(*refused, source, path, upload)
    if added := st.session_state.pop(state.DATA_ADDED, None):
        st.success(notices.escape(added), icon=":material/check:")
        top.show()


def _source(path: str, upload: Any) -> str:
    """Return what tells one source from another; empty where none is given."""
    return say("pages.data-upload", {"file_id": upload.file_id}) if upload is not None else _tidy(path)


def _tidy(path: str) -> str:
    return path.strip().strip("\"'")


def _plan(source: str) -> Plan | None:
    kept = st.session_state.get(state.DATA_PLAN)
    return kept[1] if kept and kept[0] == source else None


def _refused(source: str) -> tuple[MedclsError, PlanChoices] | None:
    kept = st.session_state.get(state.DATA_REFUSED)
    return kept[1:] if kept and kept[0] == source else None


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
        with watched(say("pages.data-looking")) as tell:
            if upload is not None:
                plan = data_plan.make_plan_of_upload(upload, choices, tell)
            else:
                plan = data_plan.make_plan(Path(_tidy(path)), choices, tell)
    except MedclsError as error:
        if error.code != NOT_RECOGNISED or _plan(source) is not None:  # a plan that stood here stays
            notices.show_error(error)
            return
        st.session_state[state.DATA_REFUSED] = (source, error, choices or PlanChoices())
    else:
        st.session_state[state.DATA_PLAN] = (source, plan)
        st.session_state.pop(state.DATA_REFUSED, None)
    st.rerun()


def _show_refused(error: MedclsError, choices: PlanChoices, source: str, path: str, upload: Any) -> None:
    """Show why nothing was recognised, and let a person say what a program did not find."""
    notices.show_error(error)
    if (said := plan_view.ask_more(choices, source)) is not None:
        _look(source, path, upload, said)


def _show_plan(plan: Plan, source: str, path: str, upload: Any) -> None:
    plan_view.show_summary(plan)
    changed = plan_view.ask_choices(plan)
    if changed is not None:
        _look(source, path, upload, changed)
    plan_view.show_not_taken(plan, lambda: _list_left(plan, path, upload))
    left, middle, right = st.columns([2, 1, 1], vertical_alignment="bottom")
    name = left.text_input(say("pages.run-name"), key="data.add.name", help=say("pages.data-empty-takes-the-folders"))
    copy = left.checkbox(say("pages.data-copy-the-files-instead"), key="data.add.copy", disabled=upload is not None)
    file = case_report.OwnFile("plan", plan.to_json().encode(), "plan")
    with middle:
        downloads.offer(
            say("pages.data-save-the-plan"), "own-file", lambda: file, "record", "plan.json", key="data.plan.save"
        )
    if right.button(say("pages.data-add"), type="primary", key="data.add.go", disabled=bool(plan.open_questions)):
        _add(lambda tell: _bring(plan, path, upload, name, copy, tell))


def _list_left(plan: Plan, path: str, upload: Any) -> dict[str, str]:
    if upload is not None:
        with data_plan.uploaded_file(upload) as kept:
            left = data_plan.list_not_taken(kept, plan.choices)
    else:
        left = data_plan.list_not_taken(Path(_tidy(path)), plan.choices)
    return {file: str(why) for file, why in left.items()}


def _bring(plan: Plan, path: str, upload: Any, name: str, copy: bool, tell: Progress) -> CollectionRecord:
    if upload is not None:
        return data_plan.add_upload(upload, plan, name or data_plan.collection_name(upload.name), progress=tell)
    return data_plan.add_planned(Path(_tidy(path)), plan, name, copy=copy, progress=tell)


def _add(bring: Callable[[Progress], CollectionRecord]) -> None:
    with watched(say("pages.data-adding-the-collection")) as tell:
        try:
            record = bring(tell)
        except MedclsError as error:
            notices.show_error(error)
            return
    state.remember(state.COLLECTION, record.name)
    aside = say("pages.data-could-not-be-read", {"n_set_aside": record.n_set_aside}) if record.n_set_aside else ""
    dropped = say("pages.data-are-left-out-until", {"n_dropped": record.n_dropped}) if record.n_dropped else ""
    n = record.n_not_taken
    taken = say("pages.data-not-taken-one" if n == 1 else "pages.data-not-taken", {"n": n}) if n else ""
    st.session_state[state.DATA_ADDED] = say(
        "pages.data-was-added-cases",
        {"name": record.name, "n_cases": record.n_cases, "dropped": dropped, "aside": aside, "taken": taken},
    )
    st.session_state[state.DATA_TIMES] = st.session_state.get(state.DATA_TIMES, 0) + 1
    st.session_state.pop(state.DATA_PLAN, None)
    top.ask()
    st.rerun()
