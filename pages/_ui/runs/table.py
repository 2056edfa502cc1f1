"""Runs: the list of all of them, grouped, filtered by tag; and which one is shown."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from medcls.core.run import settings
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import run_table, runs
from pages._ui import state
from pages._ui.runs.charts import score_word
from pages._ui.widgets import notices
from pages._ui.widgets.numbers import show_ago, show_estimate, show_seconds

ICONS = {
    "queued": say("pages.runs-queued"),
    "waiting": say("pages.runs-waiting"),
    "preparing": say("pages.runs-preparing"),
    "running": say("pages.runs-running"),
    "stopping": say("pages.runs-stopping"),
    "paused": say("pages.runs-paused"),
    "finished": say("pages.runs-finished"),
    "stopped": say("pages.runs-stopped"),
    "failed": say("pages.runs-failed"),
    "died": say("pages.runs-died"),
}
_ROW_PX, _MOST_PX = 33, 640  # of the table: a line at the page's font size, and all of it
_BY = {"": "pages.runs-all", "folds": "pages.runs-by-folds", "search": "pages.runs-by-search"}


def show_list() -> None:
    """Draw all runs as tables, one a group; a click shows one."""
    lines = run_table.list_lines()
    by, shown = _choose(lines)
    names = run_table.differing([line.view for line in shown])
    for title, some in run_table.groups(shown, by).items():
        if by:
            st.subheader(notices.escape(title) if title else say("pages.runs-rest"))
        _show_table(some, run_table.differing([line.view for line in some]) if by else names, title)
    st.caption(say("pages.runs-tick"))


def _choose(lines: Sequence[run_table.RunLine]) -> tuple[str, list[run_table.RunLine]]:
    """Let the person group the runs and keep those of one tag; neither is offered where it would change nothing."""
    tags = sorted({tag for line in lines for tag in line.about.tags})
    kinds = ["", *(k for k in ("folds", "search") if any(getattr(line, k) for line in lines))]
    by, tag = "", None
    with st.container(horizontal=True, vertical_alignment="center"):
        if len(kinds) > 1:
            by = (
                st.segmented_control(
                    say("pages.runs-group"),
                    kinds,
                    default="",
                    format_func=lambda k: say(_BY[k]),
                    key="runs.by",
                    label_visibility="collapsed",
                    required=True,
                )
                or ""
            )
        if tags:
            title = say("pages.runs-tags")
            tag = st.pills(title, tags, key="runs.tag", label_visibility="collapsed", format_func=notices.escape)
    return by, [line for line in lines if tag is None or tag in line.about.tags]


def _show_table(lines: Sequence[run_table.RunLine], names: Sequence[str], title: str) -> None:
    columns = {**_COLUMNS, **{name: setting_word(name) for name in names}}
    rows = [_row(line) | {name: written(line.view.spec.value(name)) for name in names} for line in lines]
    rows = [
        {columns[key]: row[key] for key in columns if key in row and any(r[key] not in ("", [], None) for r in rows)}
        for row in rows
    ]
    chosen = st.dataframe(
        rows,
        hide_index=True,
        width="stretch",
        height=min(_ROW_PX * (len(rows) + 1) + 3, _MOST_PX),
        on_select="rerun",
        selection_mode="single-row",
        key=f"{state.RUNS_TABLE}.{st.session_state.get(state.RUNS_TABLE, 0)}.{title}",
        column_config={
            _COLUMNS["name"]: st.column_config.TextColumn(pinned=True),
            _COLUMNS["progress"]: st.column_config.ProgressColumn(format="%d %%", min_value=0, max_value=100),
            _COLUMNS["curve"]: st.column_config.LineChartColumn(width=130),
            _COLUMNS["tags"]: st.column_config.TextColumn(width=130),
            _COLUMNS["note"]: st.column_config.TextColumn(width=200),
        },
        alt=say("pages.runs-table"),
    )
    picked = chosen.selection.rows
    if picked and picked[0] < len(lines):
        state.remember(state.RUN, lines[picked[0]].view.id)
        leave()
        st.rerun(scope="app")


_COLUMNS = {
    "name": say("pages.runs-run"),
    "state": say("pages.runs-state"),
    "progress": say("pages.runs-progress"),
    "left": say("pages.runs-time-left-2"),
    "tested": say("pages.runs-on-test-cases-95"),
    "best": say("pages.runs-best-in-validation-2"),
    "curve": say("pages.runs-over-the-epochs"),
    "tags": say("pages.runs-tags-2"),
    "note": say("pages.runs-note-2"),
    "began": say("pages.runs-created"),
}


def leave() -> None:
    """Forget which line was ticked: the table is drawn with none when the page comes back to it."""
    st.session_state[state.RUNS_TABLE] = st.session_state.get(state.RUNS_TABLE, 0) + 1


def _row(line: run_table.RunLine) -> dict[str, Any]:
    view, s = line.view, line.view.state
    best = "" if math.isnan(s.best_score) else f"{score_word(view.spec.monitor)} {s.best_score:.2f}"
    score = {"balanced_accuracy": say("pages.runs-balanced-accuracy-2"), "auroc": say("pages.data-auroc")}.get(
        line.score, line.score
    )
    return {
        "name": view.name,
        "state": ICONS[s.status],
        "progress": round(100 * view.progress) if view.moves or s.status in ("paused", "stopped") else None,
        "left": show_left(view),
        "tested": f"{score} {show_estimate(line.tested)}" if line.tested else "",
        "best": best,
        "curve": [value for value in line.curve if math.isfinite(value)],
        "tags": ", ".join(line.about.tags),
        "note": line.about.note.partition("\n")[0],
        "began": show_ago((datetime.now(UTC) - line.began).total_seconds()),
    }


def setting_word(name: str) -> str:
    """Return a setting as a person reads it, with its unit."""
    words = {
        "lr": say("pages.runs-learning-rate-2"),
        "hflip": say("pages.runs-mirror-leftright"),
        "vflip": say("pages.runs-mirror-updown"),
    }.get(name)
    unit = settings()[name].setting.unit
    return (words or name.removesuffix("_px").removesuffix("_deg").replace("_", " ")) + (f" ({unit})" if unit else "")


def written(value: Any) -> str:
    """Return a setting's value as it is given on the command line; numbers to five digits."""
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, tuple):
        return " ".join(str(one) for one in value)
    return json.dumps(value) if isinstance(value, dict) and value else "" if value == {} else str(value)


def show_left(view: runs.RunView) -> str:
    """Return the time a run still needs, in words; empty if it is at rest, "?" if unknown."""
    if not view.moves:
        return ""
    left_s = view.state.left_s
    if math.isnan(left_s) or (left_s <= 0 and view.state.status != "running"):
        return "?"
    return show_seconds(left_s if left_s < 60 else 60 * round(left_s / 60)).removesuffix(" 0 s")


def show_broken() -> None:
    """Name the runs that cannot be read, with the reason."""
    for broken in runs.broken_runs():
        notices.show_failure(broken)
        with st.popover(say("pages.runs-delete-it"), icon=":material/delete:"):
            st.write(say("pages.runs-deletes-the-run"))
            if st.button(say("pages.runs-delete-2", {"id": broken.name}), key=f"runs.broken.{broken.name}"):
                try:
                    runs.delete_run(broken.name)
                    st.rerun()
                except MedclsError as error:
                    notices.show_error(error)
