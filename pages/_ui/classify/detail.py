"""One scan and what the network says of it."""

from html import escape

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.prediction import Prediction
from medcls.core.scan import Scan
from medcls.errors import MedclsError
from medcls.workflows import models
from pages._ui.classify.answers import Row, ask_frame
from pages._ui.classify.heatmap import show_scan_and_heatmap
from pages._ui.widgets import drops, notices
from pages._ui.widgets.charts import show_probabilities
from pages._ui.widgets.numbers import show_estimate, show_prob, show_seconds
from pages._ui.widgets.palette import label_colours, label_word


def show_detail(rows: list[Row], chosen: int, card: ModelCard) -> None:
    """Show the scan at the left and the answer at the right; an error stands where they would have stood."""
    row = rows[chosen]
    read = drops.read_entry(row.entry, row.frame)
    error = row.error or read.error
    if read.scan is None or row.prediction is None:
        notices.show_error(error or MedclsError("This file has no answer"), row.entry.name)
        pick_frame(rows, chosen, card)
        return
    left, right = st.columns([1.7, 1], gap="medium")
    with right:  # first: the answer is there before the heatmap is drawn
        show_answer(row.prediction, card)
        st.markdown(notices.escape(measured(card)))
        notices.show_research_use()
    with left:
        show_scan_and_heatmap(read.scan, row.prediction, card, alt=f"The scan {row.entry.name}")
        show_name(row, read.scan)
        pick_frame(rows, chosen, card)
        show_history(read.scan)


def pick_frame(rows: list[Row], chosen: int, card: ModelCard) -> None:
    """Offer the frames of a file that holds several; the one chosen is answered in place of the one before."""
    row = rows[chosen]
    n = drops.count_frames(row.entry)
    if n > 1:
        frame = st.number_input(f"Frame, of {n} in this file", 1, n, (row.frame or 0) + 1, key=f"frame.{id(row.entry)}")
        if ask_frame(rows, chosen, int(frame) - 1, card):
            st.rerun()


def show_name(row: Row, scan: Scan) -> None:
    """Show the scan's name and size, and that a synthetic one shows nobody."""
    height, width = scan.size_px
    nobody = " It shows nobody." if drops.is_synthetic(row.entry) else ""
    st.caption(f"{notices.escape(row.entry.name)} · {width} x {height} px.{nobody}")


def show_answer(prediction: Prediction, card: ModelCard) -> None:
    """Show the decided label, or "cannot tell" with its reason, and every probability."""
    decided = prediction.decided
    colour = label_colours(card.task)[decided] if decided else "currentColor"
    word = label_word(card.task, decided) if decided else "cannot tell"
    st.html(
        f'<div style="border-left:5px solid {colour};padding:.1rem 0 .1rem .9rem">'
        f'<div style="font-size:.85rem;opacity:.75">{"The network answers" if decided else "The network"}</div>'
        f'<div style="font-size:1.7rem;font-weight:650;line-height:1.25">{escape(word)}</div>'
        f'<div style="font-size:.85rem;opacity:.75">{escape(card.name or card.id)} · '
        f"{escape(show_seconds(prediction.elapsed_s))}</div></div>"
    )
    if prediction.refusal:
        st.warning(notices.escape(str(prediction.refusal)), icon=":material/info:")
    show_probabilities(card, prediction)
    if card.abstention.min_prob > 0:
        st.caption(f"Line: below {show_prob(card.abstention.min_prob)} the network says “cannot tell”.")
    for note in (*prediction.cautions, *prediction.points):
        st.info(notices.escape(str(note)), icon=":material/info:")


def show_what_to_know(card: ModelCard) -> None:
    """Show what the model was trained on and what not."""
    lines = [f"Trained on: {card.trained_on}"] if card.trained_on else []
    lines += [*card.task.limits, *card.limits]
    if not lines:
        return
    with st.expander("What to know of this network", expanded=True):
        st.markdown("\n".join(f"- {notices.escape(line)}" for line in lines))


def measured(card: ModelCard) -> str:
    """Give in a sentence how good the model was, with interval and n."""
    try:
        evaluation = models.evaluation_of(card.id)
    except MedclsError as error:
        return str(error)
    if evaluation is None or "accuracy" not in evaluation.scores:
        return "How good it is was not measured: take no answer of it for granted."
    accuracy, auroc = evaluation.scores["accuracy"], evaluation.scores.get("auroc")
    ranking = f"; AUROC {show_estimate(auroc)}" if auroc else ""
    scans = f"{evaluation.n_cases:,} scans"
    if card.folds:
        on = f"In {scans} ({evaluation.collection}), each answered by the one of its networks that never saw it, they were"
    else:
        on = f"In {scans} it never saw ({evaluation.collection}) it was"
    return f"{on} right in {show_estimate(accuracy)}{ranking}. In brackets: the 95 % interval."


def show_history(scan: Scan) -> None:
    """Show what decoding did to the file, at once where it did more than read it."""
    with st.expander("How the scan was read", expanded=len(scan.history) > 1):
        spacing = [f"a pixel is {scan.spacing_mm[0]:.3f} x {scan.spacing_mm[1]:.3f} mm"] if scan.spacing_mm else []
        lines = [*scan.history, *spacing] or ["Taken as it is: nothing had to be changed."]
        st.markdown("\n".join(f"- {notices.escape(line)}" for line in lines))
