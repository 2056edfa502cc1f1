"""What the eight patches around one say of it: tissue is continuous, and a single patch's answer is noisy."""

import numpy as np

from medcls.core.evaluation import CaseTable
from medcls.stats.grid import on_grid

_LEAST_PROB = 1e-6


def with_neighbours(prob: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average each patch's answer with those of the up to eight patches around it, in log probabilities.

    Args:
        prob: (N, K) calibrated probabilities of the patches of one tissue.
        rows: (N,) row of each on the tissue's grid.
        columns: (N,) column of each.

    Returns:
        (N, K) probabilities, rows sum to 1; and how many patches around each took part, (N,) int64.
    """
    at = {place: i for i, place in enumerate(zip(rows.tolist(), columns.tolist(), strict=True))}
    around = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    logs = np.log(np.clip(prob, _LEAST_PROB, None))
    mean, n = np.empty_like(logs), np.zeros(len(prob), np.int64)
    for (row, column), i in at.items():
        near = [at[place] for dy, dx in around if (place := (row + dy, column + dx)) in at]
        mean[i], n[i] = logs[near].mean(axis=0), len(near) - 1
    kept = np.array([at[place] for place in zip(rows.tolist(), columns.tolist(), strict=True)])
    mean, n = mean[kept], n[kept]
    whole = np.exp(mean - mean.max(axis=1, keepdims=True))
    return whole / whole.sum(axis=1, keepdims=True), n


def table_with_neighbours(table: CaseTable) -> CaseTable | None:
    """Return a table of answers averaged with those around; None where places are unknown or most have none around.

    Args:
        table: Cases with columns `x` and `y`; patches of one group lie on one tissue.
    """
    if not {"x", "y"} <= set(table.attributes):
        return None
    x, y = table.attributes["x"], table.attributes["y"]
    if not all(value.isdigit() for value in (*x.tolist(), *y.tolist())):
        return None
    prob, alone = np.array(table.prob), 0
    for group in np.unique(table.group):
        rows = np.flatnonzero(table.group == group)
        prob[rows], n = with_neighbours(table.prob[rows], on_grid(y[rows].astype(int)), on_grid(x[rows].astype(int)))
        alone += int((n == 0).sum())
    if 2 * alone >= len(table):
        return None
    return CaseTable(table.case, table.group, table.truth, prob, table.labels, table.attributes)
