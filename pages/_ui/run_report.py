"""Runs: how the kept epoch did on cases it never saw, and the cases it got wrong."""

import streamlit as st

from medcls.core.evaluation import Evaluation
from medcls.core.model import ModelCard
from medcls.errors import MedclsError
from medcls.workflows import run_results, runs
from pages._ui import notices
from pages._ui.charts import show_scan
from pages._ui.charts_scores import confusion_chart
from pages._ui.numbers import show_estimate, show_prob
from pages._ui.palette import label_word

_WHOLE = {"auroc": "AUROC", "accuracy": "Accuracy", "balanced_accuracy": "Balanced accuracy", "macro_f1": "Macro F1"}
_EACH = {"precision": "precision", "recall": "recall", "f1": "F1", "auroc": "AUROC against the rest"}
_PICTURES, _SHOWN = "runs.pictures", 24


def show_report(view: runs.RunView) -> None:
    """Draw scores with intervals, the confusion matrix and a line per label."""
    if not view.has_result:
        st.info(
            "The report comes with the model: when the run is finished, or stopped after an epoch.",
            icon=":material/info:",
        )
        return
    card, evaluation, _ = run_results.read_report(view.id)
    if evaluation is None:
        st.info("The split keeps no cases apart for testing, so nothing was measured.", icon=":material/info:")
        return
    st.caption(
        f"Epoch kept: {view.state.best_epoch}. {evaluation.n_cases} cases of {evaluation.n_groups} groups; {notices.escape(evaluation.part)}."
    )
    for note in evaluation.notes:
        st.warning(notices.escape(note), icon=":material/flag:")
    with st.container(horizontal=True, gap="large"):
        for name, title in _WHOLE.items():
            if name in evaluation.scores:
                value, _, interval = show_estimate(evaluation.scores[name]).partition(" (")
                st.metric(
                    title, value, interval.rstrip(")") or None, delta_color="off", delta_arrow="off", width="content",
                    help=f"Below it the 95 % interval; {evaluation.scores[name].how}.",
                )  # fmt: skip
    words = [label_word(card.task, label) for label in evaluation.labels]
    chart = confusion_chart({view.id: evaluation.confusion}, {view.id: "cases"}, words)
    st.plotly_chart(chart, key="runs.confusion", width=420)
    st.dataframe(
        _per_label(card, evaluation), hide_index=True, width="stretch", alt="Scores of each label with intervals"
    )
    st.caption("In brackets the 95 % interval.")


def _per_label(card: ModelCard, evaluation: Evaluation) -> list[dict]:
    return [
        {"label": label_word(card.task, label), "cases": sum(evaluation.confusion[i])}
        | {
            title: show_estimate(evaluation.scores[f"{name}:{label}"])
            for name, title in _EACH.items()
            if f"{name}:{label}" in evaluation.scores
        }
        for i, label in enumerate(evaluation.labels)
    ]


def show_wrong(view: runs.RunView) -> None:
    """Draw the test cases the model got wrong, its most certain errors first."""
    if not view.has_result:
        st.info("There is no model yet to be wrong.", icon=":material/info:")
        return
    wrong = run_results.wrong_cases(view.id)
    if not wrong:
        st.success("No test case was answered wrongly; with few cases that says little.", icon=":material/check:")
        return
    labels = sorted({case.truth for case in wrong})
    only = st.segmented_control("Truth", labels, key="runs.truth")
    shown = [case for case in wrong if only in (None, case.truth)]
    unsure = sum(case.unsure for case in shown)
    st.caption(
        f"{len(shown)} of {len(wrong)} wrong answers, the most certain first; {min(len(shown), _SHOWN)} shown."
        + (f" On {unsure} of them the model says that it cannot tell." if unsure else "")
    )
    columns = st.columns(4)
    for i, case in enumerate(shown[:_SHOWN]):
        with columns[i % 4]:
            _show_case(case)


def _show_case(case: run_results.WrongCase) -> None:
    held = st.session_state.setdefault(_PICTURES, {})
    key = (case.collection, case.case)
    if key not in held:
        try:
            held[key] = run_results.read_case_picture(*key)
        except MedclsError as error:
            notices.show_error(error)
            return
    answer = f"{case.answered} ({show_prob(case.prob)})"
    answer = f"cannot tell, most probable {answer}" if case.unsure else f"answered {answer}"
    told = f"is {case.truth} ({show_prob(case.prob_truth)}), {answer}"
    show_scan(held[key], f"A test case that {told}", told, height_px=220)
    st.caption(notices.escape(case.case))
