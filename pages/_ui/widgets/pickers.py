"""Widgets every page shares: which task, which model."""

from collections import Counter
from collections.abc import Container, Mapping, Sequence

import streamlit as st

from medcls.core.backbones import BACKBONES
from medcls.core.model import ModelCard
from medcls.core.task import Task, is_own
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import classify, models
from pages._ui import cache, state
from pages._ui.widgets import notices


def pick(
    label: str,
    options: Mapping[str, str],
    key: str,
    unknown: str = "",
    bare: bool = False,
    broken: Container[str] = (),
) -> str | None:
    """Let the user choose one of `options` (id -> what a person reads); the last choice is there again.

    Args:
        label: Name of the widget.
        options: What can be chosen.
        key: Under which the choice is remembered.
        unknown: Code of the sentence that tells of a choice that is not here, and then nothing is chosen in its place;
            empty for choices that may be replaced by the first option.
        bare: True to draw it without its label, which then only a screen reader says.
        broken: Ids that the page has told of as unreadable: one chosen is not told of as unknown.

    Returns:
        The chosen id; None if there are no options, or the address names one that is not here.
    """
    ids, last = list(options), state.choice(key)
    if not ids:
        return None
    twice = {text for text, n in Counter(options.values()).items() if n > 1}
    shown = {
        i: f"{text} ({i})" if text in twice else text for i, text in options.items()
    }  # the widget goes by the text
    missing = bool(last and unknown) and last not in ids
    if missing and last not in broken:
        notices.show_missing(say(unknown, {"wanted": last}))
    start = last if last in ids else None if missing else ids[0]
    widget = f"pick.{key}.{'|'.join(shown.values())}"
    state.follow(widget, key, start)
    chosen = st.selectbox(
        label,
        ids,
        index=None if start is None else ids.index(start),
        format_func=lambda i: shown.get(i, i),
        key=widget,
        label_visibility="collapsed" if bare else "visible",
    )
    if chosen is not None:
        state.remember(key, chosen)
    return chosen


def pick_part(label: str, parts: Mapping[str, str], key: str) -> str:
    """Let the user choose which part of a page is shown; the address says which.

    Args:
        label: Name of the widget.
        parts: What can be shown, as the address names it, with what a person reads; the first where nothing was chosen.
        key: Under which the choice is remembered.
    """
    last = state.choice(key)
    start = last if last in parts else next(iter(parts))
    state.follow(f"part.{key}", key, start)
    chosen = st.segmented_control(
        label,
        list(parts),
        default=start,
        format_func=parts.__getitem__,
        key=f"part.{key}",
        label_visibility="collapsed",
        required=True,
    )
    state.remember(key, chosen or start)
    return str(chosen or start)


def task_title(task: Task) -> str:
    """Return a task as a person reads it: its name, or its labels where it is made of a user's own."""
    return title_of(task.id, task.title, [label.name for label in task.labels])


def title_of(task_id: str, title: str, labels: Sequence[str]) -> str:
    """Return what `task_title` does, of a task that is not at hand."""
    return say("pages.widget-own-labels", {"labels": ", ".join(labels)}) if is_own(task_id) else title


def model_title(card: ModelCard) -> str:
    """Return a model's name beside its task: without the task's, for which a narrow page has no room twice."""
    short = card.name.removeprefix(f"{task_title(card.task)}, ")
    return short[:1].upper() + short[1:] if short != card.name else card.name or card.id


def network_title(card: ModelCard) -> str:
    """Return what a person calls a model's network: by its name in the table of networks, or that it is a mean."""
    if card.is_mean:
        return say("pages.mean-of", {"n": len(card.networks)})
    return next((b.title for b in BACKBONES.values() if card.backbone in (b.name, b.timm_name)), card.backbone)


_FIRST_TASK = "breast-ultrasound"  # what a new user meets, where a model answers it


