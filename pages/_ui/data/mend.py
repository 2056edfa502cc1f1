"""Data page: scans whose labels are most doubted, mended one by one; what was changed, by whom, and taken back."""

import streamlit as st

from medcls.core.collection import Difference
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import data, data_audit, data_mend
from pages._ui import state
from pages._ui.data.pictures import show_cases
from pages._ui.widgets import notices
from pages._ui.widgets.numbers import show_prob

_A_PAGE, _TOLD = 6, 5


def show_labels(seen: data.Overview) -> None:
    """Show what to look at next, the names of the labels, and what was changed."""
    doubts = data_mend.list_doubts(seen.record.name)
    ask_who()
    st.subheader(say("pages.data-what-to-look-at"))
    if doubts:
        st.caption(say("pages.data-where-labels-and-their"))
        for doubt in doubts[:_A_PAGE]:
            with st.container(border=True):
                show_doubt(seen, doubt)
        if len(doubts) > _A_PAGE:
            st.caption(say("pages.data-of-shown-the-next", {"a_page": _A_PAGE, "n": len(doubts)}))
    elif data_audit.read_audit(seen.record.name) is None:
        notices.show_empty(
            say("pages.data-no-label-is-doubted"),
            say("pages.data-audit-it-in-the"),
        )
    else:
        st.caption(say("pages.data-no-label-is-doubted-now"))
    _show_names(seen)
    _show_changes(seen)


def show_doubt(seen: data.Overview, doubt: data_mend.Doubt) -> None:
    """Show a scan with the label it has and the one suggested, and what a person may do about it."""
    name, called = seen.record.name, seen.record.name_of
    left, right = st.columns([2, 3], vertical_alignment="center")
    with left:
        show_cases(name, seen.task, (doubt.case,), 230)
    by = say("pages.data-the-features-of", {"by": doubt.by}) if doubt.by else say("pages.data-a-simple-model-of")
    right.markdown(
        say(
            "pages.data-filed-as-suggests-with",
            {
                "label": notices.escape(called(doubt.label)),
                "by": notices.escape(by),
                "suggested": notices.escape(called(doubt.suggested)),
                "prob": show_prob(doubt.prob),
                "own": show_prob(doubt.own),
            },
        )
    )
    others = [doubt.suggested, *(label for label in seen.record.labels if label not in (doubt.suggested, doubt.label))]
    label = right.selectbox(
        say("pages.data-another-label"), others, format_func=called, key=f"data.mend.label.{doubt.case}"
    )
    with right.container(horizontal=True):
        if st.button(say("pages.data-relabel"), key=f"data.mend.relabel.{doubt.case}", type="primary"):
            _change(name, {f"label:{doubt.case}": label})
        if st.button(say("pages.data-leave-out"), key=f"data.mend.drop.{doubt.case}"):
            _change(name, {f"drop:{doubt.case}": "drop"})
        if st.button(say("pages.data-keep-as-it-is"), key=f"data.mend.keep.{doubt.case}"):
            _change(name, {f"keep:{doubt.case}": "keep"})


def _change(name: str, decisions: dict[str, str | None]) -> None:
    try:
        data_mend.change(name, decisions, who=who_decides())
    except MedclsError as error:
        notices.show_error(error)
        return
    st.rerun()


def ask_who() -> None:
    """Let a person say who decides, for the record of changes; the name stays where another section is opened."""
    said = st.text_input(
        say("pages.data-your-name-for-the"),
        st.session_state.get(state.DATA_WHO, ""),
        max_chars=80,
        key="data.who",
        width=320,
    )
    st.session_state[state.DATA_WHO] = said.strip()


def who_decides() -> str:
    """Return the name that `ask_who` was told; empty for whoever is at work."""
    return str(st.session_state.get(state.DATA_WHO, ""))


