"""Data page: the audit's findings with their pictures, settled one by one or all as proposed."""

import streamlit as st

from medcls.core.collection import Audit, Finding
from medcls.errors import MedclsError
from medcls.workflows import data, data_audit, data_mend, models
from pages._ui import state
from pages._ui.data.add import watched
from pages._ui.data.mend import show_doubt
from pages._ui.data.pictures import show_cases
from pages._ui.widgets import notices

TITLES = {
    "contradiction": "One picture, several labels",
    "leak": "The published split leaks",
    "mask": "Masks among the scans",
    "duplicate": "The same scan more than once",
    "unreadable": "Unreadable files",
    "label": "Labels that may be wrong",
    "blank": "Blank pictures",
    "marks": "Burned-in text and calipers",
    "colour": "Odd colours",
    "size": "Odd sizes",
    "patients": "Patients unknown",
    "balance": "Uneven labels",
}
ACTIONS = {"drop": "drop", "merge": "keep together as one group", "keep": "keep as they are"}
A_PAGE, SHOWN, FEW = 6, 24, 4


def show_findings(seen: data.Overview) -> None:
    """Show what the audit found, by kind, each finding with its pictures and what to do."""
    audit = _audit(seen)
    if audit is None:
        notices.show_empty("This collection was not audited yet.", "The audit takes seconds to minutes.")
        return
    if not audit.findings:
        st.success("Nothing was found.", icon=":material/check:")
        return
    kinds = list(dict.fromkeys(finding.kind for finding in audit.findings))
    count = {kind: sum(f.kind == kind for f in audit.findings) for kind in kinds}
    still = {kind: sum(f.kind == kind and bool(f.choices) and not f.decided for f in audit.findings) for kind in kinds}
    kind = st.pills(
        "Kind of finding",
        kinds,
        default=asked if (asked := st.query_params.get("kind")) in kinds else kinds[0],
        key=f"data.kind.{seen.record.name}",
        label_visibility="collapsed",
        format_func=lambda k: _kind_title(k, count[k], still[k]),
        required=True,
    )
    _show_kind(seen, [f for f in audit.findings if f.kind == (kind or kinds[0])])
    st.caption(
        f"{audit.pairs_compared:,} likely pairs of scans were compared. Decisions are kept in the "
        "collection's record; splits made before no longer fit and are refused."
    )


def _kind_title(kind: str, n: int, still: int) -> str:
    """Return a kind of finding with how many there are, and how many wait for a decision."""
    numbers = ", ".join(filter(None, [f"{n:,}" if n > 1 else "", f"{still:,} open" if still else ""]))
    return f"{TITLES[kind]} ({numbers})" if numbers else TITLES[kind]


def _audit(seen: data.Overview) -> Audit | None:
    """Offer to audit, and return what the last audit found."""
    name = seen.record.name
    known = {card.id: card.name or card.id for card in models.list_models() if not card.is_mean}
    judges = [judge for judge in data_audit.judges_of(name) if judge in known]
    audit = data_audit.read_audit(name)
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    chosen = right.multiselect(
        "Judge labels by the features of",
        list(known),
        default=judges,
        key=f"data.judge.{name}",
        format_func=lambda i: known[i],
        placeholder="the pictures themselves",
        help="Networks of the same task find more wrong labels than simple features of the pictures, and take longer; "
        "of several, the mean of what they say counts. "
        "One that learned from these very labels has learned the wrong ones too.",
    )
    if left.button("Audit again" if audit else "Audit this collection", type="secondary" if audit else "primary"):
        try:
            with watched("Looking …") as tell:
                data_audit.audit_collection(name, again=audit is not None, models=chosen, progress=tell)
            st.rerun()
        except MedclsError as error:
            notices.show_error(error)
    return audit


def _show_kind(seen: data.Overview, findings: list[Finding]) -> None:
    pages, page = -(-len(findings) // A_PAGE), 0
    unsettled = {f.key: f.default for f in findings if f.choices and not f.decided}
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    if pages > 1:
        page = int(left.number_input(f"Page of {pages}", 1, pages, 1, key=f"data.page.{findings[0].kind}")) - 1
    if len(unsettled) > 1 and right.button(f"Settle all {len(unsettled)} as proposed", key="data.settle.all"):
        data_audit.decide(seen.record.name, unsettled)
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
        st.dataframe([{"file": case} for case in finding.cases], hide_index=True)
    elif finding.kind == "label":
        doubts = {doubt.case: doubt for doubt in data_mend.list_doubts(seen.record.name)}
        for case in [case for case in finding.cases if case in doubts][:A_PAGE]:
            show_doubt(seen, doubts[case])
    elif finding.cases:
        all_out = bool(finding.choices) and (finding.decided or finding.default) == "drop"
        shown = finding.cases[:SHOWN]
        side_px = 230 if len(shown) <= FEW else 150
        show_cases(seen.record.name, seen.task, shown, side_px, out=shown if all_out else singly)
        if finding.n > SHOWN:
            st.caption(f"{len(shown)} of {finding.n:,} shown, the clearest first.")
        if finding.kind == "contradiction" and finding.decided and not all_out and len(finding.cases) - len(singly) > 1:
            st.warning(
                "Settled, but the picture still counts under more than one case: "
                "where the labels differ, leave the wrong one out below.",
                icon=":material/warning:",
            )
        if finding.kind in ("contradiction", "duplicate"):
            _one_label(seen, finding)
        if finding.choices and not all_out:
            _leave_out(seen.record.name, finding, singly)


def _decide(name: str, finding: Finding) -> None:
    now = finding.decided or finding.default
    chosen = st.selectbox(
        "Settled" if finding.decided else "Proposed",
        finding.choices,
        index=finding.choices.index(now),
        format_func=lambda d: ACTIONS[d],
        key=f"data_audit.decide.{finding.key}.{now}",
    )
    if chosen != now or (not finding.decided and st.button("Settle", key=f"data.settle.{finding.key}")):
        data_audit.decide(name, {finding.key: chosen})
        st.rerun()


def _one_label(seen: data.Overview, finding: Finding) -> None:
    """Let one label be given to all files that show a picture: they are merged, and none is left out."""
    name, key = seen.record.name, f"data.one.{finding.key}"
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    label = left.selectbox("One label for all of them", seen.record.labels, format_func=seen.record.name_of, key=key)
    if right.button("Merge under this label", key=f"{key}.go"):
        try:
            data_mend.merge_labels(name, finding, str(label), who=str(st.session_state.get(state.DATA_WHO, "")).strip())
        except MedclsError as error:
            notices.show_error(error)
        else:
            st.rerun()


def _leave_out(name: str, finding: Finding, singly: list[str]) -> None:
    """Let single scans of a finding be left out, where not all of them are."""
    chosen = st.multiselect(
        "Leave out single scans",
        finding.cases,
        singly,
        key=f"data.single.{finding.key}.{'|'.join(singly)}",
        placeholder="none",
        format_func=lambda case: case.rsplit("/", 1)[-1],
    )
    if changed := set(chosen) ^ set(singly):
        data_audit.decide(name, {f"drop:{case}": "drop" if case in chosen else None for case in changed})
        st.rerun()
