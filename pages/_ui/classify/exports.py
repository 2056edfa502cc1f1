"""A drop's answers as files: CSV and JSON, with what a person said of each scan."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.outcome import Outcome
from medcls.errors import Conflict
from medcls.words import say
from medcls.workflows.case_report import Table
from pages._ui.classify import opinions
from pages._ui.classify.answers import Row
from pages._ui.widgets import downloads

CANNOT_TELL = "cannot tell"
NO_ANSWER = "no answer"


def short_names(names: Sequence[str]) -> list[str]:
    """Return names without the archive and folders they lie in, as far as they can still be told apart."""
    last = [name.rsplit("/", 1)[-1] for name in names]
    times = Counter(last)
    return [short if times[short] == 1 else name for short, name in zip(last, names, strict=True)]


def record(row: Row, card: ModelCard) -> dict[str, Any]:
    """Return one row as the object `python -m medcls classify --json` prints for the same file."""
    told: dict[str, Any] = {"file": row.entry.name, "model": card.id}
    if (error := row.answer.error) is not None:
        return told | {"error": str(error), "code": error.code}
    return told | row.answer.get().to_dict(row.history)


def flat(row: Row, card: ModelCard, case: str = "", opinion: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return one row as a line of the CSV; a scan that was refused has no probabilities, however sure the network was.

    Args:
        row: The row.
        card: The model's card.
        case: The case it belongs to; empty for one of its own.
        opinion: What the reader said of it, as columns.
    """
    told = record(row, card)
    refused = row.prediction is not None and row.prediction.decided is None
    prob = (
        {}
        if refused
        else {f"prob:{i}": f"{v:.6f}" for i, v in zip(told.get("labels", ()), told.get("prob", ()), strict=True)}
    )
    notes = "; ".join(str(note).rstrip(".") for note in told.get("notes", ()))
    decided = (told.get("decided") or CANNOT_TELL) if row.prediction else ""
    said = {"case": case, "file": told["file"], "model": card.id, "decided": decided}
    return said | prob | dict(opinion or {}) | {"notes": notes, "error": told.get("error", "")}


_SAID = ("own_reading", "own_confidence", "reading_after", "disagrees")
# What stays in a file for others: what the network and medcls say, and what was chosen, not typed.
_KEPT = {"model", "decided", "labels", "prob", "unfamiliarity", "acquired", "notes", "codes", "code", "sha256", "error"}
_KEPT |= set(_SAID) - {"disagrees"}


def table(lines: Sequence[dict[str, Any]], card: ModelCard, columns: Sequence[str]) -> Table:
    """Return a drop's answers as a table that may leave.

    Args:
        lines: A row of `flat` or of `record` for each scan.
        card: The model's card.
        columns: The columns of its CSV.
    """
    kept = frozenset(_KEPT | {f"prob:{label}" for label in card.task.label_ids})
    return Table(f"{card.task.id}-answers", tuple(columns), lines, kept, {"model": card.id, "rows": str(len(lines))})


def as_saved(row: Row) -> Row:
    """Return a row as it is saved: without its answer while that waits for the person's own reading."""
    if not opinions.hides(row):
        return row
    return replace(row, answer=Outcome(row.entry.name, error=Conflict("workflows.own-reading-waits")))


def show_downloads(rows: Sequence[Row], card: ModelCard, cases: Sequence[str]) -> None:
    """Offer the answers as CSV and JSON, made when asked for.

    Args:
        rows: The drop's rows.
        card: The model's card.
        cases: The case of each row; empty for a case of its own.
    """
    rows = [as_saved(row) for row in rows]
    told = [opinions.columns_of(row) for row in rows]  # now: the session is not at hand where a file is made
    said = [name for name in _SAID if any(name in opinion for opinion in told)]
    case = ["case"] if any(cases) else []
    columns = [*case, "file", "model", "decided", *(f"prob:{i}" for i in card.task.label_ids), *said, "notes", "error"]
    lines = list(zip(rows, cases, told, strict=True))
    with st.popover(say("pages.save-answers"), icon=":material/download:"):
        mode, name = downloads.ask_mode("classify.save"), f"{card.task.id}-answers"
        downloads.offer(
            say("pages.export-csv"),
            "table-csv",
            lambda: table([flat(row, card, case, opinion) for row, case, opinion in lines], card, columns),
            mode,
            f"{name}.csv",
        )
        downloads.offer(
            say("pages.export-json"),
            "table-json",
            lambda: table([record(row, card) | opinion for row, _, opinion in lines], card, columns),
            mode,
            f"{name}.json",
        )
