"""Compare, a test set: the operating point of one model, and runs that differ in one setting."""

import math

import numpy as np
import streamlit as st

from medcls.core.evaluation import Estimate
from medcls.core.note import Note
from medcls.core.progress import staged
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import ablation, compare, models, tables, thresholds
from pages._ui import state
from pages._ui.compare.pairs import pick_score, show_difference
from pages._ui.compare.test_set import Section
from pages._ui.widgets import header, notices
from pages._ui.widgets.charts import show_chart
from pages._ui.widgets.charts_scores import threshold_chart
from pages._ui.widgets.numbers import show_estimate
from pages._ui.widgets.palette import label_word
from pages._ui.widgets.waits import watched


def show_threshold(found: compare.Comparison, names: dict[str, str]) -> Section:
    """Let the user move the threshold and keep one on the model's card."""
    left, middle, right = st.columns(3)
    model = left.selectbox(
        say("pages.model"), list(names), format_func=lambda m: names[m], key="compare.threshold.model"
    )
    if st.session_state.get(state.COMPARE_LABEL) not in found.first.labels:
        st.session_state[state.COMPARE_LABEL] = found.first.labels[found.positive[-1]]
    st.session_state.setdefault(state.COMPARE_THRESHOLD, 0.5)
    card = found.cards[model]
    label = middle.selectbox(
        say("pages.compare-label-called"),
        found.first.labels,
        key=state.COMPARE_LABEL,
        format_func=lambda one: label_word(card.task, one),
    )
    share = header.prevalence(card)  # as where answers are read
    percent = right.number_input(
        say("pages.compare-prevalence-where-it"),
        0.01,
        99.0,
        100 * (share if found.first.labels.index(label) in found.positive else 1 - share),
        0.5,
        format="%.2f",
        key=f"compare.prevalence.{label}",
    )
    table = found.cases[model]
    _suggest(table, label)
    _show_kept(model)
    chosen = st.slider(say("pages.compare-call-it-at"), 0.01, 0.99, step=0.01, key=state.COMPARE_THRESHOLD)
    point = thresholds.try_threshold(table, label, chosen, percent / 100)
    _show_point(point, card.task.label(label).name)
    grid = [thresholds.try_threshold(table, label, float(t), percent / 100) for t in np.linspace(0.02, 0.98, 49)]
    show_chart(threshold_chart(grid, chosen), key="compare.threshold.chart")
    _keep(model, label, chosen, thresholds.describe_point(point, table, found.collection))
    return say("pages.compare-thresholds"), "thresholds.csv", lambda: tables.threshold_rows(model, label, grid)


def _suggest(table: object, label: str) -> None:
    """Offer thresholds that reach common goals; the interval counts that the threshold was chosen on these cases."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for s in thresholds.suggest_thresholds(table, label):  # type: ignore[arg-type]
            if math.isfinite(s.threshold) and 0.01 <= s.threshold <= 0.99:
                other = "specificity" if s.goal.startswith("sens") else "sensitivity"
                tip = say("pages.compare-is-then", {"other": other, "reached": show_estimate(s.reached)})
                at = (
                    math.floor(100 * s.threshold) / 100
                    if s.goal.startswith("sens")
                    else math.ceil(100 * s.threshold) / 100
                )
                st.button(f"{s.goal}: {at:.2f}", key=f"compare.goal.{s.goal}", help=tip, on_click=_move, args=(at,))


def _show_kept(model: str) -> None:
    """Offer the operating points kept on the model's card: to look at again, or to take off."""
    try:
        card, _ = models.show_model(model)
    except MedclsError as error:
        notices.show_error(error)
        return
    if not card.thresholds:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(say("pages.compare-kept-on-the"))
        for i, t in enumerate(card.thresholds):
            with st.popover(f"{notices.escape(t.name)}: {notices.escape(t.label)} at {t.prob:.2f}"):
                st.caption(notices.escape(str(t.note) or say("pages.compare-no-figures-were")))
                st.button(
                    say("pages.compare-look-at-it"), key=f"compare.kept.{i}", on_click=_move, args=(t.prob, t.label)
                )
                st.button(
                    say("pages.compare-take-it-off"),
                    key=f"compare.forget.{i}",
                    on_click=_forget,
                    args=(model, t.name, t.label),
                )


