"""Widgets every page shares: which task, which model, which scans."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.scan import Scan
from medcls.core.task import Task
from medcls.errors import MedclsError
from medcls.workflows import classify, models, scans
from pages._ui import cache, notices, state

SYNTHETIC = "Synthetic example"


@dataclass(frozen=True)
class Read:
    """One dropped file after decoding: a scan, or why there is none."""

    name: str
    scan: Scan | None
    error: MedclsError | None
    synthetic: bool = False


def pick(
    label: str, options: Mapping[str, str], key: str, help: str | None = None, first: str | None = None
) -> str | None:
    """Let the user choose one of `options` (id -> what a person reads); the last choice is there again.

    Args:
        label: Name of the widget.
        options: What can be chosen.
        key: Under which the choice is remembered.
        help: A sentence on it.
        first: Chosen where nothing was chosen before; None for the first option.

    Returns:
        The chosen id; None if there are no options.
    """
    ids, last = list(options), state.choice(key)
    if not ids:
        return None
    twice = {text for text, n in Counter(options.values()).items() if n > 1}
    shown = {
        i: f"{text} ({i})" if text in twice else text for i, text in options.items()
    }  # the widget goes by the text
    start = last if last in ids else first if first in ids else ids[0]
    chosen = st.selectbox(
        label, ids, index=ids.index(start), format_func=lambda i: shown.get(i, i),
        key=f"pick.{key}.{'|'.join(ids)}", help=help,
    )  # fmt: skip
    state.remember(key, chosen)
    return chosen


def task_title(task: Task) -> str:
    """Give a task as a person reads it: its name, or its labels where it is made of a user's own."""
    labels = ", ".join(label.name for label in task.labels)
    return f"Own labels: {labels}" if task.id == "own" else task.title


def model_title(card: ModelCard) -> str:
    """Give a model as it is called beside its task: without the task's name, which a narrow page has no room for twice."""
    short = card.name.removeprefix(f"{task_title(card.task)}, ")
    return short[:1].upper() + short[1:] if short != card.name else card.name or card.id


_FIRST_TASK = "breast-ultrasound"  # what a new user meets, where a model answers it


def pick_task(cards: Sequence[ModelCard]) -> Task | None:
    """Let the user choose among the tasks that at least one of these models answers."""
    counts = Counter(card.task.id for card in cards)
    tasks = {card.task.id: card.task for card in sorted(cards, key=lambda card: (-counts[card.task.id], card.task.id))}
    chosen = pick("Task", {i: task_title(task) for i, task in tasks.items()}, state.TASK, first=_FIRST_TASK)
    return tasks[chosen] if chosen else None


def pick_model(cards: Sequence[ModelCard], task: Task) -> ModelCard | None:
    """Let the user choose among the models of a task; at first the one the command line would take."""
    mine = {card.id: card for card in cards if card.task.id == task.id}
    known = state.choice(state.MODEL) in mine
    first = None if known or not mine else _best(task)
    chosen = pick("Model", {i: model_title(card) for i, card in mine.items()}, state.MODEL, first=first)
    return mine[chosen] if chosen else None


def _best(task: Task) -> str | None:
    """Give the model the command line would take; None where an evaluation cannot be read (its page tells of it)."""
    try:
        return classify.choose_model(task.id).id
    except MedclsError:
        return None


def pick_task_and_model(title: str) -> ModelCard | None:
    """Draw a page's title and beside it both pickers over all models.

    Broken models are named with what ails them; where there is none at all, the page says what to do first.

    Returns:
        The chosen model's card; None if there is no model.
    """
    heading, left, right = st.columns([1.75, 1.8, 2.3], vertical_alignment="bottom", gap="small")
    heading.title(title)
    cards = models.list_models()
    for broken in models.broken_models():
        notices.show_error(broken.error)
    if not cards:
        notices.show_empty("There is no model yet.", "Train one (Build: Train) or import one (Build: Models).")
        return None
    with left:
        task = pick_task(cards)
    with right:
        return pick_model(cards, task) if task else None


