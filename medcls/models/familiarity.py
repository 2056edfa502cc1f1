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
from medcls.imaging.kind import kind_numbers
from medcls.imaging.kinds import KINDS, fits
from medcls.stats.familiarity import TrainingReference, neighbour_distance

_MOST = 20.0  # log odds beyond which "how many times" says nothing more
FEATURES, LOOKS, KIND = "features", "looks", "kind"  # what is measured
_ACQUIRED = {FEATURES: "models.acquired-features", LOOKS: "models.acquired-looks"}
# Every caution on how a scan was acquired.
ACQUIRED = (*_ACQUIRED.values(), "models.acquired-no-number", "models.far-measured", "models.far-not-measured")
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
    card: ModelCard, known: TrainingReference | None, squares: Sequence[np.ndarray] | np.ndarray, features: np.ndarray
) -> list[Unlike]:
    """Measure how far scans are from those a network learned from.

    Args:
        card: The network's card, with its limits.
        known: What the scans were like that it learned from; None if not stored.
        squares: The scans as the network saw them, each (S, S, C) uint8.
        features: What entered its last layer, (N, D).

    Returns:
        One for each scan; without numbers where the card sets no limit. A model without a taught gate tells kind and
        acquisition by one distance: what lies beyond it is refused. A limit without what it is a limit of gives NaN.
    """
    limits = card.abstention
    near = {**_by_features(limits.max_distance, known, features), **_by_looks(limits.max_appearance, known, squares)}
    kind = _by_gate(limits.max_kind, known, squares)
    by_scan = [[{name: _ratio(r[i]) for name, r in by.items()} for by in (kind, near)] for i in range(len(squares))]
    return [Unlike(*both) if kind else Unlike(kind=both[1]) for both in by_scan]


def _ratio(value: float) -> float:
    """Return a ratio as it stands; NaN for minus infinity, which is no distance and would pass for very near."""
    return math.nan if value == -math.inf else float(value)


def _by_features(limit: float | None, known: TrainingReference | None, features: np.ndarray) -> dict[str, np.ndarray]:
    if limit is None:
        return {}
    if known is None:
        return {FEATURES: np.full(len(features), np.nan)}
    return {FEATURES: neighbour_distance(features, known.features) / limit}


def _by_looks(
    limit: float | None, known: TrainingReference | None, squares: Sequence[np.ndarray] | np.ndarray
) -> dict[str, np.ndarray]:
    if limit is None:
        return {}
    if known is None or known.appearance is None:
        return {LOOKS: np.full(len(squares), np.nan)}
    return {LOOKS: known.appearance.distance(np.stack([appearance(s) for s in squares])) / limit}


def _by_gate(
    limit: float | None, known: TrainingReference | None, squares: Sequence[np.ndarray] | np.ndarray
) -> dict[str, np.ndarray]:
    """Return how foreign each scan is, 1 at the limit; NaN for all where the card has a limit and the gate is gone."""
    if limit is None:
        return {}
    if known is None or known.gate is None:
        return {KIND: np.full(len(squares), np.nan)}
    score = known.gate.score(np.stack([kind_numbers(s) for s in squares]))  # (N,)
    return {KIND: np.exp(np.clip(score - limit, -_MOST, _MOST))}


def farthest(ratios: dict[str, float]) -> tuple[str | None, float | None]:
    """Return by which measure a scan is farthest from what a network learned from.

    Args:
        ratios: Distance over its limit, by measure; above 1 is unlike.

    Returns:
        The measure and its ratio, NaN counting as farther than any number; None and None where nothing was measured.
    """
    if not ratios:
        return None, None
    name = max(ratios, key=lambda name: math.inf if math.isnan(ratios[name]) else ratios[name])
    return name, ratios[name]


def refuse_foreign(scan: Scan, card: ModelCard, unlike: Unlike) -> Note | None:
    """Return why a scan is not of the kind a network answers; None if it is, as far as anyone can tell.

    Args:
        scan: The scan.
        card: The network's card.
        unlike: How far the scan lies from what the network learned from.
    """
    if not fits(scan.kind, card.task.modality):
        return Note("models.other-object", kind=KINDS.get(scan.kind, scan.kind), task=card.task.name or card.task.id)
    if other := other_kind(scan, card.task.modality, card.preprocess.channels):
        return Note("models.other-kind", reason=other)
    how, far = farthest(unlike.kind)
    if far is None or far <= 1:
        return None
    if not math.isfinite(far):
        return Note("models.unlike-no-number")
    return Note(_UNLIKE[how or FEATURES]) if how == KIND else Note(_UNLIKE[how or FEATURES], times=far)


def caution_acquired(card: ModelCard, unlike: Unlike) -> tuple[Note, ...]:
    """Return that a scan was acquired unlike those learned from, and how such were answered; nothing if it was not."""
    how, far = farthest(unlike.acquired)
    if how is None or far is None or far <= 1:
        return ()
    if not math.isfinite(far):
        return (Note("models.acquired-no-number"),)
    score = card.abstention.far_auroc
    if score is None or math.isnan(score.value):
        return (Note(_ACQUIRED[how], times=far), Note("models.far-not-measured"))
    measured = Note("models.far-measured", value=score.value, low=score.low, high=score.high, n=score.n)
    return (Note(_ACQUIRED[how], times=far), measured)


def refuse_unsure(prob: np.ndarray, least: float) -> Note | None:
    """Return a refusal if the probabilities (K,) of one network are too even to decide by; else None."""
    return None if prob.max() >= least else Note("models.unsure", least=least)


def is_stranger(answer: Prediction) -> bool:
    """Return whether a network that gave this answer never saw the scan's like; a distance that is no number counts."""
    return answer.foreign or (answer.unfamiliarity is not None and not answer.unfamiliarity <= 1)
