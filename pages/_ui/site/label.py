"""Site: scans dropped on the page, labelled in a table beside their thumbnails; in this session's memory only."""

from collections.abc import Sequence

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.outcome import Outcome
from medcls.errors import MedclsError
from medcls.workflows import scans as reading
from pages._ui import state
from pages._ui.widgets import charts, notices

_MOST = 500


def label_drop(card: ModelCard) -> list[tuple[bytes, str, str]]:
    """Let the user drop scans and say of each what it shows and whose it is.

    Args:
        card: The model's, for its labels.

    Returns:
        Bytes, label id and patient of each that was labelled.
    """
    files = st.file_uploader("30 to 500 scans of your own", accept_multiple_files=True, key="site.files")
    if not files:
        st.caption("Labels of a whole folder are read from its subfolders: add it as a collection (Build: Data).")
        return []
    names = {label.name: label.id for label in card.task.labels}
    given = tuple(f.file_id for f in files)
    if st.session_state.get(state.SITE_ROWS, ((),))[0] != given:
        st.session_state[state.SITE_ROWS] = (given, *_read([(f.name, f.getvalue()) for f in files], names))
    _, rows, data, failed = st.session_state[state.SITE_ROWS]
    for name, error in failed:
        notices.show_error(error, name)
    edited = st.data_editor(
        rows,
        hide_index=True,
        key=f"site.labels.{len(rows)}",
        disabled=["scan", "file"],
        column_config={
            "scan": st.column_config.ImageColumn("", width="small"),
            "label": st.column_config.SelectboxColumn("what it shows", options=list(names)),
            "patient": st.column_config.TextColumn(
                "patient", help="Any sign that tells patients apart; empty if unknown. It stays in this session."
            ),
        },
    )
    return [
        (bytes_, names[row["label"]], row["patient"] or "")
        for bytes_, row in zip(data, edited, strict=True)
        if row["label"] in names
    ]


def _read(
    files: Sequence[tuple[str, bytes]], names: dict[str, str]
) -> tuple[list[dict], list[bytes], list[tuple[str, MedclsError]]]:
    """Return a row and the bytes of every scan, and what could not be read; decoded once, not at every click."""
    rows: list[dict] = []
    data: list[bytes] = []
    failed: list[tuple[str, MedclsError]] = []
    for entry in reading.unpack(files):
        read = Outcome.of(entry.name, lambda entry=entry: _thumbnail(entry))  # type: ignore[misc]
        if read.error is not None:
            failed.append((entry.name, read.error))
        elif len(rows) < _MOST and entry.data is not None:
            rows.append({"scan": read.value, "file": entry.name, "label": _guess(entry.name, names), "patient": ""})
            data.append(entry.data)
        else:
            failed.append((entry.name, MedclsError("pages.site-too-many", most=_MOST)))
    return rows, data, failed


def _thumbnail(entry: reading.Entry) -> str:
    if entry.error is not None:
        raise entry.error
    return charts.data_url(reading.thumbnail(reading.read(entry.data or b"")))


def _guess(name: str, names: dict[str, str]) -> str | None:
    """Return the label whose name stands in a file's name or folder; None if none or several do."""
    found = [shown for shown in names if shown.lower() in name.lower()]
    return found[0] if len(found) == 1 else None
