"""Runs: one run as it stands, its curves, its log, what was asked for."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.run import RunSpec, settings
from medcls.words import say
from medcls.workflows import case_report, run_again, run_table, runs
from pages._ui import state
from pages._ui.runs.charts import SCORES, compare_chart, rate_chart, score_chart, score_word
from pages._ui.runs.table import ICONS, show_left, written
from pages._ui.widgets import downloads, notices
from pages._ui.widgets.charts import show_chart
from pages._ui.widgets.numbers import show_ago, show_seconds

_BAD = ("failed", "died")
_PARTS = {"validate": say("pages.runs-validation"), "train": say("pages.runs-training")}


def show_about(view: runs.RunView) -> None:
    """Draw a run's id, when it was asked for, its tags and its note."""
    line = run_table.line_of(view)
    ago = show_ago((datetime.now(UTC) - line.began).total_seconds())
    told = say("pages.run-about", {"id": view.id, "ago": ago})
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.caption(notices.escape(told), width="content")
        for tag in line.about.tags:  # beside the caption: within it they would be too pale to read
            st.markdown(f":gray-badge[{notices.escape(tag)}]")
    if line.about.note:
        st.markdown(notices.escape(line.about.note))


def show_state(view: runs.RunView) -> None:
    """Draw where a run stands: state, progress, time, and the worker's last words."""
    s = view.state
    message = notices.escape(str(s.message or ""))
    told_below = s.status in (*_BAD, "paused")
    st.progress(view.progress, text=f"{ICONS[s.status]} — {message}" if message and not told_below else ICONS[s.status])
    if s.status in _BAD:
        st.error(message, icon=":material/error:")
    elif s.status == "paused":
        st.warning(message, icon=":material/pause_circle:")
    if view.may_hang:
        st.warning(
            say("pages.runs-the-worker-has", {"silent_s": show_seconds(view.silent_s)}),
            icon=":material/hourglass_disabled:",
        )
    with st.container(horizontal=True, gap="large"):  # a narrow page breaks the row instead of cutting the numbers
        st.metric(say("pages.runs-epoch"), f"{s.epoch} of {s.epochs or view.spec.optimisation.epochs}", width="content")
        st.metric(
            say("pages.runs-time-so-far" if view.moves else "pages.runs-time-taken"),
            show_seconds(s.elapsed_s) if s.elapsed_s else "–",  # nothing is measured before the first epoch
            width="content",
        )
        if view.moves:
            st.metric(say("pages.runs-time-left"), show_left(view), width="content")
        st.metric(
            say("pages.runs-last-in-validation")
            if view.spec.is_translator
            else say("pages.runs-best-in-validation", {"monitor": score_word(view.spec.monitor)}),
            f"{s.best_score:.2f}" if s.best_epoch else "–",
            say("pages.runs-epoch-2", {"best_epoch": s.best_epoch}) if s.best_epoch else None,
            delta_color="off",
            delta_arrow="off",
            width="content",
            help=say("pages.runs-last-is-kept" if view.spec.is_translator else "pages.runs-chosen-on-these"),
        )


