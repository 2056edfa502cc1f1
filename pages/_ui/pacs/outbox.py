"""Worklist: results on their way: sent, waiting or failed, with why; tried again by a click."""

from datetime import UTC, datetime

import streamlit as st

from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import pacs
from pages._ui.widgets import notices

# State -> its mark and its word.
_STATES = {
    "sent": (":material/check:", "pages.outbox-sent"),
    "waiting": (":material/schedule:", "pages.outbox-waiting"),
    "failed": (":material/error:", "pages.outbox-failed"),
}
_MOST = 50


def show() -> None:
    """Show the newest results, those that are not sent first, each with what can be done."""
    rows = pacs.sendings()[::-1]
    if not rows:
        st.caption(say("pages.outbox-empty"))
        return
    counts = {code: sum(row.state == name for row in rows) for name, (_, code) in _STATES.items()}
    st.caption(" · ".join(f"{n} {say(code)}" for code, n in counts.items()))
    for row in sorted(rows, key=lambda row: row.state == "sent")[:_MOST]:
        _show_one(row)


def _show_one(row: pacs.Sending) -> None:
    left, right = st.columns([5, 1], vertical_alignment="center")
    mark, code = _STATES[row.state]
    told = [f"**{notices.escape(row.server)}**", say(code), f"scan {row.scan_sha256[:12]}"]
    if row.state == "waiting" and row.next_at:
        told.append(say("pages.outbox-next", {"at": datetime.fromtimestamp(row.next_at, UTC).strftime("%H:%M:%S UTC")}))
    left.markdown(f"{mark} {' · '.join(told)}  \n{notices.escape(row.why)}")
    if row.state != "sent" and right.button(say("pages.outbox-again"), key=f"outbox.{row.id}"):
        try:
            pacs.try_again(row.id)
        except MedclsError as error:
            notices.show_error(error)
            return
        st.rerun()