def drop(key: str, task: Task | None = None) -> tuple[scans.Entry, ...]:
    """Draw the drop widget: files of any kind, ZIP archives, a whole folder, or an example.

    Args:
        key: Distinguishes the drop of one page from another's.
        task: For which an example can be made up; None offers none.

    Returns:
        The files dropped, archives opened, nothing decoded; kept in this session only.
    """
    whole_folder = st.session_state.get(f"{key}.folder", False)
    files = st.file_uploader(
        "Drop a folder of scans here" if whole_folder else "Drop scans here: PNG, JPEG, TIFF, BMP, WebP, DICOM, or a ZIP of them",
        accept_multiple_files="directory" if whole_folder else True,
        key=f"{key}.files.{whole_folder}",
    )  # fmt: skip
    ids = tuple(file.file_id for file in files)
    made_key = f"{key}.{state.EXAMPLE}"
    with st.container(horizontal=True, vertical_alignment="center"):
        if task is not None and st.button(
            "Try an example", key=f"{key}.try", help="A synthetic scan made by medcls; it shows nobody."
        ):
            st.session_state[made_key] = next_example(task, st.session_state.get(made_key), ids)
        st.toggle("Choose a whole folder", key=f"{key}.folder")
    made: Example | None = st.session_state.get(made_key)
    if made and task is not None and made.task_id == task.id and made.beside == ids:
        return made.entries
    return _unpacked(key, files, ids) if files else ()


@dataclass(frozen=True)
class Example:
    """A synthetic scan that stands in for a drop until something else is dropped.

    Args:
        task_id: The task it was made for.
        entries: The scan, as a drop of one file.
        number: How many were made before it.
        beside: The files that lay in the drop when it was asked for.
    """

    task_id: str
    entries: tuple[scans.Entry, ...]
    number: int
    beside: tuple[str, ...]


def next_example(task: Task, last: Example | None, beside: tuple[str, ...]) -> Example | None:
    """Make up the next synthetic scan: another label, then another seed, each time the button is pressed."""
    number = last.number + 1 if last and last.task_id == task.id else 0
    label = task.labels[-1 - number % len(task.labels)].id
    try:
        data = scans.example(task, label, seed=number)
    except MedclsError as error:
        notices.show_error(error)
        return None
    return Example(task.id, (scans.Entry(f"{SYNTHETIC} {number + 1}, drawn as {label}", data, None),), number, beside)


def _unpacked(key: str, files: Sequence[Any], ids: tuple[str, ...]) -> tuple[scans.Entry, ...]:
    held = st.session_state.get(f"{key}.{state.DROPS}")
    if held is None or held[0] != ids:
        held = (ids, tuple(scans.unpack((file.name, file.getvalue()) for file in files)))
        st.session_state[f"{key}.{state.DROPS}"] = held
    return held[1]


def is_synthetic(entry: scans.Entry) -> bool:
    """Say whether an entry is medcls' own example."""
    return entry.name.startswith(SYNTHETIC)


def drop_scans(key: str, task: Task | None = None, limit: int | None = None) -> tuple[Read, ...]:
    """Draw the drop widget and decode what was dropped; broken files come with their error.

    Args:
        key: Distinguishes the drop of one page from another's.
        task: For which an example can be made up; None offers none.
        limit: Decode at most so many (a page that shows one scan needs one); None for all.
    """
    return tuple(read_entry(entry) for entry in drop(key, task)[:limit])


def read_entry(entry: scans.Entry, frame: int | None = None) -> Read:
    """Decode one entry of a drop (one frame of it, from 0), the last few kept in the session."""
    if entry.data is None:
        return Read(entry.name, None, entry.error)
    held, key = state.kept(state.DECODED, dict), (id(entry), frame)
    if key in held and held[key][0] is entry:
        return held[key][1]
    try:
        read = Read(entry.name, scans.read(entry.data, frame), None, is_synthetic(entry))
    except MedclsError as error:
        read = Read(entry.name, None, error)
    held[key] = (entry, read)
    state.make_room(held, lambda item: item[1].scan.pixels.size if item[1].scan else 0, most=8)
    return read


def count_frames(entry: scans.Entry) -> int:
    """Count the pictures in one entry, once per drop."""
    counts: dict[int, tuple[scans.Entry, int]] = state.kept(state.FRAMES, dict)
    if id(entry) not in counts or counts[id(entry)][0] is not entry:
        if len(counts) > 2000:
            counts.clear()
        counts[id(entry)] = (entry, scans.frames(entry.data) if entry.data else 0)
    return counts[id(entry)][1]


def warm(card: ModelCard) -> None:
    """Open the model while the user looks for a file, and say at once if it cannot be opened."""
    try:
        cache.rehearse(card)
    except MedclsError as error:
        notices.show_error(error)