def _show_names(seen: data.Overview) -> None:
    """Let labels be given other names; two of one name become one."""
    st.subheader(say("pages.data-names-of-the-labels"))
    with st.form(f"data.mend.names.{seen.record.name}.{seen.record.version}"):
        said = {}
        for place, label in zip(st.columns(max(1, len(seen.record.labels))), seen.record.labels, strict=True):
            name = seen.record.name_of(label)
            said[label] = place.text_input(notices.escape(name), name, key=f"data.mend.name.{label}")
        if st.form_submit_button(say("pages.data-rename")):
            base = {label: data_mend.given_labels(seen.record.name, label) for label in said}
            new = {
                old: name for label, name in said.items() if name != seen.record.name_of(label) for old in base[label]
            }
            if new:
                _change(seen.record.name, {f"rename:{label}": name.strip() or None for label, name in new.items()})


def _told(names: dict[str, str], key: str, value: str | None) -> str:
    """Return a decision as a person reads it; scans by the names of their files, labels by their own."""
    what, _, of = key.partition(":")
    of = names.get(of, of) if what == "rename" else (of or key).rpartition("/")[2]
    if value is None:
        return say("pages.data-change", {"of": of, "to": say("pages.data-taken-back")})
    plain = {"drop": say("pages.data-change-drop"), "keep": say("pages.data-change-keep")}
    to = names.get(value, value) if what == "label" else plain.get(what, value)
    return say("pages.data-change", {"of": of, "to": to})


def _show_changes(seen: data.Overview) -> None:
    st.subheader(say("pages.data-changes"))
    name = seen.record.name
    changes = data_mend.list_changes(name)
    if not changes:
        st.caption(say("pages.data-nothing-was-changed-since"))
        return
    if st.button(say("pages.data-undo-the-last-change"), key="data.mend.undo", icon=":material/undo:"):
        try:
            data_mend.undo(name, who=who_decides())
        except MedclsError as error:
            notices.show_error(error)
        else:
            st.rerun()
    names = data_mend.label_names(f"{name}@1", name)
    rows = [
        {
            say("pages.head-version"): one.version,
            say("pages.head-when"): f"{one.at[:16].replace('T', ' ')} UTC",
            say("pages.head-who"): one.who,
            say("pages.head-what"): (say("pages.data-undo") if one.undoes else "")
            + "; ".join(_told(names, *item) for item in list(one.set.items())[:_TOLD])
            + (" …" if len(one.set) > _TOLD else ""),
        }
        for one in reversed(changes)
    ]
    st.dataframe(rows, hide_index=True)
    _show_difference(seen)


def _show_difference(seen: data.Overview) -> None:
    """Show what differs between two versions, the first and the last until others are chosen, or other collections."""
    name, key = seen.record.name, f"{seen.record.name}.{seen.record.version}"
    versions = [f"{name}@{version}" for version in data_mend.list_versions(name)]
    others = [record.name for record in data.list_collections() if record.name != name]
    left, right = st.columns(2)
    before = left.selectbox(say("pages.data-compare"), [*versions, *others], key=f"data.diff.before.{key}")
    last = len(versions) - 1
    after = right.selectbox(say("pages.data-compare-with"), [*versions, *others], last, key=f"data.diff.after.{key}")
    if before == after:
        return
    try:
        found = data_mend.compare_collections(before, after)
    except MedclsError as error:
        notices.show_error(error)
        return
    st.markdown(
        say(
            "pages.data-added-removed-relabelled-in",
            {
                "n_added": found.n_added,
                "n_removed": found.n_removed,
                "n_relabelled": found.n_relabelled,
                "n_moved": found.n_moved,
            },
        )
    )
    if rows := _rows_of(found, data_mend.label_names(before, after)):
        st.dataframe(rows, hide_index=True)


def _rows_of(found: Difference, names: dict[str, str]) -> list[dict[str, str]]:
    """Return a row for each case that differs, as far as the difference names them; labels by their names."""
    called = {"": "—"} | names
    changes = [
        *((case, "pages.data-was-relabelled", called.get(a, a), called.get(b, b)) for case, a, b in found.relabelled),
        *((case, "pages.data-was-moved", a or "—", b or "—") for case, a, b in found.moved),
        *((case, "pages.data-was-added-2", "", "") for case in found.added),
        *((case, "pages.data-was-removed", "", "") for case in found.removed),
    ]
    heads = [say(f"pages.head-{head}") for head in ("case", "what", "before", "after")]
    return [dict(zip(heads, (case, say(code), was, now), strict=True)) for case, code, was, now in changes]
