"""The frames of a file that holds several: which are shown, decoded once they are asked for."""

import streamlit as st

from medcls.words import say
from medcls.workflows import scans
from pages._ui import state
from pages._ui.classify.answers import Row
from pages._ui.widgets import drops, viewer

_MOST = 120  # frames shown at once; a longer loop is shown by every second, third … frame


def frames_of(entry: scans.Entry, row: Row | None) -> viewer.Frames:
    """Return the frames of a file as the viewer takes them, as far as they are decoded."""
    n = max(1, drops.count_frames(entry))
    held = state.kept(state.LOOPS, dict)
    shown = held["scans"] if held.get("entry") is entry else ()
    return viewer.Frames(n, (row.frame or 0) if row else 0, shown, apart(n))


def apart(n: int) -> int:
    """Return how far the frames lie apart that are shown of a loop of `n`."""
    return -(-n // _MOST)


def load(entry: scans.Entry) -> None:
    """Decode the frames of a loop that are shown, with a count while it takes; one that cannot be is shown as such."""
    n = drops.count_frames(entry)
    wanted = range(0, n, apart(n))
    bar = st.progress(0.0, text=say("pages.loop-loading", {"n": len(wanted)}))
    shown = []
    for done, frame in enumerate(wanted, 1):
        shown.append(drops.read_entry(entry, frame).value)
        bar.progress(done / len(wanted), text=say("pages.loop-loading-of", {"done": done, "n": len(wanted)}))
    st.session_state[state.LOOPS] = {"entry": entry, "scans": tuple(shown)}
    st.rerun()
