"""Data page: the shortcut probe."""

import streamlit as st

from medcls.core.progress import staged
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import data, data_audit
from pages._ui.data import charts
from pages._ui.widgets import notices
from pages._ui.widgets.charts import show_chart
from pages._ui.widgets.waits import watched


def show_shortcuts(seen: data.Overview) -> None:
    """Show what a tiny model tells of the label from what has nothing to do with the disease."""
    found = data_audit.read_probe(seen.record.name)
    if st.button(
        say("pages.data-probe-again") if found else say("pages.data-probe-for-shortcuts"),
        type="secondary" if found else "primary",
    ):
        try:
            with watched(say("pages.data-teaching-tiny-models")) as tell:
                found = data_audit.probe_shortcuts(
                    seen.record.name, progress=staged(tell, say("pages.data-tiny-models"))
                )
        except MedclsError as error:
            notices.show_error(error)
            return
    if not found:
        notices.show_empty(
            say("pages.data-if-border-size-or"),
            say("pages.data-the-probe-teaches-tiny"),
        )
        return
    estimates = {view: estimate for view, (estimate, _) in found.items()}
    show_chart(charts.probe_chart(estimates))
    for estimate, sentence in found.values():
        (st.warning if estimate.low > 0.6 else st.info)(notices.escape(sentence))
    st.caption(say("pages.data-dots-are-aurocs-bars"))
