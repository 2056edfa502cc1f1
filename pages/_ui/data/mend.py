"""Data page: scans whose labels are most doubted, mended one by one; what was changed, by whom, and taken back."""

import streamlit as st

from medcls.errors import MedclsError
from medcls.workflows import data, data_mend
from pages._ui import state
from pages._ui.data.pictures import show_cases
from pages._ui.widgets import notices
from pages._ui.widgets.numbers import show_prob

_A_PAGE = 6


def show_labels(seen: data.Overview) -> None:
    """Show what to look at next, the names of the labels, and what was changed."""
    doubts = data_mend.list_doubts(seen.record.name)
    st.subheader("What to look at next")
    if doubts:
        st.caption("Where labels and their judge disagree most. It never learned from scans of the same group.")
        for doubt in doubts[:_A_PAGE]:
            with st.container(border=True):
                show_doubt(seen, doubt)
        if len(doubts) > _A_PAGE:
            st.caption(f"{_A_PAGE} of {len(doubts):,} shown; the next come up as these are settled.")
    else:
        notices.show_empty(
            "No label is doubted, or the collection was not audited yet.",
            "Audit it in the section Findings.",
        )
    _show_names(seen)
    _show_changes(seen.record.name)


def show_doubt(seen: data.Overview, doubt: data_mend.Doubt) -> None:
    """Show a scan with the label it has and the one suggested, and what a person may do about it."""
    name, called = seen.record.name, seen.record.name_of
    left, right = st.columns([2, 3], vertical_alignment="center")
    with left:
        show_cases(name, seen.task, (doubt.case,), 230)
    by = f"the features of {doubt.by}" if doubt.by else "a simple model of the pictures"
    right.markdown(
        f"Filed as **{notices.escape(called(doubt.label))}**; {notices.escape(by)} suggests "
        f"**{notices.escape(called(doubt.suggested))}** with probability {show_prob(doubt.prob)} "
        f"(own label {show_prob(doubt.own)})."
    )
    others = [doubt.suggested, *(label for label in seen.record.labels if label not in (doubt.suggested, doubt.label))]
    label = right.selectbox("Another label", others, format_func=called, key=f"data.mend.label.{doubt.case}")
    with right.container(horizontal=True):
        if st.button("Relabel", key=f"data.mend.relabel.{doubt.case}", type="primary"):
            _change(name, {f"label:{doubt.case}": label})
        if st.button("Leave out", key=f"data.mend.drop.{doubt.case}"):
            _change(name, {f"drop:{doubt.case}": "drop"})
        if st.button("Keep as it is", key=f"data.mend.keep.{doubt.case}"):
            _change(name, {f"keep:{doubt.case}": "keep"})


def _change(name: str, decisions: dict[str, str | None]) -> None:
    try:
        data_mend.change(name, decisions, who=_who())
    except MedclsError as error:
        notices.show_error(error)
        return
    st.rerun()


def _who() -> str:
    return str(st.session_state.get(state.DATA_WHO, "")).strip()


def _show_names(seen: data.Overview) -> None:
    """Let labels be given other names; two of one name become one."""
    st.subheader("Names of the labels")
    with st.form(f"data.mend.names.{seen.record.name}.{seen.record.version}"):
        said = {}
        for place, label in zip(st.columns(max(1, len(seen.record.labels))), seen.record.labels, strict=True):
            said[label] = place.text_input(
                seen.record.name_of(label), seen.record.name_of(label), key=f"data.mend.name.{label}"
            )
        if st.form_submit_button("Rename"):
            base = {label: data_mend.given_labels(seen.record.name, label) for label in said}
            new = {
                old: name for label, name in said.items() if name != seen.record.name_of(label) for old in base[label]
            }
            if new:
                _change(seen.record.name, {f"rename:{label}": name.strip() or None for label, name in new.items()})


def _show_changes(name: str) -> None:
    st.subheader("Changes")
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    left.text_input("Your name, for the record of changes", key=state.DATA_WHO)
    changes = data_mend.list_changes(name)
    if not changes:
        st.caption("Nothing was changed since the collection was added: this is version 1.")
        return
    if right.button("Undo the last change", key="data.mend.undo", icon=":material/undo:"):
        try:
            data_mend.undo(name, who=_who())
        except MedclsError as error:
            notices.show_error(error)
        else:
            st.rerun()
    rows = [
        {
            "version": one.version,
            "when": one.at,
            "who": one.who,
            "what": ("undo: " if one.undoes else "")
            + "; ".join(f"{k}: {v or 'taken back'}" for k, v in list(one.set.items())[:5]),
        }
        for one in reversed(changes)
    ]
    st.dataframe(rows, hide_index=True)
    _show_difference(name)


def _show_difference(name: str) -> None:
    """Show what differs between two versions, or from another collection."""
    versions = [f"{name}@{version}" for version in data_mend.list_versions(name)]
    others = [record.name for record in data.list_collections() if record.name != name]
    left, right = st.columns(2)
    before = left.selectbox("Compare", [*versions, *others], key=f"data.diff.before.{name}")
    after = right.selectbox("with", [*versions, *others], index=len(versions) - 1, key=f"data.diff.after.{name}")
    if before == after:
        return
    try:
        found = data_mend.compare_collections(before, after)
    except MedclsError as error:
        notices.show_error(error)
        return
    st.markdown(
        f"{found.n_added:,} added, {found.n_removed:,} removed, {found.n_relabelled:,} relabelled, "
        f"{found.n_moved:,} in another part."
    )
    rows = [
        {"case": case, "before": was or "—", "after": now or "—"}
        for case, was, now in (*found.relabelled, *found.moved)
    ]
    if rows:
        st.dataframe(rows, hide_index=True)
