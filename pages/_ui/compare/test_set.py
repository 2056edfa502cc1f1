"""Compare, a test set: which cases, the comparison itself, and what of it to look at."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from medcls.core.collection import Part
from medcls.core.evaluation import CaseTable
from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.outcome import Outcome
from medcls.core.progress import Progress, staged
from medcls.core.titles import titles_of
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import compare, models, report, site_figures, tables
from medcls.workflows.case_report import Mode
from pages._ui import state
from pages._ui.widgets import downloads, notices, pickers
from pages._ui.widgets.numbers import show_estimate, show_seconds
from pages._ui.widgets.waits import watched

PICK_PX = 400  # of what one thing is chosen by: its longest words are whole on every page
_SITE_PX = 160  # "BUS-BRA, never seen"
_FLATTERING = ("evaluation.learned-from", "evaluation.untold")  # notes of cases that a model may have been taught
Section = tuple[str, str, Callable[[], list[tables.Row]]]  # what a section offers as CSV: title, file, rows
STORED = say("pages.compare-the-test-cases-they")
PARTS = {
    "unseen": say("pages.compare-cases-no-network-has"),
    "test": say("pages.compare-test-part"),
    "validate": say("pages.compare-validation-part"),
    "all": say("pages.compare-every-labelled-case"),
}


def first_models(ids: Sequence[str]) -> list[str]:
    """Return four models, those measured on the cases of the first before others, with which it has none in common.

    Args:
        ids: Ids, at least one; the recommended first.
    """
    first = _measured_on(ids[0])
    return sorted(ids, key=lambda model: _measured_on(model) != first)[:4]


def _measured_on(model: str) -> str:
    found = Outcome.of(model, lambda: models.evaluation_of(model)).value
    return found.collection if found else ""


def names_of(cards: Sequence[ModelCard]) -> dict[str, str]:
    """Return what a person reads for each model, without its task; ids where two have one name.

    Where no name begins with its task's, what all of them have before the first comma is left out instead.
    """
    names = [pickers.model_title(card) for card in cards]
    heads = {name.partition(", ")[0] for name in names}
    if len(cards) > 1 and len(heads) == 1 and names == [card.name for card in cards]:
        (head,) = heads
        rests = [name.removeprefix(f"{head}, ") for name in names]
        names = [rest[:1].upper() + rest[1:] for rest in rests]
    return {card.id: name if names.count(name) == 1 else card.id for card, name in zip(cards, names, strict=True)}


def get_comparison(cards: Sequence[ModelCard]) -> compare.Comparison | None:
    """Ask on which cases, and return the comparison, made once for this session; None until there is one."""
    left, middle, right = st.columns([2, 1.3, 1], vertical_alignment="bottom")
    states = compare.collection_states(cards)
    sources = {STORED: f"On {STORED}"} | {name: say("pages.compare-afresh-on", {"name": name}) for name in states}
    with left:
        source = pickers.pick(say("pages.data-cases"), sources, state.CASES_OF) or STORED
    part = "unseen"
    if source == STORED:
        state.hide(state.PART)
    else:
        with middle:
            part = pickers.pick(say("pages.models-part"), PARTS, state.PART) or "unseen"
    on = (source, part, states.get(source, ""))
    key = (tuple(_answers_as(card) for card in cards), *on)
    held = st.session_state.get(state.COMPARE_FOUND)
    if held and held[0] == key:
        found = held[1]
        if found.cards != (now := {card.id: card for card in cards}):
            found = replace(found, cards=now)
            st.session_state[state.COMPARE_FOUND] = (key, found)
        return _resampled(found)
    if source != STORED and not right.button(say("pages.compare-evaluate-and-compare"), type="primary"):
        st.caption(say("pages.compare-each-network-answers", {"PARTS": PARTS[part]}))
        return None
    try:
        found = _compare(cards, on)
    except MedclsError as error:
        notices.show_error(error)
        return None
    st.session_state[state.COMPARE_FOUND] = (key, found)
    return _resampled(found)


def _resampled(found: compare.Comparison) -> compare.Comparison:
    """Return a comparison whose intervals are drawn; while they are, how many of its models are is shown."""
    if not found.resampled:
        with watched(say("pages.compare-resampling-groups")) as tell:
            found.resample(staged(tell, say("pages.compare-models-resampled")))
    return found


def _compare(cards: Sequence[ModelCard], on: tuple[str, str, str]) -> compare.Comparison:
    """Compare models on a collection, a part of it, in the state it is in."""
    source, part, _ = on
    ids = [card.id for card in cards]
    if source == STORED:
        return compare.compare_stored(ids)
    bar = st.progress(0.0, text=say("pages.compare-opening-the-networks"))
    known = _known(cards, on)
    tell = _teller(bar, names_of(cards))
    found = compare.compare_afresh(ids, (source,), Part(part), known=known, on_case=tell)
    bar.empty()
    return found


def _known(cards: Sequence[ModelCard], on: tuple[str, str, str]) -> dict[str, Any]:
    """Evaluations of these very models on these cases made before in this session."""
    held: dict[Any, dict[str, Any]] = state.kept(state.COMPARE_EVALUATIONS, dict)
    known = held.setdefault(on, {})
    for card in cards:
        if card.id in known and known[card.id][2] != _answers_as(card):
            del known[card.id]
    return _Known(known, {card.id: _answers_as(card) for card in cards})


def _answers_as(card: ModelCard) -> str:
    """Return what a model's answers depend on: its card without what can be changed on it."""
    return replace(card, thresholds=(), name="", retired="").to_json()


