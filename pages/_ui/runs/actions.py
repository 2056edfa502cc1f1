"""Runs: what may be done with one; each action asks the workflow, which knows what is allowed."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from medcls.core.model import Terms
from medcls.core.progress import staged
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import fold_results, folds, models, preflight, run_again, run_results, run_table, runs
from pages._ui import state
from pages._ui.widgets import notices, waits

_MADE = ("data.made-changed", "data.made-gone")  # faults of data that other settings mend


def show_actions(view: runs.RunView, published: bool = False) -> None:
    """Draw the buttons that make sense in the run's state; one published already has its first step above them."""
    with st.container(horizontal=True):
        if view.moves and st.button(
            say("pages.runs-stop"), icon=":material/stop_circle:", help=say("pages.runs-stops-after-the")
        ):
            _do(runs.stop_run, view.id)
        if not view.moves and view.state.status != "finished":
            _offer_more(view)
        if (
            view.has_result
            and not view.moves
            and st.button(
                say("pages.path-publish"),
                icon=":material/publish:",
                type="secondary" if published else "primary",
                help=say("pages.runs-puts-its-model"),
            )
        ):
            publish(view)
        if st.button(say("pages.run-describe"), icon=":material/edit:"):
            st.session_state[state.RUN_ABOUT] = run_table.line_of(view).about
            describe(view)
        if view.state.status != "failed" and st.button(
            say("pages.runs-clone"), icon=":material/content_copy:", help=say("pages.runs-opens-its-settings")
        ):
            st.switch_page("../train.py", query_params={"from": view.id})
        if st.button(
            say("pages.runs-reproduce"),
            icon=":material/repeat:",
            help=say("pages.runs-starts-it-again"),
        ):
            _do(run_again.reproduce_run, view.id, show=True)
        if st.button(say("pages.runs-delete"), icon=":material/delete:", disabled=view.moves):
            delete(view)
        if st.button(say("pages.runs-all-runs"), icon=":material/list:"):
            state.remember(state.RUN, None)
            state.remember(state.RUNS_SHOW, "runs")
            st.session_state.pop(state.RUNS_KIND, None)
            st.rerun()


def _offer_more(view: runs.RunView) -> None:
    """Offer to go on; a failed run fails in the same way again, so what helps is to mend its data or its settings."""
    failed = view.state.status == "failed"
    message = view.state.message
    by_data = failed and message is not None and message.room == "data" and message.code not in _MADE
    if by_data and st.button(say("pages.run-data"), icon=":material/photo_library:", type="primary"):
        _open_data(view)
    if failed and st.button(
        say("pages.run-change"),
        icon=":material/tune:",
        type="secondary" if by_data else "primary",
        help=say("pages.run-change-help"),
    ):
        st.switch_page("../train.py", query_params={"from": view.id})
    if st.button(
        say("pages.run-again") if failed else say("pages.run-resume"),
        icon=":material/play_arrow:",
        type="secondary" if failed else "primary",
        help=say("pages.run-resume-help"),
    ):
        _do(runs.resume_run, view.id)


def _open_data(view: runs.RunView) -> None:
    """Go to the collection that the run cannot read, else to its first."""
    opened = preflight.open_data(view.spec.data.collections)
    name = next((one.name for one in opened if not one.ok), opened[0].name)
    state.remember(state.COLLECTION, name)
    st.switch_page("../data.py", query_params={state.COLLECTION: name})


def _do(action: Callable[..., Any], *arguments: Any, show: bool = False) -> None:
    try:
        view = action(*arguments)
    except MedclsError as error:
        notices.show_error(error)
        return
    if show:
        state.remember(state.RUN, view.id)
    st.rerun()


@st.dialog(say("pages.runs-publish-a-model"))
def publish(view: runs.RunView) -> None:
    """Ask for what the card should say, and publish."""
    st.write(say("pages.runs-the-model-joins"))
    found = folds.find_folds(view.id)
    every = bool(found and not found.missing) and st.toggle(
        say("pages.runs-the-mean-of"),
        True,
        help=say("pages.runs-it-answers-new"),
    )
    name = st.text_input(say("pages.run-name"), folds.name_together(view.name) if every else view.name, max_chars=120)
    licence = st.text_input(say("pages.runs-licence"), help=say("pages.runs-terms-of-the"))
    limits = st.text_area(say("pages.runs-what-it-was"), placeholder=say("pages.runs-limits-example"))
    if name.strip() in {card.name for card in models.list_models()}:
        st.warning(say("pages.runs-there-is-a"), icon=":material/info:")
    if st.button(say("pages.path-publish"), type="primary", disabled=not name.strip()):
        try:
            with waits.watched(say("pages.runs-publishing")) as tell:
                terms = Terms(licence, tuple(line.strip() for line in limits.splitlines() if line.strip()))
                tell = staged(tell, say("pages.runs-publishing-step"))
                if found and every:
                    fold_results.publish_folds(found, name, terms=terms, progress=tell)
                else:
                    run_results.publish_run(view.id, name, terms=terms, progress=tell)
        except MedclsError as error:
            notices.show_error(error)
            return
        st.rerun()


@st.dialog(say("pages.run-describe"))
def describe(view: runs.RunView) -> None:
    """Ask for another name, tags and a note."""
    about = st.session_state[state.RUN_ABOUT]
    name = st.text_input(say("pages.run-name"), view.name, max_chars=200)
    tags = st.text_input(say("pages.run-tags"), ", ".join(about.tags))
    note = st.text_area(say("pages.run-note"), about.note, max_chars=2000)
    if st.button(say("pages.run-keep"), type="primary"):
        _do(_describe, view, name, tuple(tags.split(",")), note)


def _describe(view: runs.RunView, name: str, tags: tuple[str, ...], note: str) -> runs.RunView:
    if name.strip() != view.name:
        runs.rename_run(view.id, name)
    return run_table.describe_run(view.id, tags, note, seen=st.session_state[state.RUN_ABOUT])


@st.dialog(say("pages.runs-delete-a-run"))
def delete(view: runs.RunView) -> None:
    """Ask before a run is deleted."""
    st.write(say("pages.runs-delete-with-its", {"name": notices.escape(view.name)}))
    if st.button(say("pages.runs-delete"), type="primary"):
        try:
            runs.delete_run(view.id)
        except MedclsError as error:
            notices.show_error(error)
            return
        state.remember(state.RUN, None)
        st.rerun()
