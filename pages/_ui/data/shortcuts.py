"""Data page: the shortcut probe."""

import streamlit as st

from medcls.errors import MedclsError
from medcls.workflows import data, data_audit
from pages._ui.data import charts
from pages._ui.widgets import notices
from pages._ui.widgets.charts import show_chart


def show_shortcuts(seen: data.Overview) -> None:
    """Show what a tiny model tells of the label from what has nothing to do with the disease."""
    found = data_audit.read_probe(seen.record.name)
    if st.button("Probe again" if found else "Probe for shortcuts", type="secondary" if found else "primary"):
        try:
            with st.spinner("Teaching tiny models …", show_time=True):
                found = data_audit.probe_shortcuts(seen.record.name)
        except MedclsError as error:
            notices.show_error(error)
            return
    if not found:
        notices.show_empty(
            "If border, size or a heavy blur alone tell the label, a network will use them too.",
            "The probe teaches tiny models that see nothing else, and tests them on other patients.",
        )
        return
    estimates = {view: estimate for view, (estimate, _) in found.items()}
    show_chart(charts.probe_chart(estimates))
    for estimate, sentence in found.values():
        (st.warning if estimate.low > 0.6 else st.info)(notices.escape(sentence))
    st.caption(
        "Dots are AUROCs, bars their 95 % intervals; 0.5, the dashed line, is a coin's. Logistic regressions, "
        "tested on patients they were not taught on. "
        "What a heavy blur tells need not be a shortcut: a large dark lesion stays visible."
    )
