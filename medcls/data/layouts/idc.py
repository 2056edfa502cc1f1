"""IDC patches: breast histology, `<patient>/<0|1>/<patient>_idx5_x<X>_y<Y>_class<k>.png`, or `X.npy` with `Y.npy`.

The file's name tells patient, place and label: they are read from it where folders were laid out anew.

References:
    Janowczyk and Madabhushi, Deep learning for digital pathology image analysis, J Pathol Inform 7, 2016.
    Cruz-Roa et al., Automatic detection of invasive ductal carcinoma in whole slide images, SPIE 2014.
"""

import re
from collections.abc import Iterator

from medcls.core.note import Note
from medcls.core.plan import PlanChoices
from medcls.data.layouts.layout import Entry, Layout, Reading, below, common_root, find_roots, roles_of_roots
from medcls.data.tree import Tree

LABELS = ("no-idc", "idc")
_NAME = re.compile(r"(?P<patient>\d+)_idx\d+_x(?P<x>\d+)_y(?P<y>\d+)_class(?P<k>[01])\.\w+", re.IGNORECASE)


def _patients(tree: Tree, folder: str) -> list[str]:
    return [name for name in tree.children.get(folder, ()) if name.isdecimal()]


def _fits(tree: Tree, folder: str) -> bool:
    inside = [f"{patient}/{k}" for patient in _patients(tree, folder)[:3] for k in ("0", "1")]
    inner = [below(folder, name) for name in (*inside, "0", "1")]
    return any(_NAME.fullmatch(name) for one in (*inner, folder) for name in tree.names_in(one)[:5])


def _read(tree: Tree, choices: PlanChoices) -> Reading | None:
    roots = find_roots(tree, _fits)
    if not roots:
        return None
    told = roles_of_roots(roots)
    entries = [entry for root in roots for entry in _entries(tree, root, told[root])]
    reading = Reading("idc", common_root(roots), entries, [Note("data.why-idc")], "breast-histology-idc", LABELS)
    reading.patients_from = [Note("data.from-files")]
    return reading


def _entries(tree: Tree, root: str, told: dict[str, str]) -> Iterator[Entry]:
    for folder, paths in tree.folders.items():
        if not root or folder == root or folder.startswith(f"{root}/"):
            for path in paths:
                if (match := _NAME.fullmatch(path.rpartition("/")[2])) and tree.is_picture(path):
                    place = {"x": match["x"], "y": match["y"]}
                    yield Entry(path, LABELS[int(match["k"])], match["patient"], attributes={**place, **told})


IDC = Layout("idc", Note("data.layout-idc"), _read, "breast-histology-idc", LABELS)
