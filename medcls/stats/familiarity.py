"""How far a scan lies from those a network learned from, by the features the network sees."""

import numpy as np

# Mean over this many nearest stored feature vectors.
NEIGHBOURS = 5


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
