"""Site: scans dropped on the page, labelled in a table beside their thumbnails; in this session's memory only."""

import re
from collections.abc import Iterable, Sequence

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.outcome import Outcome
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import scans as reading
from pages._ui import state
from pages._ui.widgets import charts, notices

_MOST = 500
_TABLES = (".csv", ".tsv", ".xlsx", ".xls", ".ods")
_LETTER = r"[^\W\d_]"
_DENIES = re.compile(rf"(?<!{_LETTER})(no|non|not|without)[\W_]+$")
_ROW_PX, _TABLE_PX = 56, 480


def label_drop(card: ModelCard) -> list[tuple[bytes, str, str]]:
    """Let the user drop scans and say of each what it shows and whose it is.

    Args:
        card: The model's, for its labels.

    Returns:
        Bytes, label id (empty if it was not told) and patient (empty if unknown) of each.
    """
    files = st.file_uploader(say("pages.site-files"), accept_multiple_files=True, key="site.files")
    if not files:
        st.caption(say("pages.site-files-how"))
        return []
    names = {label.name: label.id for label in card.task.labels}
    given = tuple(f.file_id for f in files)
    if st.session_state.get(state.SITE_ROWS, ((),))[0] != given:
        st.session_state[state.SITE_ROWS] = (given, *_read([(f.name, f.getvalue()) for f in files], names))
    _, rows, data, failed = st.session_state[state.SITE_ROWS]
    for entry in failed:
        notices.show_failure(entry)
    if not rows:
        return []
    edited = st.data_editor(
        rows,
        hide_index=True,
        key=f"site.labels.{len(rows)}",
        height=min(_TABLE_PX, (len(rows) + 1) * _ROW_PX),
        row_height=_ROW_PX,
        disabled=["scan", "file"],
        column_order=["scan", "label", "patient", "file"],  # on a phone what is to be filled in stands in view
        column_config={
            "scan": st.column_config.ImageColumn("", width=80),
            "file": st.column_config.TextColumn(say("pages.site-file")),
            "label": st.column_config.SelectboxColumn(say("pages.site-label"), options=list(names)),
            "patient": st.column_config.TextColumn(say("pages.site-patient"), help=say("pages.site-patient-help")),
        },
    )
    return [
        (bytes_, names.get(row["label"] or "", ""), row["patient"] or "")
        for bytes_, row in zip(data, edited, strict=True)
    ]


def _read(
    files: Sequence[tuple[str, bytes]], names: dict[str, str]
) -> tuple[list[dict], list[bytes], list[Outcome[bytes]]]:
    """Return a row and the bytes of every scan, and what could not be read; decoded once, not at every click."""
    rows: list[dict] = []
    data: list[bytes] = []
    failed: list[Outcome[bytes]] = []
    entries = tuple(reading.unpack(files))
    bar = st.progress(0.0, text=say("pages.site-reading"))
    for done, entry in enumerate(entries):
        told = say("pages.site-progress", {"done": done, "total": len(entries)})
        bar.progress(done / len(entries), text=told)
        read = entry.then(_thumbnail)
        if read.error is not None:
            is_table = entry.name.casefold().endswith(_TABLES)
            failed.append(
                Outcome(entry.name, error=MedclsError("pages.site-table-dropped") if is_table else read.error)
            )
        elif len(rows) < _MOST:
            rows.append({"scan": read.value, "file": entry.name, "label": label_of(entry.name, names), "patient": ""})
            data.append(entry.get())
        else:
            failed.append(Outcome(entry.name, error=MedclsError("pages.site-too-many", most=_MOST)))
    bar.empty()
    return rows, data, failed


def _thumbnail(data: bytes) -> str:
    return charts.data_url(reading.thumbnail(reading.read(data)))


def label_of(name: str, names: Iterable[str]) -> str | None:
    """Return the label whose name stands in a file's name or folder; None if none or several do.

    Nothing is guessed from another word or a denial: *abnormal* is not normal, and *not malignant* is not malignant.

    Args:
        name: The file's name.
        names: What the labels are called.
    """
    told, found = name.casefold(), []
    for label in names:
        words = r"[\W_]+".join(map(re.escape, re.split(r"[\W_]+", label.casefold())))
        found += [(*m.span(), label) for m in re.finditer(rf"(?<!{_LETTER}){words}(?!{_LETTER})", told)]
    whole = [a for a in found if not any(b[0] <= a[0] and a[1] <= b[1] and a != b for b in found)]
    labels = {None if _DENIES.search(told[:start]) else label for start, _, label in whole}
    return labels.pop() if len(labels) == 1 else None
