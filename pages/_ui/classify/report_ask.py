"""The report sheet's questions: for whom, of whom, what the reader says, what must not go to others."""

from dataclasses import dataclass, replace

import streamlit as st

from medcls.words import say
from medcls.workflows import case_report
from pages._ui.classify import cases, opinions
from pages._ui.classify.answers import Shown
from pages._ui.widgets import anyway, downloads, drops
from pages._ui.widgets.header import prevalence, site_name

_SEXES = {"": "pages.report-sex-none", "F": "pages.report-sex-f", "M": "pages.report-sex-m", "O": "pages.report-sex-o"}


@dataclass(frozen=True)
class Asked:
    """What a person asked for on the sheet.

    Args:
        mode: Whom it is for.
        said: What they say of the scan.
        checks: True to test the heatmap as well.
        covers: True to paint over text found on the pictures.
        looked: True if they looked at such text and say that it names nobody.
        keeps_comment: True if they read their comment again and say that it names nobody.
    """

    mode: case_report.Mode
    said: case_report.Said
    checks: bool = False
    covers: bool = False
    looked: bool = False
    keeps_comment: bool = False

    def on(self, case: case_report.Case) -> case_report.Case:
        """Return a case with what was asked for."""
        made = case_report.cover_text(case) if self.covers else case
        return replace(made, accepts_text=self.looked, keeps_comment=self.keeps_comment)


def ask(shown: Shown) -> Asked:
    """Draw the questions."""
    words = {"record": say("pages.report-record"), "others": say("pages.report-others")}
    mode = st.radio(say("pages.report-for"), list(case_report.MODES), format_func=words.__getitem__, key="report.mode")
    person = _ask_person() if mode == "record" else case_report.Person()
    comment = st.text_area(
        say("pages.report-comment"), opinions.of(shown.row).reason, max_chars=2000, key="report.comment"
    ).strip()
    keeps = mode == "others" and bool(comment) and _ask_comment(comment)
    accepted = _ask_assessment(shown)
    checks = shows_map(shown) and st.checkbox(say("pages.report-checks"), key="report.checks")
    pictures = [shown.scan, *(view.scan for view in views(shown))]
    text = downloads.ask_text("report", pictures) if mode == "others" else downloads.Text()
    return Asked(mode, _said(shown, person, comment, accepted), checks, text.covers, text.looked, keeps)


def shows_map(shown: Shown) -> bool:
    """Return whether the report has a heatmap: what cannot be told has none, unless it was asked for."""
    prediction = shown.row.prediction
    decided = prediction is not None and prediction.decided is not None
    return decided or anyway.wanted(shown.row.entry, shown.row.frame)


def views(shown: Shown) -> list[case_report.View]:
    """Return the further scans of the case that the scan shown belongs to, those whose answer is hidden left out."""
    reading = shown.reading
    groups = cases.cases(reading.entries) if reading.done else []
    if not groups or not groups[shown.place]:
        return []
    found = []
    for place, row in enumerate(reading.rows):
        if place == shown.place or groups[place] != groups[shown.place] or opinions.hides(row):
            continue
        if row.prediction is not None:
            read = drops.read_entry(row.entry, row.frame)
            found += [case_report.View(read.value, row.prediction)] if read.value is not None else []
    return found


def _ask_person() -> case_report.Person:
    with st.expander(say("pages.report-person")):
        name = st.text_input(say("pages.report-name"), key="report.name", max_chars=200)
        left, right = st.columns(2)
        number = left.text_input(say("pages.report-id"), key="report.id", max_chars=64)
        order = right.text_input(say("pages.report-order"), key="report.order", max_chars=16)
        born = left.date_input(say("pages.report-born"), None, "1900-01-01", "today", key="report.born")
        sex = right.selectbox(
            say("pages.report-sex"), list(_SEXES), format_func=lambda i: say(_SEXES[i]), key="report.sex"
        )
    day = born.isoformat() if born else ""
    return case_report.Person(name.strip(), number.strip(), day, sex, order.strip())


def _ask_comment(comment: str) -> bool:
    """Show what was typed before it goes to others, and ask whether it may."""
    st.caption(say("pages.report-typed"))
    st.code(comment, language=None, wrap_lines=True)
    return st.checkbox(say("pages.report-keeps"), key="report.keeps")


def _ask_assessment(shown: Shown) -> bool:
    """Return whether the reader accepts the answer; not asked where they said otherwise, or nothing was decided."""
    decided = shown.row.prediction.decided if shown.row.prediction else None
    if decided is None or opinions.of(shown.row).after is not None:
        return False
    return st.checkbox(say("pages.report-accept"), key="report.accept")


def _said(shown: Shown, person: case_report.Person, comment: str, accepted: bool) -> case_report.Said:
    opinion, prediction = opinions.of(shown.row), shown.row.prediction
    after = prediction.decided if accepted and prediction else _read(opinion.after)
    reading = case_report.Reading(_read(opinion.own), after or "", comment)
    return case_report.Said(
        reading,
        person,
        site=site_name(),
        prevalence=prevalence(shown.card),
        anyway=anyway.wanted(shown.row.entry, shown.row.frame),
    )


def _read(label: str | None) -> str:
    """Return a reading as a report holds it."""
    return case_report.UNSURE if label == opinions.UNSURE else label or ""
