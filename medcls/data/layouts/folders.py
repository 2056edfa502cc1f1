"""A folder per label, at the top or inside `train`, `validate` and `test` folders made by somebody else."""

import os
from collections.abc import Iterator
from pathlib import Path

from medcls.data.layouts.layout import Entry, Layout, is_picture, label_ids, names, natural, near

PARTS = {
    "train": "train", "training": "train", "val": "validate", "valid": "validate", "validate": "validate",
    "validation": "validate", "dev": "validate", "test": "test", "testing": "test",
}  # fmt: skip


def _folders(root: Path) -> list[str]:
    return [name for name in names(root) if (root / name).is_dir()]


def _classes(root: Path) -> list[str]:
    """Give the folders of `root` that hold pictures, at any depth."""
    return [name for name in _folders(root) if next(_pictures(root, name), None) is not None]


def _pictures(root: Path, folder: str) -> Iterator[str]:
    for where, inside, files in os.walk(root / folder):
        inside.sort(key=natural)
        for name in sorted(files, key=natural):
            if is_picture(name) and not name.startswith("."):
                yield (Path(where) / name).relative_to(root).as_posix()


def is_parted(root: Path) -> bool:
    """Say whether a folder holds nothing but parts, as `train` and `test`, with the labels' folders inside."""
    folders = _folders(root)
    return len(folders) >= 2 and all(name.lower() in PARTS for name in folders)


def _fits(root: Path) -> bool:
    if is_parted(root):
        return any(len(_classes(root / part)) >= 2 for part in _folders(root))
    return len(_classes(root)) >= 2


def _entries(root: Path) -> Iterator[Entry]:
    if not is_parted(root):
        ids = label_ids(_classes(root))
        for folder, label in ids.items():
            yield from (Entry(path, label) for path in _pictures(root, folder))
        return
    classes = {part: _classes(root / part) for part in _folders(root)}
    ids = label_ids(folder for folders in classes.values() for folder in folders)
    for part, folders in classes.items():
        for folder in folders:
            for path in _pictures(root / part, folder):
                yield Entry(f"{part}/{path}", ids[folder], attributes={"part": PARTS[part.lower()]})


FOLDERS = Layout("folders", "a folder per label", lambda path: near(path, _fits), _entries)
