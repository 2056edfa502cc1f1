"""In which order, and how often, cases are seen in an epoch."""

import numpy as np

from medcls.core.run import RunSpec


def epoch_order(truth: np.ndarray, spec: RunSpec, epoch: int) -> np.ndarray:
    """Return the rows of an epoch, shuffled by the run's seed and the epoch's number.

    `sampler` draws with replacement so that every class is as likely; `oversample` repeats the cases of smaller classes
    until they are as many as the largest's; else every case comes once.

    Args:
        truth: (N,) label indices.
        spec: The run's spec; `balance` and `seed` are read.
        epoch: Number of the epoch, from 1.

    Returns:
        (M,) int64 row numbers; M is N except for `oversample`.
    """
    rng = np.random.default_rng([spec.optimisation.seed, epoch])
    n = len(truth)
    if spec.optimisation.balance == "sampler":
        counts = np.bincount(truth)
        p = 1.0 / counts[truth]
        return rng.choice(n, size=n, p=p / p.sum())
    if spec.optimisation.balance == "oversample":
        most = np.bincount(truth).max()
        rows = [np.resize(rng.permutation(np.flatnonzero(truth == k)), most) for k in np.unique(truth)]
        return rng.permutation(np.concatenate(rows))
    return rng.permutation(n)
