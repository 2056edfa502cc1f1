"""The table of a drop's scans: thumbnails, answers, one click to the detail, and its files."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.words import counted
from pages._ui.classify.answers import Row
from pages._ui.widgets import notices
from pages._ui.widgets.downloads import to_csv, to_json
from pages._ui.widgets.palette import label_word

CANNOT_TELL = "cannot tell"
NO_ANSWER = "no answer"
_TOLD = 4  # files without an answer whose reason stands below the table


def show_table(rows: list[Row], card: ModelCard, key: str) -> int:
    """Show every scan of the drop, sortable; a click on a cell chooses that scan.

    Returns:
        Index of the chosen row; the first with an answer until one is chosen.
    """
    words = {label.id: label_word(card.task, label.id) for label in card.task.labels}
    event = st.dataframe(
        table(rows, card, words), key=key, hide_index=True, row_height=58, on_select="rerun",
        selection_mode="single-cell", column_config=_columns(words), height=min(38 + 58 * len(rows), 640),
        placeholder="", alt="Every scan of this drop with the answer of the network",
    )  # fmt: skip
    unread = [row for row in rows if row.prediction is None]
    for row in unread[:_TOLD]:  # a narrow page has no room for the table's last column
        st.caption(f"No answer for {notices.escape(row.entry.name)}: {notices.escape(str(row.error))}")
    if len(unread) > _TOLD:
        st.caption(f"Nor for {counted(len(unread) - _TOLD, 'file')} more; the table says why.")
    cells = event["selection"]["cells"]
    if cells and cells[0][0] < len(rows):
        return int(cells[0][0])
    return next((i for i, row in enumerate(rows) if row.prediction), 0)


def table(rows: list[Row], card: ModelCard, words: dict[str, str]) -> dict[str, list]:
    """Give the columns of the table: a column per label, and one that tells why there is no answer."""
    shown: dict[str, list] = {
        "scan": [row.thumbnail or None for row in rows],
        "file": short_names([row.entry.name for row in rows]),
        "answer": [answer_word(row, words) for row in rows],
    }
    for number, label in enumerate(words):
        shown[label] = [
            None if row.prediction is None or row.prediction.foreign else uncertain(float(row.prediction.prob[number]))
            for row in rows
        ]
    shown["what to know"] = [what_to_know(row) for row in rows]
    return shown


def short_names(names: Sequence[str]) -> list[str]:
    """Give names without the archive and folders they lie in, as far as they can still be told apart."""
    last = [name.rsplit("/", 1)[-1] for name in names]
    times = Counter(last)
    return [short if times[short] == 1 else name for short, name in zip(last, names, strict=True)]


def uncertain(prob: float) -> float:
    """Give a probability as the table shows it: 0.01 to 0.99, for a table shows no certainty either."""
    return min(max(prob, 0.01), 0.99)


def answer_word(row: Row, words: dict[str, str]) -> str:
    """Give the answer in a word."""
    if row.prediction is None:
        return NO_ANSWER
    return words[row.prediction.decided] if row.prediction.decided else CANNOT_TELL


def what_to_know(row: Row) -> str:
    """Give the sentences a reader of this row must see."""
    if row.prediction is None:
        return str(row.error)
    return " ".join(map(str, row.prediction.notes))


def _columns(words: dict[str, str]) -> dict[str, Any]:
    """Give the columns' widths so that three labels are seen at once on a page 800 px wide."""
    columns: dict[str, Any] = {
        "scan": st.column_config.ImageColumn("Scan", width=64),
        "file": st.column_config.TextColumn("File", width=130),
        "answer": st.column_config.TextColumn("Answer", width=100),
        "what to know": st.column_config.TextColumn("What to know", width="large"),
    }
    for label, word in words.items():
        columns[label] = st.column_config.ProgressColumn(
            word, min_value=0.0, max_value=1.0, format="%.2f", width=92,
            help="Probability; 0.99 means 0.99 or more, 0.01 means 0.01 or less.",
        )  # fmt: skip
    return columns


def record(row: Row, card: ModelCard) -> dict[str, Any]:
    """Give one row as the object `python -m medcls classify --json` prints for the same file."""
    told: dict[str, Any] = {"file": row.entry.name, "model": card.id}
    if row.prediction is None:
        return told | {"error": str(row.error), "code": row.error.code if row.error else ""}
    return told | row.prediction.to_dict(row.history)


def flat(row: Row, card: ModelCard) -> dict[str, Any]:
    """Give one row as a line of the CSV."""
    told = record(row, card)
    prob = {f"prob:{i}": f"{v:.6f}" for i, v in zip(told.get("labels", ()), told.get("prob", ()), strict=True)}
    notes = "; ".join(note.rstrip(".") for note in told.get("notes", ()))
    decided = (told.get("decided") or CANNOT_TELL) if row.prediction else ""
    return {
        "file": told["file"],
        "model": card.id,
        "decided": decided,
        **prob,
        "notes": notes,
        "error": told.get("error", ""),
    }


def show_downloads(rows: list[Row], card: ModelCard) -> None:
    """Offer the answers as CSV and JSON, made when asked for."""
    columns = ["file", "model", "decided", *(f"prob:{i}" for i in card.task.label_ids), "notes", "error"]
    with st.container(horizontal=True):
        st.download_button(
            "Download CSV", lambda: to_csv([flat(row, card) for row in rows], columns), f"{card.task.id}-answers.csv",
            "text/csv", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            "Download JSON", lambda: to_json([record(row, card) for row in rows]), f"{card.task.id}-answers.json",
            "application/json", on_click="ignore",
        )  # fmt: skip
