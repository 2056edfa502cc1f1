"""How far a scan lies from those a network learned from: by the features the network sees, and by its looks."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from medcls.stats.gate import Gate

# Mean over this many nearest stored feature vectors.
NEIGHBOURS = 5
# A standard deviation counts as at least this, and a direction without spread as this share of the mean variance:
# training scans that are all grey leave no other measure of how little colour is too much.
_LEAST_SPREAD, _RIDGE = 0.01, 1e-3


@dataclass(frozen=True, eq=False)
class Normal:
    """A normal distribution, kept so that distances from it are cheap.

    Args:
        centre: Its mean, (A,) float32.
        whitening: (A, A) float32; the length of (value - `centre`) @ `whitening` is the Mahalanobis distance.
    """

    centre: np.ndarray
    whitening: np.ndarray

    @classmethod
    def fit(cls, values: np.ndarray) -> Self:
        """Fit it to values (N, A), N at least 1."""
        values = np.asarray(values, np.float64)
        centre, spread = values.mean(0), np.maximum(values.std(0), _LEAST_SPREAD)
        scaled = (values - centre) / spread
        covariance = scaled.T @ scaled / len(values)
        n = len(covariance)
        covariance += _RIDGE * max(np.trace(covariance) / n, _LEAST_SPREAD) * np.eye(n)
        whitening = np.linalg.cholesky(np.linalg.inv(covariance)) / spread[:, None]
        return cls(centre.astype(np.float32), whitening.astype(np.float32))

    def distance(self, values: np.ndarray) -> np.ndarray:
        """Return the Mahalanobis distance of values (N, A) from it, in standard deviations, (N,) float64.

        References:
            Mahalanobis, On the generalised distance in statistics, 1936; Lee et al., A simple unified framework for
            detecting out-of-distribution samples, NeurIPS 2018.

        Example:
            >>> corners = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
            >>> Normal.fit(corners).distance(np.array([[0.0, 0.0], [3.0, 4.0]])).round(2)
            array([0., 5.])
        """
        moved = (np.asarray(values, np.float64) - self.centre) @ np.asarray(self.whitening, np.float64)
        return np.sqrt((moved**2).sum(axis=1))


@dataclass(frozen=True, eq=False)
class TrainingReference:
    """What the scans that a network learned from were like.

    Args:
        features: Features of training scans, (M, D) float32, rows of length 1.
        appearance: What they look like (see `medcls.imaging.appearance`); None if not stored.
        gate: What tells their kind of picture from others (see `medcls.imaging.kind`); None if none was taught.
    """

    features: np.ndarray
    appearance: Normal | None = None
    gate: Gate | None = None


def neighbour_distance(features: np.ndarray, bank: np.ndarray) -> np.ndarray:
    """Mean cosine distance to the nearest stored feature vectors.

    Args:
        features: (N, D), any real dtype.
        bank: (M, D), rows of length 1, M at least 1.

    Returns:
        (N,) float64, 0 (same direction) to 2.

    References:
        Sun et al., Out-of-distribution detection with deep nearest neighbors, ICML 2022.

    Example:
        >>> neighbour_distance(np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([[1.0, 0.0]]))
        array([0., 1.])
    """
    # einsum stays on this thread: BLAS would wake threads of its own, which then contend with the network's next run
    # (one scan through a MobileNetV2 on two cores: 23 ms with `@`, 9 ms so).
    # In float32: a distance is told to two digits.
    similar = np.einsum("nd,md->nm", unit_rows(features).astype(np.float32), np.asarray(bank, np.float32))
    k = min(NEIGHBOURS, similar.shape[1])
    nearest = np.partition(similar, similar.shape[1] - k, axis=1)[:, -k:]
    return 1 - nearest.mean(axis=1, dtype=np.float64)


def unit_rows(features: np.ndarray) -> np.ndarray:
    """Scale rows (N, D) to length 1, float64; a row of zeros stays."""
    features = np.asarray(features, np.float64)
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
