"""What intervals and tests promise, held against 2,000 simulated sets of clustered cases."""

import numpy as np
import pytest

from medcls.stats.paired import compare
from medcls.stats.scores import evaluate_cases, score

SIMULATIONS = 2000
NAMES = (
    "auroc",
    "accuracy",
    "sensitivity",
    "specificity",
    "balanced_accuracy",
    "average_precision",
    "brier",
    "kappa",
    "macro_f1",
)


@pytest.mark.slow
def test_intervals_cover_in_clustered_cases(clustered) -> None:
    endless = clustered(10**6, 150_000)
    true = {name: score(endless, name, (1,)) for name in NAMES}
    hits = dict.fromkeys(NAMES, 0)
    for seed in range(SIMULATIONS):
        found = evaluate_cases(clustered(seed, 60), (1,), seed=seed, resamples=200, names=NAMES)
        for name in NAMES:
            hits[name] += found[name].low <= true[name] <= found[name].high
    covered = {name: hits[name] / SIMULATIONS for name in NAMES}
    assert all(0.93 <= share <= 0.97 for share in covered.values()), covered


@pytest.mark.slow
def test_equal_models_are_told_apart_one_time_in_twenty(clustered) -> None:
    """Two models that differ by noise alone: the same true score, other answers."""
    wrong = {"auroc": 0, "accuracy": 0}
    for seed in range(SIMULATIONS):
        tables = {f"m{k}": clustered(seed, 80, noise=0.5, of=k) for k in (1, 2)}
        for name in wrong:
            (found,) = compare(tables, name, (1,), seed=seed, resamples=200)
            wrong[name] += bool(found.better)
    share = {name: count / SIMULATIONS for name, count in wrong.items()}
    assert all(0.04 <= s <= 0.06 for s in share.values()), share


def test_treating_cases_as_independent_would_not_cover(clustered) -> None:
    """The grouping matters: the same cases with every case its own group are too sure of themselves."""
    endless = score(clustered(10**6, 20_000, most=6, alike=0.9), "accuracy", (1,))
    hits = 0
    for seed in range(200):
        table = clustered(seed, 60, most=6, alike=0.9)
        alone = type(table)(table.case, table.case, table.truth, table.prob, table.labels, {})
        found = evaluate_cases(alone, (1,), names=("accuracy",))["accuracy"]
        hits += found.low <= endless <= found.high
    assert hits / 200 < 0.85
    assert np.isfinite(endless)
