"""Data page: the audit's findings with their pictures, settled one by one; and the shortcut probe."""

import streamlit as st

from medcls.core.collection import Audit, Finding
from medcls.errors import MedclsError
from medcls.workflows import data
from pages._ui import notices
from pages._ui.data_add import watched
from pages._ui.data_pictures import show_cases

TITLES = {
    "contradiction": "One picture, several labels", "leak": "The published split leaks", "mask": "Masks among the scans",
    "duplicate": "The same picture more than once", "unreadable": "Unreadable files", "label": "Labels that may be wrong",
    "blank": "Blank pictures", "marks": "Burned-in text and calipers", "colour": "Odd colours", "size": "Odd sizes",
    "patients": "Patients unknown", "balance": "Uneven labels",
}  # fmt: skip
ACTIONS = {"drop": "drop", "merge": "merge into one group", "keep": "keep as they are"}
A_PAGE = 6


def show_findings(seen: data.Overview) -> None:
    """Show what the audit found, by kind, each finding with its pictures and what to do."""
    name = seen.record.name
    audit = data.read_audit(name)
    if st.button("Audit again" if audit else "Audit this collection", type="secondary" if audit else "primary"):
        with watched("Looking …") as tell:
            audit = data.audit_collection(name, again=audit is not None, progress=tell)
    if audit is None:
        notices.show_empty("Nobody has looked this collection through yet.", "The audit takes seconds to minutes.")
        return
    if not audit.findings:
        st.success("Nothing was found.", icon=":material/check:")
        return
    kinds = list(dict.fromkeys(finding.kind for finding in audit.findings))
    count = {kind: sum(f.kind == kind for f in audit.findings) for kind in kinds}
    kind = st.pills(
        "Kind of finding", kinds, default=kinds[0], key=f"data.kind.{name}", label_visibility="collapsed",
        format_func=lambda k: f"{TITLES[k]} ({count[k]})" if count[k] > 1 else TITLES[k],
    )  # fmt: skip
    _show_kind(seen, audit, [f for f in audit.findings if f.kind == (kind or kinds[0])])


def _show_kind(seen: data.Overview, audit: Audit, findings: list[Finding]) -> None:
    pages = -(-len(findings) // A_PAGE)
    page = 0
    if pages > 1:
        page = st.number_input(f"Page of {pages}", 1, pages, 1, key=f"data.page.{findings[0].kind}") - 1
    for finding in findings[page * A_PAGE : (page + 1) * A_PAGE]:
        with st.container(border=True):
            _show_finding(seen, finding)
    st.caption(
        f"{audit.pairs_compared:,} likely pairs of pictures were laid over each other. Decisions are kept in the "
        "collection's record; splits made before no longer fit and are refused."
    )


def _show_finding(seen: data.Overview, finding: Finding) -> None:
    left, right = st.columns([3, 1], vertical_alignment="top")
    left.markdown(f"**{notices.escape(finding.says)}**  \n{notices.escape(finding.advice)}")
    if finding.choices:
        now = finding.decided or finding.default
        chosen = right.selectbox(
            "Decision" if finding.decided else "Decision (not settled)", finding.choices,
            index=finding.choices.index(now), format_func=lambda d: ACTIONS[d], key=f"data.decide.{finding.key}.{now}",
        )  # fmt: skip
        if chosen != now or (not finding.decided and right.button("Settle", key=f"data.settle.{finding.key}")):
            data.decide(seen.record.name, {finding.key: chosen})
            st.rerun()
    if finding.kind == "unreadable":
        st.dataframe([{"file": case} for case in finding.cases], hide_index=True)
    elif finding.cases:
        show_cases(seen.record.name, seen.task, finding.cases[:24])
        if finding.n > 24:
            st.caption(f"{min(24, len(finding.cases))} of {finding.n:,} shown, the clearest first.")


def show_shortcuts(seen: data.Overview) -> None:
    """Show what a tiny model tells of the label from what has nothing to do with the disease."""
    found = data.read_probe(seen.record.name)
    if st.button("Probe again" if found else "Probe for shortcuts", type="secondary" if found else "primary"):
        try:
            with st.spinner("Teaching tiny models …"):
                found = data.probe_shortcuts(seen.record.name)
        except MedclsError as error:
            notices.show_error(error)
            return
    if not found:
        notices.show_empty(
            "If border, size or a heavy blur alone tell the label, a network will use them too.",
            "The probe teaches tiny models that see nothing else, and tests them on other groups.",
        )
        return
    for estimate, sentence in found.values():
        (st.warning if estimate.low > 0.6 else st.info)(notices.escape(sentence))
    st.caption("Logistic regressions, tested on groups they were not taught on. 0.5 is a coin's AUROC.")
