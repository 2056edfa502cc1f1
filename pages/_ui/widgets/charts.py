"""Charts and pictures shared by the pages."""

import base64
from html import escape

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.prediction import Prediction
from pages._ui.widgets.numbers import show_prob
from pages._ui.widgets.palette import MARK, SCAN_BACKGROUND, SCAN_TEXT, label_colours, label_word

_STRIPES = "repeating-linear-gradient(45deg, transparent 0 5px, rgba(255,255,255,.28) 5px 8px)"


def data_url(png: bytes) -> str:
    """Return a PNG as a data URL, for tables and figures."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def show_scan(png: bytes, alt: str, caption: str = "", height_px: int = 520) -> None:
    """Show a scan on near-black, as large as its column allows.

    Args:
        png: The scan.
        alt: What it is, for people who cannot see it.
        caption: A line under it; empty for none.
        height_px: Height at most.
    """
    line = f'<figcaption style="color:{SCAN_TEXT};font-size:.85rem;padding:.5rem 0 0">{escape(caption)}</figcaption>'
    st.html(
        f'<figure style="margin:0;background:{SCAN_BACKGROUND};border-radius:6px;padding:14px;text-align:center">'
        f'<img src="{data_url(png)}" alt="{escape(alt)}" style="width:100%;max-height:{height_px}px;'
        f'object-fit:contain">{line if caption else ""}</figure>'
    )


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
        '<div style="position:relative;height:.8rem;margin:.15rem 0 .5rem;'
        'background:rgba(128,136,146,.2);border-radius:3px">'
        f'<div style="position:absolute;inset:0 auto 0 0;width:{max(0.5, 100 * prob):.1f}%;background-color:{colour};'
        f'background-image:{stripes};border-radius:3px"></div>{line}</div>'
    )
