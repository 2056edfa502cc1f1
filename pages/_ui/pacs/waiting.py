"""Worklist: who waits, in this machine's inbox, in the watched folder or on a server; taken to Classify by a click."""

import hashlib
from collections.abc import Sequence
from typing import Any

import streamlit as st

from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import pacs, scans
from pages._ui import state
from pages._ui.classify import opinions
from pages._ui.widgets import drops, notices, waits

HERE = ""  # inbox and folder
# Column -> what stands above it.
_COLUMNS = {
    "date": "pages.worklist-date",
    "patient": "pages.worklist-patient",
    "patient_id": "pages.worklist-patient-id",
    "modality": "pages.worklist-modality",
    "description": "pages.worklist-description",
    "source": "pages.worklist-source",
}


def sources(around: pacs.PacsConfig) -> list[str]:
    """Return where scans may wait; nothing if no file names anything around."""
    servers = [name for name, server in around.servers.items() if server.kind == "dicomweb"]
    here = [HERE] if around.receive.callers or around.watch else []
    return [*here, *servers] if around.servers or here else []


def show(around: pacs.PacsConfig) -> None:
    """Show what waits, and take what is chosen to Classify."""
    found = _found(sources(around))
    if found is None:
        return
    if not found:
        st.caption(say("pages.worklist-empty"))
        return
    event: Any = st.dataframe(
        [{column: _shown(item, column) for column in _COLUMNS} for item in found],
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=table_key(found),
        alt=say("pages.worklist-title"),
        column_config={column: say(code) for column, code in _COLUMNS.items()},
    )
    st.caption(say("pages.worklist-tick"))
    chosen = [found[row] for row in event["selection"]["rows"] if row < len(found)]
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(say("pages.worklist-read"), type="primary", disabled=not chosen, key="worklist.read"):
            _read(chosen)
        if st.button(
            say("pages.worklist-away"), disabled=not any(i.source == "inbox" for i in chosen), key="worklist.away"
        ):
            _put_away(chosen)
        opinions.show_switch("worklist.own.first")


def _shown(item: pacs.Waiting, column: str) -> str:
    """Return a value as a person reads it: a date with dashes, a name's scripts apart."""
    value = str(getattr(item, column))
    if column == "date" and len(value) == 8 and value.isdecimal():
        return f"{value[:4]}-{value[4:6]}-{value[6:]}"
    return value.replace("=", " · ") if column == "patient" else value


def table_key(found: Sequence[pacs.Waiting]) -> str:
    """Return the key of the table of what waits: another for other rows, so that none of them inherits a selection."""
    rows = "\n".join(f"{item.source} {item.id}" for item in found)
    return f"worklist.table.{hashlib.sha256(rows.encode()).hexdigest()[:16]}"


def _found(known: Sequence[str]) -> tuple[pacs.Waiting, ...] | None:
    """Return what the chosen source has; a server is asked on a click, and its answer kept for this session."""
    if not known:
        st.caption(say("pages.worklist-no-source"))
        return None
    titles = {HERE: say("pages.worklist-here")}
    source = st.selectbox(
        say("pages.worklist-from"), known, format_func=lambda i: titles.get(i, i), key="worklist.from"
    )
    try:
        if source == HERE:
            return _here()
        with st.form("worklist.ask", border=False):
            left, right = st.columns(2)
            patient = left.text_input(say("pages.worklist-patient-id"), key="worklist.patient")
            date = right.text_input(say("pages.worklist-date"), placeholder="20261129", key="worklist.date")
            if st.form_submit_button(say("pages.worklist-ask")):
                found = pacs.worklist(source, patient_id=patient.strip(), date=date.strip())
                st.session_state[state.WORKLIST] = (source, found)
    except MedclsError as error:
        notices.show_error(error)
        return None
    held = st.session_state.get(state.WORKLIST)
    return held[1] if held and held[0] == source else None


def _here() -> tuple[pacs.Waiting, ...]:
    """Return what waits in inbox and folder; one of them that cannot be read hides nothing of the other."""
    found: tuple[pacs.Waiting, ...] = ()
    for part in ("inbox", "folder"):
        try:
            found += pacs.worklist(part)
        except MedclsError as error:
            notices.show_error(error)
    return found


def _put_away(chosen: Sequence[pacs.Waiting]) -> None:
    try:
        for item in chosen:
            pacs.put_away(item)
    except MedclsError as error:
        notices.show_error(error)
        return
    st.rerun()


def _read(chosen: Sequence[pacs.Waiting]) -> None:
    entries = []
    with waits.watched(say("pages.worklist-fetching")) as tell:
        for done, item in enumerate(chosen):
            tell(done, len(chosen), say("pages.worklist-fetched"))
            name = " ".join(filter(None, (_shown(item, "patient"), _shown(item, "date")))) or item.id[:12]
            try:
                entries.append(scans.Entry(name, pacs.fetch(item)))
            except MedclsError as error:
                notices.show_error(error, name)
    if entries:
        drops.put_here(*entries)
        st.switch_page("../classify.py")
