"""How long statistics take, against the same written as a plain Python loop over resamples with scikit-learn."""

import time

import numpy as np
from scipy import special
from sklearn.metrics import roc_auc_score

from medcls.core.evaluation import CaseTable
from medcls.stats.paired import compare
from medcls.stats.scores import evaluate_cases

CASES, GROUPS, MODELS, RESAMPLES, LOOPED = 10_000, 4_000, 4, 2_000, 20


def tables() -> dict[str, CaseTable]:
    """Four models on the same 10,000 cases of 4,000 patients, two labels."""
    rng = np.random.default_rng(0)
    patient = np.sort(rng.integers(0, GROUPS, CASES))
    truth = rng.integers(0, 2, GROUPS)[patient]
    case = np.arange(CASES).astype(str)
    made = {}
    for k in range(MODELS):
        p = special.expit(truth * 1.5 - 0.7 + rng.normal(size=CASES) * (1 + k / 10))
        made[f"m{k}"] = CaseTable(
            case, patient.astype(str), truth, np.stack([1 - p, p], 1), ("benign", "malignant"), {}
        )
    return made


def loop(models: dict[str, CaseTable], resamples: int) -> None:
    """Resample patients and score every model, one resample after the other."""
    first = next(iter(models.values()))
    rows = [np.flatnonzero(first.group == group) for group in np.unique(first.group)]
    rng = np.random.default_rng(0)
    for _ in range(resamples):
        drawn = np.concatenate([rows[g] for g in rng.integers(0, len(rows), len(rows))])
        for table in models.values():
            roc_auc_score(table.truth[drawn], table.prob[drawn, 1])


def timed(work: object) -> float:
    """Seconds one call takes."""
    started = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - started


def main() -> None:
    """Print the table."""
    models = tables()
    loop(models, 1)
    looped = timed(lambda: loop(models, LOOPED)) * RESAMPLES / LOOPED
    paired = timed(lambda: compare(models, "auroc", (1,), resamples=RESAMPLES))
    every = timed(lambda: evaluate_cases(models["m0"], (1,), resamples=RESAMPLES))
    print(f"{CASES:,} cases of {GROUPS:,} patients, {RESAMPLES:,} resamples\n")
    print("| what | seconds | against the loop |\n|---|---|---|")
    print(f"| plain loop, AUROC of {MODELS} models (timed on {LOOPED} resamples, scaled) | {looped:.1f} | 1 |")
    print(f"| `compare`: AUROC of {MODELS} models, all pairs with verdicts | {paired:.2f} | {paired / looped:.3f} |")
    print(f"| `evaluate_cases`: all scores of one model, with intervals | {every:.2f} | {every / looped:.3f} |")


if __name__ == "__main__":
    main()
