"""Dropped scans: dropped once, read on every page of the session, kept in its memory only."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from medcls.core.outcome import Outcome
from medcls.core.scan import Scan
from medcls.core.task import Task
from medcls.words import counted, say
from medcls.workflows import scans
from pages._ui import cache, state
from pages._ui.widgets import notices

_STYLE = Path(__file__).with_name("drop.css")
_DECODED = 64  # scans at most that are kept decoded
_QUICK_BYTES = 8_000_000  # of archives that are opened before the page is drawn; more takes a while, and is counted
_SIGN_S = 0.4  # between two signs of how far an archive is
_LONG = 40  # characters of a name that a button has room for


@dataclass(frozen=True)
class Drop:
    """What this session has before it, on whichever page it was dropped.

    Args:
        entries: The files, archives opened, nothing decoded.
        files: Ids of the widget's files it came from; none for an example or a case of a test set.
        task_id: The only task it belongs to (an example); empty for any.
        number: How many examples were made before it.
    """

    entries: tuple[scans.Entry, ...]
    files: tuple[str, ...] = ()
    task_id: str = ""
    number: int = 0

    @property
    def title(self) -> str:
        """Return what to call it where the widget does not show it."""
        if self.task_id:
            return say("pages.example-title")
        if len(self.entries) != 1:  # none at all where a folder held only what a system hides
            return counted(len(self.entries), "file")
        name = self.entries[0].name
        return name if len(name) <= _LONG else f"{name[: _LONG - 1]}…"


def drop(key: str, task: Task) -> tuple[scans.Entry, ...]:
    """Draw the drop widget: files of any kind, ZIP archives, a whole folder; a bar once there is something.

    What was dropped on another page is here too: the widget forgets it with its page, the session does not.

    Args:
        key: Distinguishes the drop of one page from another's.
        task: For which an example can be made up.

    Returns:
        The files dropped, archives opened, nothing decoded.
    """
    held = _held(task)
    if held is None:
        with st.container(key=f"drop-{key}"):
            st.html(_STYLE)
            _upload(key, task)
        if (held := _held(task)) is not None:
            st.rerun()  # the target becomes a bar
        return ()
    with st.container(horizontal=True, vertical_alignment="center", key=f"bar-{key}"):
        st.markdown(f"**{notices.escape(held.title)}**", width="content")
        with st.popover(say("pages.drop-others"), icon=":material/upload:"):
            _upload(key, task)
        st.button(
            say("pages.drop-away"),
            key=f"{key}.away",
            on_click=put_away,
            type="tertiary",
            icon=":material/close:",
            help=say("pages.drop-memory"),
        )
    held = _held(task)
    return held.entries if held else ()


def _upload(key: str, task: Task) -> None:
    """Draw the uploader and take what it holds."""
    whole_folder = st.session_state.get(f"{key}.folder", False)
    widget = f"{key}.files.{whole_folder}.{st.session_state.get(state.DROP_TIMES, 0)}"
    files = st.file_uploader(
        say("pages.drop-folder-here") if whole_folder else say("pages.drop-here"),
        accept_multiple_files="directory" if whole_folder else True,
        key=widget,
        on_change=_changed,
        args=(widget,),
    )
    st.toggle(say("pages.drop-folder"), key=f"{key}.folder")
    held, ids = _held(task), tuple(file.file_id for file in files)
    if ids and (held is None or held.files not in (ids, ())):
        place = st.empty()
        _take(files, place if _takes_long(files) else None)
        place.empty()


def _takes_long(files: Sequence[Any]) -> bool:
    """Return whether archives among the files take a while to open."""
    return sum(file.size for file in files if file.getvalue()[:2] == b"PK") > _QUICK_BYTES


def _take(files: Sequence[Any], place: DeltaGenerator | None = None) -> None:
    """Put files before the user, archives opened.

    Args:
        files: What the widget holds.
        place: Where what came out so far is counted; None counts nothing.
    """
    entries: list[scans.Entry] = []
    told = 0.0
    for entry in scans.unpack((file.name, file.getvalue()) for file in files):
        if place is not None and time.monotonic() - told > _SIGN_S:
            told = time.monotonic()
            place.caption(say("pages.drop-unpacking", {"n": len(entries)}))
        entries.append(entry)
    _hold(Drop(tuple(entries), tuple(file.file_id for file in files)))


def _hold(drop: Drop) -> None:
    """Put a drop before the user; which of the last one's scans was looked at is forgotten."""
    st.session_state[state.DROP] = drop
    st.session_state.pop(state.CHOSEN, None)


