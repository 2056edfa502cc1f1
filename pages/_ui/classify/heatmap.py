"""The scan of the Classify page with its heatmap: on by default, for any label."""

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.prediction import Heatmap, Prediction
from medcls.core.scan import Scan
from medcls.errors import MedclsError
from medcls.workflows import explain, scans
from pages._ui import cache, state
from pages._ui.heatmaps import view as heatmap_view
from pages._ui.widgets import notices
from pages._ui.widgets.charts import show_scan
from pages._ui.widgets.palette import label_word


def show_scan_and_heatmap(scan: Scan, prediction: Prediction, card: ModelCard, alt: str) -> None:
    """Show the scan with its heatmap, and below them the switches: heatmap or not, for which label, how it looks.

    Args:
        scan: The scan.
        prediction: The model's answer to it.
        card: The model's card.
        alt: What the scan is, for people who cannot see it.
    """
    stage = st.container()
    with st.container(horizontal=True, vertical_alignment="center"):
        wanted = st.toggle("Heatmap", value=bool(state.kept(state.HEATMAP_ON, lambda: True)), key="classify.heatmap")
        st.session_state[state.HEATMAP_ON] = wanted
        label = st.segmented_control(
            "Evidence for", prediction.labels, default=prediction.decided or prediction.top, disabled=not wanted,
            format_func=lambda i: label_word(card.task, i), key=f"classify.label.{prediction.sha256}.{prediction.model}",
            label_visibility="collapsed", required=True,
        )  # fmt: skip
        with st.popover("Appearance", disabled=not wanted):
            view = heatmap_view.controls("classify")
    with stage:
        if not wanted or not _overlaid(scan, card, label or prediction.decided or prediction.top, view):
            show_scan(scans.picture(scan), alt=alt)


def _overlaid(scan: Scan, card: ModelCard, label: str, view: heatmap_view.View) -> bool:
    """Show the overlay; where none can be drawn, say why and give False."""
    try:
        heatmap = draw(scan, card, label)
    except MedclsError as error:
        notices.show_error(error)
        return False
    height, width = scan.size_px
    tall = round((300 if view.beside else 560) * min(height / width, 1.4)) + 44
    heatmap_view.show(scan, heatmap, view, label_word(card.task, label), "classify.picture", min(tall, 560))
    return True


def draw(scan: Scan, card: ModelCard, label: str) -> Heatmap:
    """Give the heatmap of a scan for a label, drawn once and kept in this session.

    Raises:
        MedclsError: If it cannot be drawn for this network.
    """
    held: dict[tuple[str, ...], tuple[Scan, Heatmap]] = state.kept(state.HEATMAPS, dict)
    key = (scan.sha256, card.to_json(), label)
    if key not in held or held[key][0] is not scan:
        heatmap = explain.draw_one(scan, cache.open_classifier(card), label)
        held[key] = (scan, heatmap)
        state.make_room(held, lambda item: item[0].pixels.size + item[1].values.size)
    return held[key][1]
