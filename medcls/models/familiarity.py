"""Whether a scan is of the kind a network answers, and whether it was acquired as those were that it learned from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.prediction import Prediction
from medcls.core.scan import Scan
from medcls.imaging.appearance import appearance
from medcls.imaging.colour import other_kind
from medcls.imaging.kinds import KINDS, fits
from medcls.stats.familiarity import Known, neighbour_distance

FEATURES, LOOKS, KIND = "features", "looks", "kind"  # what is measured
_UNLIKE = {FEATURES: "models.unlike-features", LOOKS: "models.unlike-looks", KIND: "models.unlike-kind"}


@dataclass(frozen=True)
class Unlike:
    """How far one scan is from those learned from, 1 being the limit; NaN where no number came out.

    Args:
        kind: By what tells whether it is the kind of picture the network answers.
        acquired: By what tells whether it was acquired alike.
    """

    kind: dict[str, float] = field(default_factory=dict)
    acquired: dict[str, float] = field(default_factory=dict)


def how_unlike(
    card: ModelCard, known: Known | None, squares: Sequence[np.ndarray] | np.ndarray, features: np.ndarray
) -> list[Unlike]:
    """Measure how far scans are from those a network learned from.

    Args:
        card: The network's card, with its limits.
        known: What the scans were like that it learned from; None if not stored.
        squares: The scans as the network saw them, each (S, S, C) uint8.
        features: What entered its last layer, (N, D).

    Returns:
        One for each scan; without numbers where the card sets no limit. A model without a taught gate tells kind and
        acquisition by one distance: what lies beyond it is refused.
    """
    if known is None:
        return [Unlike() for _ in squares]
    limits, by = card.abstention, {}
    if limits.max_distance is not None:
        by[FEATURES] = neighbour_distance(features, known.features) / limits.max_distance
    if limits.max_appearance is not None and known.looks is not None:
        by[LOOKS] = known.looks.distance(np.stack([appearance(s) for s in squares])) / limits.max_appearance
    near = [{name: float(ratios[i]) for name, ratios in by.items()} for i in range(len(squares))]
    return [Unlike(kind=ratios) for ratios in near]


def farthest(ratios: dict[str, float]) -> tuple[str | None, float | None]:
    """Return what a scan is farthest by, and how far; NaN is farther than any number."""
    if not ratios:
        return None, None
    name = max(ratios, key=lambda name: math.inf if math.isnan(ratios[name]) else ratios[name])
    return name, ratios[name]


def refuse_foreign(scan: Scan, card: ModelCard, unlike: Unlike) -> Note | None:
    """Return why a scan is not of the kind a network answers; None if it is, as far as anyone can tell."""
    if not fits(scan.kind, card.task.modality):
        return Note("models.other-object", kind=KINDS.get(scan.kind, scan.kind), task=card.task.name or card.task.id)
    if other := other_kind(scan, card.task.modality, card.preprocess.channels):
        return Note("models.other-kind", reason=other)
    how, far = farthest(unlike.kind)
    if far is None or far <= 1:
        return None
    if not math.isfinite(far):
        return Note("models.unlike-no-number")
    return Note(_UNLIKE[how or FEATURES], times=far)


def refuse_unsure(prob: np.ndarray, least: float) -> Note | None:
    """Return that the probabilities (K,) of one network are too even to decide by; None if they are not."""
    return None if prob.max() >= least else Note("models.unsure", least=least)


def is_stranger(answer: Prediction) -> bool:
    """Say whether a network that gave this answer never saw the scan's like; a distance that is no number counts."""
    return answer.foreign or (answer.unfamiliarity is not None and not answer.unfamiliarity <= 1)
