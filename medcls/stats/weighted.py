"""A table of cases under many sets of weights at once.

A bootstrap resample of groups is the same cases under whole-number weights: how often each case's group was
drawn. Every score is written once, for R sets of weights; its value is the case R = 1 with all weights 1.
Nothing here loops over resamples or cases in Python.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from medcls.core.evaluation import CaseTable

ECE_BINS = 15
_LEAST_PROB = 1e-15  # a probability of exactly 0 would make one wrong case worth infinite log loss
BLOCK_VALUES = 1_000_000  # weights held at once: 8 MB, about the size of a processor's cache


def group_index(groups: np.ndarray) -> tuple[np.ndarray, int]:
    """Number the groups.

    Args:
        groups: Group ids, (N,).

    Returns:
        Index of each case's group, (N,) int64, 0 to G - 1; and G.
    """
    names, index = np.unique(groups, return_inverse=True)
    return index.astype(np.int64), len(names)


def draw_counts(n_groups: int, resamples: int, n_cases: int, seed: int) -> Iterator[np.ndarray]:
    """Draw groups with replacement, as many as there are, again and again.

    Args:
        n_groups: How many groups there are, G.
        resamples: How many resamples to draw in all.
        n_cases: How many cases the groups hold; decides how many resamples come in one block.
        seed: Seed of the draws; the same seed and counts give the same resamples, so that two models
            (or two scores) are compared on the same ones.

    Returns:
        Blocks of counts (G, R) float64: how often each group was drawn. The Rs add up to `resamples`.
    """
    rng = np.random.default_rng(seed)
    block = max(1, BLOCK_VALUES // max(n_cases, n_groups, 1))
    for start in range(0, resamples, block):
        r = min(block, resamples - start)
        drawn = rng.integers(0, n_groups, size=(n_groups, r))
        flat = np.bincount((drawn * r + np.arange(r)).ravel(), minlength=n_groups * r)
        yield flat.reshape(n_groups, r).astype(np.float64)


@dataclass(frozen=True)
class Ranking:
    """The order of the cases by one score, for one question: positive or not.

    Args:
        positive: Rows of the positive cases, by rising score, (P,).
        negative: Rows of the negative cases, by rising score, (Q,).
        below: For each positive case, how many negatives score lower, (P,).
        upto: For each positive case, how many negatives score no higher, (P,).
        first: For each positive case, where the positives with its score begin, (P,).
    """

    positive: np.ndarray
    negative: np.ndarray
    below: np.ndarray
    upto: np.ndarray
    first: np.ndarray

    @classmethod
    def of(cls, score: np.ndarray, is_positive: np.ndarray) -> "Ranking":
        """Rank cases by `score` (N,), given which are positive (N,) bool."""
        rows = np.argsort(score, kind="stable")
        positive, negative = rows[is_positive[rows]], rows[~is_positive[rows]]
        p, q = score[positive], score[negative]
        return cls(
            positive,
            negative,
            np.searchsorted(q, p, "left"),
            np.searchsorted(q, p, "right"),
            np.searchsorted(p, p, "left"),
        )


@dataclass(frozen=True, eq=False)
class Cases:
    """A case table made ready for weighting: what every set of weights needs is computed once.

    Args:
        table: The cases.
        positive: Indices of the labels that mean disease.
    """

    table: CaseTable
    positive: tuple[int, ...]

    @cached_property
    def grouping(self) -> tuple[np.ndarray, int]:
        """Index of each case's group, (N,) int64 from 0 to G - 1, and the number of groups G."""
        return group_index(self.table.group)

    @property
    def independent(self) -> bool:
        """True if every group is one case."""
        return self.grouping[1] == len(self.table)

    @cached_property
    def decided(self) -> np.ndarray:
        """Index of the most probable label of each case, (N,); the first one where two are equal."""
        return self.table.prob.argmax(axis=1) if len(self.table) else np.zeros(0, np.int64)

    @cached_property
    def disease(self) -> np.ndarray:
        """Probability of any positive label, (N,), as a fraction of all."""
        return self.table.prob[:, list(self.positive)].sum(axis=1)

    @cached_property
    def present(self) -> np.ndarray:
        """Whether a label occurs among the true ones, (K,) bool."""
        return np.bincount(self.table.truth, minlength=len(self.table.labels)) > 0

    @cached_property
    def predicted(self) -> np.ndarray:
        """Whether a label is the most probable one of any case, (K,) bool."""
        return np.bincount(self.decided, minlength=len(self.table.labels)) > 0

    @cached_property
    def rankings(self) -> tuple[Ranking, ...]:
        """One ranking per label (that label against the rest), then one of the positive labels against the rest."""
        truth, prob = self.table.truth, self.table.prob
        each = [Ranking.of(prob[:, k], truth == k) for k in range(len(self.table.labels))]
        return (*each, Ranking.of(self.disease, np.isin(truth, self.positive)))

    @cached_property
    def cells(self) -> np.ndarray:
        """Cell of the confusion matrix each case falls into, one-hot and summed by group, (G, K * K)."""
        k = len(self.table.labels)
        return self.by_group(np.eye(k * k)[self.table.truth * k + self.decided])

    @cached_property
    def bins(self) -> np.ndarray:
        """Confidence minus correctness in each bin of equal width, summed by group, (G, ECE_BINS)."""
        confidence = self.table.prob.max(axis=1, initial=0)
        gap = confidence - (self.decided == self.table.truth)
        return self.by_group(np.eye(ECE_BINS)[confidence_bin(confidence)] * gap[:, None])

    @cached_property
    def losses(self) -> np.ndarray:
        """Number of cases, squared error and negative log-probability of the truth, summed by group, (G, 3)."""
        truth, prob = self.table.truth, self.table.prob
        squared = ((prob - np.eye(prob.shape[1])[truth]) ** 2).sum(axis=1)
        surprise = -np.log(np.clip(prob[np.arange(len(truth)), truth], _LEAST_PROB, 1.0))
        return self.by_group(np.stack([np.ones(len(truth)), squared, surprise], axis=1))

    def by_group(self, values: np.ndarray) -> np.ndarray:
        """Sum values (N, M) within groups, giving (G, M)."""
        index, n_groups = self.grouping
        out = np.zeros((n_groups, values.shape[1]))
        np.add.at(out, index, values)
        return out