class _Known(dict):
    """Evaluations by model, kept in the session together with the card they were made with."""

    def __init__(self, held: dict[str, Any], cards: dict[str, str]) -> None:
        super().__init__({model: entry[:2] for model, entry in held.items()})
        self._held, self._cards = held, cards

    def __setitem__(self, model: str, made: Any) -> None:
        super().__setitem__(model, made)
        self._held[model] = (*made, self._cards[model])


def _teller(bar: Any, names: dict[str, str]) -> Progress:
    import time

    ids, started = list(names), time.monotonic()
    first: dict[str, float] = {}

    def tell(done: int, total: int, stage: str = "") -> None:
        share = (ids.index(stage) + done / max(1, total)) / len(ids)
        first.setdefault("share", share)
        passed, gone = share - first["share"], time.monotonic() - started
        left_s = gone / passed * (1 - share) if passed > 0.02 else 0
        words = say("pages.compare-of-cases", {"stage": notices.escape(names[stage]), "done": done, "total": total}) + (
            say("pages.compare-about-left-in", {"left_s": show_seconds(left_s)}) if left_s >= 5 else ""
        )
        bar.progress(min(1.0, share), text=words)

    return tell


def get_differences(found: compare.Comparison, score: str) -> tuple[Any, ...]:
    """Return the pairwise differences in a score, computed once for this session."""
    held: tuple[dict[str, CaseTable], dict[str, tuple[Any, ...]]] | None = st.session_state.get(
        state.COMPARE_DIFFERENCES
    )
    if held is None or held[0] is not found.cases:
        held = (found.cases, {})
        st.session_state[state.COMPARE_DIFFERENCES] = held
    if score not in held[1]:
        held[1][score] = found.differences(score)
    return held[1][score]


def show_basis(found: compare.Comparison, names: dict[str, str]) -> None:
    """Say on which cases everything below rests."""
    first = found.first
    basis = {"cases": len(first), "groups": found.n_groups, "collection": titles_of(found.collection)}
    task = next(iter(found.cards.values())).task
    counts = ", ".join(f"{int((first.truth == k).sum()):,} {task.label(i).name}" for k, i in enumerate(first.labels))
    st.caption(
        notices.escape(f"{say('pages.basis', basis)} ({counts}): {_named(found.part, names)}. ")
        + say("pages.compare-in-brackets-intervals")
    )
    flattering = [note for note in found.notes if _flatters(note)]
    for note in flattering:  # beside the scores, not behind a button: they are no measure of these models
        st.warning(notices.escape(_named(str(note), names)), icon=":material/flag:")
    rest = [note for note in found.notes if note not in flattering]
    if rest and st.button(
        say("pages.about-cases", {"n": len(rest)}), type="tertiary", icon=":material/info:", key="compare.about"
    ):
        _open_notes([_named(str(note), names) for note in rest])


def _flatters(note: Note) -> bool:
    said = note.params.get("note")
    return isinstance(said, Note) and said.code in _FLATTERING


