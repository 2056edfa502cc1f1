"""The head of a Read page: its title, the tasks as tabs, the model, the site and the research-use badge."""

from collections.abc import Mapping, Sequence
from typing import Literal

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.task import Task
from medcls.words import say
from medcls.workflows import models, site, site_figures
from pages._ui import state
from pages._ui.widgets import notices, pickers, theme

_STATES = {"draft": "pages.model-draft-here", "retired": "pages.model-retired-here"}
_SEVERAL = {"draft": "pages.models-draft-here", "retired": "pages.models-retired-here"}
_PREVALENCE = 0.10  # where nobody said


def open_page(title: str) -> ModelCard | None:
    """Draw the head with tasks and models.

    Broken models are named with what ails them; where there is none at all, the page says what to do first.

    Returns:
        The chosen model's card; None if there is none, or the address names one that is not here.
    """
    found = open_task(title)
    if found is None:
        return None
    task, cards, place = found
    with place:
        chosen = pickers.pick_model(cards, task, _approved([card for card in cards if card.task.id == task.id]))
    if chosen is not None:
        _tell_state(chosen)
    return chosen


def _tell_state(card: ModelCard) -> None:
    """Say where the site has not approved the chosen model: an address, or *All models*, leads to any."""
    where = site_name()
    said = site.state_of(where, card) if where else "approved"
    if said != "approved":
        notices.show_state(say(_STATES[said], {"site": where}))


def tell_states(cards: Sequence[ModelCard], names: Mapping[str, str]) -> None:
    """Say which of several models the site has not approved, or has retired.

    Args:
        cards: The models chosen.
        names: What a person reads for each, by id.
    """
    where = site_name()
    states = {card.id: site.state_of(where, card) for card in cards} if where else {}
    for said, code in _SEVERAL.items():
        if found := [names[i] for i, one in states.items() if one == said]:
            notices.show_state(say(code, {"site": where, "names": "; ".join(found)}))


def tell_who_reads() -> None:
    """Say, on a page that asks for no model, where the site has not approved the one chosen on another page."""
    chosen = state.choice(state.MODEL)
    card = next((one.value for one in models.every_model() if one.value is not None and one.value.id == chosen), None)
    if card is not None:
        _tell_state(card)


def head(title: str) -> st.delta_generator.DeltaGenerator:
    """Draw a page's title and return its row: what is drawn in it stands beside the title, or below where narrow."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="header")
    row.header(title, anchor=False, width="content")
    with row:
        theme.offer()
    notices.place_missing(st.container())
    return row


def _approved(cards: Sequence[ModelCard]) -> set[str] | None:
    """Return the ids of a task's models approved at the site; None where there is no site, or all are wanted.

    Where none of the task is approved those are offered that the site has not retired.
    """
    where = site_name()
    if not where:
        return None
    states = {card.id: site.state_of(where, card) for card in cards}
    found = {i for i, said in states.items() if said == "approved"} or {i for i, s in states.items() if s != "retired"}
    wanted = st.toggle(say("pages.all-models"), key=state.ALL_MODELS, help=say("pages.all-models-help"))
    return None if wanted or not found else found


def open_task(
    title: str, room: int | Literal["content"] = 320
) -> tuple[Task, Sequence[ModelCard], st.delta_generator.DeltaGenerator] | None:
    """Draw the head with tasks only.

    Args:
        title: The page's.
        room: Width of the place for further pickers.

    Returns:
        The chosen task, every card, and where further pickers stand; None as `open_page`.
    """
    with head(title):
        found = models.every_model()
        cards = [one.value for one in found if one.value is not None]
        tabs = st.container(width="content")
        place = st.container(width=room)
        with st.container(width=120):
            _pick_site()
        st.badge(say("pages.badge"), color="gray", icon=":material/science:", help=say("pages.research-use"))
    for one in found:
        if one.error is not None:
            notices.show_error(one.error, one.name)
    if not cards:
        notices.show_empty(say("pages.no-model"), say("pages.no-model-do"))
        return None
    with tabs:
        task = pickers.pick_task(cards)
    return (task, cards, place) if task else None


def _pick_site() -> None:
    """Let the user say where answers are read, if any site is known; the choice stands in the address."""
    known, last = _sites(), state.choice(state.SITE) or ""
    if last and last not in known:
        _tell_missing_site(last)
    if not known:
        return
    ids = ["", *known]
    st.session_state[state.SITE_PICK] = last if last in known else ""
    chosen = st.selectbox(
        say("pages.site"),
        ids,
        format_func=lambda i: known.get(i, say("pages.no-site")),
        key=state.SITE_PICK,
        label_visibility="collapsed",
        required=True,
        on_change=_site_chosen,
    )
    state.remember(state.SITE, chosen or None)


def _tell_missing_site(wanted: str) -> None:
    broken = {one.name: one.error for one in site.sites() if one.error is not None}
    notices.show_missing(str(broken.get(wanted) or say("pages.unknown-site", {"wanted": wanted})))


def _site_chosen() -> None:
    state.remember(state.SITE, st.session_state[state.SITE_PICK] or None)


def _sites() -> dict[str, str]:
    """Return the known sites' names by id; a damaged one is told of on the Site page."""
    return {one.value.id: one.value.site.name for one in site.sites() if one.value is not None}


def site_name() -> str:
    """Return the name of the site where answers are read; empty for none."""
    return _sites().get(state.choice(state.SITE) or "", "")


def prevalence(card: ModelCard) -> float:
    """Return the prevalence where answers are read: set by the person, else told at the last check, else 0.10."""
    where = site_name()
    said: float | None = state.kept(state.PREVALENCE, dict).get((where, card.task.id))
    return said or site_figures.prevalence_at(where, card) or _PREVALENCE


def keep_prevalence(card: ModelCard, share: float) -> None:
    """Keep the prevalence of a model's disease that the person set where answers are read, for this session."""
    state.kept(state.PREVALENCE, dict)[site_name(), card.task.id] = share