def confidence_bin(confidence: np.ndarray) -> np.ndarray:
    """Return the bin of each confidence: `ECE_BINS` of equal width, each open below and closed above.

    Args:
        confidence: (N,), in [0, 1].

    Returns:
        (N,) int64, 0 to `ECE_BINS` - 1.
    """
    return np.clip(np.ceil(confidence * ECE_BINS).astype(np.int64) - 1, 0, ECE_BINS - 1)


@dataclass(frozen=True, eq=False)
class Weighted:
    """Cases under R sets of weights.

    Args:
        cases: The cases.
        counts: Weight of each group, (G, R) float64.
    """

    cases: Cases
    counts: np.ndarray

    @classmethod
    def once(cls, cases: Cases) -> "Weighted":
        """Every case once: R = 1."""
        return cls(cases, np.ones((cases.grouping[1], 1)))

    @cached_property
    def weights(self) -> np.ndarray:
        """Weight of each case, (N, R)."""
        return self.counts[self.cases.grouping[0]]

    @cached_property
    def losses(self) -> np.ndarray:
        """Weighted sums of `Cases.losses`: cases, squared error, negative log-probability of the truth, (R, 3)."""
        return self.counts.T @ self.cases.losses

    @cached_property
    def confusion(self) -> np.ndarray:
        """Weighted confusion matrices, (R, K, K), row = truth, column = most probable label."""
        k = len(self.cases.table.labels)
        return (self.counts.T @ self.cases.cells).reshape(-1, k, k)

    @cached_property
    def _ranked(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        return {}

    def ranked(self, which: int) -> tuple[np.ndarray, np.ndarray]:
        """Return AUROC and average precision of ranking `which` (see `Cases.rankings`).

        Returns:
            AUROC (R,), the chance that a positive case scores above a negative one, ties counted half; and average
            precision (R,), the precision at each positive case averaged over them. NaN where a side has no weight.
        """
        if which not in self._ranked:
            self._ranked[which] = _ranked(self.cases.rankings[which], self.weights)
        return self._ranked[which]


def _ranked(ranking: Ranking, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    positive = weights[ranking.positive]
    negative = _rising(weights[ranking.negative])
    hits = _rising(positive)
    n_positive, n_negative = hits[-1], negative[-1]
    below = negative[ranking.below]
    true = n_positive - hits[ranking.first]
    false = n_negative - below
    with np.errstate(invalid="ignore", divide="ignore"):
        wins = np.einsum("ir,ir->r", positive, below + negative[ranking.upto]) / 2
        precision = np.einsum("ir,ir->r", positive, np.where(true > 0, true / (true + false), 0.0))
        auroc = wins / (n_positive * n_negative)
        return auroc, np.where(n_negative > 0, precision / n_positive, np.nan)


def _rising(weights: np.ndarray) -> np.ndarray:
    """Sum of the first i rows, i = 0 to N: (N, R) to (N + 1, R)."""
    out = np.zeros((len(weights) + 1, weights.shape[1]))
    np.cumsum(weights, axis=0, out=out[1:])
    return out
