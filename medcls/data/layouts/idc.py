"""IDC patches: breast histology, `<patient>/<0|1>/<patient>_idx5_x<X>_y<Y>_class<k>.png`, or `X.npy` with `Y.npy`.

References:
    Janowczyk and Madabhushi, Deep learning for digital pathology image analysis, J Pathol Inform 7, 2016.
    Cruz-Roa et al., Automatic detection of invasive ductal carcinoma in whole slide images, SPIE 2014.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from medcls.data.layouts.layout import Entry, Layout, names, natural, near

LABELS = ("no-idc", "idc")
_NAME = re.compile(r"(?P<patient>\d+)_idx\d+_x(?P<x>\d+)_y(?P<y>\d+)_class(?P<k>[01])\.png", re.IGNORECASE)


def _patients(folder: Path) -> list[str]:
    return [name for name in names(folder) if name.isdigit() and (folder / name).is_dir()]


def _fits(folder: Path) -> bool:
    for patient in _patients(folder)[:3]:
        for k in ("0", "1"):
            if any(_NAME.fullmatch(name) for name in names(folder / patient / k)[:5]):
                return True
    return False


def _entries(root: Path) -> Iterator[Entry]:
    for patient in sorted(_patients(root), key=int):
        for k in ("0", "1"):
            for name in sorted(names(root / patient / k), key=natural):
                if match := _NAME.fullmatch(name):
                    place = {"x": match["x"], "y": match["y"]}
                    yield Entry(f"{patient}/{k}/{name}", LABELS[int(match["k"])], patient, attributes=place)


IDC = Layout(
    "idc", "IDC patches, breast histology", lambda path: near(path, _fits), _entries, "breast-histology-idc", LABELS
)
