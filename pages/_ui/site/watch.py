"""Site, watch: what a model's answers looked like week by week; counted with consent, never kept."""

import streamlit as st

from medcls.core.model import ModelCard
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import site
from pages._ui.site import charts_site
from pages._ui.widgets import notices
from pages._ui.widgets.charts import show_chart


def show_watch(name: str, card: ModelCard) -> None:
    """Show the watch of a model at a site, and let its people agree to one."""
    try:
        folder = site.site_folder(name) if name else None
        known = folder.site if folder else None
    except MedclsError:
        known = None
    if known is None:
        notices.show_empty(
            say("pages.site-watch-what"),
            say("pages.site-check-first"),
        )
        return
    agreed = st.toggle(
        say("pages.site-watch"),
        known.watch,
        key=f"site.watch.{name}",
    )
    st.caption(say("pages.site-watch-help"))  # what is agreed to stands in sight
    if agreed != known.watch:
        site.consent(name, agreed)
        st.rerun()
    found, alarms = site.watched(name, card.id)
    for note in alarms:
        st.warning(notices.escape(note), icon=":material/notifications_active:")
    weeks = []
    for one in found:
        if one.value is None:
            notices.show_failure(one)
        else:
            weeks.append(one.value)
    if weeks:
        show_chart(charts_site.watch(weeks), key="site.watch.chart")
        st.caption(say("pages.site-watch-rate"))
        if charts_site.baselines(weeks):
            st.caption(say("pages.site-watch-baseline"))
    else:
        st.caption(say("pages.site-watch-none" if agreed else "pages.site-watch-off"))
