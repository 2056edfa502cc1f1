"""Data page: the audit's findings with their pictures, settled one by one or all as proposed."""

import streamlit as st

from medcls.core.collection import Audit, Decision, Finding
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import data, data_audit, data_mend, models
from pages._ui import state
from pages._ui.data.mend import ask_who, show_doubt, who_decides
from pages._ui.data.pictures import show_cases
from pages._ui.widgets import notices
from pages._ui.widgets.waits import watched

TITLES = {
    "contradiction": say("pages.data-one-picture-several-labels"),
    "leak": say("pages.data-the-published-split-leaks"),
    "mask": say("pages.data-masks-among-the-scans"),
    "duplicate": say("pages.data-the-same-scan-more"),
    "unreadable": say("pages.data-unreadable-files"),
    "label": say("pages.data-labels-that-may-be"),
    "blank": say("pages.data-blank-pictures"),
    "marks": say("pages.data-burnedin-text-and-calipers"),
    "colour": say("pages.data-odd-colours"),
    "size": say("pages.data-odd-sizes"),
    "patients": say("pages.data-patients-unknown"),
    "balance": say("pages.data-uneven-labels"),
}
ACTIONS = {
    "drop": say("pages.data-drop"),
    "merge": say("pages.data-keep-together-as-one"),
    "keep": say("pages.data-keep-as-they-are"),
}
A_PAGE, SHOWN, FEW = 6, 24, 4


def show_findings(seen: data.Overview) -> None:
    """Show what the audit found, by kind, each finding with its pictures and what to do."""
    audit = _audit(seen)
    if audit is None:
        notices.show_empty(say("pages.data-this-collection-was-not"), say("pages.data-the-audit-takes-seconds"))
        return
    if not audit.findings:
        st.success(say("pages.data-nothing-was-found"), icon=":material/check:")
        return
    ask_who()
    kinds = list(dict.fromkeys(finding.kind for finding in audit.findings))
    count = {kind: sum(f.kind == kind for f in audit.findings) for kind in kinds}
    still = {kind: sum(f.kind == kind and bool(f.choices) and not f.decided for f in audit.findings) for kind in kinds}
    last, widget = state.choice(state.FINDINGS), f"data.kind.{seen.record.name}"
    start = last if last in kinds else kinds[0]
    state.follow(widget, state.FINDINGS, start)
    kind = st.pills(
        say("pages.data-kind-of-finding"),
        kinds,
        default=start,
        key=widget,
        label_visibility="collapsed",
        format_func=lambda k: _kind_title(k, count[k], still[k]),
        required=True,
    )
    state.remember(state.FINDINGS, None if kind == kinds[0] else kind)
    _show_kind(seen, [f for f in audit.findings if f.kind == (kind or kinds[0])])
    st.caption(say("pages.data-likely-pairs-of-scans", {"pairs_compared": audit.pairs_compared}))


def _kind_title(kind: str, n: int, still: int) -> str:
    """Return a kind of finding with how many there are, and how many wait for a decision."""
    numbers = ", ".join(
        filter(None, [f"{n:,}" if n > 1 else "", say("pages.data-open", {"still": still}) if still else ""])
    )
    return f"{TITLES[kind]} ({numbers})" if numbers else TITLES[kind]


def _audit(seen: data.Overview) -> Audit | None:
    """Offer to audit, and return what the last audit found."""
    name = seen.record.name
    known = {card.id: card.name or card.id for card in models.list_models() if not card.is_mean}
    judges = [judge for judge in data_audit.judges_of(name) if judge in known]
    audit = data_audit.read_audit(name)
    chosen = st.multiselect(
        say("pages.data-judge-labels-by-the"),
        list(known),
        default=judges,
        key=f"data.judge.{name}",
        format_func=lambda i: known[i],
        placeholder=say("pages.data-the-pictures-themselves"),
        help=say("pages.data-networks-of-the-same"),
    )
    if st.button(
        say("pages.data-audit-again") if audit else say("pages.data-audit-this-collection"),
        type="secondary" if audit else "primary",
    ):
        try:
            with watched(say("pages.data-looking")) as tell:
                data_audit.audit_collection(name, again=audit is not None, models=chosen, progress=tell)
            st.rerun()
        except MedclsError as error:
            notices.show_error(error)
    return audit


