"""Train, step 4: what the run would take, measured; and its start."""

import math

import streamlit as st

from medcls.core.progress import staged
from medcls.core.run import RunSpec
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import data_split, folds, preflight, runs
from pages._ui import state
from pages._ui.widgets import notices
from pages._ui.widgets.numbers import show_seconds
from pages._ui.widgets.waits import watched


def show_start(spec: RunSpec, seen: preflight.Preflight, usable: bool = True) -> None:
    """Draw the two buttons and what the preflight found; neither can be pressed where a field holds nothing usable."""
    check, start, whole, _ = st.columns([1, 1, 1.4, 1.6])
    if check.button(
        say("pages.train-preflight"),
        icon=":material/fact_check:",
        width="stretch",
        disabled=not usable,
        help=say("pages.train-carries-out-a-few"),
    ):
        measure(spec)
    found = st.session_state.get(state.TRAIN_PREFLIGHT)
    current = found[1] if found and found[0] == spec else None
    blocked = bool(not usable or seen.blockers or (current and current.blockers))
    if start.button(
        say("pages.train-start"), type="primary", icon=":material/play_arrow:", width="stretch", disabled=blocked
    ):
        begin(spec)
    if (n_folds := _count_folds(spec)) >= folds.FEWEST and whole.button(
        say("pages.train-start-all-folds", {"n_folds": n_folds}),
        icon=":material/view_week:",
        width="stretch",
        disabled=blocked,
        help=say("pages.train-crossvalidation-a-run-for"),
    ):
        begin(spec, every_fold=True)
    if current:
        show_found(current, spec)
    elif found:
        st.caption(say("pages.train-the-preflight-was-of"))


def measure(spec: RunSpec) -> None:
    """Carry out the preflight and keep what it found for this session."""
    told = "pages.train-loading-the-network-and"
    bar = st.progress(0.0, say(told, {"done": 1, "total": 1}))

    def tell(done: int, total: int, stage: str = "") -> None:
        bar.progress(done / total, say(told, {"done": min(done + 1, total), "total": total}))

    try:
        st.session_state[state.TRAIN_PREFLIGHT] = (spec, preflight.check_run(spec, tell))
    except MedclsError as error:
        notices.show_error(error)
    finally:
        bar.empty()


def show_found(found: preflight.Preflight, spec: RunSpec) -> None:
    """Draw time, memory and room, or why the run cannot start."""
    for note in found.blockers:
        st.error(notices.escape(str(note)), icon=":material/block:")
    if math.isnan(found.total_s):
        return
    numbers = st.columns(4)
    numbers[0].metric(
        say("pages.train-the-whole-run-at"),
        show_seconds(found.total_s),
        help=say("pages.train-epochs-early-stopping-may", {"epochs": spec.optimisation.epochs}),
    )
    numbers[1].metric(say("pages.train-an-epoch"), show_seconds(found.epoch_s))
    numbers[2].metric(
        say("pages.train-memory"), f"{found.memory_bytes / 1e9:.1f} GB", help=_of(found.memory_free_bytes)
    )
    numbers[3].metric(say("pages.train-disk"), f"{found.disk_bytes / 1e9:.2f} GB", help=_of(found.disk_free_bytes))
    st.caption(say("pages.train-measured-on-this-machine", {"computed_in": found.computed_in}))


def _of(free: int | None) -> str:
    return "" if free is None else say("pages.train-gb-are-free", {"free_gb": free / 1e9})


def _count_folds(spec: RunSpec) -> int:
    try:
        return data_split.count_folds(spec.data.collections, spec.data.split)
    except MedclsError:
        return 0  # what is wrong with the split stands beside the counts


def begin(spec: RunSpec, every_fold: bool = False) -> None:
    """Start the run, or one for every fold, and go to its page."""
    try:
        if every_fold:
            with watched(say("pages.train-starting-the-worker")) as tell:
                view = folds.start_folds(spec, staged(tell, say("pages.train-folds-started")))[0]
        else:
            with st.spinner(say("pages.train-starting-the-worker"), show_time=True):
                view = runs.start_run(spec)
    except MedclsError as error:
        notices.show_error(error)
        return
    state.remember(state.RUN, view.id)  # else the run looked at before would be shown
    st.switch_page("../runs.py", query_params={"run": view.id})
