"""`X.npy` with `Y.npy`: pictures and labels as two arrays, as the IDC subset of 5,547 patches is handed around."""

from collections.abc import Iterator

import numpy as np

from medcls.core.note import Note
from medcls.core.plan import PlanChoices
from medcls.data.arrays import array_scale, open_array
from medcls.data.layouts.idc import LABELS
from medcls.data.layouts.layout import Entry, Layout, Reading, common_root, find_roots, roles_of_roots
from medcls.data.tree import Tree
from medcls.errors import BadData


def _pair(tree: Tree, folder: str) -> tuple[str, str] | None:
    low = {path.rpartition("/")[2].lower(): path for path in tree.folders.get(folder, ())}
    return (low["x.npy"], low["y.npy"]) if {"x.npy", "y.npy"} <= set(low) else None


def _is_idc(tree: Tree, pair: tuple[str, str]) -> bool:
    pictures, labels = (open_array(tree.root / path) for path in pair)
    return pictures.shape[1:] == (50, 50, 3) and bool(np.isin(labels, (0, 1)).all())


def _roots(tree: Tree) -> dict[str, tuple[str, str]]:
    roots = find_roots(tree, lambda tree, folder: _pair(tree, folder) is not None)
    return {root: pair for root in roots if (pair := _pair(tree, root))}


def _read(tree: Tree, choices: PlanChoices, idc: bool) -> Reading | None:
    pairs = _roots(tree)
    if not pairs or (idc and not all(_is_idc(tree, pair) for pair in pairs.values())):
        return None
    told = roles_of_roots(list(pairs))
    reading = Reading("idc-arrays" if idc else "arrays", common_root(pairs), [], [Note("data.why-arrays")])
    if idc:
        reading.task_id, reading.labels = "breast-histology-idc", LABELS
    reading.entries = [e for root, pair in pairs.items() for e in _entries(tree, pair, idc, told[root])]
    reading.used = {path for pair in pairs.values() for path in pair}
    return reading


def _entries(tree: Tree, pair: tuple[str, str], idc: bool, told: dict[str, str]) -> Iterator[Entry]:
    pictures, labels = (open_array(tree.root / path) for path in pair)
    shown = pictures.ndim == 3 or (pictures.ndim == 4 and pictures.shape[3] == 3)
    if not shown or labels.ndim != 1 or len(pictures) != len(labels):
        raise BadData("data.arrays-differ", found=f"shapes {pictures.shape} and {labels.shape}")
    array_scale(tree.root / pair[0])
    for i, label in enumerate(labels.tolist()):
        yield Entry(f"{pair[0]}#{i}", LABELS[int(label)] if idc else f"class-{label}", attributes=dict(told))


IDC_ARRAYS = Layout(
    "idc-arrays",
    Note("data.layout-idc-arrays"),
    lambda tree, choices: _read(tree, choices, True),
    "breast-histology-idc",
    LABELS,
)
ARRAYS = Layout("arrays", Note("data.layout-arrays"), lambda tree, choices: _read(tree, choices, False))
