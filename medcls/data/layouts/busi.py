"""BUSI: breast ultrasound, `<class>/name (n).png` with one or more masks beside each image.

References:
    Al-Dhabyani et al., Dataset of breast ultrasound images, Data in Brief 28, 2020.
"""

import re
from collections import defaultdict
from collections.abc import Iterator

from medcls.core.note import Note
from medcls.core.plan import PlanChoices
from medcls.data.layouts.layout import Entry, Layout, Reading, below, common_root, find_roots, roles_of_roots
from medcls.data.tree import Tree

_LABELS = ("normal", "benign", "malignant")
_NAME = re.compile(r"(?P<label>normal|benign|malignant) \((?P<n>\d+)\)(?P<mask>_mask(_\d+)?)?\.\w+", re.IGNORECASE)


def _classes(tree: Tree, folder: str) -> list[str]:
    return [name for name in tree.children.get(folder, ()) if name.lower() in _LABELS]


def _fits(tree: Tree, folder: str) -> bool:
    classes = _classes(tree, folder)
    return len(classes) >= 2 and any(_NAME.fullmatch(name) for name in tree.names_in(below(folder, classes[0]))[:20])


def _read(tree: Tree, choices: PlanChoices) -> Reading | None:
    roots = find_roots(tree, _fits)
    if not roots:
        return None
    told = roles_of_roots(roots)
    entries = [
        entry
        for root in roots
        for name in sorted(_classes(tree, root))
        for entry in _class_entries(tree, below(root, name), name.lower(), told[root])
    ]
    return Reading("busi", common_root(roots), entries, [Note("data.why-busi")], "breast-ultrasound", _LABELS)


def _class_entries(tree: Tree, folder: str, label: str, told: dict[str, str]) -> Iterator[Entry]:
    masks: defaultdict[str, list[str]] = defaultdict(list)
    images = []
    for path in tree.folders[folder]:
        match = _NAME.fullmatch(path.rpartition("/")[2])
        if not tree.is_picture(path):
            continue
        if match and match["mask"]:
            masks[match["n"]].append(path)
        else:
            images.append((path, match["n"] if match else None))
    for path, number in images:
        yield Entry(path, label, masks=tuple(sorted(masks[number])) if number else (), attributes=dict(told))


BUSI = Layout("busi", Note("data.layout-busi"), _read, "breast-ultrasound", _LABELS)
