"""`X.npy` with `Y.npy`: pictures and labels as two arrays, as the IDC subset of 5,547 patches is handed around."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from medcls.data.arrays import array_scale, open_array
from medcls.data.layouts.idc import LABELS
from medcls.data.layouts.layout import Entry, Layout, label_ids, names, near
from medcls.errors import BadData


def _pair(folder: Path) -> tuple[Path, Path] | None:
    low = {name.lower(): folder / name for name in names(folder)}
    return (low["x.npy"], low["y.npy"]) if {"x.npy", "y.npy"} <= set(low) else None


def _is_idc(folder: Path) -> bool:
    pair = _pair(folder)
    if pair is None:
        return False
    pictures, labels = open_array(pair[0]), open_array(pair[1])
    return pictures.shape[1:] == (50, 50, 3) and bool(np.isin(labels, (0, 1)).all())


def _entries(folder: Path, idc: bool) -> Iterator[Entry]:
    x, y = _pair(folder) or (folder / "X.npy", folder / "Y.npy")
    pictures, labels = open_array(x), open_array(y)
    shown = pictures.ndim == 3 or (pictures.ndim == 4 and pictures.shape[3] == 3)
    if not shown or labels.ndim != 1 or len(pictures) != len(labels):
        raise BadData(
            "X.npy and Y.npy do not belong together", found=f"shapes {pictures.shape} and {labels.shape}",
            allowed="(N, H, W) or (N, H, W, 3), and (N,)",
        )  # fmt: skip
    array_scale(x)
    ids = {} if idc else label_ids(map(str, labels.tolist()))
    for i, label in enumerate(labels.tolist()):
        yield Entry(f"{x.name}#{i}", LABELS[int(label)] if idc else f"class-{ids[str(label)]}")


IDC_ARRAYS = Layout(
    "idc-arrays", "IDC patches as X.npy and Y.npy", lambda path: near(path, _is_idc), partial(_entries, idc=True),
    "breast-histology-idc", LABELS,
)  # fmt: skip
ARRAYS = Layout(
    "arrays", "X.npy with Y.npy", lambda path: near(path, lambda f: _pair(f) is not None), partial(_entries, idc=False)
)
