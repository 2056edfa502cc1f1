"""What the eight patches around one say of it: tissue is continuous, and a single patch's answer is noisy."""

from dataclasses import replace

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


def on_tissue(table: CaseTable) -> tuple[CaseTable, CaseTable] | None:
    """Return the cases of the groups most of whose patches lie beside another: as they are, and averaged with those.

    Patches drawn here and there from a patient say nothing of what neighbours are worth, and are left out of both.

    Args:
        table: Cases with columns `x` and `y`; patches of one group lie on one tissue.

    Returns:
        Both tables, the same cases in the same order; None where places are unknown or every group is scattered.
    """
    if not {"x", "y"} <= set(table.attributes):
        return None
    x, y = table.attributes["x"], table.attributes["y"]
    if not all(value.isdigit() for value in (*x.tolist(), *y.tolist())):
        return None
    prob, whole = np.array(table.prob), np.zeros(len(table), bool)
    for group in np.unique(table.group):
        rows = np.flatnonzero(table.group == group)
        prob[rows], n = with_neighbours(table.prob[rows], on_grid(y[rows].astype(int)), on_grid(x[rows].astype(int)))
        whole[rows] = 2 * int((n == 0).sum()) < len(rows)
    if not whole.any():
        return None
    return table.take(whole), replace(table, prob=prob).take(whole)
