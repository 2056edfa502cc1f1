"""BUSI: breast ultrasound, `<class>/name (n).png` with one or more masks beside each image.

References:
    Al-Dhabyani et al., Dataset of breast ultrasound images, Data in Brief 28, 2020.
"""

import re
from collections import defaultdict
from collections.abc import Iterator

from medcls.core.note import Note
from medcls.core.plan import PlanChoices
from medcls.data.layouts.layout import (
    Entry,
    Layout,
    Reading,
    below,
    common_root,
    find_roots,
    roles_of_roots,
    with_parts,
)
from medcls.data.layouts.masks import find_masks, with_masks
from medcls.data.lexicon import PICTURE_WORDS
from medcls.data.tree import Tree
from medcls.data.vocabulary import fold, parts_of

_LABELS = ("normal", "benign", "malignant")
_NAME = re.compile(r"(?P<label>normal|benign|malignant) \((?P<n>\d+)\)(?P<mask>_mask(_\d+)?)?\.\w+", re.IGNORECASE)


def _classes(tree: Tree, folder: str) -> list[str]:
    return [name for name in tree.children.get(folder, ()) if name.lower() in _LABELS]


def _fits(tree: Tree, folder: str) -> bool:
    classes = _classes(tree, folder)
    inside = [one for name in classes[:1] for one in _inside(tree, below(folder, name))]
    return len(classes) >= 2 and any(_NAME.fullmatch(name) for one in inside for name in tree.names_in(one)[:20])


def _inside(tree: Tree, folder: str) -> list[str]:
    """Return a class's folder, and those inside it that are parts of a split or hold its pictures."""
    names = tree.children.get(folder, [])
    parts = parts_of(names)
    return [folder, *(below(folder, name) for name in names if name in parts or fold(name) in PICTURE_WORDS)]


def _read(tree: Tree, choices: PlanChoices) -> Reading | None:
    roots = find_roots(tree, _fits)
    if not roots:
        return None
    roots = [root for root in roots if root not in tree.mask_folders] or roots
    told = roles_of_roots(roots)
    entries = [
        entry
        for root in roots
        for name in sorted(_classes(tree, root))
        for folder in _inside(tree, below(root, name))
        for entry in _class_entries(tree, folder, name.lower(), told[root])
    ]
    entries = with_masks(with_parts(entries), find_masks(tree) if tree.mask_folders else {})
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
