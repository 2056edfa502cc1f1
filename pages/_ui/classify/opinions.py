"""What a person says of a scan: their own reading before the network's, and that they disagree with it."""

from dataclasses import dataclass, replace
from typing import Protocol

import streamlit as st

from medcls.core.task import Task
from medcls.words import say
from medcls.workflows import scans
from pages._ui import state
from pages._ui.widgets import notices
from pages._ui.widgets.palette import label_word

UNSURE = ""  # the person cannot tell either


class Read(Protocol):
    """What an opinion is of: a file, and which frame of it."""

    @property
    def entry(self) -> scans.Entry:
        """The file."""

    @property
    def frame(self) -> int | None:
        """Which frame of it, from 0; None for the first."""


@dataclass(frozen=True)
class Opinion:
    """What a person said of one scan.

    Args:
        own: Label of their own reading before the answer was shown; `UNSURE` if they could not tell; None for none.
        confidence: How sure, 1 to 5; None for none.
        after: Label they hold after they saw the answer; None if it is not said.
        reason: Why they disagree with the network; empty if they do not.
    """

    own: str | None = None
    confidence: int | None = None
    after: str | None = None
    reason: str = ""


def of(row: Read) -> Opinion:
    """Return what was said of a scan so far."""
    return state.kept(state.OPINIONS, dict).get(_key(row), Opinion())


def keep(row: Read, opinion: Opinion) -> None:
    """Keep what was said of a scan for this session and its exports."""
    state.kept(state.OPINIONS, dict)[_key(row)] = opinion


def _key(row: Read) -> tuple[int, int | None]:
    return id(row.entry), row.frame


def hides(row: Read) -> bool:
    """Return whether the answer waits for the person's own reading."""
    return waits(row.entry, row.frame)


def waits(entry: scans.Entry, frame: int | None = None) -> bool:
    """Return whether what a model says of a file, or a frame of it, waits for the person's own reading."""
    said: Opinion = state.kept(state.OPINIONS, dict).get((id(entry), frame), Opinion())
    return bool(st.session_state.get(state.OWN_FIRST)) and said.own is None


def lead_back() -> None:
    """Say, on a page that asks for no reading, that the person's own comes first, and lead to where it is asked for."""
    st.info(say("pages.own-on-classify"), icon=":material/visibility_off:")
    if st.button(say("pages.own-title"), type="primary", key="own.back"):
        st.switch_page("../classify.py")


def show_switch(key: str) -> None:
    """Draw the switch that lets the person read before the answer is shown.

    Args:
        key: Of the switch: the same one stands in several places.
    """
    on = bool(st.session_state.get(state.OWN_FIRST))
    st.session_state[state.OWN_FIRST] = st.toggle(say("pages.own-first"), on, key=key)


def ask_first(row: Read, task: Task, place: int) -> None:
    """Ask for the person's own reading; the answer is shown after it."""
    with st.form(f"own.{place}", border=True):
        st.markdown("**" + say("pages.own-title") + "**")
        own = st.radio(
            say("pages.own-label"),
            [*task.label_ids, UNSURE],
            index=None,
            horizontal=True,
            format_func=lambda i: notices.escape(label_word(task, i)) if i else say("pages.cannot-tell"),
        )
        confidence = st.select_slider(say("pages.own-confidence"), range(1, 6), 3)
        if st.form_submit_button(say("pages.own-show"), type="primary") and own is not None:
            keep(row, replace(of(row), own=own, confidence=confidence))
            st.rerun()


def show(row: Read, task: Task) -> None:
    """Show what was said before the answer, and let it be changed after it."""
    opinion = of(row)
    if opinion.own is not None:
        word = label_word(task, opinion.own) if opinion.own else say("pages.cannot-tell")
        said = {"word": notices.escape(word), "confidence": opinion.confidence or 0}
        st.caption(say("pages.own-said", said))
    if opinion.reason:
        st.caption(say("pages.disagree-said", {"reason": notices.escape(opinion.reason)}))


def disagree(row: Read, task: Task) -> None:
    """Ask what the person holds instead of the answer, and why, in a sheet."""

    @st.dialog(say("pages.disagree-title"), position="right")
    def sheet() -> None:
        before = of(row)
        choices = [*task.label_ids, UNSURE]
        after = st.radio(
            say("pages.disagree-label"),
            choices,
            index=choices.index(before.after) if before.after in choices else None,
            format_func=lambda i: notices.escape(label_word(task, i)) if i else say("pages.cannot-tell"),
        )
        reason = st.text_area(say("pages.disagree-reason"), before.reason, max_chars=1000)
        if st.button(say("pages.disagree-keep"), type="primary", disabled=after is None and not reason.strip()):
            keep(row, replace(before, after=after, reason=reason.strip() or say("pages.disagree-no-reason")))
            st.rerun()

    sheet()


def columns_of(row: Read) -> dict[str, str]:
    """Return what was said as columns of an export; empty where nothing was."""
    said = of(row)
    if said == Opinion():
        return {}
    return {
        "own_reading": "" if said.own is None else said.own or "cannot tell",
        "own_confidence": "" if said.confidence is None else str(said.confidence),
        "reading_after": "" if said.after is None else said.after or "cannot tell",
        "disagrees": said.reason,
    }
