"""The scores: a literal table, each written once over weighted cases; `scores.py` gives them intervals."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from medcls.core.evaluation import CaseTable
from medcls.core.note import Note
from medcls.stats.weighted import Cases, Weighted

Compute = Callable[[Weighted], np.ndarray]
Parts = Callable[[np.ndarray, tuple[int, ...]], tuple[np.ndarray, np.ndarray]]


def _divide(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(bottom > 0, top / bottom, np.nan)


def _mean(values: np.ndarray) -> np.ndarray:
    return values.mean(axis=1) if values.shape[1] else np.full(len(values), np.nan)


def _diagonal(confusion: np.ndarray) -> np.ndarray:
    return np.diagonal(confusion, axis1=1, axis2=2)


def _accuracy(confusion: np.ndarray, positive: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    return _diagonal(confusion).sum(axis=1), confusion.sum(axis=(1, 2))


def _recall(confusion: np.ndarray, positive: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    return _diagonal(confusion), confusion.sum(axis=2)


def _precision(confusion: np.ndarray, positive: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    return _diagonal(confusion), confusion.sum(axis=1)


def _sensitivity(confusion: np.ndarray, positive: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    ill = confusion[:, list(positive)]
    return ill[:, :, list(positive)].sum(axis=(1, 2)), ill.sum(axis=(1, 2))


def _specificity(confusion: np.ndarray, positive: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    rest = tuple(k for k in range(confusion.shape[1]) if k not in positive)
    return _sensitivity(confusion, rest)


def _f1(w: Weighted) -> np.ndarray:
    return _divide(2 * _diagonal(w.confusion), w.confusion.sum(axis=1) + w.confusion.sum(axis=2))


def _balanced_accuracy(w: Weighted) -> np.ndarray:
    return _mean(_divide(*_recall(w.confusion, ()))[:, w.cases.present])


def _macro_f1(w: Weighted) -> np.ndarray:
    f1 = _f1(w)
    never_true = ~w.cases.present
    f1[:, never_true] = np.nan_to_num(f1[:, never_true])
    return _mean(f1[:, w.cases.present | w.cases.predicted])


def _each_ranked(w: Weighted, which: int) -> np.ndarray:
    return np.stack([w.ranked(k)[which] for k in range(len(w.cases.table.labels))], axis=1)


def _over_labels(w: Weighted, which: int) -> np.ndarray:
    if len(w.cases.table.labels) == 2:
        return w.ranked(2)[which]
    return _mean(_each_ranked(w, which)[:, w.cases.present])


def _ece(w: Weighted) -> np.ndarray:
    return _divide(np.abs(w.counts.T @ w.cases.bins).sum(axis=1), w.losses[:, 0])


def _kappa(w: Weighted) -> np.ndarray:
    n = w.losses[:, 0]
    seen = _divide(*_accuracy(w.confusion, ()))
    chance = _divide((w.confusion.sum(axis=1) * w.confusion.sum(axis=2)).sum(axis=1), n**2)
    return _divide(seen - chance, 1 - chance)


@dataclass(frozen=True)
class Score:
    """A number that can be said of a case table.

    Args:
        title: What a person reads.
        better: Which way is better.
        compute: Values under R sets of weights, (R,), or (R, K) if there is one per label.
        parts: For a share of cases: hits and cases counted, both shaped as `compute`'s values, from confusion
            matrices (R, K, K) and the indices of the labels that mean disease.
        ranks: For an AUROC: True.
        per_label: True if there is one per label, named `recall:malignant`.
        scale: Least and greatest value possible.
    """

    title: Note
    better: Literal["high", "low"]
    compute: Compute
    parts: Parts | None = None
    ranks: bool = False
    per_label: bool = False
    scale: tuple[float, float] = (0.0, 1.0)


def _share(title: Note, parts: Parts, per_label: bool = False) -> Score:
    return Score(title, "high", lambda w: _divide(*parts(w.confusion, w.cases.positive)), parts, per_label=per_label)


# Scores that a table of models shows, in this order: disease against the rest first.
SHOWN_SCORES = (
    "auroc_disease",
    "auroc",
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "sensitivity",
    "specificity",
    "average_precision",
    "kappa",
    "brier",
    "log_loss",
    "ece",
    "ece_floor",
)

SITE_SCORES = ("auroc_disease", "sensitivity", "specificity")  # what is told of every site

SCORES: Mapping[str, Score] = MappingProxyType(
    {
        "auroc": Score(Note("stats.score-auroc"), "high", lambda w: _over_labels(w, 0), ranks=True),
        "auroc_disease": Score(Note("stats.score-auroc-disease"), "high", lambda w: w.ranked(-1)[0], ranks=True),
        "accuracy": _share(Note("stats.score-accuracy"), _accuracy),
        "balanced_accuracy": Score(Note("stats.score-balanced-accuracy"), "high", _balanced_accuracy),
        "macro_f1": Score(Note("stats.score-macro-f1"), "high", _macro_f1),
        "sensitivity": _share(Note("stats.score-sensitivity"), _sensitivity),
        "specificity": _share(Note("stats.score-specificity"), _specificity),
        "average_precision": Score(Note("stats.score-average-precision"), "high", lambda w: _over_labels(w, 1)),
        "kappa": Score(Note("stats.score-kappa"), "high", _kappa, scale=(-1.0, 1.0)),
        "brier": Score(
            Note("stats.score-brier"), "low", lambda w: _divide(w.losses[:, 1], w.losses[:, 0]), scale=(0.0, 2.0)
        ),
        "log_loss": Score(
            Note("stats.score-log-loss"),
            "low",
            lambda w: _divide(w.losses[:, 2], w.losses[:, 0]),
            scale=(0.0, math.inf),
        ),
        "ece": Score(Note("stats.score-ece"), "low", _ece),
        "recall": _share(Note("stats.score-recall"), _recall, per_label=True),
        "precision": _share(Note("stats.score-precision"), _precision, per_label=True),
        "f1": Score(Note("stats.score-f1"), "high", _f1, per_label=True),
        "auroc_each": Score(
            Note("stats.score-auroc-each"), "high", lambda w: _each_ranked(w, 0), ranks=True, per_label=True
        ),
        "average_precision_each": Score(
            Note("stats.score-average-precision-each"), "high", lambda w: _each_ranked(w, 1), per_label=True
        ),
    }
)


def names_of(name: str, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names a score has in an evaluation: itself, or one per label (`auroc:malignant`)."""
    if not SCORES[name].per_label:
        return (name,)
    return tuple(f"{name.removesuffix('_each')}:{label}" for label in labels)


