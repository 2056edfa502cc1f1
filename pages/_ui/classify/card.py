"""The result card: the answer in a word, how sure, who agrees, how familiar, what it is worth, and what to do next."""

from collections.abc import Callable, Sequence
from html import escape

import streamlit as st

from medcls.core.note import Note
from medcls.core.prediction import Prediction
from medcls.words import say
from medcls.workflows import classify, marks, viewer
from pages._ui import state
from pages._ui.classify import opinions, report, sheets, worth
from pages._ui.classify.answers import Row, Shown
from pages._ui.widgets import anyway, drops, notices, pickers
from pages._ui.widgets.charts import show_probabilities
from pages._ui.widgets.numbers import show_prob
from pages._ui.widgets.palette import REFUSED, label_colours, label_word

_BARS = 4  # of the gauge of familiarity
_NEXT_TASKS = 2


def shows_numbers(row: Row) -> bool:
    """Return whether bars and map of a scan may be shown: it was answered, or they were asked for all the same."""
    if row.prediction is None:
        return False
    return row.prediction.decided is not None or anyway.wanted(row.entry, row.frame)


def show(shown: Shown) -> None:
    """Draw the card of one answered scan."""
    row, card = shown.row, shown.card
    assert row.prediction is not None
    with st.container(border=True, key="card", gap="xsmall"):
        if row.prediction.decided is None:
            _show_refused(shown, row.prediction)
        else:
            _show_decided(shown, row.prediction)
        opinions.show(row, card.task)
        _show_buttons(shown)


def show_unread(alone: bool) -> None:
    """Draw the card of a file that is no scan: what is wrong stands where the scan would have stood.

    Args:
        alone: True if it is all that was dropped; among many, the list leads on.
    """
    with st.container(border=True, key="card", gap="xsmall"):
        _head(say("pages.no-answer"), "", REFUSED, "")
        st.markdown(say("pages.unread-none"))
        if alone:
            st.button(say("pages.unread-other"), key="unread.other", icon=":material/undo:", on_click=drops.put_away)


def _show_decided(shown: Shown, prediction: Prediction) -> None:
    card, label = shown.card, prediction.decided or prediction.top
    colour, word = label_colours(card.task)[label], label_word(card.task, label)
    _head(word, show_prob(prediction.stands_at), colour, f"{agreement(shown, label)} · {familiarity(prediction)}")
    show_probabilities(card, prediction)
    worth.show(card, label, bool(prediction.called))
    for note in cautions(prediction, shown.members):
        st.warning(f":small[{notices.escape(note)}]", icon=":material/info:")
    if (step := marks.step_told(prediction)) and st.button(
        say("pages.marks-show"), key="marks", type="tertiary", icon=":material/ink_eraser:"
    ):
        sheets.painted(shown.scan, step)
    for note in prediction.points:
        st.caption(notices.escape(note))


def cautions(prediction: Prediction, members: Sequence[Prediction]) -> list[Note]:
    """Return what to caution of below the head, which counts the networks that cannot tell once they are known."""
    return [note for note in prediction.cautions if not (members and note.code == "models.some-cannot-tell")]


def _show_refused(shown: Shown, prediction: Prediction) -> None:
    """Draw a refusal in grey: reason, next step; numbers behind a button, what else was noted in the sheet *Why*."""
    _head(say("pages.cannot-tell"), "", REFUSED, familiarity(prediction))
    st.markdown(notices.escape(prediction.refusal))
    _show_next(shown, prediction)
    if shows_numbers(shown.row):
        show_probabilities(shown.card, prediction)
    anyway.offer(shown.row.entry, shown.row.frame)


def _head(word: str, prob: str, colour: str, below: str) -> None:
    st.html(
        f'<div role="status" style="border-left:6px solid {colour};padding:.1rem 0 .1rem .8rem">'
        '<div style="display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;gap:0 1rem;'
        f'font-size:1.6rem;font-weight:650;line-height:1.2"><span style="white-space:nowrap">{escape(word)}</span>'
        f'<span style="font-variant-numeric:tabular-nums">{escape(prob)}</span></div>'
        f'<div style="font-size:.9rem;margin-top:.2rem">{below}</div></div>'
    )


def agreement(shown: Shown, label: str) -> str:
    """Return how many networks give the answer shown and how many cannot tell, as HTML; their number until known."""
    if not shown.card.is_mean:
        return escape(say("pages.one-network"))
    n = len(shown.members)
    if not n:
        return escape(say("pages.networks", {"n": len(shown.card.networks)}))
    agree, doubt = viewer.agreeing(shown.members, label), viewer.unsure(shown.members)
    told = say("pages.agree-one" if agree == 1 else "pages.agree", {"agree": agree, "n": n})
    unsure = [say("workflows.networks-unsure", {"n": doubt})] if doubt else []
    return escape(" · ".join([told, *unsure]))


def familiarity(prediction: Prediction) -> str:
    """Return how like the scan is to those learned from, as a gauge of four bars in HTML; empty bars are unlike."""
    far = prediction.unfamiliarity
    if far is None:
        return escape(say("pages.familiar-unknown"))
    full = 0 if not far <= 1 else max(1, min(_BARS, round(_BARS * 1.25 * (1 - far) + 1)))
    word = say("pages.familiar-not" if full == 0 else "pages.familiar-edge" if full == 1 else "pages.familiar")
    bars = "".join(f'<span style="opacity:{1 if i < full else 0.25}">▮</span>' for i in range(_BARS))
    told = escape(say("pages.familiar-how", {"far": f"{far:.2f}"}))
    return (
        f'<span role="meter" aria-valuemin="0" aria-valuemax="{_BARS}" aria-valuenow="{full}" aria-label="{told}" '
        f'title="{told}">{escape(word)} {bars}</span>'
    )


def _show_next(shown: Shown, prediction: Prediction) -> None:
    """Offer what to do with a scan that was refused."""
    tasks = () if prediction.unsure else classify.other_tasks(shown.scan, shown.card.task.id)
    with st.container(horizontal=True):
        for i, task in enumerate(tasks[:_NEXT_TASKS]):
            st.button(
                say("pages.ask-task", {"task": notices.escape(pickers.task_title(task))}),
                key=f"next.{task.id}",
                type="secondary" if i else "primary",
                on_click=pickers.switch_task,
                args=(task.id,),
            )
        if not tasks and st.button(say("pages.next-compare"), key="next.compare", type="primary"):
            st.switch_page("../compare.py", query_params={state.TASK: shown.card.task.id})


def _show_buttons(shown: Shown) -> None:
    row, card = shown.row, shown.card
    sheet: dict[str, Callable[[], None]] = {
        say("pages.sheet-why"): lambda: sheets.why(row, card, shown.evidence),
        say("pages.sheet-how"): lambda: sheets.how(row, card, shown.scan),
        say("pages.sheet-know"): lambda: sheets.know(card, row.prediction),
    }
    with st.container(horizontal=True, gap="xsmall", key="card-buttons"):  # in sight, however long the card (frame.css)
        if st.button(say("pages.disagree"), key="disagree", icon=":material/thumb_down:", shortcut="x"):
            opinions.disagree(row, card.task)
        if st.button(say("pages.report"), key="report", icon=":material/description:"):
            report.open_sheet(shown)
        for word, act in sheet.items():
            if st.button(word, key=f"sheet.{word}", type="tertiary"):
                act()
