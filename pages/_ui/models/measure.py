"""Models: measure one on labelled scans of this machine, every case kept."""

import streamlit as st

from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import ModelCard
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import compare, evaluate, site_figures
from medcls.workflows.case_report import Measured
from pages._ui import state
from pages._ui.compare.test_set import PARTS
from pages._ui.models import sites
from pages._ui.models.cards import show_evaluation
from pages._ui.widgets import downloads, notices


def show_measure(card: ModelCard) -> None:
    """Let the user measure a model on labelled collections; shows the figures and offers them as files."""
    with st.expander(say("pages.models-measure-it-on")):
        names = compare.collections_for([card])
        if not names:
            st.caption(say("pages.stress-no-scans"))
            return
        left, right = st.columns([2, 1])
        chosen = left.multiselect(say("pages.stress-on"), names, default=list(names[:1]), key=f"models.on.{card.id}")
        part = right.selectbox(say("pages.models-part"), list(PARTS), format_func=PARTS.__getitem__, key="models.part")
        if st.button(say("pages.models-measure"), disabled=not chosen, key=f"models.measure.{card.id}"):
            _measure(card, tuple(chosen), part)
        made: tuple[str, Evaluation, CaseTable] | None = st.session_state.get(state.MODEL_MEASURED)
        if made and made[0] == card.id:
            sites.show_forest(site_figures.evaluated_figures(made[1], made[2]), key="models.measured.forest")
            show_evaluation(made[1], card.task, key="models.measured.confusion")
            _offer(made[1], made[2])


def _measure(card: ModelCard, chosen: tuple[str, ...], part: str) -> None:
    bar = st.progress(0.0, text=say("pages.stress-opening"))

    def tell(done: int, total: int, stage: str = "") -> None:
        bar.progress(done / max(1, total), text=say("pages.models-of-cases", {"done": done, "total": total}))

    try:
        st.session_state[state.MODEL_MEASURED] = (card.id, *evaluate.evaluate(card.id, chosen, part, on_case=tell))
    except MedclsError as error:
        notices.show_error(error)
    bar.empty()


def _offer(evaluation: Evaluation, cases: CaseTable) -> None:
    """Offer both files of an evaluation; in a folder of their own `medcls compare --evaluations` takes them."""
    mode = downloads.ask_mode("models.measured")
    with st.container(horizontal=True):
        for way, name in (("evaluation", "evaluation.json"), ("cases", "cases.csv")):
            downloads.offer(name, way, lambda: Measured(evaluation, cases), mode, name)
    st.caption(say("pages.models-kept-in-a"))
