"""A border between one kind of picture and all others at hand, taught by contrast.

On dermoscopies a straight line through the numbers let 3 to 20 % of a foreign kind pass; through a few hundred random
bends of them as well (a one-layer network whose first layer is drawn, not taught) 0 to 3 %, and refused fewer own ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import scipy

_CLIP = 8.0  # standard deviations beyond which a number says nothing more
_RIDGE = 3e-4
_BENDS = 400


@dataclass(frozen=True, eq=False)
class Gate:
    """A logistic border between own and foreign pictures.

    Args:
        centre: Mean of the own pictures' numbers, (A,) float32.
        spread: Their standard deviations, above 0, (A,) float32.
        bend: First layer, drawn at random, (A + 1, H) float32; the last row is its bias.
        weight: Second layer, (A + H,) float32.
        bias: Added to the weighted sum.

    References:
        Rahimi, Recht, Weighted sums of random kitchen sinks, NeurIPS 2008.
    """

    centre: np.ndarray
    spread: np.ndarray
    bend: np.ndarray
    weight: np.ndarray
    bias: float

    @classmethod
    def fit(cls, own: np.ndarray, foreign: Mapping[str, np.ndarray]) -> Self:
        """Fit it; every foreign kind counts alike, and all of them together as much as the own pictures.

        Args:
            own: Numbers of own pictures, changed copies among them, (N, A).
            foreign: Numbers of each foreign kind, (M, A).

        Raises:
            ValueError: If there is nothing to tell apart, or a number is not finite.
        """
        if not len(own) or not foreign or not all(map(len, foreign.values())):
            raise ValueError("a gate needs own pictures and foreign ones")
        values = np.concatenate([own, *foreign.values()]).astype(np.float64)
        if not np.isfinite(values).all():
            raise ValueError("a picture's numbers are not finite")
        parts = [np.full(len(own), 0.5 / len(own))]
        parts += [np.full(len(rows), 0.5 / len(foreign) / len(rows)) for rows in foreign.values()]
        centre, spread = own.mean(0), own.std(0)
        spread = spread + 0.1 * spread.mean() + 1e-6
        rng = np.random.default_rng(0)
        bend = np.vstack([rng.normal(size=(len(centre), _BENDS)) / np.sqrt(len(centre)), rng.normal(size=_BENDS)])
        narrow = [np.asarray(v, np.float32) for v in (centre, spread, bend, ())]
        draft = cls(narrow[0], narrow[1], narrow[2], narrow[3], 0.0)
        truth = np.arange(len(values)) >= len(own)
        weight, bias = _logistic(draft.lift(values), truth.astype(np.float64), np.concatenate(parts))
        return replace(draft, weight=weight.astype(np.float32), bias=bias)

    def lift(self, numbers: np.ndarray) -> np.ndarray:
        """Return numbers (N, A) scaled, and bent by the first layer beside them, (N, A + H) float64."""
        scaled = np.clip((np.asarray(numbers, np.float64) - self.centre) / self.spread, -_CLIP, _CLIP)
        bent = np.einsum("na,ah->nh", scaled, np.asarray(self.bend[:-1], np.float64)) + self.bend[-1]
        return np.concatenate([scaled, np.maximum(bent, 0)], axis=1)

    def score(self, numbers: np.ndarray) -> np.ndarray:
        """Return how foreign pictures (N, A) are, (N,) float64: the log odds, above 0 more foreign than own."""
        return np.einsum("nw,w->n", self.lift(numbers), np.asarray(self.weight, np.float64)) + self.bias


def _logistic(x: np.ndarray, y: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, float]:
    """Fit logistic regression with a ridge; x (N, A), y (N,) 0 or 1, share (N,) sums to 1."""

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        z = x @ theta[:-1] + theta[-1]
        error = share * (1 / (1 + np.exp(-np.clip(z, -60, 60))) - y)
        slope = np.append(x.T @ error + _RIDGE * theta[:-1], error.sum())
        return float(share @ (np.logaddexp(0, z) - y * z) + _RIDGE / 2 * (theta[:-1] ** 2).sum()), slope

    found = scipy.optimize.minimize(
        loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 300}
    )
    return found.x[:-1], float(found.x[-1])
