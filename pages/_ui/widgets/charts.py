"""Charts and pictures shared by the pages."""

import base64
from html import escape
from typing import Literal

import plotly.graph_objects as go
import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.prediction import Prediction
from pages._ui.widgets.numbers import show_prob
from pages._ui.widgets.palette import MARK, OKABE_ITO, label_colours, label_word

_STRIPES = "repeating-linear-gradient(45deg, transparent 0 5px, rgba(255,255,255,.28) 5px 8px)"


_GREY = OKABE_ITO["grey"]
_TOOLS_PX = 40  # at a chart's right edge: its tools stand there, over nothing
_CONFIG = {
    "displaylogo": False,
    # "toImage": axes may name a collection's own values, and what leaves passes the gate and the audit trail.
    "modeBarButtonsToRemove": ["toImage", "pan2d", "zoomIn2d", "zoomOut2d", "autoScale2d", "select2d", "lasso2d"],
}


def show_chart(figure: go.Figure, key: str | None = None, width: int | Literal["stretch"] = "stretch") -> None:
    """Show a chart; its tools come when the mouse is over it, beside it.

    Args:
        figure: The chart.
        key: Distinguishes it from others on the page.
        width: In pixels, or as wide as its place.
    """
    right = max(_TOOLS_PX, figure.layout.margin.r or 0)
    figure.update_layout(
        margin_r=right, modebar={"orientation": "v", "bgcolor": "rgba(0,0,0,0)", "color": _GREY, "activecolor": _GREY}
    )
    st.plotly_chart(figure, key=key, width=width, config=_CONFIG)


def data_url(png: bytes) -> str:
    """Return a PNG as a data URL, for tables and figures."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def show_probabilities(card: ModelCard, prediction: Prediction) -> None:
    """Show each label's probability as a bar: colour, mark, word and number; the decided one in bold.

    A thin line stands at the probability below which the model says "cannot tell", if its card has one.
    """
    colours = label_colours(card.task)
    rows = [
        _bar(label_word(card.task, label), float(prob), colours[label], label == prediction.decided, card)
        for label, prob in zip(prediction.labels, prediction.prob, strict=True)
    ]
    told = "; ".join(f"{i} {show_prob(float(p))}" for i, p in zip(prediction.labels, prediction.prob, strict=True))
    st.html(f'<div role="img" aria-label="Probabilities: {escape(told)}">{"".join(rows)}</div>')


def _bar(word: str, prob: float, colour: str, decided: bool, card: ModelCard) -> str:
    """One label: its word and number on a line, its bar below, so that it reads well in a narrow column too."""
    weight = 650 if decided else 400
    stripes = _STRIPES if word.startswith(MARK) else "none"
    limit = card.abstention.min_prob
    line = (
        f'<div style="position:absolute;left:{100 * limit:.1f}%;top:-3px;bottom:-3px;width:2px;background:currentColor;'
        f'opacity:.6"></div>'
        if limit > 0
        else ""
    )
    return (
        f'<div style="display:flex;justify-content:space-between;gap:1rem;font-weight:{weight};margin-top:.45rem">'
        f'<span>{escape(word)}</span><span style="font-variant-numeric:tabular-nums;white-space:nowrap">'
        f"{escape(show_prob(prob))}</span></div>"
        '<div style="position:relative;height:.75rem;margin:.1rem 0 .3rem;'
        'background:rgba(128,136,146,.2);border-radius:3px">'
        f'<div style="position:absolute;inset:0 auto 0 0;width:{max(0.5, 100 * prob):.1f}%;background-color:{colour};'
        f'background-image:{stripes};border-radius:3px"></div>{line}</div>'
    )
