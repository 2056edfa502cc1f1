"""The report sheet: one answered scan leaves as PDF, HTML, text, DICOM or FHIR, for the record or for others."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import case_report, pacs, viewer
from pages._ui import cache, state
from pages._ui.classify import opinions
from pages._ui.widgets import notices
from pages._ui.widgets.header import prevalence, site_name

if TYPE_CHECKING:
    from pages._ui.classify.card import Shown


def open_sheet(shown: "Shown") -> None:
    """Open the sheet."""

    @st.dialog(say("pages.report"), position="right", width="small")
    def sheet() -> None:
        words = {"record": say("pages.report-record"), "others": say("pages.report-others")}
        mode = st.radio(
            say("pages.report-for"), list(case_report.MODES), format_func=words.__getitem__, key="report.mode"
        )
        kind = st.selectbox(
            say("pages.report-kind"),
            list(case_report.EXITS),
            format_func=lambda i: case_report.EXITS[i].title,
            key="report.kind",
        )
        person = _ask_person() if mode == "record" else case_report.Person()
        comment = st.text_area(
            say("pages.report-comment"), opinions.of(shown.row).reason, max_chars=2000, key="report.comment"
        )
        accepted = _ask_assessment(shown)
        looked = mode == "others" and st.checkbox(say("pages.report-looked"), key="report.looked")
        if st.button(say("pages.report-make"), type="primary"):
            _make(shown, kind, mode, _said(shown, person, comment, accepted), looked)
        if mode == "record" and (servers := _servers()):
            server = st.selectbox(say("pages.report-send-to"), servers, key="report.server")
            if st.button(say("pages.report-send"), icon=":material/send:", key="report.send"):
                _send(shown, server, _said(shown, person, comment, accepted))

    sheet()


def _ask_person() -> case_report.Person:
    with st.expander(say("pages.report-person")):
        name = st.text_input(say("pages.report-name"), key="report.name", max_chars=200)
        number = st.text_input(say("pages.report-id"), key="report.id", max_chars=64)
        return case_report.Person(name=name.strip(), id=number.strip())


def _ask_assessment(shown: "Shown") -> bool:
    """Return whether the reader accepts the answer; not asked where they said otherwise, or nothing was decided."""
    decided = shown.row.prediction.decided if shown.row.prediction else None
    if decided is None or opinions.of(shown.row).after is not None:
        return False
    return st.checkbox(say("pages.report-accept"), key="report.accept")


def _said(shown: "Shown", person: case_report.Person, comment: str, accepted: bool) -> case_report.Said:
    opinion, prediction = opinions.of(shown.row), shown.row.prediction
    after = prediction.decided if accepted and prediction else opinion.after
    reading = case_report.Reading(opinion.own or "", after or "", comment.strip())
    return case_report.Said(reading, person, site=site_name(), prevalence=prevalence(shown.card))


def _make(shown: "Shown", kind: str, mode: case_report.Mode, said: case_report.Said, looked: bool) -> None:
    """Make the parcel and offer it, or say why it must not leave."""
    try:
        with st.spinner(say("pages.report-making"), show_time=True):
            parcel = case_report.send_out(kind, replace(_case(shown, said), accepts_text=looked), mode)
    except MedclsError as error:
        notices.show_error(error)
        return
    st.download_button(
        say("pages.report-save"), parcel.data, parcel.name, parcel.media_type, type="primary", on_click="ignore"
    )


def _case(shown: "Shown", said: case_report.Said) -> case_report.Case:
    row = shown.row
    model = cache.open_classifier(shown.card)
    case = case_report.make_case(row.entry.data or b"", row.entry.name, model, frame=row.frame, said=said)
    return replace(case, region=_box(shown))


def _servers() -> list[str]:
    """Return the servers that a result can be sent to."""
    try:
        return list(pacs.read_around().servers)
    except MedclsError as error:
        notices.show_error(error)
        return []


def _send(shown: "Shown", server: str, said: case_report.Said) -> None:
    """Send the DICOM objects of a case to a server, and say how far they are."""
    try:
        with st.spinner(say("pages.report-making"), show_time=True):
            case = _case(shown, said)
            first = state.kept(state.REPORT_SENT, dict).setdefault((case.scan.sha256, case.card.id, said), case.made_at)
            sending = pacs.send_back(replace(case, made_at=first), server)
    except MedclsError as error:
        notices.show_error(error)
        return
    if sending.state == "sent":
        st.success(notices.escape(say("pages.report-sent", {"server": server})), icon=":material/check:")
    elif sending.state == "waiting":
        st.info(notices.escape(say("pages.report-waiting", {"why": sending.why})), icon=":material/schedule:")
    else:
        st.error(notices.escape(say("pages.report-failed", {"why": sending.why})), icon=":material/error:")


def _box(shown: "Shown") -> case_report.Box | None:
    """Return the box around the region drawn on the scan; None if there is none."""
    region: Mapping[str, Any] | None = st.session_state.get(state.REGION)
    if not region or region.get("of") != shown.scan.sha256:
        return None
    try:
        mask = viewer.region_mask(region, shown.scan)
    except MedclsError:  # it was said beside the scan
        return None
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
