"""The fields of a run's form: the widget that fits a setting, and what stands in it that cannot be used."""

import json
from typing import Any, get_args, get_origin

import streamlit as st

from medcls.core.run import settings
from medcls.words import say
from pages._ui import state
from pages._ui.runs.table import setting_word
from pages._ui.widgets import notices


def key(name: str) -> str:
    """Return the key of a setting's widget; another one whenever the form begins anew."""
    return f"train.{st.session_state[state.TRAIN_FORM]}.{name}"


def show_setting(name: str, value: Any, suffix: str = "") -> Any:
    """Draw the widget that fits a setting's type, choices and range; return its value."""
    found, hint = settings()[name].setting, settings()[name].hint
    label = label_of(name)
    words: dict[str, Any] = {"help": str(found.help), "key": key(name + suffix)}
    if hint is bool:
        return st.toggle(label, value, **words)
    if get_origin(hint) is tuple and found.choices:
        return tuple(st.multiselect(label, found.choices, list(value), **words))
    if found.choices:
        return st.selectbox(label, found.choices, found.choices.index(value), **words)
    if hint is int:  # no limits of the widget's own: it would keep the old value and let it start
        return _within(name, int(st.number_input(label, value=int(value), step=1, **words)), value)
    if hint is float:
        return _number(name, label, value, words)
    return _text(name, label, value, words)


def label_of(name: str) -> str:
    """Return what a setting is called in the form."""
    text = setting_word(name)
    return f"{text[0].upper()}{text[1:]}"


def _number(name: str, label: str, value: float, words: dict[str, Any]) -> float:
    """Numbers that span orders of magnitude are written, not stepped through."""
    limits = settings()[name].setting
    if limits.low > 0 and limits.high / limits.low > 1e4:
        text = st.text_input(label, f"{value:g}", **words)
        try:
            return _within(name, float(text.replace(",", ".") if "." not in text else text), value)  # 0,001 as well
        except ValueError:
            return _unusable(name, say("pages.train-is-no-number", {"text": repr(text)}), value)
    step = 1.0 if limits.high > 5 else 0.05
    given = st.number_input(label, value=float(value), step=step, format="%.6g", **words)  # 0.999 is not 1.00
    return _within(name, float(given), value)


def _within(name: str, given: Any, before: Any) -> Any:
    limits = settings()[name].setting
    if limits.low <= given <= limits.high:
        return given
    return _unusable(
        name, say("pages.train-is-out-of-range", {"given": given, "low": limits.low, "high": limits.high}), before
    )


def _unusable(name: str, sentence: str, before: Any) -> Any:
    """Say what is wrong below the field and keep the run from starting; the page goes on with the value before."""
    st.error(notices.escape(sentence))
    st.session_state.setdefault(state.TRAIN_UNUSABLE, []).append(label_of(name))
    return before


def begin_reading() -> None:
    """Forget which fields held nothing usable: they are read anew."""
    st.session_state[state.TRAIN_UNUSABLE] = []


def unusable() -> tuple[str, ...]:
    """Return the labels of the fields whose content cannot be used, of those drawn since `begin_reading`."""
    return tuple(st.session_state.get(state.TRAIN_UNUSABLE, ()))


def _text(name: str, label: str, value: Any, words: dict[str, Any]) -> Any:
    hint = settings()[name].hint
    if hint is str:
        return st.text_input(label, value, **words)
    if get_origin(hint) is tuple:
        text = st.text_input(label, ", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in value), **words)
        kind = get_args(hint)[0]
        try:
            return tuple(kind(part) for part in text.replace(",", " ").split())
        except ValueError:
            return _unusable(name, say("pages.train-is-no-list-of", {"text": repr(text)}), value)
    text = st.text_input(label, json.dumps(value) if value else "", placeholder='{"width": 0.5}', **words)
    try:
        given = json.loads(text or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        return _unusable(name, say("pages.train-further-arguments-are-a"), value)
    return given
