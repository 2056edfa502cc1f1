"""A tissue put together from answered patches: what a model says of each, and how well that agrees with the truth."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medcls.core.evaluation import CaseTable, Estimate
from medcls.core.note import Note
from medcls.core.scan import Scan
from medcls.core.task import Task
from medcls.evaluation.neighbours import with_neighbours
from medcls.imaging.tiles import TILE_PX
from medcls.stats.grid import on_grid


@dataclass(frozen=True, eq=False)
class AnsweredPatch:
    """One patch and what a model says of it.

    Args:
        x: Column of its left edge on the slide, in pixels.
        y: Row of its upper edge.
        truth: True if it is known to show the disease, False if not, None if unknown.
        prob: Calibrated probabilities by label, (K,).
        tile: The patch made small, (TILE_PX, TILE_PX, 3) float32 in [0, 1].
        sha256: Digest of its bytes.
    """

    x: int
    y: int
    truth: bool | None
    prob: np.ndarray
    tile: np.ndarray
    sha256: str


@dataclass(frozen=True, eq=False)
class TissueMap:
    """The tissue of one patient, a tile per patch.

    Args:
        scan: The patches put together, small; grey where there is none.
        label: Label that is mapped.
        prob: (rows, columns) probability of the label, averaged with the patches around; NaN where there is no patch.
        truth: (rows, columns) 1 disease, 0 none, NaN unknown.
        n_patches: Patches answered.
        n_unread: Patches that could not be read.
        agreement: AUROC of the probability against the truth within this patient; None where the truth is unknown or
            all one.
        alone: (rows, columns) probability of the label by the patch alone, NaN where there is no patch.
        agreement_alone: AUROC of that against the truth; None as above.
    """

    scan: Scan
    label: str
    prob: np.ndarray
    truth: np.ndarray
    n_patches: int
    n_unread: int
    agreement: Estimate | None
    alone: np.ndarray
    agreement_alone: Estimate | None

    @property
    def truth_known(self) -> bool:
        """True if the truth of some patch is known."""
        return bool(np.isfinite(self.truth).any())


def lay_out(answered: Sequence[AnsweredPatch], task: Task, label: str, n_unread: int) -> TissueMap:
    """Return answered patches as a map, each where it lies; of two at one place the last counts.

    Args:
        answered: The patches, one or more, in any order.
        task: Their model's.
        label: Label id to map.
        n_unread: Patches that could not be read.
    """
    rows, columns = (on_grid(np.array([getattr(one, axis) for one in answered])) for axis in ("y", "x"))
    index = task.label_ids.index(label)
    joined, _ = with_neighbours(np.stack([one.prob for one in answered]), rows, columns)  # (N, K)
    prob = np.full((rows.max() + 1, columns.max() + 1), np.nan)
    alone, truth, sheet = prob.copy(), prob.copy(), np.full((*prob.shape, TILE_PX, TILE_PX, 3), 0.5, np.float32)
    for one, row, column, around in zip(answered, rows, columns, joined, strict=True):
        prob[row, column], alone[row, column], sheet[row, column] = around[index], one.prob[index], one.tile
        truth[row, column] = np.nan if one.truth is None else float(one.truth)
    scan = Scan(sheet.swapaxes(1, 2).reshape(prob.shape[0] * TILE_PX, -1, 3), _digest(answered))
    by_map, by_patch = agreement(prob, truth), agreement(alone, truth)
    return TissueMap(scan, label, prob, truth, len(answered), n_unread, by_map, alone, by_patch)


def agreement(prob: np.ndarray, truth: np.ndarray) -> Estimate | None:
    """Return the AUROC of probabilities against the truth within one patient; None where all known truth is one.

    Args:
        prob: Probabilities of disease, any shape; NaN where there is no patch.
        truth: Same shape: 1 disease, 0 none, NaN unknown.
    """
    from medcls.stats.intervals import wilson_auroc
    from medcls.stats.scores import score

    known = np.isfinite(prob) & np.isfinite(truth)
    sick = truth[known] > 0.5  # (n,)
    n_sick = int(sick.sum())
    if n_sick in (0, len(sick)):
        return None
    names = np.arange(len(sick)).astype(str)
    pairs = np.stack([1 - prob[known], prob[known]], axis=1)  # (n, 2)
    table = CaseTable(names, names, sick.astype(np.int64), pairs, ("without", "with"), {})
    auroc = score(table, "auroc_disease", (1,))
    low, high = wilson_auroc(auroc, n_sick, len(sick) - n_sick)
    return Estimate(auroc, low, high, 0.95, len(sick), Note("evaluation.how-one-patient"))


def _digest(answered: Sequence[AnsweredPatch]) -> str:
    return hashlib.sha256("".join(sorted(one.sha256 for one in answered)).encode()).hexdigest()
