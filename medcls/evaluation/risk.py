"""What doubt is worth: how errors concentrate in doubtful answers, and how unfamiliar acquisitions are answered."""

from dataclasses import dataclass

import numpy as np

from medcls.core.evaluation import CaseTable, Estimate
from medcls.stats.scores import evaluate_cases

ACQUIRED, REFUSED = "acquired", "refused"  # columns of answered cases: how unlike acquired, and why nothing was decided
_FEWEST_FAR = 20


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """The share of errors among the answers kept, the most doubtful left out first.

    Args:
        coverage: Share of cases kept, rising to 1, (N,).
        risk: Share of these that are wrong, (N,).
        area: Mean risk over all coverages; lower is better.
        doubtful_share: Share of all errors that lie in the most doubtful tenth; NaN if there is no error.
    """

    coverage: np.ndarray
    risk: np.ndarray
    area: float
    doubtful_share: float


def risk_coverage(table: CaseTable) -> RiskCoverage:
    """Return how errors concentrate in doubtful answers.

    Args:
        table: Answered cases. Those refused as foreign are the most doubtful; of the others, those whose most probable
            label is least probable.

    References:
        Geifman, El-Yaniv, Selective classification for deep neural networks, NeurIPS 2017.

    Example:
        >>> prob = np.array([[0.9, 0.1], [0.2, 0.8], [0.55, 0.45]])
        >>> ids = np.array(["a", "b", "c"])
        >>> found = risk_coverage(CaseTable(ids, ids, np.array([0, 1, 1]), prob, ("x", "y"), {}))
        >>> found.risk.round(2).tolist(), found.doubtful_share
        ([0.0, 0.0, 0.33], 1.0)
    """
    wrong = table.prob.argmax(axis=1) != table.truth
    foreign = table.attributes.get(REFUSED, np.full(len(table), "")) == "foreign"
    order = np.lexsort((-table.prob.max(axis=1), foreign))  # the surest first
    risk = np.cumsum(wrong[order]) / np.arange(1, len(table) + 1)
    tenth = order[-max(1, round(len(table) / 10)) :]
    share = float(wrong[tenth].sum() / wrong.sum()) if wrong.any() else float("nan")
    return RiskCoverage(np.arange(1, len(table) + 1) / len(table), risk, float(risk.mean()), share)


def far_auroc(table: CaseTable, positive: tuple[int, ...]) -> Estimate | None:
    """Return the AUROC of disease against the rest among cases acquired unlike those learned from.

    Args:
        table: Answered cases of a site the network never saw.
        positive: Indices of the labels that mean disease.

    Returns:
        None where fewer than 20 cases are that far away, or they are all of one side: it was not measured.
    """
    if ACQUIRED not in table.attributes:
        return None
    far = table.take(np.array([value not in ("", "nan") and float(value) > 1 for value in table.attributes[ACQUIRED]]))
    sick = np.isin(far.truth, positive)
    if len(far) < _FEWEST_FAR or sick.all() or not sick.any():
        return None
    return evaluate_cases(far, positive, names=("auroc_disease",))["auroc_disease"]
