"""Models: the list of all of them with their figures, filtered by task; and which one is shown."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import streamlit as st

from medcls.core.model import ModelCard
from medcls.words import say
from medcls.workflows import site_figures
from pages._ui import state
from pages._ui.models.cards import evaluation_of
from pages._ui.widgets import notices, pickers
from pages._ui.widgets.numbers import show_estimate
from pages._ui.widgets.pickers import model_title, task_title

_LETTER_PX, _PAD_PX = 6.75, 18  # of a column: a letter at the table's font size, its margins
_WIDEST_PX, _WIDEST_NAME_PX = 900, 420


def show_list(cards: Sequence[ModelCard]) -> ModelCard:
    """Show the models of a task, or of all, in a table; returns the one chosen by a click."""
    shown = _filtered(cards)
    best = {task_id: pickers.recommended(task_id) for task_id in {card.task.id for card in shown}}
    rows = [_row(card, best[card.task.id]) for card in shown]
    chosen = _tick(rows, [card.id for card in shown])
    if (wanted := state.choice(state.CARD)) and wanted not in {card.id for card in cards}:
        pickers.tell_unknown_model(wanted)
    elif chosen is not None or wanted in {card.id for card in shown}:
        state.remember(state.CARD, None if chosen is None else shown[chosen].id)
    st.caption(say("pages.models-first" if chosen is None else "pages.models-tick"))
    return shown[chosen or 0]


def _tick(rows: Sequence[dict[str, object]], ids: Sequence[str]) -> int | None:
    """Draw the table and return the row ticked; the one that the address names is ticked at first."""
    if state.moved(state.CARD):
        _begin_anew()
    key = f"models.table.{st.session_state.get(state.MODELS_TABLE, 0)}.{'|'.join(ids)}"
    wanted = state.choice(state.CARD)
    first: int | None = st.session_state.setdefault(f"{key}.first", ids.index(wanted) if wanted in ids else None)
    event = st.dataframe(
        rows,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        selection_default=None if first is None else {"selection": {"rows": [first], "columns": [], "cells": []}},
        key=key,
        column_config=_columns(rows),
        alt=say("pages.models-table"),
    )
    picked = event["selection"]["rows"]
    return picked[0] if picked and picked[0] < len(ids) else None


def open_card(model_id: str) -> None:
    """Let the table of the next run begin with a model ticked."""
    state.remember(state.CARD, model_id)
    _begin_anew()


def _begin_anew() -> None:
    """Forget what was ticked in the table: it begins under another key."""
    st.session_state[state.MODELS_TABLE] = st.session_state.get(state.MODELS_TABLE, 0) + 1


def _columns(rows: Sequence[dict[str, object]]) -> dict[str, Any]:
    """Return how columns are drawn: names stay in sight; they and the figures of sites are as wide as they are long.

    Where the names would take most of a narrow table, Streamlit lets them move with the rest.
    """
    model, sites = say("pages.head-model"), say("pages.models-by-site")
    return {
        model: st.column_config.TextColumn(pinned=True, width=_width(rows, model, _WIDEST_NAME_PX)),
        sites: st.column_config.TextColumn(width=_width(rows, sites, _WIDEST_PX)),
        say("pages.models-test-cases"): st.column_config.NumberColumn(format="localized"),
    }


def _width(rows: Sequence[dict[str, object]], column: str, most_px: int) -> int:
    """Return how wide a column of text must be to be read whole, in px."""
    return min(_PAD_PX + ceil(_LETTER_PX * max((len(str(row[column])) for row in rows), default=0)), most_px)


def _filtered(cards: Sequence[ModelCard]) -> list[ModelCard]:
    """Let the person choose one task's models; recommended ones first."""
    tasks = {card.task.id: task_title(card.task) for card in cards}
    wanted = None
    if len(tasks) > 1:
        last = state.choice(state.MODELS_TASK)
        if last and last not in tasks:
            notices.show_missing(say("pages.unknown-task", {"wanted": last}))
        start = last if last in tasks else None
        state.follow("models.task", state.MODELS_TASK, start)
        wanted = st.pills(
            say("pages.filter"),
            list(tasks),
            default=start,
            format_func=lambda i: notices.escape(tasks[i]),
            key="models.task",
            label_visibility="collapsed",
        )
        state.remember(state.MODELS_TASK, wanted)
    some = [card for card in cards if wanted in (None, card.task.id)]
    return sorted(
        some, key=lambda card: (card.task.id, card.id != pickers.recommended(card.task.id), bool(card.retired))
    )


def _row(card: ModelCard, best: str | None) -> dict[str, object]:
    found = evaluation_of(card)
    by_site = site_figures.evaluated_figures(found, None) if found else ()
    where, name = "pages.model-published", model_title(card)
    if card.retired:
        where, name = "pages.model-retired", say("pages.retired-name", {"name": name})
    elif card.id == best:
        where, name = "pages.model-recommended", say("pages.recommended", {"name": name})
    return {
        say("pages.head-model"): name,
        say("pages.head-task"): task_title(card.task),
        say("pages.models-by-site"): " · ".join(map(_short, by_site)) or say("pages.model-unmeasured"),
        say("pages.models-test-cases"): found.n_cases if found else None,
        say("pages.head-state"): say(where),
        say("pages.head-backbone"): pickers.network_title(card),
        say("pages.models-million-weights-2"): round(card.n_parameters / 1e6, 2),
        say("pages.head-id"): card.id,
        say("pages.models-why-retired"): card.retired,
    }


def _short(one: site_figures.SiteFigures) -> str:
    disease = one.scores.get("auroc_disease")
    return f"{one.title} {show_estimate(disease) if disease else say('pages.model-unmeasured')}"
