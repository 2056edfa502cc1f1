"""The report sheet: one answered scan leaves as PDF, HTML, text, DICOM or FHIR, for the record or for others."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import case_report, viewer
from pages._ui import cache, state
from pages._ui.classify import opinions
from pages._ui.widgets import notices
from pages._ui.widgets.header import site_name

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
        looked = mode == "others" and st.checkbox(say("pages.report-looked"), key="report.looked")
        if st.button(say("pages.report-make"), type="primary"):
            _make(shown, kind, mode, _said(shown, person, comment), looked)

    sheet()


def _ask_person() -> case_report.Person:
    with st.expander(say("pages.report-person")):
        name = st.text_input(say("pages.report-name"), key="report.name", max_chars=200)
        number = st.text_input(say("pages.report-id"), key="report.id", max_chars=64)
        return case_report.Person(name=name.strip(), id=number.strip())


def _said(shown: "Shown", person: case_report.Person, comment: str) -> case_report.Said:
    opinion = opinions.of(shown.row)
    reading = case_report.Reading(opinion.own or "", opinion.after or "", comment.strip())
    prevalence = float(st.session_state.get(state.PREVALENCE, 0.1))
    return case_report.Said(reading, person, site=site_name(), prevalence=prevalence)


def _make(shown: "Shown", kind: str, mode: case_report.Mode, said: case_report.Said, looked: bool) -> None:
    """Make the parcel and offer it, or say why it must not leave."""
    row = shown.row
    try:
        with st.spinner(say("pages.report-making"), show_time=True):
            case = case_report.make_case(
                row.entry.data or b"", row.entry.name, cache.open_classifier(shown.card), frame=row.frame, said=said
            )
            case = replace(case, accepts_text=looked, region=_box(shown))
            parcel = case_report.send_out(kind, case, mode)
    except MedclsError as error:
        notices.show_error(error)
        return
    st.download_button(
        say("pages.report-save"), parcel.data, parcel.name, parcel.media_type, type="primary", on_click="ignore"
    )


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
