"""Files to save: each passes the gate and is written to the audit trail, by a workflow."""

from collections.abc import Callable
from typing import cast

import streamlit as st

from medcls.words import say
from medcls.workflows import case_report, people


def ask_mode(key: str, first: case_report.Mode = "record") -> case_report.Mode:
    """Let the person say whom files are for: the own records, or others, for whom they name nobody."""
    words = {"record": say("pages.save-record"), "others": say("pages.save-others")}
    chosen = st.segmented_control(
        say("pages.report-for"),
        list(case_report.MODES),
        default=first,
        required=True,
        format_func=words.__getitem__,
        key=f"{key}.for",
        label_visibility="collapsed",
    )
    return cast(case_report.Mode, chosen or "others")


def offer(
    label: str,
    way: str,
    subject: Callable[[], case_report.Subject],
    mode: case_report.Mode,
    name: str,
    *,
    key: str = "",
) -> None:
    """Offer a file, made when it is asked for as whoever is at work now.

    Args:
        label: What its button says.
        way: A key of the table of exits.
        subject: Makes what leaves.
        mode: `record` or `others`.
        name: The file's name.
        key: Of the button; empty for one made of its label.
    """
    st.download_button(
        label,
        people.as_now(lambda: case_report.send_out(way, subject(), mode).data),
        name,
        case_report.ALL_EXITS[way].media_type,
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
        key=key or f"save.{way}.{name}",
    )
