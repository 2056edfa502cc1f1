"""What the scans were like that a network learned from, and how far from them it still answers.

Scans of the same kind from another device, hand or archive are no strangers: changed copies of the scans (see
`medcls.imaging.shifts`) count as familiar, so that what happened to be constant in training condemns nobody.
"""

from dataclasses import replace

import numpy as np
import torch

from medcls.core.model import Abstention
from medcls.core.note import Note
from medcls.core.shifts import shifts_for
from medcls.core.task import Task
from medcls.data.batches import Copies, Part
from medcls.imaging.appearance import appearance
from medcls.imaging.shifts import Mixture
from medcls.stats.familiarity import Normal, TrainingReference, neighbour_distance, unit_rows
from medcls.training.inputs import TrainingData
from medcls.training.outputs import describe_part

# Nothing is decided below this calibrated probability: the answer would be wrong two times in five.
MIN_PROB = 0.6
# The limits are kept by this share of validation scans and of their copies; the bank keeps so many training scans.
FAMILIAR_SHARE, BANK_SIZE = 0.99, 512
# A scanner set a little brighter is no other kind of picture: a scan's look may go beyond the limit by this factor.
APPEARANCE_MARGIN, _MOST_LOOKED_AT = 1.1, 4096

_COPIES, _STRENGTH, _CHANCE = 2, 0.8, 0.7


def familiar_copies(task: Task, seed: int) -> Copies:
    """Return the changed copies of validation scans that are to count as familiar.

    Args:
        task: The question; its modality says what such scans meet.
        seed: Seed of the copies.
    """
    return Copies(_COPIES, Mixture(shifts_for(task.modality), _STRENGTH, _CHANCE), seed)


def learn_reference(net: torch.nn.Module, data: TrainingData, seed: int) -> TrainingReference:
    """Return what a network shall know again: features of training scans and their copies, and how scans look.

    Args:
        net: The fitted network.
        data: What it was fitted on; copies of the validation part count for the looks.
        seed: Seed of the draw.
    """
    train = data.train
    looked_at = [_looks(train.pixels, seed)]
    for copies in (train.copies, data.validate.copies):
        looked_at += [_looks(copy, seed) for copy in copies] if copies is not None else []
    return TrainingReference(_feature_bank(net, data, seed).astype(np.float16), Normal.fit(np.concatenate(looked_at)))


def measure_limits(
    net: torch.nn.Module, data: TrainingData, known: TrainingReference, prob: np.ndarray, features: np.ndarray
) -> Abstention:
    """Return when a network says "cannot tell", by its validation scans and their copies.

    Args:
        net: The fitted network.
        data: What it was fitted and watched on.
        known: What it knows again.
        prob: (N, K) calibrated probabilities of the validation scans.
        features: (N, D) of the validation scans.
    """
    validate = data.validate
    pixels = [validate.pixels, *(() if validate.copies is None else validate.copies)]
    parts = [Part(one, validate.truth, validate.cases) for one in pixels]
    far = [neighbour_distance(features, known.features)]
    far += [neighbour_distance(describe_part(net, part, data.preprocess), known.features) for part in parts[1:]]
    distance = float(np.quantile(np.concatenate(far), FAMILIAR_SHARE))
    how = _how(prob, validate, len(parts) - 1)
    return Abstention(MIN_PROB, max(distance, 1e-6), _looks_limit(known, pixels), n=len(validate), how=how)


def gated_limits(limits: Abstention, max_kind: float) -> Abstention:
    """Return limits for a network with a gate: it refuses other kinds of picture and cautions of distant scans."""
    return replace(limits, max_kind=max_kind, how=Note("training.limits-gated", **limits.how.params))


def _how(prob: np.ndarray, validate: Part, n_copies: int) -> Note:
    below = prob.max(axis=1) < MIN_PROB
    n_below = int(below.sum())
    counted = Note("training.limits-none-below", n=len(validate))
    if n_below:
        right = float((prob.argmax(axis=1) == validate.truth)[below].mean())
        counted = Note("training.limits-below", n=len(validate), below=n_below, right=right)
    whom = Note("training.limits-of-scans")
    if n_copies:
        whom = Note("training.limits-of-copies", copies=n_copies)
    spare = APPEARANCE_MARGIN - 1
    return Note("training.limits-chosen", counted=counted, share=FAMILIAR_SHARE, whom=whom, spare=spare)


def _looks_limit(known: TrainingReference, pixels: list[np.ndarray]) -> float | None:
    if known.appearance is None:
        return None
    distances = np.concatenate([known.appearance.distance(_looks(one, 0)) for one in pixels])
    return max(APPEARANCE_MARGIN * float(np.quantile(distances, FAMILIAR_SHARE)), 1e-6)


def _looks(pixels: np.ndarray, seed: int) -> np.ndarray:
    """How pictures (N, S, S, C) look, (M, A) float64; a draw of them where they are many."""
    rows = np.random.default_rng(seed).permutation(len(pixels))[:_MOST_LOOKED_AT]
    return np.stack([appearance(pixels[i]) for i in np.sort(rows)])


def _feature_bank(net: torch.nn.Module, data: TrainingData, seed: int) -> np.ndarray:
    """Features of training scans, as many of each label and half of them changed copies where there are any."""
    rng, train = np.random.default_rng(seed), data.train
    each = BANK_SIZE // data.n_labels
    rows = np.sort(
        np.concatenate([rng.permutation(np.flatnonzero(train.truth == k))[:each] for k in np.unique(train.truth)])
    )
    pixels = train.pixels[rows]
    if train.copies is not None:
        pixels[1::2] = train.copies[rng.integers(len(train.copies), size=len(rows[1::2])), rows[1::2]]
    part = Part(pixels, train.truth[rows], tuple(train.cases[i] for i in rows))
    return unit_rows(describe_part(net, part, data.preprocess))
