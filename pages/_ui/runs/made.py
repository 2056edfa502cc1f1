"""Runs: what a translator learns and what it makes; nothing of it is shown without its mark."""

import streamlit as st

from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import made, runs
from pages._ui import state
from pages._ui.runs.charts import LOSSES, rate_chart, score_chart
from pages._ui.train import form
from pages._ui.widgets import notices
from pages._ui.widgets.charts import show_chart


def show_losses(view: runs.RunView) -> None:
    """Draw the losses of a translator over its epochs: there and back, unchanged, and of both pairs of networks."""
    epochs = runs.read_metrics(view.id)
    if not epochs:
        st.info(say("pages.runs-the-first-epoch" if view.moves else "pages.runs-no-epoch"), icon=":material/info:")
        return
    columns = st.columns(2)
    for place, loss in enumerate(LOSSES):
        with columns[place % 2]:
            show_chart(score_chart(epochs, loss), key=f"runs.{loss}")
    with columns[0]:
        show_chart(rate_chart(epochs), key="runs.lr")
    st.caption(say("pages.runs-losses-say-little"))


def show_samples(view: runs.RunView) -> None:
    """Draw the sheet of an epoch under its mark, and say what the pictures are for."""
    sheets = made.list_sheets(view.id)
    if not sheets:
        st.info(say("pages.runs-no-sheet"), icon=":material/info:")
        return
    st.warning(say("pages.runs-made-not-scans"), icon=":material/auto_fix_high:")
    epoch = sheets[-1]
    if len(sheets) > 1:
        epoch = st.select_slider(say("pages.runs-epoch"), sheets, sheets[-1], key=state.RUN_SHEET)
    try:
        st.image(made.read_sheet(view.id, epoch), alt=say("pages.runs-sheet-alt", {"epoch": epoch}), width="content")
    except MedclsError as error:
        notices.show_error(error)
    if view.state.status in ("finished", "stopped"):
        _tell_made(view.id)


def _tell_made(run_id: str) -> None:
    """Say how many pictures there are, and lead to a run that learns from them."""
    try:
        found = made.read_made_set(run_id)
    except MedclsError as error:
        notices.show_error(error)
        return
    told = {"n": len(found.pictures), "label": found.to_label, "source": found.from_label}
    st.markdown(notices.escape(say("pages.runs-made-count", told)))
    if st.button(
        say("pages.runs-learn-from"), icon=":material/model_training:", help=say("pages.runs-learn-from-help")
    ):
        form.set_draft(made.spec_to_learn(run_id))
        st.switch_page("../train.py")