def _forget(model: str, name: str, label: str) -> None:
    try:
        thresholds.forget_threshold(model, name, label)
    except MedclsError as error:
        notices.show_error(error)


def _move(threshold: float, label: str | None = None) -> None:
    st.session_state[state.COMPARE_THRESHOLD] = min(0.99, max(0.01, threshold))
    if label is not None:
        st.session_state[state.COMPARE_LABEL] = label


def _show_point(point: thresholds.OperatingPoint, name: str) -> None:
    cells = [
        (say("pages.site-sensitivity"), show_estimate(point.sensitivity)),
        (say("pages.site-specificity"), show_estimate(point.specificity)),
        (say("pages.compare-ppv"), _fine(point.ppv)),
        (say("pages.compare-npv"), _fine(point.npv)),
        (say("pages.compare-missed-per"), _count(point.missed_per_1000)),
        (say("pages.compare-false-alarms-per"), _count(point.alarms_per_1000)),
    ]
    for column, (title, value) in zip(st.columns(6), cells, strict=True):
        column.markdown(f"<small>{title}</small>  \n**{value}**", unsafe_allow_html=True)
    st.caption(
        say(
            "pages.compare-of-people-have",
            {
                "value": 1000 * point.prevalence,
                "label": notices.escape(name),
                "n": point.sensitivity.n,
                "n2": point.specificity.n,
            },
        )
    )


def _fine(estimate: Estimate) -> str:
    """Return a predictive value in digits enough to keep it off 1: at a low prevalence all that matters is there."""
    return show_estimate(estimate, 4 if estimate.value > 0.99 else 2)


def _count(per_1000: float) -> str:
    return say("pages.compare-not-computable") if math.isnan(per_1000) else f"{per_1000:.1f}"


def _keep(model: str, label: str, chosen: float, note: Note) -> None:
    with st.form("compare.keep", border=True):
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        name = left.text_input(say("pages.compare-name-of-this"), max_chars=60, placeholder="screening")
        if right.form_submit_button(say("pages.compare-keep-it-on")):
            try:
                card = thresholds.save_threshold(model, name, label, chosen, note)
                kept = ", ".join(f"{t.name} ({t.label} at {t.prob:.2f})" for t in card.thresholds)
                st.success(notices.escape(say("pages.compare-on-the-card", {"kept": kept})))
            except MedclsError as error:
                notices.show_error(error)


def show_ablation(found: compare.Comparison) -> Section | None:
    """Show finished runs that differ in one setting, with what it did."""
    score = pick_score(found, "ablation")
    with watched(say("pages.compare-lining-up-runs")) as tell:
        rows = ablation.ablate(score, progress=staged(tell, say("pages.compare-pairs-compared")))
    if not rows:
        notices.show_empty(
            say("pages.compare-runs-that-differ"),
            say("pages.compare-there-are-no"),
        )
        return None
    st.dataframe(
        [
            {
                say("pages.head-setting"): r.setting,
                say("pages.head-from"): str(r.value_before),
                say("pages.head-to"): str(r.value_after),
                say("pages.head-before"): show_estimate(r.score_before),
                say("pages.head-after"): show_estimate(r.score_after),
                say("pages.head-difference"): show_difference(r.difference),
                say("pages.compare-run-before"): r.before,
                say("pages.compare-run-after"): r.after,
            }
            for r in rows
        ],
        hide_index=True,
        alt=say("pages.compare-runs-that-differ-in"),
    )
    sentences = [f"{r.setting} {r.value_before} → {r.value_after}: {_by_value(r)}" for r in rows]
    st.markdown("\n".join(f"- {notices.escape(sentence)}" for sentence in sentences))
    return say("pages.compare-ablation"), "ablation.csv", lambda: tables.ablation_rows(rows)


def _by_value(row: ablation.AblationRow) -> str:
    """Return the verdict with the setting's values in place of the runs' ids."""
    names = {row.after: f"{row.setting} {row.value_after}", row.before: f"{row.setting} {row.value_before}"}
    return str(row.difference.verdict_of(names))
