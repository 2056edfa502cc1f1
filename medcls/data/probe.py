"""The shortcut probe: can the label be told from what has nothing to do with the disease?"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from medcls.core.evaluation import CaseTable, Estimate
from medcls.core.note import Note
from medcls.core.progress import Progress, silent
from medcls.data.collection import Collection
from medcls.data.suspects import MOST, draw_groups, out_of_fold
from medcls.errors import BadData
from medcls.stats.scores import evaluate_cases

_RING = 3
Sizes = np.ndarray


def _border(looks: np.ndarray, sizes: Sizes) -> np.ndarray:
    grey = looks["grey"].astype(np.float32) / 255
    ring = np.ones(grey.shape[1:], bool)
    ring[_RING:-_RING, _RING:-_RING] = False
    return grey[:, ring]


def _size(looks: np.ndarray, sizes: Sizes) -> np.ndarray:
    height, width = np.log(sizes.astype(np.float32)).T
    return np.stack([height, width, height - width, np.abs(height - width)], 1)


def _blur(looks: np.ndarray, sizes: Sizes) -> np.ndarray:
    return looks["grey"].reshape(len(looks), 4, 8, 4, 8).mean((2, 4)).reshape(len(looks), -1).astype(np.float32) / 255


def _marks(looks: np.ndarray, sizes: Sizes) -> np.ndarray:
    return np.log1p(looks["marks"]).astype(np.float32)[:, None]


# What the tiny model sees, by name.
VIEWS: Mapping[str, tuple[Note, Callable[[np.ndarray, Sizes], np.ndarray]]] = MappingProxyType(
    {
        "border": (Note("data.probe-border"), _border),
        "size": (Note("data.probe-size"), _size),
        "blur": (Note("data.probe-blur"), _blur),
        "marks": (Note("data.probe-marks"), _marks),
    }
)


def probe(
    collection: Collection, positive: tuple[str, ...], *, seed: int = 0, progress: Progress = silent
) -> dict[str, Estimate]:
    """Tell the label from each view alone, by a logistic regression cross-validated by group.

    Args:
        collection: Labelled scans; at most 20,000 of them are used, drawn by group.
        positive: Labels that count as positive; the others are the rest.
        seed: Seed of folds and resampling.
        progress: Told of every view that is done.

    Returns:
        AUROC by name of view, with its interval.

    Raises:
        BadData: If there are not two labels with at least 20 cases each.
    """
    labels, groups = collection.column("label"), collection.column("grp")
    rows = np.flatnonzero(np.array([label is not None for label in labels], bool))
    rows = rows[draw_groups(groups[rows], MOST, seed)] if len(rows) else rows
    truth = np.isin(labels[rows].astype(str), positive).astype(np.int64)
    if min(truth.sum(), len(truth) - truth.sum()) < 20:
        raise BadData("data.probe-too-few", sum=truth.sum(), n_truth=len(truth))
    looks = collection.descriptors()[rows]
    sizes = np.stack([collection.column(name)[rows].astype(np.int64) for name in ("height", "width")], 1)
    told = {}
    for done, (name, (_, view)) in enumerate(VIEWS.items()):
        progress(done, len(VIEWS))
        prob = out_of_fold(view(looks, sizes), truth, groups[rows], seed)
        told[name] = _auroc(collection, rows, truth, groups[rows], prob, seed)
    return told


def _auroc(
    collection: Collection, rows: np.ndarray, truth: np.ndarray, groups: np.ndarray, prob: np.ndarray, seed: int
) -> Estimate:
    known = np.isfinite(prob).all(1)
    if not known.any():
        return Estimate(np.nan, np.nan, np.nan, 0.95, 0, Note("data.too-few-groups"))
    table = CaseTable(
        collection.column("id")[rows][known].astype(str),
        groups[known].astype(str),
        truth[known],
        prob[known],
        ("rest", "positive"),
        {},
    )
    return evaluate_cases(table, (1,), seed=seed, resamples=500, names=("auroc",))["auroc"]


def says(name: str, estimate: Estimate) -> Note:
    """Return what one view's result means."""
    seen = VIEWS[name][0]
    if np.isnan(estimate.value):
        return Note("data.probe-untested", seen=seen, how=estimate.how)
    if estimate.low > 0.6:
        return Note("data.probe-tells", seen=seen, auroc=str(estimate))
    if estimate.low > 0.5:
        return Note("data.probe-tells-little", seen=seen, auroc=str(estimate))
    return Note("data.probe-tells-nothing", seen=seen, auroc=str(estimate))
