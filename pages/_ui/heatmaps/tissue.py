"""The tissue map: where patches carry coordinates, the whole tissue says more than a heatmap of one patch."""

from collections.abc import Sequence

import streamlit as st

from medcls.core.model import ModelCard
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import scans, tissue
from pages._ui import cache, state
from pages._ui.widgets import notices, viewer
from pages._ui.widgets.numbers import show_estimate
from pages._ui.widgets.palette import label_word


def offer(entries: Sequence[scans.Entry], card: ModelCard) -> None:
    """Offer a map of the tissue where the names of the dropped patches say where they lie."""
    by_patient = tissue.placed_patches((entry.name, entry.data) for entry in entries)
    if not by_patient:
        return
    patient = st.selectbox(
        "Tissue", list(by_patient), format_func=lambda p: f"{p}: {len(by_patient[p])} patches", key="heatmaps.tissue"
    )
    st.caption(
        "A heatmap of a patch this small is coarse. These patches say where they lie, so the tissue can be shown whole."
    )
    if st.toggle("Show the tissue map", value=True, key="heatmaps.tissue.on"):
        try:
            _show(_mapped(by_patient[patient], card), card)
        except MedclsError as error:
            notices.show_error(error)


def _mapped(patches: list[tissue.Patch], card: ModelCard) -> tissue.TissueMap:
    held: dict[str, object] = state.kept(state.TISSUE, dict)
    key = (card.to_json(), tuple((p.x, p.y, hash(p.data)) for p in patches))
    if held.get("key") != key:
        bar = st.progress(0.0, text="Reading the patches")

        def tell(done: int, total: int, stage: str = "") -> None:
            bar.progress(done / total, text=f"{done} of {total} patches")

        found = tissue.map_patches(cache.open_classifier(card), patches, len(patches), progress=tell)
        bar.empty()
        held.update(key=key, map=found)
    kept = held["map"]
    assert isinstance(kept, tissue.TissueMap)
    return kept


def _show(found: tissue.TissueMap, card: ModelCard) -> None:
    plain, prob, truth = tissue.pictures(found)
    word = label_word(card.task, found.label)
    titles = {say("pages.tissue"): plain, say("pages.tissue-prob", {"word": word}): prob}
    if truth is not None:
        titles[say("pages.tissue-truth")] = truth
    panes = [viewer.Pane(title, title, png=png) for title, png in titles.items()]
    viewer.show(found.scan, panes, "heatmaps.tissue.viewer", viewer.Options(above_px=420))
    unread = f" {found.n_unread} could not be read." if found.n_unread else ""
    st.caption(f"{found.n_patches} patches; dark violet is probability 0, yellow is 1.{unread}")
    if found.agreement is not None:
        st.caption(
            f"AUROC within this patient {show_estimate(found.agreement)}. Neighbouring patches are alike: the interval is too narrow."
        )
