"""Several views of one case: which scans of a drop belong together, and one answer from their mean."""

import re
from collections.abc import Sequence
from html import escape

import streamlit as st

from medcls.core.model import ModelCard
from medcls.words import say
from medcls.workflows import classify, scans
from pages._ui import state
from pages._ui.classify.answers import Row
from pages._ui.widgets import notices
from pages._ui.widgets.header import site_name
from pages._ui.widgets.numbers import show_prob
from pages._ui.widgets.palette import label_word

ALONE, STUDY, FOLDER, NAME, ALL, HAND = "alone", "study", "folder", "name", "all", "hand"
_VIEW = re.compile(r"[-_ ]+[^-_ /]*$")  # what follows the last dash, underline or space of a name


def case_of(name: str, how: str) -> str:
    """Return the case a file belongs to by its name; empty for one of its own.

    Example:
        >>> case_of("anna/left_cc.png", "folder"), case_of("anna/left_cc.png", "name"), case_of("one.png", "name")
        ('anna', 'anna/left', '')
    """
    stem = name.rsplit(".", 1)[0] if "." in name.rsplit("/", 1)[-1] else name
    if how == FOLDER:
        return name.rpartition("/")[0]
    if how == NAME:
        short = _VIEW.sub("", stem)
        return short if short != stem else ""
    return ""


def cases(entries: Sequence[scans.Entry]) -> list[str]:
    """Return the case of each scan as the person chose it; a case of one scan has no name."""
    how, names = str(st.session_state.get(state.GROUPING, ALONE)), [entry.name for entry in entries]
    if how == ALL:
        found = [say("pages.case-all")] * len(names)
    elif how == STUDY:
        found = _by_study(entries)
    elif how == HAND:
        marked: set[int] = state.kept(state.CASES, set)
        found = [say("pages.case-hand") if place in marked else "" for place in range(len(names))]
    else:
        found = [case_of(name, how) for name in names]
    return [case if found.count(case) > 1 else "" for case in found]


def _by_study(entries: Sequence[scans.Entry]) -> list[str]:
    """Return the study of each scan by its place among the drop's studies; its own number is the patient's."""
    studies = [_study(entry) for entry in entries]
    order = list(dict.fromkeys(filter(None, studies)))
    return [say("pages.case-study-n", {"n": order.index(one) + 1}) if one else "" for one in studies]


def _study(entry: scans.Entry) -> str:
    held: dict[int, tuple[scans.Entry, str]] = state.kept(state.STUDIES, dict)
    if id(entry) not in held or held[id(entry)][0] is not entry:
        if len(held) > 2000:
            held.clear()
        held[id(entry)] = (entry, scans.study_of(entry.value) if entry.value else "")
    return held[id(entry)][1]


def show_choice(names: Sequence[str]) -> None:
    """Draw the choice of what belongs together."""
    words = {
        ALONE: say("pages.case-alone"),
        STUDY: say("pages.case-study"),
        FOLDER: say("pages.case-folder"),
        NAME: say("pages.case-name"),
        ALL: say("pages.case-together"),
        HAND: say("pages.case-mark"),
    }
    how = st.radio(
        say("pages.case-which"),
        list(words),
        format_func=words.__getitem__,
        key="classify.grouping.pick",
        index=list(words).index(str(st.session_state.get(state.GROUPING, ALONE))),
    )
    st.session_state[state.GROUPING] = how
    if how == HAND:
        marked = st.multiselect(
            say("pages.case-views"),
            range(len(names)),
            sorted(state.kept(state.CASES, set)),
            format_func=lambda i: names[i],
            key="classify.grouping.hand",
        )
        st.session_state[state.CASES] = set(marked)


def show(rows: Sequence[Row], places: Sequence[int], card: ModelCard, name: str) -> None:
    """Show one answer for the views of a case, how far they spread, and each view's own."""
    answered = [(place, rows[place].prediction) for place in places if rows[place].prediction is not None]
    mean = classify.combine_views([p for _, p in answered if p is not None], card, site_name())
    if mean is None:
        return
    top = mean.decided or mean.top
    i = mean.labels.index(top)
    probs = [float(p.prob[i]) for _, p in answered if p is not None]
    word = label_word(card.task, mean.decided) if mean.decided else say("pages.cannot-tell")
    with st.container(border=True, key="case", gap="xsmall"):
        title = say("pages.case-title", {"case": name, "n": len(answered)})
        spread = {
            "word": word,
            "prob": show_prob(mean.stands_at),
            "low": show_prob(min(probs)),
            "high": show_prob(max(probs)),
        }
        alike = spread["low"] == spread["high"]
        told = say("pages.case-answer-alike" if alike else "pages.case-answer", spread)
        st.markdown(f"**{notices.escape(title)}**  \n:small[{notices.escape(told)}]")
        views = [
            f"<li>{escape(rows[place].entry.name.rsplit('/', 1)[-1])}: "
            f"{escape(label_word(card.task, top))} {escape(show_prob(p))}</li>"
            for (place, _), p in zip(answered, probs, strict=True)
        ]
        st.html(f'<ul style="margin:0;padding-left:1.1rem;font-size:.9rem">{"".join(views)}</ul>')
