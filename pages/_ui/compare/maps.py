"""Compare, one scan: the scan and each model's heatmap beside it; zooming one zooms all."""

import math

import streamlit as st

from medcls.core.scan import Scan
from medcls.errors import MedclsError
from medcls.workflows import compare_scan, explain
from pages._ui import state
from pages._ui.classify.heatmap import draw
from pages._ui.compare.test_set import names_of
from pages._ui.heatmaps import view as heatmap_view
from pages._ui.widgets import notices
from pages._ui.widgets.palette import label_word

OWN = "own"
_SIDE_PX = 640
_WIDE_PX = {1: 900, 2: 540, 3: 380, 4: 290}  # how wide a picture is with so many in a row, on a page of usual width
_TITLES_PX = 70


def show_pictures(scan: Scan, found: compare_scan.ComparedScan) -> None:
    """Show the plain scan and, where wanted, every model's heatmap for its own answer or for one label."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.toggle("Heatmaps", value=bool(state.kept(state.HEATMAP_ON, lambda: True)), key="compare.heatmap")
        st.session_state[state.HEATMAP_ON] = wanted
        label = _pick_label(found) if wanted else OWN
        with st.popover("Appearance", disabled=not wanted):
            view = heatmap_view.controls("compare", beside=False)
    pictures = [("the scan", explain.plain_picture(scan, _SIDE_PX))]
    said: list[str] = []
    if wanted:
        with st.spinner("Drawing heatmaps …"):
            names = names_of([answer.card for answer in found.answers if answer.card])
            for answer in found.answers:
                _add(scan, answer, names.get(answer.model, answer.model), label, view.paint, pictures, said)
    rows = math.ceil(len(pictures) / 5)
    columns = math.ceil(len(pictures) / rows)
    height, width = scan.size_px
    tall = min(round(_WIDE_PX.get(columns, 240) * height / width), 460) + _TITLES_PX
    titles, pngs = zip(*pictures, strict=True)
    heatmap_view.show_linked(scan, pngs, titles, "compare.pictures", tall, columns, small=True)
    for sentence in said:
        st.caption(notices.escape(sentence))


def _pick_label(found: compare_scan.ComparedScan) -> str:
    cards = [answer.card for answer in found.answers if answer.card]
    if not cards:
        return OWN
    task = cards[0].task
    words = {OWN: "each network's answer"} | {label: label_word(task, label) for label in task.label_ids}
    return (
        st.segmented_control(
            "Evidence for",
            list(words),
            default=OWN,
            format_func=words.__getitem__,
            key=f"compare.evidence.{task.id}",
            required=True,
        )
        or OWN
    )


def _add(
    scan: Scan,
    answer: compare_scan.ModelAnswer,
    name: str,
    label: str,
    how: explain.Paint,
    pictures: list[tuple[str, bytes]],
    said: list[str],
) -> None:
    """Add one model's heatmap to the pictures, or a sentence saying why there is none."""
    if answer.card is None or answer.prediction is None:
        return
    chosen = label if label in answer.prediction.labels else answer.prediction.decided or answer.prediction.top
    try:
        heatmap = draw(scan, answer.card, chosen)
    except MedclsError as error:
        said.append(f"{name}: no heatmap. {error}")
        return
    word = label_word(answer.card.task, chosen)
    if heatmap.empty:
        said.append(f"{name}: {explain.describe(heatmap, word, scan)}")
    pictures.append((f"{name}\n{word}", explain.picture(scan, heatmap, how, _SIDE_PX)))