def _show_kind(seen: data.Overview, findings: list[Finding]) -> None:
    pages, page = -(-len(findings) // A_PAGE), 0
    unsettled = {f.key: f.default for f in findings if f.choices and not f.decided}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if pages > 1:
            title, key = say("pages.data-page-of", {"pages": pages}), f"data.page.{findings[0].kind}"
            page = int(st.number_input(title, 1, pages, 1, key=key, width=240)) - 1
        settle_all = say("pages.data-settle-all-as-proposed", {"n": len(unsettled)})
        if len(unsettled) > 1 and st.button(settle_all, key="data.settle.all"):
            data_audit.decide(seen.record.name, unsettled, who=who_decides())
            st.rerun()
    for finding in findings[page * A_PAGE : (page + 1) * A_PAGE]:
        with st.container(border=True):
            _show_finding(seen, finding)


def _show_finding(seen: data.Overview, finding: Finding) -> None:
    left, right = st.columns([3, 1], vertical_alignment="top")
    left.markdown(f"**{notices.escape(str(finding.says))}**  \n{notices.escape(str(finding.advice))}")
    singly = [case for case in finding.cases if f"drop:{case}" in seen.record.decisions]
    if finding.choices:
        with right:
            _decide(seen.record.name, finding)
    if finding.kind == "unreadable":
        st.dataframe([{say("pages.head-file"): case} for case in finding.cases], hide_index=True)
        return
    all_out = bool(finding.choices) and (finding.decided or finding.default) == "drop"
    if finding.kind == "label" and not all_out:
        _show_doubts(seen, finding)
    elif finding.cases:
        shown = finding.cases[:SHOWN]
        side_px = 230 if len(shown) <= FEW else 150
        show_cases(seen.record.name, seen.task, shown, side_px, out=shown if all_out else singly)
        if finding.n > SHOWN:
            st.caption(say("pages.data-of-shown-the-clearest", {"n": len(shown), "of": finding.n}))
        if finding.kind == "contradiction" and finding.decided and not all_out and len(finding.cases) - len(singly) > 1:
            st.warning(
                say("pages.data-settled-but-the-picture"),
                icon=":material/warning:",
            )
        if finding.kind in ("contradiction", "duplicate"):
            _one_label(seen, finding)
        if finding.choices and not all_out:
            _leave_out(seen.record.name, finding, singly)


def _show_doubts(seen: data.Overview, finding: Finding) -> None:
    doubts = {doubt.case: doubt for doubt in data_mend.list_doubts(seen.record.name)}
    shown = [doubts[case] for case in finding.cases if case in doubts][:A_PAGE]
    for doubt in shown:
        show_doubt(seen, doubt)
    if finding.n > len(shown):
        st.caption(say("pages.data-of-shown-the-next", {"a_page": len(shown), "n": finding.n}))


def _decide(name: str, finding: Finding) -> None:
    now = finding.decided or finding.default
    chosen = st.selectbox(
        say("pages.data-settled") if finding.decided else say("pages.data-proposed"),
        finding.choices,
        index=finding.choices.index(now),
        format_func=lambda d: ACTIONS[d],
        key=f"data_audit.decide.{finding.key}.{now}",
    )
    if chosen != now or (not finding.decided and st.button(say("pages.data-settle"), key=f"data.settle.{finding.key}")):
        data_audit.decide(name, {finding.key: chosen}, who=who_decides())
        st.rerun()


def _one_label(seen: data.Overview, finding: Finding) -> None:
    """Let one label be given to all files that show a picture: they are merged, and none is left out."""
    name, key = seen.record.name, f"data.one.{finding.key}"
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    label = left.selectbox(
        say("pages.data-one-label-for-all"), seen.record.labels, format_func=seen.record.name_of, key=key
    )
    if right.button(say("pages.data-merge-under-this-label"), key=f"{key}.go"):
        try:
            data_mend.merge_labels(name, finding, str(label), who=who_decides())
        except MedclsError as error:
            notices.show_error(error)
        else:
            st.rerun()


def _leave_out(name: str, finding: Finding, singly: list[str]) -> None:
    """Let single scans of a finding be left out, where not all of them are."""
    chosen = st.multiselect(
        say("pages.data-leave-out-single-scans"),
        finding.cases,
        singly,
        key=f"data.single.{finding.key}.{'|'.join(singly)}",
        placeholder="none",
        format_func=lambda case: case.rsplit("/", 1)[-1],
    )
    if changed := set(chosen) ^ set(singly):
        decisions: dict[str, Decision | None] = {f"drop:{case}": "drop" if case in chosen else None for case in changed}
        data_audit.decide(name, decisions, who=who_decides())
        st.rerun()
