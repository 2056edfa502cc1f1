"""Models: how far a model's answers hold: what shifts of a scan do to them, and where its doubtful answers lie."""

import time

import streamlit as st

from medcls.core.collection import Selection
from medcls.core.model import ModelCard
from medcls.core.stress import StressStudy
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import compare, doubt, people, stress
from pages._ui.widgets import notices
from pages._ui.widgets.charts import show_chart
from pages._ui.widgets.charts_scores import risk_chart
from pages._ui.widgets.numbers import show_change, show_estimate, show_seconds

_FIRST = 5  # shifts told in sentences, the worst first
_STRENGTHS = ("weak", "medium", "strong")


def show_holds(card: ModelCard) -> None:
    """Show how errors gather among doubtful answers, what shifts do, and let the user measure the latter."""
    st.subheader(say("pages.holds"))
    left, right = st.columns([1, 1.6], gap="large")
    with left:
        _show_doubt(card)
    with right:
        _show_studies(card)
    _show_measure(card)


def _show_doubt(card: ModelCard) -> None:
    try:
        found = doubt.doubts_of(card.id)
    except MedclsError as error:
        notices.show_error(error)
        return
    st.markdown(say("pages.doubt-title"))
    if not found:
        st.caption(say("pages.doubt-none"))
        return
    show_chart(risk_chart(found), key=f"models.risk.{card.id}")
    for one in found:
        st.caption(notices.escape(one.note()))


def _show_studies(card: ModelCard) -> None:
    try:
        studies = stress.stress_of(card.id)
    except MedclsError as error:
        notices.show_error(error)
        return
    st.markdown(say("pages.stress-title"))
    if not studies:
        st.caption(say("pages.stress-none"))
    for study in studies:
        _show_study(study)


def _show_study(study: StressStudy) -> None:
    about = {"n": study.n_cases, "groups": study.n_groups, "on": study.collection, "part": study.part}
    st.caption(notices.escape(say("pages.stress-about", about)))
    st.markdown("\n".join(f"- {notices.escape(note)}" for note in study.worst_first()[:_FIRST]))
    strength = st.segmented_control(
        say("pages.stress-strength"),
        _STRENGTHS,
        default=_STRENGTHS[-1],
        key=f"models.stress.{study.model}.{study.collection}.{study.part}",
        required=True,
    )
    rows = [
        {
            say("pages.head-shift"): row.shift.replace("-", " "),
            say("pages.data-auroc"): show_estimate(row.auroc),
            say("pages.head-sensitivity"): show_estimate(row.sensitivity),
            say("pages.models-its-change"): show_change(row.sensitivity_change),
            say("pages.head-specificity"): show_estimate(row.specificity),
            say("pages.head-flipped"): show_estimate(row.flipped),
            say("pages.head-refused"): show_estimate(row.refused),
            say("pages.head-cautioned"): show_estimate(row.cautioned),
        }
        for row in study.rows
        if row.strength == strength
    ]
    st.dataframe(rows, hide_index=True, alt=say("pages.stress-table"))
    for note in study.notes:
        st.caption(notices.escape(note))


def _show_measure(card: ModelCard) -> None:
    with st.expander(say("pages.stress-measure")):
        names = compare.collections_for([card])
        if not names:
            st.caption(say("pages.stress-no-scans"))
            return
        left, right = st.columns([2, 1])
        chosen = left.multiselect(
            say("pages.stress-on"), names, default=list(names[:1]), key=f"models.stress-on.{card.id}"
        )
        most = right.number_input(say("pages.stress-most"), 10, 100_000, 100, 10, key="models.stress-most")
        every = st.toggle(say("pages.stress-all"), key="models.stress-all", help=say("pages.stress-all-help"))
        if st.button(say("pages.stress-do"), disabled=not chosen, key=f"models.stress-do.{card.id}"):
            _measure(card, tuple(chosen), "all" if every else "unseen", most)


def _measure(card: ModelCard, chosen: tuple[str, ...], part: str, most: int) -> None:
    """Measure with a bar that says how long it takes, keep the study with the model and show it."""
    try:
        people.need("build")  # before minutes of measuring, not after
    except MedclsError as error:
        notices.show_error(error)
        return
    bar, started = st.progress(0.0, text=say("pages.stress-opening")), time.monotonic()

    def tell(done: int, total: int, stage: str = "") -> None:
        left_s = (time.monotonic() - started) * (total - done) / max(1, done)
        bar.progress(done / max(1, total), say("pages.stress-progress", _told(done, total, left_s)))

    try:
        stress.keep(stress.measure(card.id, Selection(chosen, part, most), progress=tell))
    except MedclsError as error:
        bar.empty()
        notices.show_error(error)
        return
    st.rerun()


def _told(done: int, total: int, left_s: float) -> dict[str, object]:
    return {"done": done, "total": total, "left": show_seconds(left_s)}
