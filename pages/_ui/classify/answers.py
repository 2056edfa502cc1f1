"""The answers of the Classify page: made once per scan and model, kept in this session only."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.prediction import Prediction
from medcls.errors import MedclsError
from medcls.workflows import classify, scans
from pages._ui import cache, state
from pages._ui.widgets.charts import data_url
from pages._ui.widgets.numbers import show_seconds


@dataclass(frozen=True)
class Row:
    """One line of the drop: an answer, or why there is none. Holds a thumbnail, not the scan."""

    entry: scans.Entry
    prediction: Prediction | None
    error: MedclsError | None
    thumbnail: str = ""
    frame: int | None = None
    history: tuple[str, ...] = ()


def answers(entries: tuple[scans.Entry, ...], card: ModelCard) -> list[Row]:
    """Give a row for each entry, in order; what was answered before is not asked again.

    A run that is interrupted (another widget was touched) goes on where it stopped. Progress and the
    time left are shown while it works.
    """
    rows = _held(entries, card)
    if len(rows) == len(entries):
        return rows
    classifier = cache.open_classifier(card)
    bar = st.progress(0.0, text=_progress(rows, entries, 0.0))
    started, before = time.monotonic(), len(rows)
    for row in _rows(entries[len(rows) :], classifier):
        rows.append(row)
        each_s = (time.monotonic() - started) / (len(rows) - before)
        bar.progress(len(rows) / len(entries), text=_progress(rows, entries, each_s))
    bar.empty()
    return rows


def ask_frame(rows: list[Row], chosen: int, frame: int, card: ModelCard) -> bool:
    """Answer another frame of a file that holds several, in place of the one answered before.

    Returns:
        True if there was something to answer.
    """
    row = rows[chosen]
    if frame == (row.frame or 0):
        return False
    try:
        scan = scans.read(row.entry.data or b"", frame)
        prediction = cache.open_classifier(card).predict(scan)
        rows[chosen] = Row(row.entry, prediction, None, data_url(scans.thumbnail(scan)), frame, scan.history)
    except MedclsError as error:
        rows[chosen] = Row(row.entry, None, error, row.thumbnail, frame)
    return True


def _held(entries: tuple[scans.Entry, ...], card: ModelCard) -> list[Row]:
    held: tuple[tuple[scans.Entry, ...], dict[str, list[Row]]] | None = st.session_state.get(state.ANSWERS)
    if held is None or held[0] is not entries:
        held = (entries, {})
        st.session_state[state.ANSWERS] = held
    return held[1].setdefault(card.to_json(), [])


def _rows(entries: tuple[scans.Entry, ...], classifier: Any) -> Iterator[Row]:
    """Answer the entries in order; one that cannot be read keeps its error and the rest go on."""
    files = (
        (e.name, e.data if e.data is not None else e.error or MedclsError("This file is missing")) for e in entries
    )
    for entry, answer in zip(entries, classify.classify_many(files, classifier), strict=True):
        thumbnail = data_url(scans.thumbnail(answer.scan)) if answer.scan is not None else ""
        history = answer.scan.history if answer.scan is not None else ()
        yield Row(entry, answer.prediction, answer.error, thumbnail, None, history)


def _progress(rows: list[Row], entries: tuple[scans.Entry, ...], each_s: float) -> str:
    left_s = each_s * (len(entries) - len(rows))
    told = f"Answered {len(rows)} of {len(entries)} scans"
    return f"{told}, about {show_seconds(left_s)} left" if left_s >= 5 else told
