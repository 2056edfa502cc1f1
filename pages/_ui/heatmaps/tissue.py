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
    by_patient = tissue.placed_patches(entries)
    if not by_patient:
        return
    patient = st.selectbox(
        say("pages.tissue"),
        list(by_patient),
        format_func=lambda p: say("pages.heatmaps-patches", {"p": p, "n": len(by_patient[p])}),
        key="heatmaps.tissue",
    )
    st.caption(say("pages.heatmaps-a-heatmap-of"))
    if st.toggle(say("pages.heatmaps-show-the-tissue"), value=True, key="heatmaps.tissue.on"):
        try:
            _show(_mapped(by_patient[patient], card), card)
        except MedclsError as error:
            notices.show_error(error)


def _mapped(patches: list[tissue.Patch], card: ModelCard) -> tissue.TissueMap:
    held: dict[str, object] = state.kept(state.TISSUE, dict)
    key = (card.json_digest, tuple((p.x, p.y, hash(p.data)) for p in patches))
    if held.get("key") != key:
        bar = st.progress(0.0, text=say("pages.heatmaps-reading-the-patches"))

        def tell(done: int, total: int, stage: str = "") -> None:
            bar.progress(done / total, text=say("pages.heatmaps-of-patches", {"done": done, "total": total}))

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
    unread = say("pages.heatmaps-could-not-be", {"n_unread": found.n_unread}) if found.n_unread else ""
    st.caption(say("pages.heatmaps-patches-dark-violet", {"n_patches": found.n_patches, "unread": unread}))
    if found.agreement is not None:
        st.caption(say("pages.heatmaps-auroc-within-this", {"agreement": show_estimate(found.agreement)}))
