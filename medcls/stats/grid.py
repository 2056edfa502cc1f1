"""Places that lie on a grid of unknown step, as tissue cut into patches does."""

import numpy as np


def step_of(*axes: np.ndarray) -> int:
    """Return the step of a grid: the commonest gap between neighbouring places along the axes given.

    Args:
        axes: (N,) pixels each, any order; all of one step.

    Returns:
        Pixels, at least 1; 1 where no two places differ.
    """
    gaps = np.concatenate([np.diff(np.unique(axis)) for axis in axes]).astype(np.int64)
    return int(np.bincount(gaps).argmax()) if len(gaps) else 1


def on_grid(places: np.ndarray, step: int | None = None) -> np.ndarray:
    """Return places along one axis as steps from the first.

    Args:
        places: (N,) pixels, any order.
        step: Pixels a step; None to find it from this axis alone.

    Returns:
        (N,) int64, 0 or more.

    Example:
        >>> on_grid(np.array([101, 1, 51, 251])).tolist()
        [2, 0, 1, 5]
    """
    places = np.asarray(places)
    return np.rint((places - places.min()) / (step or step_of(places))).astype(np.int64)
