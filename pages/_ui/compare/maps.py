"""Compare, one scan: the scan and each model's heatmap beside it; zooming one zooms all."""

import streamlit as st

from medcls.core.scan import Scan
from medcls.words import say
from medcls.workflows import compare_scan, explain
from pages._ui.classify import evidence
from pages._ui.compare.test_set import names_of
from pages._ui.widgets import notices, viewer
from pages._ui.widgets.palette import label_word

OWN = "own"


def show_pictures(scan: Scan, found: compare_scan.ComparedScan, refused_too: bool) -> None:
    """Show the scan and every model's heatmap, for its own answer or one label; for a refusal only if `refused_too`."""
    label = OWN
    with st.container(key="compare-maps"):  # where narrow, the second comes first (frame.css)
        with st.container():
            if refused_too or any(a.prediction and a.prediction.decided for a in found.answers):
                label = _pick_label(found)
        with st.container(key="maps-shown"):
            _show(scan, found, label, refused_too)


def _show(scan: Scan, found: compare_scan.ComparedScan, label: str, refused_too: bool) -> None:
    panes = [viewer.Pane(say("pages.scan"), say("pages.alt-scan", {"name": ""}).strip())]
    said: list[str] = []
    silent: list[str] = []
    names, n = names_of([answer.card for answer in found.answers if answer.card]), len(found.answers)
    bar = st.progress(0.0, text=say("pages.drawing-map"))
    for i, answer in enumerate(found.answers):
        name = names.get(answer.model, answer.model)
        if not refused_too and answer.prediction is not None and answer.prediction.decided is None:
            silent.append(name)
            continue
        told = {"i": i + 1, "asked": n, "title": notices.escape(name)}
        bar.progress(i / n, text=say("pages.heatmaps-drawing-of", told))
        _add(scan, answer, name, label, panes, said)
    bar.empty()
    if silent:
        said.insert(0, say("pages.map-refused", {"names": "; ".join(silent)}))
    viewer.show(scan, panes, "compare.viewer", viewer.Options(above_px=400))
    for sentence in said:
        st.caption(notices.escape(sentence))


def _pick_label(found: compare_scan.ComparedScan) -> str:
    cards = [answer.card for answer in found.answers if answer.card]
    if not cards:
        return OWN
    task = cards[0].task
    words = {OWN: say("pages.own-answer")} | {i: notices.escape(label_word(task, i)) for i in task.label_ids}
    return (
        st.segmented_control(
            say("pages.viewer-evidence"),
            list(words),
            default=OWN,
            format_func=words.__getitem__,
            key=f"compare.evidence.{task.id}",
            label_visibility="collapsed",
            required=True,
        )
        or OWN
    )


def _add(
    scan: Scan, answer: compare_scan.ModelAnswer, name: str, label: str, panes: list[viewer.Pane], said: list[str]
) -> None:
    """Add one model's heatmap to the panes, or a sentence saying why there is none."""
    if answer.card is None or answer.prediction is None:
        return
    chosen = label if label in answer.prediction.labels else answer.prediction.decided or answer.prediction.top
    drawn = evidence.find(scan, answer.card, chosen)
    if drawn.value is None:
        said.append(f"{name}: {drawn.error}")
        return
    heatmap = next(m for m in drawn.value.maps if m.label == chosen)
    word = label_word(answer.card.task, chosen)
    if heatmap.empty:
        said.append(f"{name}: {explain.describe(heatmap, word, scan)}")
    title = f"{name}\n{word}"
    maps = () if heatmap.empty else (viewer.Map(heatmap, drawn.value.strongest),)
    panes.append(viewer.Pane(title, say("pages.alt-map", {"title": title}), maps))
