"""What stands side by side on the Heatmaps page: methods, labels, layers or models, and the rest held the same."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from medcls.core.model import ModelCard
from medcls.core.prediction import Prediction
from medcls.core.scan import Scan
from medcls.words import say
from medcls.workflows import explain, scans
from pages._ui import cache, state
from pages._ui.widgets import anyway, notices, pickers
from pages._ui.widgets.numbers import show_prob
from pages._ui.widgets.palette import label_word

_BY = {"method": "Methods", "label": "Labels", "layer": "Layers", "model": "Models"}
_FIRST_METHODS = ("gradcam", "hirescam", "layercam")
_KEPT = 64


@dataclass(frozen=True)
class Asked:
    """One heatmap asked for.

    Args:
        card: The model.
        label: Label id.
        method: Name of the method.
        layer: Layer; None for the last one.
        title: What stands over the picture.
        by: What stands side by side: `method`, `label`, `layer` or `model`.
    """

    card: ModelCard
    label: str
    method: str
    layer: str | None
    title: str
    by: str


def pick_scan(entries: Sequence[scans.Entry]) -> scans.Entry:
    """Let the user choose one entry of the drop."""
    if len(entries) == 1:
        return entries[0]
    chosen = st.selectbox(
        say("pages.scan"), range(len(entries)), format_func=lambda i: f"{i + 1}. {entries[i].name}", key="heatmaps.scan"
    )
    return entries[chosen]


def ask(scan: Scan, card: ModelCard, rivals: Sequence[ModelCard]) -> list[Asked]:
    """Draw the switches: what stands side by side, and the rest held the same.

    Raises:
        MedclsError: If the model cannot be opened or does not answer.
    """
    layers = explain.list_layers(cache.open_classifier(card))
    kinds = [k for k in _BY if (k != "layer" or len(layers) > 1) and (k != "model" or rivals)]
    by = (
        st.segmented_control(
            say("pages.heatmaps-side-by-side"),
            kinds,
            default=kinds[0],
            format_func=_BY.__getitem__,
            key=f"heatmaps.by.{len(kinds)}",
            required=True,
        )
        or kinds[0]
    )
    if card.is_mean:
        st.caption(say("pages.heatmaps-this-model-averages"))
    wanted = [by != "label", True, by in ("method", "label") and bool(layers), by == "model"]
    places = iter(st.columns([w for w, on in zip((2, 3 if by == "method" else 2, 2, 3), wanted, strict=True) if on]))
    labels = [_pick_label(scan, card, next(places))] if by != "label" else list(card.task.label_ids)
    methods = _pick_methods(by == "method", next(places))
    if by == "model":
        shown = (card, *_pick_rivals(rivals, next(places)))
        return [Asked(c, labels[0], methods[0], None, pickers.model_title(c), by) for c in shown]
    if by == "layer":
        return [Asked(card, labels[0], methods[0], name, name, by) for name in layers]
    layer = _pick_layer(layers, places, card)
    if by == "method":
        return [Asked(card, labels[0], m, layer, explain.METHODS[m].title, by) for m in methods]
    return [Asked(card, label, methods[0], layer, label_word(card.task, label), by) for label in labels]


def _pick_label(scan: Scan, card: ModelCard, place: DeltaGenerator) -> str:
    labels = card.task.label_ids
    return place.selectbox(
        say("pages.viewer-evidence"),
        labels,
        index=labels.index(answer_of(scan, card).top),
        format_func=lambda i: label_word(card.task, i),
        key=f"heatmaps.label.{scan.sha256}.{card.id}",
    )


def _title(method: str) -> str:
    row = explain.METHODS[method]
    return f"{row.title}{' (slow)' if row.slow else ''}"


def _pick_methods(several: bool, place: DeltaGenerator) -> list[str]:
    names = list(explain.METHODS)
    if not several:
        one = place.selectbox("Method", names, format_func=_title, key="heatmaps.method")
        return [one]
    chosen = place.multiselect(
        "Methods", names, default=list(_FIRST_METHODS), format_func=_title, key="heatmaps.methods"
    )
    return chosen or [explain.DEFAULT]


def _pick_layer(layers: Sequence[str], places: Iterator[DeltaGenerator], card: ModelCard) -> str | None:
    if not layers:
        return None
    return next(places).selectbox(
        "Layer",
        layers,
        index=len(layers) - 1,
        key=f"heatmaps.layer.{card.id}",
        help=say("pages.heatmaps-the-last-one"),
    )


def _pick_rivals(rivals: Sequence[ModelCard], place: DeltaGenerator) -> list[ModelCard]:
    by_id = {card.id: card for card in rivals}
    chosen = place.multiselect(
        "With",
        list(by_id),
        default=list(by_id)[:3],
        format_func=lambda i: pickers.model_title(by_id[i]),
        key="heatmaps.rivals",
    )
    return [by_id[i] for i in chosen]


def answer_of(scan: Scan, card: ModelCard) -> Prediction:
    """Return the model's answer to a scan, asked once in this session.

    Raises:
        MedclsError: If the model cannot be opened or does not answer.
    """
    held: dict[tuple[str, str], Prediction] = state.kept(state.MAP_ANSWERS, dict)
    key = (scan.sha256, card.to_json())
    if key not in held:
        while len(held) >= _KEPT:
            held.pop(next(iter(held)))
        held[key] = explain.classify_and_explain(scan, cache.open_classifier(card))[0]
    return held[key]


def show_answer(answer: Prediction, card: ModelCard, entry: scans.Entry) -> bool:
    """Say in a line what the model answered: evidence for a label is not that label.

    Returns:
        True if heatmaps may be shown: the scan was answered, or they are wanted all the same.
    """
    numbers = answer.decided is not None or anyway.wanted(entry)
    told = ", ".join(
        f"{label_word(card.task, label)} {show_prob(prob)}"
        for label, prob in zip(answer.labels, answer.prob, strict=True)
    )
    decided = label_word(card.task, answer.decided) if answer.decided else say("pages.cannot-tell")
    said = {"model": pickers.model_title(card), "word": decided}
    sentence = say("pages.model-answers", said)
    st.markdown(notices.escape(f"{sentence} ({told})" if numbers else sentence))
    for note in answer.notes:
        (st.info if answer.decided else st.warning)(notices.escape(str(note)), icon=":material/info:")
    if answer.decided is None:
        anyway.offer(entry)
    return numbers
