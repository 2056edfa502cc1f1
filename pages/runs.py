"""Runs: every run with its state; one run with curves, report, wrong cases, log and settings."""

from collections.abc import Callable

import streamlit as st

from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import run_results, runs
from pages._ui import state
from pages._ui.runs import actions, made, report, searches, table
from pages._ui.runs import view as run_view
from pages._ui.widgets import header, notices, path, pickers

SECTIONS = {
    "Curves": say("pages.compare-curves"),
    "Report": say("pages.report"),
    "Wrong cases": say("pages.runs-wrong-cases"),
    "Log": say("pages.runs-log-file"),
    "Settings": say("pages.runs-settings"),
}
OF_TRANSLATOR = {
    "Curves": say("pages.compare-curves"),
    "Samples": say("pages.data-samples"),
    "Log": say("pages.runs-log-file"),
    "Settings": say("pages.runs-settings"),
}


def show_all() -> None:
    """Draw the list of runs, kept fresh while one moves."""
    views = runs.list_runs()
    table.show_broken()
    if not views:
        notices.show_empty(
            say("pages.runs-fine-tuning-runs"),
            say("pages.runs-start-one-build"),
        )
        st.page_link("../train.py", label=say("pages.runs-start-a-run"), icon=":material/model_training:")
        return
    table.show_list()


def show_live(run_id: str, section: str = "") -> None:
    """Draw one run's state, or one section of it; the page is drawn anew when the run comes to rest."""
    view = runs.show_run(run_id)
    if view.moves != st.session_state.get(state.RUNS_MOVE, view.moves):
        st.session_state[state.RUNS_MOVE] = view.moves
        st.rerun(scope="app")
    _show_section(section, view) if section else run_view.show_state(view)


def _show_section(section: str, view: runs.RunView) -> None:
    """Draw one section of a run."""
    if view.spec.is_translator and section in ("Curves", "Samples"):
        made.show_losses(view) if section == "Curves" else made.show_samples(view)
    elif section == "Curves":
        run_view.show_curves(view, [other for other in runs.list_runs() if other.id != view.id])
    elif section == "Report":
        report.show_report(view)
    elif section == "Wrong cases":
        report.show_wrong(view)
    elif section == "Log":
        run_view.show_log(view)
    else:
        run_view.show_spec(view)


def keep_fresh(draw: Callable[..., None], moves: bool, *arguments: str) -> None:
    """Draw now, and again every two seconds while something moves."""
    st.session_state[state.RUNS_MOVE] = moves
    st.fragment(_draw, run_every="2s" if moves else None)(draw, *arguments)


def _draw(draw: Callable[..., None], *arguments: str) -> None:
    """Draw a part; what was deleted or damaged meanwhile takes its own part away, not the page."""
    try:
        draw(*arguments)
    except (MedclsError, OSError) as error:
        notices.show_error(error)


wanted, failure = state.choice(state.RUN), None
try:
    chosen = runs.show_run(wanted) if wanted else None
except MedclsError as error:
    state.remember(state.RUN, None)
    chosen, failure = None, error
if chosen is None:
    header.head(say("pages.title-runs"))
    if failure is not None:
        notices.show_error(failure)
    kinds = {"runs": say("pages.runs"), "searches": say("pages.runs-searches")}
    last = state.choice(state.RUNS_SHOW)
    state.follow(state.RUNS_KIND, state.RUNS_SHOW, last if last in kinds else "runs")
    kind = st.segmented_control(
        say("pages.runs-list"),
        list(kinds),
        default=last if last in kinds else "runs",
        format_func=kinds.__getitem__,
        key=state.RUNS_KIND,
        label_visibility="collapsed",
        required=True,
    )
    state.remember(state.RUNS_SHOW, kind or "runs")
    state.hide(state.RUN_PART, *([] if kind == "searches" else [state.SEARCH]))
if chosen is None and kind == "searches":
    keep_fresh(searches.show_searches, searches.any_moves())
elif chosen is None:
    keep_fresh(show_all, any(view.moves for view in runs.list_runs()))
else:
    state.remember(state.RUN, chosen.id)
    state.hide(state.RUNS_SHOW, state.SEARCH)
    header.head(notices.escape(chosen.name))
    run_view.show_about(chosen)
    published = run_results.published_of(chosen.id) if chosen.has_result else None
    if published is not None:
        run_view.show_published(published)
    if chosen.spec.data.collections and chosen.has_result:
        path.show_of_run(chosen)
    actions.show_actions(chosen, published=published is not None)
    keep_fresh(show_live, chosen.moves, chosen.id)
    parts = OF_TRANSLATOR if chosen.spec.is_translator else SECTIONS
    keep_fresh(show_live, chosen.moves, chosen.id, pickers.pick_part(say("pages.filter"), parts, state.RUN_PART))
