"""Compare, one scan: several models side by side."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from html import escape

import streamlit as st
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

from medcls.core.model import ModelCard
from medcls.core.outcome import Outcome
from medcls.core.prediction import Prediction
from medcls.core.scan import Scan
from medcls.core.task import Task
from medcls.words import say
from medcls.workflows import compare_scan, scans
from medcls.workflows.case_report import Table
from pages._ui import cache, state
from pages._ui.classify import opinions
from pages._ui.compare import maps
from pages._ui.compare.test_set import names_of
from pages._ui.widgets import anyway, downloads, drops, examples, header, known, notices, pickers, viewer
from pages._ui.widgets.charts import show_probabilities
from pages._ui.widgets.numbers import show_seconds
from pages._ui.widgets.palette import label_colours, label_word

_BOX_PX = 200  # five beside each other at 1440 px, two at 800


def show_one_scan(cards: Sequence[ModelCard]) -> None:
    """Draw the drop, ask every chosen model, and show their answers side by side."""
    entry = _pick_entry(cards[0].task)
    if entry is None:
        st.markdown(say("pages.compare-what"))
        examples.offer(cards[0].task)
        return
    read = drops.read_entry(entry)
    if read.value is None:
        notices.show_unread(read)
        return
    if opinions.waits(entry):
        opinions.lead_back()
        pane = viewer.Pane(entry.name, say("pages.alt-scan", {"name": entry.name}))
        viewer.show(read.value, [pane], "compare.viewer")
        return
    found = ask(read.value, cards)
    _show_agreement(found, entry)
    maps.show_pictures(read.value, found, anyway.wanted(entry))
    _show_columns(found, anyway.wanted(entry))
    _show_download(found)


def _pick_entry(task: Task) -> scans.Entry | None:
    """Return the scan to show: the one dropped, or one of several."""
    entries = drops.drop("compare", task)
    return drops.pick(entries, "compare.which") if entries else None


def ask(scan: Scan, cards: Sequence[ModelCard]) -> compare_scan.ComparedScan:
    """Ask the models about the scan, once for each scan and set of models in this session; read them at the site."""
    key = (scan.sha256, id(scan), tuple(card.json_digest for card in cards))
    held = st.session_state.get(state.COMPARE_ANSWERS)
    if held is None or held[0] != key:
        by_id, context = {card.id: card for card in cards}, get_script_run_ctx()

        def open_here(model_id: str) -> object:
            add_script_run_ctx(ctx=context)  # the cache draws its notice on this session's page
            return cache.open_classifier(by_id[model_id])

        def keep(card: ModelCard, answer: Prediction, view: object) -> None:
            known.keep(scan, card, answer, view)
            known.mark(card, answer, answer.decided)

        asking = Asking([card.id for card in cards], lambda model_id: known.find(scan, by_id[model_id]))
        found = compare_scan.compare_scan(scan, asking.models, open_here, compare_scan.Memory(asking.find, keep))
        asking.bar.empty()
        held = (key, found)
        st.session_state[state.COMPARE_ANSWERS] = held
    for one in held[1].answers:
        if one.card is not None and one.prediction is not None:
            known.tell(one.card, one.prediction)
    return compare_scan.read_at_site(held[1], header.site_name())


class Asking:
    """A bar that counts the models as each is asked.

    Args:
        models: Their ids.
        find: What is asked first of each: what it said before.
    """

    def __init__(self, models: Sequence[str], find: Callable[[str], Prediction | None]) -> None:
        self.models, self._find, self._begun = models, find, 0
        self.bar = st.progress(0.0, text=say("pages.asking", {"n": len(models)}))

    def find(self, model_id: str) -> Prediction | None:
        """Return what `find` does, and count the model."""
        self._begun += 1
        told = say("pages.asking-of", {"i": self._begun, "n": len(self.models)})
        self.bar.progress((self._begun - 1) / len(self.models), text=told)
        return self._find(model_id)


def _show_agreement(found: compare_scan.ComparedScan, entry: scans.Entry) -> None:
    """Say in one sentence whether the networks agree; figures, and the numbers of a refusal, stand behind buttons."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for one in found.agreement:
            mark = "≠" if one.headline.code == "workflows.networks-disagree" else "="
            st.markdown(f"**{mark} {notices.escape(str(one.headline))}**", width="content")
            with st.popover(say("pages.more"), type="tertiary"):
                st.markdown(notices.escape(" ".join(map(str, one.details))))
        if found.refused:
            anyway.offer(entry)


