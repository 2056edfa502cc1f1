"""Temperature scaling: one number that makes a network's probabilities worth their face value."""

import numpy as np
import scipy

from medcls.core.model import Calibration
from medcls.core.note import Note

_LOG_RANGE = (np.log(0.05), np.log(20.0))
_PRIOR_SPREAD = 1.0


def calibrate(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Return softmax(logits / temperature).

    Args:
        logits: (..., K), any real dtype.
        temperature: Above 0; 1 leaves the logits.

    Returns:
        Probabilities, same shape, float64, summing to 1 along the last axis.
    """
    return scipy.special.softmax(np.asarray(logits, np.float64) / temperature, axis=-1)


def log_loss(logits: np.ndarray, truth: np.ndarray, temperature: float = 1.0) -> float:
    """Return the mean negative log-probability of the true label.

    Args:
        logits: (N, K), N at least 1.
        truth: True labels' indices, (N,).
        temperature: Logits are divided by this first.
    """
    log_prob = scipy.special.log_softmax(np.asarray(logits, np.float64) / temperature, axis=1)
    return float(-log_prob[np.arange(len(truth)), truth].mean())


def fit_temperature(logits: np.ndarray, truth: np.ndarray, spread: float = _PRIOR_SPREAD) -> Calibration:
    """Find the temperature that makes held-out cases most likely.

    A weak prior around 1 (log-normal, spread 1, worth a fraction of one case) keeps a few cases that the network
    happens to get all right from making it endlessly sure of itself; from about 100 cases on it is not felt.

    Args:
        logits: Of cases the network did not train on, (N, K).
        truth: True labels' indices, (N,) integers, 0 to K - 1.
        spread: Of the prior, in the temperature's logarithm; less where logits are calibrated already and cases few.

    Returns:
        The calibration, with how many cases it rests on. No case gives the one that changes nothing.

    Raises:
        ValueError: If shapes disagree, a logit is not finite, or a truth is out of range.

    References:
        Guo et al., On calibration of modern neural networks, ICML 2017.

    Example:
        >>> import numpy as np
        >>> sure_but_half_wrong = np.array([[5.0, 0.0], [5.0, 0.0], [0.0, 5.0], [0.0, 5.0]])
        >>> fit_temperature(sure_but_half_wrong, np.array([0, 1, 1, 0])).temperature > 4
        True
    """
    logits, truth = np.asarray(logits, np.float64), np.asarray(truth, np.int64)
    if logits.ndim != 2 or truth.shape != logits.shape[:1] or not np.isfinite(logits).all():
        raise ValueError(f"logits must be (N, K) and finite, truth (N,); found {logits.shape}, {truth.shape}")
    n, k = logits.shape
    if not n:
        return Calibration()
    if truth.min() < 0 or truth.max() >= k:
        raise ValueError(f"a truth is out of range: {truth.min()} to {truth.max()}, {k} labels")

    def badness(log_t: float) -> float:
        return log_loss(logits, truth, float(np.exp(log_t))) + (log_t / spread) ** 2 / (2 * n)

    found = scipy.optimize.minimize_scalar(badness, bounds=_LOG_RANGE, method="bounded", options={"xatol": 1e-6})
    temperature = float(np.exp(found.x))
    before, after = log_loss(logits, truth), log_loss(logits, truth, temperature)
    how = Note("stats.how-temperature", n=n, before=before, after=after)
    return Calibration(temperature, n, how)
