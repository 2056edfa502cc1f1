"""What stands side by side on the Heatmaps page: methods, labels, layers or models, and the rest held the same."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.prediction import Prediction
from medcls.core.scan import Scan
from medcls.words import say
from medcls.workflows import explain, scans
from pages._ui import cache, state
from pages._ui.widgets import anyway, known, notices, pickers
from pages._ui.widgets.numbers import show_prob
from pages._ui.widgets.palette import label_word

_BY = {
    "method": say("pages.heatmaps-methods"),
    "label": say("pages.data-labels"),
    "layer": say("pages.heatmaps-layers"),
    "model": say("pages.heatmaps-models"),
}
_FIRST_METHODS = ("gradcam", "hirescam", "layercam")


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


def ask(scan: Scan, card: ModelCard, rivals: Sequence[ModelCard]) -> list[Asked]:
    """Draw the switches: what stands side by side, and the rest held the same; the address holds what is chosen.

    Raises:
        MedclsError: If the model cannot be opened or does not answer.
    """
    layers = explain.list_layers(cache.open_classifier(card))
    kinds = [k for k in _BY if (k != "layer" or len(layers) > 1) and (k != "model" or rivals)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = _pick_by(kinds, card)
        labels = [_pick_label(scan, card)] if by != "label" else list(card.task.label_ids)
        methods = _pick_methods() if by == "method" else [_pick_method()]
        layer = _pick_layer(layers, card) if by in ("method", "label") and layers else None
        shown = (card, *_pick_rivals(rivals)) if by == "model" else (card,)
    _hide_others(by, layer)
    if by == "model":
        return [Asked(c, labels[0], methods[0], None, pickers.model_title(c), by) for c in shown]
    if by == "layer":
        return [Asked(card, labels[0], methods[0], name, name, by) for name in layers]
    if by == "method":
        return [Asked(card, labels[0], m, layer, explain.METHODS[m].title, by) for m in methods]
    return [Asked(card, label, methods[0], layer, label_word(card.task, label), by) for label in labels]


def _hide_others(by: str, layer: str | None) -> None:
    """Leave out of the address what is not asked where this stands side by side."""
    asked = {state.MAPS_LABEL: by != "label", state.MAPS_LAYER: layer is not None, state.MODELS: by == "model"}
    state.hide(*(key for key, shown in asked.items() if not shown))


def _linked(key: str, allowed: Container[str]) -> list[str]:
    """Return what the address names under a key, as far as it can be chosen here."""
    return [name for name in (state.choice(key) or "").split(",") if name in allowed]


def _pick_by(kinds: Sequence[str], card: ModelCard) -> str:
    key, start = f"heatmaps.by.{'|'.join(kinds)}", (_linked(state.MAPS_BY, kinds) or [kinds[0]])[0]
    _begin(key, state.MAPS_BY, start)
    chosen = st.segmented_control(
        say("pages.heatmaps-side-by-side"),
        kinds,
        format_func=_BY.__getitem__,
        key=key,
        required=True,
        help=say("pages.heatmaps-this-model-averages") if card.is_mean else None,
    )
    by = str(chosen or start)
    state.remember(state.MAPS_BY, None if by == kinds[0] else by)
    return by


def _begin(widget: str, key: str, value: Any) -> None:
    """Set a widget's first value, and that of the address where somebody changed it."""
    state.follow(widget, key, value)
    st.session_state.setdefault(widget, value)


def _pick_label(scan: Scan, card: ModelCard) -> str:
    answer = answer_of(scan, card)
    top, widget = answer.decided or answer.top, f"heatmaps.label.{scan.sha256}.{card.id}"
    _begin(widget, state.MAPS_LABEL, (_linked(state.MAPS_LABEL, card.task.label_ids) or [top])[0])
    chosen = st.selectbox(
        say("pages.viewer-evidence"),
        card.task.label_ids,
        format_func=lambda i: label_word(card.task, i),
        key=widget,
        width=220,
    )
    state.remember(state.MAPS_LABEL, None if chosen == top else chosen)
    return chosen


def _title(method: str) -> str:
    row = explain.METHODS[method]
    return row.title + (say("pages.heatmaps-slow") if row.slow else "")


def _pick_method() -> str:
    names = list(explain.METHODS)
    _begin("heatmaps.method", state.MAPS_METHOD, (_linked(state.MAPS_METHOD, names) or names)[0])
    chosen = st.selectbox(say("pages.heatmaps-method"), names, format_func=_title, key="heatmaps.method", width=220)
    state.remember(state.MAPS_METHOD, None if chosen == names[0] else chosen)
    return chosen


def _pick_methods() -> list[str]:
    names = list(explain.METHODS)
    _begin("heatmaps.methods", state.MAPS_METHOD, _linked(state.MAPS_METHOD, names) or list(_FIRST_METHODS))
    chosen = st.multiselect(say("pages.heatmaps-methods"), names, format_func=_title, key="heatmaps.methods", width=520)
    state.remember(state.MAPS_METHOD, None if chosen == list(_FIRST_METHODS) else ",".join(chosen))
    return chosen or [explain.DEFAULT]


def _pick_layer(layers: Sequence[str], card: ModelCard) -> str | None:
    widget = f"heatmaps.layer.{card.id}"
    _begin(widget, state.MAPS_LAYER, (_linked(state.MAPS_LAYER, layers) or [layers[-1]])[0])
    chosen = st.selectbox(
        say("pages.heatmaps-layer"), layers, key=widget, width=220, help=say("pages.heatmaps-the-last-one")
    )
    state.remember(state.MAPS_LAYER, None if chosen == layers[-1] else chosen)
    return chosen


def _pick_rivals(rivals: Sequence[ModelCard]) -> list[ModelCard]:
    by_id = {card.id: card for card in rivals}
    widget, first = f"heatmaps.rivals.{'|'.join(by_id)}", list(by_id)[:3]
    _begin(widget, state.MODELS, _linked(state.MODELS, by_id) or first)
    chosen = st.multiselect(
        say("pages.heatmaps-with"),
        list(by_id),
        format_func=lambda i: pickers.model_title(by_id[i]),
        key=widget,
        width=520,
    )
    state.remember(state.MODELS, ",".join(chosen) or None)
    return [by_id[i] for i in chosen]


def answer_of(scan: Scan, card: ModelCard) -> Prediction:
    """Return the model's answer to a scan as it is read at the site chosen; see `known.ask`."""
    return known.read_here(known.ask(scan, card), card)


def show_answer(answer: Prediction, card: ModelCard, entry: scans.Entry) -> bool:
    """Say in a line what the model answered: evidence for a label is not that label; why, where it cannot tell.

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
    if answer.decided is None:
        _show_refusal(answer, entry)
    return numbers


def _show_refusal(answer: Prediction, entry: scans.Entry) -> None:
    for note in answer.notes[:1]:
        st.warning(notices.escape(str(note)), icon=":material/info:")
    with st.container(horizontal=True, vertical_alignment="center"):
        if more := answer.notes[1:]:
            with st.popover(say("pages.more"), type="tertiary"):
                st.markdown("\n".join(f"- {notices.escape(str(note))}" for note in more))
        anyway.offer(entry)


def show_notes(answer: Prediction) -> None:
    """Show, below the pictures, what is to be known of an answer."""
    for note in answer.notes if answer.decided is not None else ():
        st.info(notices.escape(str(note)), icon=":material/info:")
