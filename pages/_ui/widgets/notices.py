"""Sentences that stand where a result would have stood."""

import re
from typing import Any

import streamlit as st

from medcls.core.outcome import Outcome
from medcls.errors import MedclsError, of_disk
from medcls.words import plain
from pages._ui import state


def show_error(error: MedclsError | OSError, name: str = "") -> None:
    """Show a user's mistake as one sentence, with the name of the file it is about (shown to its owner only).

    A full disk or a folder of somebody else is told like any other mistake.
    """
    error = of_disk(error) if isinstance(error, OSError) else error
    st.error(f"**{escape(name)}** — {escape(str(error))}" if name else escape(str(error)), icon=":material/error:")


def show_failure(outcome: Outcome[Any]) -> None:
    """Show what went wrong with one of many, by its name; nothing if nothing did."""
    if outcome.error is not None:
        show_error(outcome.error, outcome.name)


def show_unread(outcome: Outcome[Any]) -> None:
    """Show, as large as a scan would have stood, what is wrong with a file that is none, and what to do."""
    with st.container(border=True, key="unread"):
        st.space("large")
        show_failure(outcome)
        st.space("large")


def show_empty(what_for: str, first_step: str) -> None:
    """Show what an empty page is for and what to do first."""
    st.info(f"{what_for}  \n{first_step}", icon=":material/info:")


# What Streamlit's page makes links, icons and arrows of once markdown was read, where no backslash is left to stop it.
_MADE_LATE = re.compile(
    r"(?<=:)(?=//|[\w/+-]+:)|(?<=www)(?=\.)|(?<=@)(?=[\w-])|(?<=\s[-<>~])(?=[-=>]+(\s|$))|(?<=^[-<>~])(?=[-=>]+(\s|$))",
    re.IGNORECASE,
)
_CUT = ":red[]"  # nothing in red: what stands before and behind it is no longer one text


def escape(text: object) -> str:
    """Return a text or note so that markdown shows it as it is: names of files and of labels come from outside.

    A number and its percent sign stay on one line.
    """
    told = _MADE_LATE.sub("\0", plain(str(text).replace("\n", " "))).replace(" %", "\N{NO-BREAK SPACE}%")
    told = "".join("\\" + c if c in r"\`*_{}[]()#+-.!|<>~$:^&" else c for c in told)
    return told.replace("\0", _CUT)


def place_missing(place: st.delta_generator.DeltaGenerator) -> None:
    """Say where the page tells what an address names and is not here: below its head, whose row has no room for it."""
    st.session_state[state.MISSING_PLACE] = place


def show_state(text: str) -> None:
    """Say below the head what a site thinks of the model chosen."""
    with st.session_state[state.MISSING_PLACE]:
        st.warning(escape(text), icon=":material/approval_delegation:")


_LONGEST = 400  # an address may name anything


def show_missing(text: str) -> None:
    """Say that something an address names is not here."""
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    with st.session_state[state.MISSING_PLACE]:
        st.warning(escape(text), icon=":material/link_off:")
