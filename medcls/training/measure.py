"""Scores of an epoch: points, not estimates; what is published is measured by `medcls.stats`."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from medcls.core.note import Note


def epoch_scores(logits: torch.Tensor, truth: np.ndarray) -> dict[str, float]:
    """Return loss, accuracy, balanced accuracy and macro one-vs-rest AUROC.

    Args:
        logits: (N, K) float32.
        truth: (N,) label indices.

    Returns:
        Scores by name; the AUROC leaves out labels that all or no case has, and is NaN if none is left.
    """
    prob = logits.softmax(dim=1).double().numpy()
    answered = prob.argmax(axis=1)
    if not np.isfinite(prob).all():
        return {"loss": math.nan, "accuracy": math.nan, "balanced-accuracy": math.nan, "auroc": math.nan}
    areas = [_area(truth == k, prob[:, k]) for k in range(prob.shape[1]) if 0 < (truth == k).sum() < len(truth)]
    recalls = [(answered[truth == k] == k).mean() for k in np.unique(truth)]
    return {
        "loss": float(F.cross_entropy(logits, torch.from_numpy(truth))),
        "accuracy": float((answered == truth).mean()),
        "balanced-accuracy": float(np.mean(recalls)),
        "auroc": float(np.mean(areas)) if areas else math.nan,
    }


def _area(positive: np.ndarray, prob: np.ndarray) -> float:
    """Return the AUROC from average ranks (Mann, Whitney), without imports that cost a worker seconds at its start."""
    _, place, counts = np.unique(prob, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    n = int(positive.sum())
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(prob) - n)))


# Of two epochs with equal scores one has a clearly lower loss if lower by this share; less would never end patience.
_CLEARLY = 1e-3


def is_better(scores: dict[str, float], best: dict[str, float], monitor: str) -> bool:
    """Return whether an epoch's scores beat the best so far; of equals a clearly lower loss wins: small sets tie often.

    A score that is no number never beats one that is, but the first epoch always counts.

    Args:
        scores: Of this epoch, by name; `loss` among them.
        best: Of the best epoch so far; empty before the first.
        monitor: The score that decides; of `loss` the lower is better, of all others the higher.
    """
    if not best:
        return True
    new, old = scores[monitor], best[monitor]
    if math.isnan(new) or math.isnan(old):
        return math.isnan(old) and not math.isnan(new)
    if new == old:
        return scores.get("loss", math.inf) < (1 - _CLEARLY) * best.get("loss", math.inf)
    return new < old if monitor == "loss" else new > old


EXPLODED = "training.loss-exploded"
_TIMES = 10.0  # so many times the loss of guessing; what learns at all stays below it


def exploded(train: float, validate: float, n_labels: int) -> tuple[Note, ...]:
    """Return a note if an epoch's loss is far beyond that of guessing: the rate is too high, or the norms went wrong.

    Args:
        train: Mean loss while training.
        validate: Cross-entropy on the validation part.
        n_labels: Number of labels, K; guessing costs ln K.
    """
    guessing = math.log(n_labels)
    worst = max(train, validate)
    if worst <= _TIMES * guessing:
        return ()
    return (Note(EXPLODED, part="training" if train == worst else "validation", loss=worst, guessing=guessing),)