def pick_task(cards: Sequence[ModelCard]) -> Task | None:
    """Let the user choose among the tasks that at least one of these models answers; the address says which."""
    counts = Counter(card.task.id for card in cards)
    tasks = {card.task.id: card.task for card in sorted(cards, key=lambda card: (-counts[card.task.id], card.task.id))}
    last = state.choice(state.TASK) or _task_of_linked(cards)
    if last and last not in tasks:
        notices.show_missing(say("pages.unknown-task", {"wanted": last}))
    start = last if last in tasks else _FIRST_TASK if _FIRST_TASK in tasks else next(iter(tasks))
    key = f"pick.task.{'|'.join(tasks)}"
    st.session_state[key] = start  # always: see `pick_model`
    chosen = st.segmented_control(
        say("pages.task"),
        list(tasks),
        required=True,
        key=key,
        format_func=lambda i: notices.escape(task_title(tasks[i])),
        label_visibility="collapsed",
        on_change=_task_chosen,
        args=(key,),
    )
    state.remember(state.TASK, chosen or start)
    return tasks[chosen or start]


def _task_of_linked(cards: Sequence[ModelCard]) -> str | None:
    """Return the task of the model that a link names without a task."""
    wanted = state.choice(state.MODEL)
    return next((card.task.id for card in cards if card.id == wanted), None)


def _task_chosen(key: str) -> None:
    switch_task(st.session_state[key])


def switch_task(task_id: str) -> None:
    """Go to another task, with its recommended model; what was chosen of the one before is forgotten."""
    state.remember(state.TASK, task_id)
    for key in (state.MODEL, state.MODELS, state.MAPS_LABEL, state.MAPS_LAYER):
        state.remember(key, None)


def pick_model(cards: Sequence[ModelCard], task: Task, approved: Container[str] | None = None) -> ModelCard | None:
    """Let the user choose among the models of a task, the recommended one first.

    Args:
        cards: All models.
        task: The task.
        approved: Ids offered, unless the address or the person asks for another; None for all.

    Returns:
        The model's card; None while the address names one that is not here and none was chosen instead.
    """
    mine = {card.id: card for card in cards if card.task.id == task.id}
    best, last = classify.prefer(tuple(mine.values())).id if mine else None, state.choice(state.MODEL)
    ids = sorted((i for i in mine if approved is None or i in approved or i == last), key=lambda i: i != best)
    first = best if best in ids else next(iter(ids), None)
    titles = {i: model_title(card) for i, card in mine.items()}
    twice = {text for text, n in Counter(titles.values()).items() if n > 1}
    shown = {i: f"{text} ({i})" if text in twice else text for i, text in titles.items()}
    if best in shown:
        shown[best] = say("pages.recommended", {"name": shown[best]})
    unknown = bool(last) and last not in mine and last not in {card.id for card in cards}
    if unknown:
        tell_unknown_model(str(last))
    elsewhere = next((card for card in cards if card.id == last and last not in mine), None)
    if elsewhere is not None:
        told = {"wanted": model_title(elsewhere), "task": task_title(elsewhere.task)}
        notices.show_missing(say("pages.model-of-other-task", told))
    start = last if last in mine else None if unknown or elsewhere else first
    key = f"pick.model.{task.id}.{'|'.join(ids)}"
    if start is not None:
        st.session_state[key] = start  # always: a widget that another page drew under this key has its value for itself
    chosen = st.selectbox(
        say("pages.model"),
        ids,
        index=None,
        format_func=lambda i: shown.get(i, i),
        key=key,
        label_visibility="collapsed",
        required=True,
        placeholder=say("pages.choose-model"),
        on_change=_model_chosen,
        args=(key,),
    )
    if chosen is not None:
        state.remember(state.MODEL, chosen)
    return mine.get(chosen) if chosen else None


def tell_unknown_model(wanted: str) -> None:
    """Say of a model that a link names and that is not offered why: it was retired, cannot be read, or is not here."""
    if any(card.id == wanted for card in models.list_models(retired=True)):
        notices.show_missing(say("pages.retired-linked", {"wanted": wanted}))
    elif (error := models.broken_models().get(wanted)) is not None:
        notices.show_missing(str(error))
    else:
        notices.show_missing(say("pages.unknown-model", {"wanted": wanted}))


def _model_chosen(key: str) -> None:
    state.remember(state.MODEL, st.session_state[key])


def recommended(task_id: str) -> str | None:
    """Return the id of the model the command line would take; None if an evaluation is unreadable (its page tells)."""
    try:
        return classify.choose_model(task_id).id
    except MedclsError:
        return None


def warm(card: ModelCard) -> None:
    """Open the model while the user looks for a file, and say at once if it cannot be opened."""
    try:
        cache.rehearse(card)
    except MedclsError as error:
        notices.show_error(error)
