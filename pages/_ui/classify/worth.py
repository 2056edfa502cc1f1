"""What an answer is worth: how often it was right where it was measured, a column per site and no sum of them."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import site_figures
from pages._ui.widgets import header, notices

# The lines: the codes of the notes they show, the word before them, and what stands in a cell.
_LINES = (
    (("evaluation.record-said", "evaluation.record-never"), "pages.worth-right", "{right}/{said}"),
    (("evaluation.record-missed",), "pages.worth-missed", "{missed}/{n}"),
    (("evaluation.record-among",), "pages.worth-among", "{among}"),
    (("evaluation.record-here",), "pages.worth-here", "{n} ({low}–{high})"),
    (("evaluation.record-refused", "evaluation.record-unsure"), "pages.no-answer", "{refused}/{n}"),
)
_NAME = "font-weight:400;text-align:left;vertical-align:bottom;padding:.1rem 0"
_CELL = "padding:.1rem 0 .1rem .35rem;text-align:right;vertical-align:bottom;font-variant-numeric:tabular-nums"


def show(card: ModelCard, label: str, by_threshold: bool = False) -> None:
    """Draw how often an answer was right: at the site it is read at first, then where the model was measured.

    Args:
        card: The model's card.
        label: Label id answered.
        by_threshold: True if the site's own threshold decided: what that was worth comes first, and the model's own
            calls are not put to the prevalence.
    """
    where, share = header.site_name(), header.prevalence(card)
    try:
        told = site_figures.threshold_at(card, label, share, where) if where and by_threshold else ()
        figures = site_figures.figures_of(card)
    except MedclsError as error:
        notices.show_error(error)
        return
    for note in told:
        st.caption(notices.escape(note))
    shown = [one for one in figures if one.source == "here" and one.site == where]
    shown += [one for one in figures if one.source == "measured"]
    rows = [(one.title, one.track_record(card.task, label, 0.0 if by_threshold else share)) for one in shown]
    rows = [(place, notes) for place, notes in rows if notes]
    if rows:
        st.html(table(rows, card.task.label(label).name))
        _show_rest(rows)
    elif not told:
        st.caption(say("pages.not-measured"))


def table(rows: Sequence[tuple[str, Sequence[Note]]], word: str) -> str:
    """Return counts as a table in HTML: a column per place; every cell says its whole sentence to who asks.

    Args:
        rows: Each place with the notes of what an answer was worth there.
        word: Name of the label answered.
    """
    head = f'<th scope="col" style="{_NAME}">{escape(say("pages.worth-says", {"label": word}))}</th>'
    lines = [head + "".join(f'<th scope="col" style="font-weight:600;{_CELL}">{escape(p)}</th>' for p, _ in rows)]
    for codes, title, shape in _LINES:
        told = [next((note for note in notes if note.code in codes), None) for _, notes in rows]
        if (first := next(filter(None, told), None)) is not None:
            name = _tied(say(title, dict(first.params)))
            cells = "".join(_cell(note, shape) for note in told)
            lines.append(f'<th scope="row" style="{_NAME}">{name}</th>{cells}')
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    table = f'<table style="width:100%;border-collapse:collapse;font-size:.75rem;line-height:1.25">{body}</table>'
    return f'<div style="overflow-x:auto">{table}</div>'  # of many places, inside the card


def _cell(note: Note | None, shape: str) -> str:
    if note is None:
        return f'<td style="{_CELL}">–</td>'
    shown = shape.format(**note.params) if note.code != "evaluation.record-never" else "0/0"
    return f'<td style="white-space:nowrap;{_CELL}" title="{escape(str(note))}">{escape(shown)}</td>'


def _tied(text: str) -> str:
    """Return a name in HTML, a number and its percent sign on one line."""
    return escape(text).replace(" %", "&nbsp;%")


def _show_rest(rows: Sequence[tuple[str, Sequence[Note]]]) -> None:
    """Say what has no line: that refused scans are counted too, of the places where they are."""
    known = {code for codes, _, _ in _LINES for code in codes}
    for place, notes in rows:
        for note in notes:
            if note.code not in known:
                st.caption(notices.escape(f"{place}: {note}"))
