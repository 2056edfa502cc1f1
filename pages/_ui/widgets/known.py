"""What a session knows of the scans before it: each model's answer and the pass it came from, whichever page asked."""

from typing import Any

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.prediction import Prediction
from medcls.core.scan import Scan
from medcls.workflows import classify, site, viewer
from pages._ui import cache, state
from pages._ui.widgets import header

_ANSWERS = 2000  # each a few numbers and notes
_PASSES = 8


def find(scan: Scan, card: ModelCard, frame: int | None = None) -> Prediction | None:
    """Return what a model answered in this session; None if it was not asked.

    Args:
        scan: The scan.
        card: The model's card as it is now.
        frame: Which frame of its file it is, from 0; None for the first.
    """
    held: dict[tuple[str, int, str], Prediction] = st.session_state.get(state.ANSWERS, {})
    return held.get((scan.sha256, frame or 0, card.json_digest))


def keep(scan: Scan, card: ModelCard, answer: Prediction, view: Any = None, frame: int | None = None) -> None:
    """Keep an answer, and the pass it came from for its maps to be drawn from.

    Args:
        scan: The scan.
        card: The model's card.
        answer: As the model gave it, not as a site reads it.
        view: The pass, of `classify.classify_open`; None if there is none.
        frame: Which frame of its file it is, from 0; None for the first.
    """
    held = state.kept(state.ANSWERS, dict)
    held[scan.sha256, frame or 0, card.json_digest] = answer
    while len(held) > _ANSWERS:
        held.pop(next(iter(held)))
    if view is not None:
        _keep_pass(scan, card, view)


def pass_of(scan: Scan, card: ModelCard) -> Any:
    """Return the pass that answered a scan; one run now if none is kept (a large drop is answered by the batch).

    Raises:
        MedclsError: If the model cannot be opened or gives no map.
    """
    held, view = state.kept(state.PASSES, dict).get((scan.sha256, card.json_digest), (None, None))
    return view if held is scan else _keep_pass(scan, card, viewer.open_pass(scan, cache.open_classifier(card)))


def members_of(scan: Scan, card: ModelCard) -> tuple[Prediction, ...]:
    """Return what each network of a mean answered, where the pass is kept; else, and of one network, nothing."""
    held, view = state.kept(state.PASSES, dict).get((scan.sha256, card.json_digest), (None, None))
    return viewer.members_of(view) if held is scan else ()


def _keep_pass(scan: Scan, card: ModelCard, view: Any) -> Any:
    passes = state.kept(state.PASSES, dict)
    passes.pop((scan.sha256, card.json_digest), None)
    passes[scan.sha256, card.json_digest] = (scan, view)
    state.make_room(passes, lambda item: item[0].pixels.size + item[1].n_values, most=_PASSES)
    return view


def ask(scan: Scan, card: ModelCard, frame: int | None = None, held: bool = False) -> Prediction:
    """Return a model's answer to a scan, asked once in this session, whatever page asks.

    Args:
        scan: The scan.
        card: The model's card.
        frame: Which frame of its file it is, from 0; None for the first.
        held: True if it is not shown yet: `tell` is called once it is.

    Raises:
        MedclsError: If the model cannot be opened or does not answer.
    """
    answer = find(scan, card, frame)
    if answer is None:
        answer, view = classify.classify_open(scan, cache.open_classifier(card), site=header.site_name(), held=held)
        keep(scan, card, answer, view, frame)
        if not held:
            mark(card, answer, read_here(answer, card).decided, frame)
    elif not held:
        tell(card, answer, frame)
    return answer


def tell(card: ModelCard, answer: Prediction, frame: int | None = None) -> None:
    """Have the audit trail say what is shown of an answer here, unless it said so in this session.

    Args:
        card: The model's card.
        answer: As the model gave it.
        frame: Which frame of its file it is, from 0; None for the first.

    Raises:
        MedclsError: If it must not be shown unwritten, or there is no such site.
    """
    shown = read_here(answer, card).decided
    if shown not in _told(card, answer, frame):
        classify.audit_shown(card, answer, header.site_name())
        mark(card, answer, shown, frame)


def mark(card: ModelCard, answer: Prediction, shown: str | None, frame: int | None = None) -> None:
    """Note that the audit trail says what is shown of an answer.

    Args:
        card: The model's card.
        answer: As the model gave it.
        shown: The label decided, at the site where one is chosen; None for "cannot tell".
        frame: Which frame of its file it is, from 0; None for the first.
    """
    _told(card, answer, frame).add(shown)


def _told(card: ModelCard, answer: Prediction, frame: int | None) -> set[str | None]:
    """Return the labels of a scan's answer that the audit trail has in this session; None for "cannot tell"."""
    held: dict[tuple[str, int, str], set[str | None]] = state.kept(state.ANSWERS_TOLD, dict)
    return held.setdefault((answer.sha256, frame or 0, card.json_digest), set())


def read_here(answer: Prediction, card: ModelCard) -> Prediction:
    """Return an answer as it is read at the site chosen in the frame; as the model gave it where none is."""
    here = header.site_name()
    return site.read_at(here, answer, card) if here else answer
