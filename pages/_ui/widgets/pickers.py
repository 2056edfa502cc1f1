"""Widgets every page shares: which task, which model."""

from collections import Counter
from collections.abc import Mapping, Sequence

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.task import Task, is_own
from medcls.errors import MedclsError
from medcls.workflows import classify, models
from pages._ui import cache, state
from pages._ui.widgets import notices


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
        key=f"pick.{key}.{'|'.join(shown.values())}", help=help,
    )  # fmt: skip
    state.remember(key, chosen)
    return chosen


def task_title(task: Task) -> str:
    """Give a task as a person reads it: its name, or its labels where it is made of a user's own."""
    labels = ", ".join(label.name for label in task.labels)
    return f"Own labels: {labels}" if is_own(task.id) else task.title


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


def warm(card: ModelCard) -> None:
    """Open the model while the user looks for a file, and say at once if it cannot be opened."""
    try:
        cache.rehearse(card)
    except MedclsError as error:
        notices.show_error(error)