def _open_notes(lines: Sequence[str]) -> None:
    """Open the sheet with what is to be known of the cases compared on."""

    @st.dialog(say("pages.about-cases-title"), position="right", width="small")
    def sheet() -> None:
        st.markdown("\n".join(f"- {notices.escape(line)}" for line in lines))

    sheet()


def _named(text: str, names: dict[str, str]) -> str:
    """Return a text with the models' names in place of their ids."""
    for model_id in sorted(names, key=len, reverse=True):
        text = text.replace(model_id, names[model_id])
    return text


def show_sites(found: compare.Comparison, names: dict[str, str]) -> int:
    """Show disease against the rest at every site, a line for each model and site; one never seen stands first.

    Returns:
        How many sites there are.
    """
    by_model = site_figures.compared_figures(found)
    titles = found.score_names()
    rows = [
        {say("pages.head-model"): names[model], say("pages.head-site"): one.title}
        | {titles[name]: show_estimate(one.scores[name]) for name in site_figures.SCORES if name in one.scores}
        for model, sites in by_model.items()
        for one in sites
    ]
    st.markdown(say("pages.forest-title"))
    wide = {say("pages.head-site"): st.column_config.TextColumn(width=_SITE_PX)}
    st.dataframe(rows, hide_index=True, column_config=wide, height="content", alt=say("pages.forest"))
    if any(one.source == "never-seen" for sites in by_model.values() for one in sites):
        st.caption(say("pages.forest-never"))
    return len({one.site for sites in by_model.values() for one in sites})


def show_scores(found: compare.Comparison, names: dict[str, str]) -> None:
    """Show disease against the rest per site, then a table of scores, one line a model, sortable by every column."""
    n_sites = show_sites(found, names)
    st.markdown(say("pages.pooled"))
    if n_sites > 1:
        st.caption(say("pages.pooled-caution"))
    titles = found.score_names() | {"ece_floor": say("pages.models-of-it-expected-by")}
    two = len(found.first.labels) == 2
    shown = [name for name in tables.SHOWN_SCORES if not (two and name == "auroc_disease")]
    per_label = [name for name in titles if ":" in name and name.split(":")[0] in ("recall", "precision", "f1")]
    every = st.toggle(say("pages.compare-every-label-s"), key="compare.every")
    columns = shown + (per_label if every else [])
    table: dict[str, list[str]] = {say("pages.head-model"): [names[m] for m in found.scores]}
    for name in columns:
        table[titles[name]] = [show_estimate(found.scores[m][name]) for m in found.scores]
    pinned = {say("pages.head-model"): st.column_config.TextColumn(pinned=True)}
    st.dataframe(table, hide_index=True, column_config=pinned, alt=say("pages.compare-scores-of-every"))
    st.caption(say("pages.compare-sort-by-a"))


def show_downloads(found: compare.Comparison, score: str, section: Section | None) -> None:
    """Offer everything as files: the whole comparison, and what the section shows with every digit."""
    differences = get_differences(found, score)  # now: the session is not at hand where a file is made
    files: list[Section] = [
        (say("pages.compare-scores-csv"), "scores.csv", lambda: tables.score_rows(found)),
        (say("pages.compare-differences-csv"), "differences.csv", lambda: tables.difference_rows(differences)),
        (say("pages.compare-cases-csv"), "cases.csv", lambda: tables.case_rows(found)),
    ]
    if section is not None:
        files.append((f"{section[0]} (CSV)", *section[1:]))
    mode, costs = downloads.ask_mode("compare.save"), _costs(found)
    with st.container(horizontal=True):
        downloads.offer(
            say("pages.compare-report-html"),
            "comparison",
            lambda: report.page_of(found, differences, costs),
            mode,
            "comparison.html",
        )
        for title, name, rows in files:
            _offer_table(title, name, rows, found, mode)


def _offer_table(
    title: str, name: str, rows: Callable[[], list[tables.Row]], found: compare.Comparison, mode: Mode
) -> None:
    stem = name.removesuffix(".csv")
    downloads.offer(title, "table-csv", lambda: tables.as_table(stem, rows(), found), mode, name)


def _costs(found: compare.Comparison) -> list[compare.Cost]:
    """Return what the models cost, measured where it was."""
    held: dict[str, compare.Cost] = state.kept(state.COMPARE_COSTS, dict)
    return [
        held.get(card.json_digest) or other
        for card, other in zip(found.cards.values(), report.costs_of(found), strict=True)
    ]
