"""Runs: the list of all of them, and which one is shown."""

import math

import streamlit as st

from medcls.errors import MedclsError
from medcls.workflows import runs
from pages._ui import state
from pages._ui.runs.charts import score_word
from pages._ui.widgets import notices
from pages._ui.widgets.numbers import show_seconds

ICONS = {
    "queued": "◌ queued",
    "waiting": "◔ waiting",
    "preparing": "◔ preparing",
    "running": "▶ running",
    "stopping": "◧ stopping",
    "paused": "❚❚ paused",
    "finished": "● finished",
    "stopped": "■ stopped",
    "failed": "✕ failed",
    "died": "✕ died",
}


def show_list(views: tuple[runs.RunView, ...]) -> None:
    """Draw all runs as a table; a click shows one."""
    rows = [_row(view) for view in views]
    if not any(view.moves for view in views):  # the room goes to what there is to tell
        rows = [{title: value for title, value in row.items() if title != "time left"} for row in rows]
    chosen = st.dataframe(
        rows,
        hide_index=True,
        width="stretch",
        height=min(36 * len(rows) + 40, 640),
        on_select="rerun",
        selection_mode="single-row",
        key=state.RUNS_TABLE,
        column_config={
            "progress": st.column_config.ProgressColumn("progress", format="%d %%", min_value=0, max_value=100),
            "time left": st.column_config.TextColumn("time left", width=110),
            "best": st.column_config.TextColumn("best in validation", width=130),
        },
        alt="All runs with state and progress",
    )
    st.caption(
        "Tick a run to open it. The validation score chose the run's best epoch, so it flatters and has no interval; "
        "the run's report measures it on cases that it never saw."
    )
    picked = chosen.selection.rows
    if picked and picked[0] < len(views):
        state.remember(state.RUN, views[picked[0]].id)
        st.rerun(scope="app")


def _row(view: runs.RunView) -> dict:
    s = view.state
    best = "" if math.isnan(s.best_score) else f"{score_word(view.spec.optimisation.monitor)} {s.best_score:.3f}"
    return {
        "run": view.name,
        "state": ICONS[s.status],
        "progress": round(100 * view.progress),
        "epoch": f"{s.epoch} of {s.epochs or view.spec.optimisation.epochs}",
        "time left": show_left(view),
        "best": best,
        "network": view.spec.network.backbone,
        "data": ", ".join(view.spec.data.collections),
        "id": view.id,
    }


def show_left(view: runs.RunView) -> str:
    """Return the time a run still needs, in words; empty if it is at rest, "?" if unknown."""
    if not view.moves:
        return ""
    left_s = view.state.left_s
    if math.isnan(left_s) or (left_s <= 0 and view.state.status != "running"):
        return "?"
    return show_seconds(left_s if left_s < 60 else 60 * round(left_s / 60)).removesuffix(" 0 s")


def current(views: tuple[runs.RunView, ...]) -> runs.RunView | None:
    """Return the run that is shown: the one of the address, or none."""
    wanted = state.choice(state.RUN)
    return next((view for view in views if view.id == wanted), None)


def show_broken() -> None:
    """Name the runs that cannot be read, with the reason."""
    for broken in runs.broken_runs():
        notices.show_error(broken.error)
        with st.popover("Delete it …", icon=":material/delete:"):
            st.write("Deletes the run's folder with all that it made; models published from it stay.")
            if st.button(f"Delete {broken.id}", key=f"runs.broken.{broken.id}"):
                try:
                    runs.delete_run(broken.id)
                    st.rerun()
                except MedclsError as error:
                    notices.show_error(error)
