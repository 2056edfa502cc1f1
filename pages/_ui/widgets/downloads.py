"""Files to save: each passes the gate and is written to the audit trail, by a workflow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import streamlit as st

from medcls.core.scan import Scan
from medcls.words import say
from medcls.workflows import case_report, people
from pages._ui import state


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


@dataclass(frozen=True)
class Text:
    """What is to be done with text found on pictures that go to others.

    Args:
        found: True if there is any.
        covers: True to paint it over.
        looked: True if a person looked at it and says that it names nobody.
    """

    found: bool = False
    covers: bool = False
    looked: bool = False

    @property
    def settled(self) -> bool:
        """Whether the pictures may go."""
        return self.covers or self.looked or not self.found


def ask_text(key: str, scans: Sequence[Scan]) -> Text:
    """Show text that was found on pictures, and ask what is to be done with it."""
    found = [(scan, boxes) for scan in scans if (boxes := text_on(scan))]
    if not found:
        st.caption(say("pages.report-no-text"))
        return Text()
    st.warning(say("pages.report-text", {"n": sum(len(boxes) for _, boxes in found)}), icon=":material/match_case:")
    covers = st.checkbox(say("pages.report-cover"), key=f"{key}.cover")
    for scan, boxes in found:
        picture = case_report.painted(scan, boxes, covers)
        st.image(picture, clamp=True, alt=say("pages.report-text-alt"), width=min(400, picture.shape[1]))
    return Text(True, covers, not covers and st.checkbox(say("pages.report-looked"), key=f"{key}.looked"))


def text_on(scan: Scan) -> tuple[case_report.Box, ...]:
    """Return where text was found on a scan; looked for once."""
    held: dict[str, tuple[case_report.Box, ...]] = state.kept(state.TEXT_FOUND, dict)
    if scan.sha256 not in held:
        held[scan.sha256] = case_report.text_on_scan(scan)
    return held[scan.sha256]


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
