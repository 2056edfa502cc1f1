"""Simulated case tables whose true scores are known."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import special

from medcls.core.evaluation import CaseTable

Simulate = Callable[..., CaseTable]


def simulate(
    seed: int, groups: int, *, most: int = 4, shift: float = 1.5, alike: float = 0.5, noise: float = 0.0, of: int = 0
) -> CaseTable:
    """Cases of patients: `most` pictures at most, scores `alike` within a patient; `noise` makes model `of` another one."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, most + 1, groups)
    index = np.repeat(np.arange(groups), sizes)
    truth = (rng.random(groups) < 0.4).astype(int)[index]
    z = shift * truth - 0.7 + np.sqrt(alike) * rng.normal(size=groups)[index]
    z = z + np.sqrt(1 - alike) * rng.normal(size=len(index))
    if noise:
        own = np.random.default_rng([seed, of])
        z = z + noise * (own.normal(size=groups)[index] + own.normal(size=len(index)))
    p = special.expit(1.3 * z)
    case = np.arange(len(index)).astype(str)
    return CaseTable(case, index.astype(str), truth, np.stack([1 - p, p], 1), ("benign", "malignant"), {})


def three(seed: int, groups: int, most: int = 3) -> CaseTable:
    """Cases with three labels and tied probabilities."""
    rng = np.random.default_rng(seed)
    index = np.repeat(np.arange(groups), rng.integers(1, most + 1, groups))
    truth = rng.integers(0, 3, groups)[index]
    logits = rng.normal(size=(len(index), 3)) + rng.normal(size=(groups, 3))[index]
    logits[np.arange(len(index)), truth] += 1.2
    prob = np.round(special.softmax(logits, axis=1) * 20) + 1
    names = np.arange(len(index)).astype(str)
    return CaseTable(
        names, index.astype(str), truth, prob / prob.sum(1, keepdims=True), ("normal", "benign", "malignant"), {}
    )


@pytest.fixture
def clustered() -> Simulate:
    return simulate


@pytest.fixture
def three_labels() -> Simulate:
    return three
