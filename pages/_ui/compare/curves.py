"""Compare, a test set: every model's curves in one plot each, and its confusion matrix."""

import streamlit as st

from medcls.core.progress import staged
from medcls.core.task import Task
from medcls.words import say
from medcls.workflows import compare, tables
from pages._ui.compare.test_set import PICK_PX, Section
from pages._ui.widgets import notices
from pages._ui.widgets.charts import show_chart
from pages._ui.widgets.charts_scores import confusion_chart, curve_chart
from pages._ui.widgets.palette import label_word
from pages._ui.widgets.waits import watched

_CONFUSION_PX = 310


def show_curves(found: compare.Comparison, names: dict[str, str]) -> Section:
    """Show ROC, precision-recall and reliability of every model in one plot each, and the confusion matrices."""
    task = next(iter(found.cards.values())).task
    label = _pick_label(found, task)
    with watched(say("pages.compare-resampling-groups-for")) as tell:
        drawn = found.curves(label, progress=staged(tell, say("pages.compare-models-resampled")))
    kinds = (
        (
            say("pages.compare-roc"),
            "roc",
            say("pages.compare-false-positive-rate"),
            say("pages.head-sensitivity"),
            True,
        ),
        (
            say("pages.compare-precision-and-recall"),
            "precision_recall",
            say("pages.curve-recall"),
            say("pages.curve-precision"),
            False,
        ),
        (
            say("pages.compare-reliability"),
            "reliability",
            say("pages.compare-probability-given"),
            say("pages.compare-share-that-was-true"),
            True,
        ),
    )
    with st.container(key="curves"):  # frame.css puts them below each other on a narrow page
        places = st.columns(3)
    for column, (title, field, x, y, diagonal) in zip(places, kinds, strict=True):
        with column:
            st.markdown(f"**{title}**")
            chosen = {m: getattr(c, field) for m, c in drawn.items()}
            show_chart(
                curve_chart(chosen, names, x, y, diagonal=diagonal, points=field == "reliability"),
                key=f"compare.{field}",
            )
    st.caption(say("pages.compare-bands-intervals-at"))
    _show_confusions(found, names, task)
    return say("pages.compare-curves"), "curves.csv", lambda: tables.curve_rows(drawn, label)


def _pick_label(found: compare.Comparison, task: Task) -> str:
    return st.selectbox(
        say("pages.compare-label-against-the"),
        found.first.labels,
        index=found.positive[-1],
        key="compare.label",
        format_func=lambda one: label_word(task, one),
        width=PICK_PX,
    )


def _show_confusions(found: compare.Comparison, names: dict[str, str], task: Task) -> None:
    st.markdown(say("pages.compare-confusion-at-the-most"))
    called = tuple(task.label(one).name for one in found.first.labels)
    with st.container(horizontal=True):  # as many beside each other as there is room for
        for model, counts in found.confusions().items():
            with st.container(width=_CONFUSION_PX, gap=None):
                st.caption(notices.escape(names[model]))
                show_chart(confusion_chart(counts, called), key=f"compare.confusion.{model}")
