"""Compare: several networks on one scan, or on a test set with statistics."""

import streamlit as st

from medcls.core.model import ModelCard
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import classify, compare_scan
from pages._ui import state
from pages._ui.compare import curves, pairs, test_set, threshold
from pages._ui.compare.one_scan import show_one_scan
from pages._ui.widgets import header, notices, pickers

MODES = {"scan": say("pages.compare-one-scan"), "set": say("pages.compare-a-test-set")}
SECTIONS = {
    "Scores": say("pages.compare-scores"),
    "Curves": say("pages.compare-curves"),
    "Which is better": say("pages.compare-which-is-better"),
    "Disagreements": say("pages.compare-disagreements"),
    "Subgroups": say("pages.compare-subgroups"),
    "Cost": say("pages.compare-cost"),
    "Operating point": say("pages.compare-operating-point"),
    "Ablation": say("pages.compare-ablation"),
}


def pick_mode() -> str:
    """Let the user say what models are compared on; the address holds it."""
    last = state.choice(state.MODE)
    start = last if last in MODES else "scan"
    state.follow(state.COMPARE_MODE, state.MODE, start)
    mode = st.segmented_control(
        say("pages.compare-compare-on"),
        list(MODES),
        default=start,
        format_func=lambda m: MODES[m],
        key=state.COMPARE_MODE,
        label_visibility="collapsed",
        required=True,
    )
    state.remember(state.MODE, mode or "scan")
    if mode != "set":
        state.hide(state.CASES_OF, state.PART, state.VIEW)
    return str(mode or "scan")


def pick_models() -> tuple[list, str]:
    """Draw the head and the pickers; returns the cards chosen, two to eight, or none, and what they are compared on."""
    found = header.open_task(say("pages.title-compare"), room="content")
    if found is None:
        return [], ""
    task, cards, place = found
    offered = [card for card in cards if card.task.id == task.id]
    best = classify.prefer(offered).id if offered else None
    mine = {card.id: card for card in sorted(offered, key=lambda card: card.id != best)}
    if len(mine) < compare_scan.FEWEST:
        notices.show_empty(say("pages.compare-two"), say("pages.compare-two-do"))
        return [], ""
    with place:
        mode = pick_mode()
    names = test_set.names_of(list(mine.values()))
    if best in names:
        names[best] = say("pages.recommended", {"name": names[best]})
    wanted = [m for m in (state.choice(state.MODELS) or "").split(",") if m]
    known = {card.id for card in cards}
    for missing in (m for m in wanted if m not in known):
        pickers.tell_unknown_model(missing)
    if state.moved(state.MODELS):
        for card in (card for card in cards if card.id in wanted and card.id not in mine):
            told = {"wanted": pickers.model_title(card), "task": pickers.task_title(card.task)}
            notices.show_missing(say("pages.model-of-other-task", told))
    last = [m for m in wanted if m in mine]
    with st.container(key="compare-asked"):
        chosen = _pick(task.id, mine, names, last)
    state.remember(state.MODELS, ",".join(chosen) or None)
    header.tell_states([mine[m] for m in chosen], test_set.names_of(list(mine.values())))
    return [mine[m] for m in chosen], mode


def _pick(task_id: str, mine: dict[str, ModelCard], names: dict[str, str], last: list[str]) -> list[str]:
    """Draw the models of a task, those of the address chosen, else four; returns their ids."""
    start = last or test_set.first_models(list(mine))
    state.follow(f"compare.models.{task_id}", state.MODELS, start)
    return st.multiselect(
        say("pages.compare-models"),
        list(mine),
        default=start,
        format_func=lambda m: names[m],
        max_selections=compare_scan.MOST,
        key=f"compare.models.{task_id}",
        label_visibility="collapsed",
    )


def show_test_set(cards: list) -> None:
    """Draw the comparison on labelled cases, one section at a time."""
    found = test_set.get_comparison(cards)
    if found is None:
        return
    names = test_set.names_of(cards)
    with st.container(key="compare-basis"):
        test_set.show_basis(found, names)
    section = pickers.pick_part(say("pages.filter"), SECTIONS, state.VIEW)
    score, files = "auroc_disease", None
    if section == "Scores":
        test_set.show_scores(found, names)
    elif section == "Curves":
        files = curves.show_curves(found, names)
    elif section == "Which is better":
        score, files = pairs.show_pairs(found, names)
    elif section == "Disagreements":
        files = pairs.show_disagreements(found, names)
    elif section == "Subgroups":
        files = pairs.show_subgroups(found, names)
    elif section == "Cost":
        files = pairs.show_costs(found, names)
    elif section == "Operating point":
        files = threshold.show_threshold(found, names)
    else:
        files = threshold.show_ablation(found)
    test_set.show_downloads(found, score, files)


def show() -> None:
    """Draw the page; where it is narrow, a scan's answers and pictures come before the models (frame.css)."""
    cards, mode = pick_models()
    if not cards:
        state.done()
    if len(cards) < compare_scan.FEWEST:
        st.info(say("pages.compare-choose-at-least", {"fewest": compare_scan.FEWEST}))
        state.done()
    with st.container(key="compare-shown" if mode == "scan" else "compare-set"):
        try:
            show_test_set(cards) if mode == "set" else show_one_scan(cards)
        except MedclsError as error:
            notices.show_error(error)


with st.container(key="compare"):
    show()