def find(full_name: str, labels: tuple[str, ...]) -> tuple[str, int]:
    """Return the score that a name in an evaluation belongs to.

    Args:
        full_name: As in an evaluation: `auroc`, `recall:malignant`.
        labels: Label ids, in column order.

    Returns:
        Its name in `SCORES`, and its column: the index of the label, 0 for a score that has one value.

    Raises:
        KeyError: If there is no such score.
    """
    for name in SCORES:
        if full_name in (names := names_of(name, labels)):
            return name, names.index(full_name)
    raise KeyError(full_name)


def score(table: CaseTable, full_name: str, positive: tuple[int, ...]) -> float:
    """Return one score without its interval; NaN if it cannot be computed.

    Args:
        table: The cases.
        full_name: As in an evaluation: `auroc`, `recall:malignant`.
        positive: Indices of the labels that mean disease.

    Raises:
        KeyError: If there is no such score.
    """
    name, column = find(full_name, table.labels)
    values = SCORES[name].compute(Weighted.once(Cases(table, tuple(positive))))
    return float(values.reshape(-1)[column])


def confusion(table: CaseTable) -> tuple[tuple[int, ...], ...]:
    """Count cases by true label (row) and most probable label (column).

    Example:
        >>> import numpy as np
        >>> prob = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]])
        >>> names = np.array(["a", "b", "c"])
        >>> confusion(CaseTable(names, names, np.array([0, 0, 1]), prob, ("benign", "malignant"), {}))
        ((1, 1), (0, 1))
    """
    counts = Weighted.once(Cases(table, (0,))).confusion[0]
    return tuple(tuple(int(cell) for cell in row) for row in counts)