def belongs(held: Drop | None, task: Task) -> bool:
    """Return whether something is held, and is no example for another task."""
    return held is not None and held.task_id in ("", task.id)


def _held(task: Task) -> Drop | None:
    held: Drop | None = st.session_state.get(state.DROP)
    return held if belongs(held, task) else None


def _forget() -> None:
    st.session_state.pop(state.DROP, None)


def _changed(widget: str) -> None:
    """Take what the widget holds now, before the page is drawn: the scan then stands one run of the page earlier.

    Nothing is drawn here: it would stand above the page for one run, and move every part of it at the next. What takes
    long is left to the widget's place on the page.
    """
    _forget()
    files = st.session_state[widget]
    if files and not _takes_long(files):
        _take(files)


def put_away() -> None:
    """Forget what was dropped, and what the widget holds: files dropped later do not bring it back."""
    _forget()
    st.session_state[state.DROP_TIMES] = st.session_state.get(state.DROP_TIMES, 0) + 1


def put_here(*entries: scans.Entry) -> None:
    """Put scans before the user as if they had been dropped."""
    _hold(Drop(entries))


def show_example(task: Task, place: int) -> None:
    """Put one of a task's examples before the user as if it had been dropped."""
    example = cache.examples(task)[place]
    entry = scans.Entry(
        say("pages.example-name", {"n": place + 1, "label": task.label(example.label).name}), example.data
    )
    _hold(Drop((entry,), task_id=task.id, number=place))


def pick(entries: Sequence[scans.Entry], key: str) -> scans.Entry:
    """Let the user choose one of a drop's entries; the one that was looked at on another page comes first."""
    if len(entries) == 1:
        return entries[0]
    last = st.session_state.get(state.CHOSEN)
    chosen = st.selectbox(
        say("pages.scan"),
        range(len(entries)),
        last if isinstance(last, int) and last < len(entries) else 0,
        format_func=lambda i: f"{i + 1}. {entries[i].name}",
        key=key,
    )
    return entries[chosen]


def is_synthetic(entry: scans.Entry) -> bool:
    """Return whether an entry is medcls' own example."""
    held: Drop | None = st.session_state.get(state.DROP)
    return held is not None and bool(held.task_id) and entry in held.entries


def read_entry(entry: scans.Entry, frame: int | None = None) -> Outcome[Scan]:
    """Decode one entry of a drop (one frame of it, from 0), those read last kept in the session for every page."""
    held = _read_before(entry, frame)
    return held or _keep(entry, frame, entry.then(lambda data: scans.read(data, frame)))


def decoded(entry: scans.Entry) -> Outcome[Scan] | None:
    """Return what became of an entry that was decoded before, if it is still kept."""
    return _read_before(entry, None)


def keep_scan(entry: scans.Entry, scan: Outcome[Scan]) -> None:
    """Keep the scan of an entry, decoded elsewhere, for whichever page shows it next."""
    _keep(entry, None, scan)


def _read_before(entry: scans.Entry, frame: int | None) -> Outcome[Scan] | None:
    held: dict[tuple[int, int | None], tuple[scans.Entry, Outcome[Scan]]] = state.kept(state.DECODED, dict)
    before, read = held.get((id(entry), frame), (None, None))
    return read if before is entry else None


def _keep(entry: scans.Entry, frame: int | None, read: Outcome[Scan]) -> Outcome[Scan]:
    """Keep what was decoded last: many small scans, or a few large ones (see `state.make_room`)."""
    held = state.kept(state.DECODED, dict)
    held.pop((id(entry), frame), None)
    held[id(entry), frame] = (entry, read)
    state.make_room(held, lambda item: item[1].value.pixels.size if item[1].ok else 0, most=_DECODED)
    return read


def count_frames(entry: scans.Entry) -> int:
    """Count the pictures in one entry, once per drop."""
    counts: dict[int, tuple[scans.Entry, int]] = state.kept(state.FRAMES, dict)
    if id(entry) not in counts or counts[id(entry)][0] is not entry:
        if len(counts) > 2000:
            counts.clear()
        counts[id(entry)] = (entry, scans.frames(entry.value) if entry.value else 0)
    return counts[id(entry)][1]
