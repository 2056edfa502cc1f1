"""Models: disease against the rest, site by site, and where the doubtful answers lie."""

from collections.abc import Sequence

import streamlit as st

from medcls.core.model import ModelCard
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import site_figures
from medcls.workflows.site_figures import SiteFigures
from pages._ui.widgets import notices
from pages._ui.widgets.charts import show_chart
from pages._ui.widgets.charts_forest import forest_chart, forest_notes


def show_sites(card: ModelCard) -> None:
    """Show all that is known of a model by site; nothing where nothing is."""
    try:
        figures = site_figures.figures_of(card)
    except MedclsError:  # the card below says what ails it
        return
    if figures:
        show_forest(figures, key=f"models.forest.{card.id}")


def show_forest(figures: Sequence[SiteFigures], key: str) -> None:
    """Draw a forest plot with what its marks mean.

    Args:
        figures: The sites, the first at the top.
        key: Of the chart.
    """
    st.markdown(say("pages.forest-title"))
    show_chart(forest_chart(figures), key=key)
    if told := forest_notes(figures):
        st.caption(told)
    for one in figures:
        if any(name not in one.scores for name in site_figures.SCORES):
            st.caption(notices.escape(str(one.headline())))
