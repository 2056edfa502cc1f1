"""The report sheet: one answered scan leaves as PDF, HTML, text, DICOM or FHIR, for the record or for others."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from medcls.core.progress import Progress, silent, staged
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import case_report, pacs, viewer
from pages._ui import cache, state
from pages._ui.classify import evidence, report_ask
from pages._ui.classify.answers import Shown
from pages._ui.classify.report_ask import Asked
from pages._ui.widgets import notices, printing, waits


def open_sheet(shown: Shown) -> None:
    """Open the sheet."""

    @st.dialog(say("pages.report"), position="right", width="small")
    def sheet() -> None:
        kind = st.selectbox(
            say("pages.report-kind"),
            list(case_report.EXITS),
            format_func=lambda i: str(case_report.EXITS[i].title),
            key="report.kind",
        )
        asked = report_ask.ask(shown)
        with st.container(horizontal=True):
            made = st.button(say("pages.report-make"), type="primary", key="report.make")
            printed = st.button(say("pages.report-print"), icon=":material/print:", key="report.print")
            copied = st.button(say("pages.report-copy"), icon=":material/content_copy:", key="report.copy")
        if made:
            _save(shown, kind, asked)
        if printed and (parcel := _make(shown, "html", asked)):
            printing.print_page(parcel.data.decode())
        if copied and (parcel := _make(shown, "text", asked)):
            st.caption(say("pages.report-copy-how"))
            st.code(parcel.data.decode(), language=None, wrap_lines=True, height=300)
        if asked.mode == "record" and (servers := _servers()):
            st.divider()
            server = st.selectbox(say("pages.report-send-to"), servers, key="report.server")
            if st.button(say("pages.report-send"), icon=":material/send:", key="report.send"):
                _send(shown, server, asked)

    sheet()


def _make(shown: Shown, kind: str, asked: Asked) -> case_report.Parcel | None:
    """Return what leaves, or say why it must not."""
    try:
        with _sign(asked) as tell:
            return case_report.send_out(kind, asked.on(_case(shown, asked, tell)), asked.mode)
    except MedclsError as error:
        notices.show_error(error)
        return None


@contextmanager
def _sign(asked: Asked) -> Iterator[Progress]:
    """Show that a report is being made; where its heatmap is tested, how far that is."""
    if not asked.checks:
        with st.spinner(say("pages.report-making"), show_time=True):
            yield silent
        return
    with waits.watched(say("pages.report-making")) as tell:
        yield staged(tell, say("pages.report-testing"))


def _save(shown: Shown, kind: str, asked: Asked) -> None:
    """Make the parcel and offer it."""
    if (parcel := _make(shown, kind, asked)) is None:
        return
    st.download_button(
        say("pages.report-save"),
        parcel.data,
        parcel.name,
        parcel.media_type,
        type="primary",
        icon=":material/download:",
        on_click="ignore",
    )


def _case(shown: Shown, asked: Asked, tell: Progress) -> case_report.Case:
    entry, model = shown.row.entry, cache.open_classifier(shown.card)
    case = case_report.make_case(
        entry.get(), entry.name, model, known=_known(shown), said=asked.said, checks=tell if asked.checks else None
    )
    case = case_report.with_views(case, report_ask.views(shown), asked.said.site)
    return replace(case, region=_box(shown), rulers=_rulers(shown))


def _known(shown: Shown) -> case_report.Known | None:
    """Return what the page shows of the scan; None where it has no answer.

    Raises:
        MedclsError: If its heatmap cannot be drawn.
    """
    prediction = shown.row.prediction
    if prediction is None:
        return None
    label = prediction.decided or prediction.top
    found = evidence.find(shown.scan, shown.card, label).get()
    return case_report.Known(shown.scan, prediction, next(m for m in found.maps if m.label == label))


def _servers() -> list[str]:
    """Return the servers that a result can be sent to."""
    try:
        return list(pacs.read_pacs_config().servers)
    except MedclsError as error:
        notices.show_error(error)
        return []


def _send(shown: Shown, server: str, asked: Asked) -> None:
    """Send the DICOM objects of a case to a server, and say how far they are."""
    try:
        with _sign(asked) as tell:
            case = _case(shown, asked, tell)
            key = (case.scan.sha256, case.card.id, asked.said, asked.checks, case.region, case.rulers, len(case.views))
            first = state.kept(state.REPORT_SENT, dict).setdefault(key, case.made_at)
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


def _box(shown: Shown) -> case_report.Box | None:
    """Return the box around the region drawn on the scan; None if there is none."""
    region: Mapping[str, Any] | None = st.session_state.get(state.REGION)
    if not region:
        return None
    try:
        mask = viewer.region_mask(region, shown.scan)
    except MedclsError:  # it was said beside the scan
        return None
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _rulers(shown: Shown) -> tuple[case_report.Ruler, ...]:
    """Return the distances measured on the scan, in mm where the file says how large a pixel is."""
    spacing = shown.scan.spacing_mm
    return tuple(
        case_report.Ruler(line, math.hypot((x1 - x0) * spacing[1], (y1 - y0) * spacing[0]) if spacing else None)
        for line in st.session_state.get(state.MEASURES, ())
        for x0, y0, x1, y1 in [line]
    )
