"""Runs: how the kept epoch did on cases it never saw, and the cases it got wrong."""

from collections.abc import Sequence

import streamlit as st

from medcls.core.evaluation import Evaluation
from medcls.core.model import ModelCard
from medcls.core.outcome import Outcome
from medcls.core.progress import staged
from medcls.core.scan import Scan
from medcls.core.task import Task
from medcls.core.titles import titles_of
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import data, fold_results, folds, run_results, runs
from pages._ui import state
from pages._ui.widgets import gallery, notices, waits
from pages._ui.widgets.charts import show_chart
from pages._ui.widgets.charts_scores import confusion_chart
from pages._ui.widgets.numbers import show_estimate, show_prob
from pages._ui.widgets.palette import label_colours, label_word

_WHOLE = {
    "auroc": say("pages.data-auroc"),
    "accuracy": say("pages.runs-accuracy"),
    "balanced_accuracy": say("pages.runs-balanced-accuracy"),
    "macro_f1": say("pages.runs-macro-f"),
}
_EACH = {
    "precision": say("pages.runs-precision"),
    "recall": say("pages.runs-recall"),
    "f1": say("pages.runs-f1"),
    "auroc": say("pages.runs-auroc-against-the"),
}
_SHOWN = 24
_ONE, _ALL = say("pages.runs-this-fold"), say("pages.runs-all-folds-pooled")


def show_report(view: runs.RunView) -> None:
    """Draw scores with intervals, the confusion matrix and a line per label; for folds also over all of them."""
    found = folds.find_folds(view.id)
    which = _ONE
    if found and len(found.runs) > 1:
        which = st.segmented_control(
            say("pages.data-cases"),
            (_ONE, _ALL),
            default=_ONE,
            key="runs.folds",
            label_visibility="collapsed",
            required=True,
        )
    if found and which == _ALL:
        _show_folds(found)
    else:
        _show_own(view)


def _show_own(view: runs.RunView) -> None:
    if not view.has_result:
        st.info(
            say("pages.runs-the-report-comes"),
            icon=":material/info:",
        )
        return
    card, evaluation, _ = run_results.read_report(view.id)
    if evaluation is None:
        st.info(say("pages.runs-the-split-keeps"), icon=":material/info:")
        return
    _show_scores(card, evaluation, say("pages.runs-epoch-kept", {"best_epoch": view.state.best_epoch}))


def _show_folds(found: folds.FoldSet) -> None:
    """Draw what was measured over all folds, or how far they are."""
    if found.missing:
        st.info(say("pages.runs-pooled-scores-come", {"describe": found.progress}), icon=":material/hourglass_empty:")
        return
    key = tuple(found.runs[fold] for fold in range(found.n_folds))
    held = st.session_state.get(state.RUN_POOLED)
    try:
        if held is None or held[0] != key:
            with waits.watched(say("pages.compare-resampling-groups")) as tell:
                tell = staged(tell, say("pages.runs-pooling-step"))
                held = (key, run_results.read_result(key[0]), fold_results.pool_folds(found, tell)[0])
            st.session_state[state.RUN_POOLED] = held
    except MedclsError as error:
        notices.show_error(error)
        return
    _show_scores(held[1], held[2])
    rows = [
        {
            say("pages.head-fold"): fold,
            say("pages.head-run"): found.runs[fold],
            say("pages.head-cases"): evaluation.n_cases,
        }
        | {title: show_estimate(evaluation.scores[name]) for name, title in _WHOLE.items() if name in evaluation.scores}
        for fold, (evaluation, _) in fold_results.read_folds(found).items()
    ]
    st.markdown(say("pages.runs-each-fold"))
    st.dataframe(rows, hide_index=True, width="stretch", alt=say("pages.runs-scores-of-each"))


def _show_scores(card: ModelCard, evaluation: Evaluation, first: str = "") -> None:
    where = titles_of(evaluation.collection)
    told = {"cases": evaluation.n_cases, "groups": evaluation.n_groups, "collection": where}
    st.caption(notices.escape(f"{first}{say('pages.basis', told)}; {evaluation.part}."))
    for note in evaluation.notes:
        st.warning(notices.escape(note), icon=":material/flag:")
    with st.container(horizontal=True, gap="large"):
        for name, title in _WHOLE.items():
            if name in evaluation.scores:
                value, _, interval = show_estimate(evaluation.scores[name]).partition(" (")
                st.metric(
                    title,
                    value,
                    interval.rstrip(")") or None,
                    delta_color="off",
                    delta_arrow="off",
                    width="content",
                    help=notices.escape(say("pages.runs-below-it-the", {"how": evaluation.scores[name].how})),
                )
    words = [label_word(card.task, label) for label in evaluation.labels]
    show_chart(confusion_chart(evaluation.confusion, words), key="runs.confusion", width=420)
    st.dataframe(
        _per_label(card, evaluation), hide_index=True, width="stretch", alt=say("pages.runs-scores-of-each-label")
    )
    st.caption(say("pages.runs-in-brackets-the"))


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
        st.info(say("pages.runs-there-is-no"), icon=":material/info:")
        return
    wrong = run_results.wrong_cases(view.id)
    if not wrong:
        st.success(say("pages.runs-no-test-case"), icon=":material/check:")
        return
    task = run_results.read_result(view.id).task
    labels = sorted({case.truth for case in wrong}, key=task.label_ids.index)
    named = {label: notices.escape(label_word(task, label)) for label in labels}
    only = st.segmented_control(say("pages.truth"), labels, format_func=named.__getitem__, key="runs.truth")
    shown = [case for case in wrong if only in (None, case.truth)]
    unsure = sum(case.unsure for case in shown)
    st.caption(
        say("pages.runs-of-wrong-answers", {"n": len(shown)})
        + (say("pages.runs-of-them-shown", {"shown": _SHOWN}) if len(shown) > _SHOWN else "")
        + (say("pages.runs-on-of-them", {"unsure": unsure}) if unsure else "")
    )
    _show_pictures(shown[:_SHOWN], task)


def _show_pictures(wrong: Sequence[run_results.WrongCase], task: Task) -> None:
    """Show the scans that are here; each reason why others have none is said once."""
    found: list[tuple[run_results.WrongCase, bytes]] = []
    for case in wrong:
        picture = _picture(case)
        notices.show_failure(picture)
        if picture.value is not None:
            found.append((case, picture.value))
    figures = [
        gallery.Figure(case.case, picture, _truth(case, task), label_colours(task)[case.truth], (_answer(case, task),))
        for case, picture in found
    ]

    def read(place: int) -> Scan:
        return data.read_case(found[place][0].collection, found[place][0].case)

    gallery.show(figures, read, "runs.wrong", 220)


def _truth(case: run_results.WrongCase, task: Task) -> str:
    return say("pages.truth-prob", {"word": label_word(task, case.truth), "prob": show_prob(case.prob_truth)})


def _answer(case: run_results.WrongCase, task: Task) -> str:
    told = {"word": label_word(task, case.answered), "prob": show_prob(case.prob)}
    return say("pages.in-doubt-is" if case.unsure else "pages.answered-is", told)


def _picture(case: run_results.WrongCase) -> Outcome[bytes]:
    held: dict[tuple[str, str], Outcome[bytes]] = st.session_state.setdefault(state.RUN_PICTURES, {})
    key = (case.collection, case.case)
    if key not in held:
        held[key] = Outcome.of(case.case, lambda: run_results.read_case_picture(*key, 440))
    return held[key]