def _show_columns(found: compare_scan.ComparedScan, refused_too: bool) -> None:
    """Show the ensembles and then every model, as many beside each other as there is room for."""
    names = names_of([a.card for a in found.answers if a.card])
    means = {frozenset(a.card.networks) for a in found.answers if a.card and a.card.is_mean}  # asked for as models
    boxes: list[tuple[ModelCard | None, Outcome[Prediction], str]] = [
        (e.card, Outcome(say("pages.mean-of", {"n": len(e.models)}), e.prediction), say("pages.mean-how"))
        for e in found.ensembles
        if frozenset(e.models) not in means
    ]
    boxes += [(a.card, replace(a.answer, name=names.get(a.model, a.model)), _took(a)) for a in found.answers]
    shared = _shared([answer.value for _, answer, _ in boxes if answer.value is not None])
    for told in shared:
        st.caption(notices.escape(told))
    with st.container(horizontal=True):
        for card, answer, caption in boxes:
            with st.container(border=True, width=_BOX_PX):
                _show_box(card, answer, caption, refused_too)
                for note in answer.value.notes if answer.value is not None else ():
                    if str(note) not in shared:
                        st.caption(notices.escape(note))


def _shared(answers: Sequence[Prediction]) -> list[str]:
    """Return the cautions that stand beside every answer, where there are several: each is said once."""
    if len(answers) < 2:
        return []
    return [note for note in map(str, answers[0].cautions) if all(note in map(str, a.cautions) for a in answers)]


def _took(answer: compare_scan.ModelAnswer) -> str:
    if answer.prediction is None:
        return answer.model
    took = show_seconds(answer.prediction.elapsed_s)
    if answer.card is None or answer.card.is_mean:
        return took
    network = pickers.network_title(answer.card)
    return took if network in answer.card.name else f"{network} · {took}"


def _show_box(card: ModelCard | None, answer: Outcome[Prediction], caption: str, refused_too: bool) -> None:
    prediction = answer.value
    if card is None or prediction is None:
        notices.show_failure(answer)
        return
    decided = prediction.decided
    colour = label_colours(card.task)[decided] if decided else "currentColor"
    word = label_word(card.task, decided) if decided else say("pages.cannot-tell")
    st.html(
        f'<div style="border-left:4px solid {colour};padding-left:.7rem">'
        f'<div style="font-size:.85rem;opacity:.8">{escape(answer.name)}</div>'
        f'<div style="font-size:1.3rem;font-weight:650;line-height:1.3">{escape(word)}</div>'
        f'<div style="font-size:.8rem;opacity:.7">{escape(caption)}</div></div>'
    )
    if decided or refused_too:
        show_probabilities(card, prediction)


def _show_download(found: compare_scan.ComparedScan) -> None:
    labels = list(dict.fromkeys(label for a in found.answers if a.prediction for label in a.prediction.labels))
    rows = [_row(a.answer) for a in found.answers]
    rows += [
        _row(Outcome(say("pages.compare-mean-of", {"join": ", ".join(e.models)}), e.prediction))
        for e in found.ensembles
    ]
    columns = ["model", "decided", *labels, "elapsed_ms", "error"]
    table = Table("compare-scan", tuple(columns), rows, frozenset(columns), {"models": str(len(rows))})
    downloads.offer(say("pages.answers-csv"), "table-csv", lambda: table, "others", "compare-scan.csv")


def _row(answer: Outcome[Prediction]) -> dict[str, object]:
    if answer.error is not None:
        return {"model": answer.name, "error": str(answer.error)}
    prediction = answer.get()
    refused = prediction.decided is None  # its numbers mean little, and a table cannot say so
    prob = (
        {}
        if refused
        else {label: round(float(p), 6) for label, p in zip(prediction.labels, prediction.prob, strict=True)}
    )
    return {
        "model": answer.name,
        "decided": prediction.decided or "cannot tell",
        "elapsed_ms": round(1000 * prediction.elapsed_s, 2),
    } | prob
