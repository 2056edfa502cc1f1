"""Site, watch: what a model's answers looked like week by week; counted with consent, never kept."""

import streamlit as st

from medcls.core.model import ModelCard
from medcls.errors import MedclsError
from medcls.workflows import site
from pages._ui.site import charts_site
from pages._ui.widgets import notices


def show_watch(name: str, card: ModelCard) -> None:
    """Show the watch of a model at a site, and let its people agree to one."""
    try:
        folder = site.site_folder(name) if name else None
        known = folder.site if folder else None
    except MedclsError:
        known = None
    if known is None:
        notices.show_empty(
            "How the answers of this site change from week to week stands here.",
            "Run a check first: it makes the site.",
        )
        return
    agreed = st.toggle(
        "Count answers at this site",
        known.watch,
        key=f"site.watch.{name}",
        help="Each week: how many scans, how many refused, how far they lay, how probable disease was. "
        "No picture, name or digest.",
    )
    if agreed != known.watch:
        site.consent(name, agreed)
        st.rerun()
    found, alarms = site.watched(name, card.id)
    for note in alarms:
        st.warning(notices.escape(note), icon=":material/notifications_active:")
    weeks = []
    for one in found:
        if one.value is None:
            assert one.error is not None
            notices.show_error(one.error, one.name)
        else:
            weeks.append(one.value)
    if weeks:
        st.plotly_chart(charts_site.watch(weeks), key="site.watch.chart")
        st.caption("When nothing changes, an alarm is raised about once a year.")
    else:
        st.caption("Nothing has been counted yet.")