def show_curves(view: runs.RunView, others: Sequence[runs.RunView]) -> None:
    """Draw the curves of a run, or of several runs against each other.

    Args:
        view: The run.
        others: The other runs; those on the same data are offered first.
    """
    epochs = runs.read_metrics(view.id)
    if not epochs:
        st.info(say("pages.runs-the-first-epoch" if view.moves else "pages.runs-no-epoch"), icon=":material/info:")
        return
    data = {other.id: other.spec.data.collections for other in others}
    names = {
        other.id: f"{other.name} ({', '.join(other.spec.data.collections)}, {other.id[-4:]})"
        for other in sorted(others, key=lambda other: other.spec.data.collections != view.spec.data.collections)
    }
    against: list[str] = []
    if names:
        against = st.multiselect(
            say("pages.runs-compare-with"),
            list(names),
            format_func=names.__getitem__,
            placeholder=say("pages.runs-others"),
            key="runs.against",
            max_selections=7,
        )
    if against:
        with st.container(horizontal=True):
            score = _pick_one(say("pages.runs-score"), SCORES, "auroc", "runs.score")
            part = _pick_one(say("pages.data-cases"), _PARTS, "validate", "runs.part")
        shown = {f"{view.name} ({view.id[-4:]})": epochs} | {names[i]: runs.read_metrics(i) for i in against}
        show_chart(compare_chart(shown, score, part), key="runs.compare")
        if any(data[i] != view.spec.data.collections for i in against):
            st.caption(say("pages.runs-some-of-these"))
        return
    left, right = st.columns(2)
    for column, score in ((left, "loss"), (right, "auroc"), (left, "accuracy")):
        with column:
            show_chart(score_chart(epochs, score), key=f"runs.{score}")
    with right:
        show_chart(rate_chart(epochs), key="runs.lr")
    for note in (n for e in epochs for n in e.notes):
        st.caption(say("pages.runs-note", {"note": notices.escape(note)}))


def _pick_one(title: str, titles: Mapping[str, str], first: str, key: str) -> str:
    """Ask for one of several; `first` until another is chosen."""
    named = titles.__getitem__
    return st.segmented_control(title, list(titles), default=first, required=True, format_func=named, key=key) or first


def show_log(view: runs.RunView) -> None:
    """Draw the end of the worker's log."""
    text = runs.read_log(view.id, 200)
    st.code(
        text or (say("pages.runs-nothing-was-printed") if view.moves else say("pages.runs-this-run-left")),
        language=None,
        height=360,
    )


def show_spec(view: runs.RunView) -> None:
    """Draw what was asked for, and on which data."""
    plain = RunSpec()
    changed = [n for n in settings() if view.spec.value(n) != plain.value(n)]
    st.dataframe(
        [
            {
                say("pages.head-setting"): n,
                say("pages.head-value"): written(view.spec.value(n)),
                say("pages.runs-what-it-is"): str(p.setting.help),
                say("pages.runs-plain-default"): "" if n in changed else say("pages.yes"),
            }
            for n, p in settings().items()
        ],
        hide_index=True,
        height=420,
        alt=say("pages.runs-every-setting-of"),
    )
    if seen := runs.read_data_seen(view.id):
        counts = ", ".join(f"{n} to {part}" for part, n in seen.counts.items())
        versions = {name: say("pages.runs-version", {"v": v}) for name, v in seen.versions.items() if v}
        prints = ", ".join(
            f"{name}{versions.get(name, '')} {digest[:12]}" for name, digest in seen.fingerprints.items()
        )
        st.caption(
            say(
                "pages.runs-fingerprints",
                {
                    "counts": counts,
                    "split": notices.escape("; ".join(map(str, seen.split))),
                    "prints": notices.escape(prints),
                },
            )
        )
        for label, n in seen.made.items():
            made = say("pages.runs-made-in", {"n": n, "label": label, "run": view.spec.data.made_from})
            st.caption(notices.escape(made))
    for other, same in run_again.same_runs(view.id).items():
        told = {
            True: say("pages.runs-the-same-weights-to"),
            False: say("pages.runs-other-weights"),
            None: say("pages.runs-no-result-to-compare"),
        }[same]
        st.caption(say("pages.runs-run-has-the", {"other": other, "told": told}))
    file = case_report.OwnFile(view.id, view.spec.to_json().encode(), "settings")
    downloads.offer(say("pages.runs-settings-as-json"), "own-file", lambda: file, "record", f"{view.id}.json")


def show_published(card: ModelCard) -> None:
    """Say as what the run's model was published, and lead to where it is asked."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.success(notices.escape(say("pages.run-published", {"model": card.name or card.id})), icon=":material/check:")
        if st.button(say("pages.run-open"), type="primary", icon=":material/center_focus_strong:"):
            asked = {state.TASK: card.task.id, state.MODEL: card.id}
            for key, value in asked.items():
                state.remember(key, value)
            st.switch_page("../classify.py", query_params=asked)
