"""BUSI: breast ultrasound, `<class>/name (n).png` with one or more masks beside each image.

References:
    Al-Dhabyani et al., Dataset of breast ultrasound images, Data in Brief 28, 2020.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from medcls.data.layouts.layout import Entry, Layout, is_picture, names, natural, near

_LABELS = ("normal", "benign", "malignant")
_NAME = re.compile(r"(?P<label>normal|benign|malignant) \((?P<n>\d+)\)(?P<mask>_mask(_\d+)?)?\.png", re.IGNORECASE)


def _fits(folder: Path) -> bool:
    classes = [name for name in names(folder) if name.lower() in _LABELS and (folder / name).is_dir()]
    return len(classes) >= 2 and any(_NAME.fullmatch(name) for name in names(folder / classes[0])[:20])


def _entries(root: Path) -> Iterator[Entry]:
    for folder in names(root):
        if folder.lower() in _LABELS and (root / folder).is_dir():
            yield from _class_entries(root, folder)


def _class_entries(root: Path, folder: str) -> Iterator[Entry]:
    masks: defaultdict[str, list[str]] = defaultdict(list)
    images = []
    for name in sorted(filter(is_picture, names(root / folder)), key=natural):
        match = _NAME.fullmatch(name)
        if match and match["mask"]:
            masks[match["n"]].append(f"{folder}/{name}")
        else:
            images.append((name, match["n"] if match else None))
    for name, number in images:
        yield Entry(f"{folder}/{name}", folder.lower(), masks=tuple(masks[number]) if number else ())


BUSI = Layout("busi", "BUSI, breast ultrasound", lambda path: near(path, _fits), _entries, "breast-ultrasound", _LABELS)
