"""Train, step 4: what the run would take, measured; and its start."""

import math

import streamlit as st

from medcls.core.run import RunSpec
from medcls.errors import MedclsError
from medcls.workflows import data_split, folds, preflight, runs
from pages._ui import state
from pages._ui.widgets import notices
from pages._ui.widgets.numbers import show_seconds


def show_start(spec: RunSpec, seen: preflight.Preflight, usable: bool = True) -> None:
    """Draw the two buttons and what the preflight found; neither can be pressed where a field holds nothing usable."""
    check, start, whole, _ = st.columns([1, 1, 1.4, 1.6])
    if check.button(
        "Preflight",
        icon=":material/fact_check:",
        width="stretch",
        disabled=not usable,
        help="Carries out a few steps and measures time and memory.",
    ):
        measure(spec)
    found = st.session_state.get(state.TRAIN_PREFLIGHT)
    current = found[1] if found and found[0] == spec else None
    blocked = bool(not usable or seen.blockers or (current and current.blockers))
    if start.button("Start", type="primary", icon=":material/play_arrow:", width="stretch", disabled=blocked):
        begin(spec)
    if (n_folds := _count_folds(spec)) >= folds.FEWEST and whole.button(
        f"Start all {n_folds} folds",
        icon=":material/view_week:",
        width="stretch",
        disabled=blocked,
        help="Cross-validation: a run for every fold, so that each case is answered by the network that never saw it.",
    ):
        begin(spec, every_fold=True)
    if current:
        show_found(current, spec)
    elif found:
        st.caption("The preflight was of other settings.")


def measure(spec: RunSpec) -> None:
    """Carry out the preflight and keep what it found for this session."""
    try:
        with st.spinner("Loading the network and carrying out a few steps …", show_time=True):
            st.session_state[state.TRAIN_PREFLIGHT] = (spec, preflight.check_run(spec))
    except MedclsError as error:
        notices.show_error(error)


def show_found(found: preflight.Preflight, spec: RunSpec) -> None:
    """Draw time, memory and room, or why the run cannot start."""
    for note in found.blockers:
        st.error(notices.escape(str(note)), icon=":material/block:")
    if math.isnan(found.total_s):
        return
    numbers = st.columns(4)
    numbers[0].metric(
        "The whole run, at most",
        show_seconds(found.total_s),
        help=f"{spec.optimisation.epochs} epochs; early stopping may end it sooner.",
    )
    numbers[1].metric("An epoch", show_seconds(found.epoch_s))
    numbers[2].metric("Memory", f"{found.memory_bytes / 1e9:.1f} GB", help=_of(found.memory_free_bytes))
    numbers[3].metric("Disk", f"{found.disk_bytes / 1e9:.2f} GB", help=_of(found.disk_free_bytes))
    st.caption(
        f"Measured on this machine with random pixels, in {found.computed_in}; what else runs here slows it down."
    )


def _of(free: int | None) -> str:
    return "" if free is None else f"{free / 1e9:.1f} GB are free"


def _count_folds(spec: RunSpec) -> int:
    try:
        return data_split.count_folds(spec.data.collections, spec.data.split)
    except MedclsError:
        return 0  # what is wrong with the split stands beside the counts


def begin(spec: RunSpec, every_fold: bool = False) -> None:
    """Start the run, or one for every fold, and go to its page."""
    try:
        with st.spinner("Starting the worker …", show_time=True):
            view = folds.start_folds(spec)[0] if every_fold else runs.start_run(spec)
    except MedclsError as error:
        notices.show_error(error)
        return
    state.remember(state.RUN, view.id)  # else the run looked at before would be shown
    st.switch_page("../runs.py", query_params={"run": view.id})
