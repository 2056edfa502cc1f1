"""Where the evidence for a scan lies: maps for all its labels on one scale, drawn once and kept in this session."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from medcls.core.model import ModelCard
from medcls.core.outcome import Outcome
from medcls.core.prediction import Prediction
from medcls.core.progress import Progress, silent
from medcls.core.scan import Scan
from medcls.errors import MedclsError
from medcls.words import say
from medcls.workflows import classify, viewer
from pages._ui import cache, state
from pages._ui.widgets import known, notices
from pages._ui.widgets.numbers import show_prob
from pages._ui.widgets.palette import label_word

_MOST_LABELS = 9


def held(scan: Scan, card: ModelCard) -> Outcome[viewer.Evidence] | None:
    """Return what was drawn of a scan before; None if nothing was."""
    kept: dict[tuple[str, str], tuple[Scan, Outcome[viewer.Evidence]]] = state.kept(state.EVIDENCE, dict)
    found = kept.get((scan.sha256, card.json_digest))
    return found[1] if found and found[0] is scan else None


def find(scan: Scan, card: ModelCard, top: str, progress: Progress = silent) -> Outcome[viewer.Evidence]:
    """Draw a scan's maps for its labels, or return why that cannot be done.

    Args:
        scan: The scan.
        card: The model's card.
        top: The label of the answer: drawn whatever the number of labels.
        progress: Called with the maps drawn and how many there are.
    """
    if (drawn := held(scan, card)) is not None:
        return drawn
    some = card.task.label_ids[:_MOST_LABELS]
    labels = some if top in some else (*some, top)  # a key is the same label on every scan
    found = Outcome.of("", lambda: viewer.find_evidence(known.pass_of(scan, card), labels, progress))
    kept = state.kept(state.EVIDENCE, dict)
    kept[scan.sha256, card.json_digest] = (scan, found)
    state.make_room(kept, _size, most=24)
    return found


def members(scan: Scan, card: ModelCard) -> tuple[Prediction, ...]:
    """Return what each network of a mean answered; empty for one network, and where its pass is not kept."""
    drawn = held(scan, card)
    return drawn.value.members if drawn and drawn.value else known.members_of(scan, card)


def _size(item: tuple[Scan, Outcome[viewer.Evidence]]) -> int:
    maps = item[1].value.maps if item[1].value else ()
    return item[0].pixels.size + sum(m.values.size for m in maps)


def show_region(scan: Scan, card: ModelCard, region: Mapping[str, Any], found: viewer.Evidence | None) -> None:
    """Say what the network makes of a drawn region alone, and how the heatmap lies to it."""
    try:
        mask = viewer.region_mask(region, scan)
        part = classify.classify_one(viewer.crop_region(scan, mask), cache.open_classifier(card))
    except MedclsError as error:
        notices.show_error(error)
        return
    told = [say("pages.region-unsure")]
    if part.decided:
        said = {"word": label_word(card.task, part.decided), "prob": show_prob(float(part.prob.max()))}
        told = [say("pages.region-alone", said)]
    heatmap = next((m for m in found.maps if m.label == found.prediction.top), None) if found else None
    pointing = viewer.point(heatmap, mask) if heatmap is not None else None
    if pointing is not None:
        code = "pages.region-hit" if pointing.hit else "pages.region-missed"
        told.append(
            say(code, {"inside": f"{100 * pointing.energy_inside:.0f}", "area": f"{100 * pointing.mask_share:.0f}"})
        )
    st.info(notices.escape(" ".join(told)), icon=":material/crop_free:")
