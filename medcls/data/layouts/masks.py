"""Which files are lesion masks of which scans, by their names."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from medcls.data.layouts.layout import Entry
from medcls.data.tree import Tree, without_masks

_MASK_NAME = re.compile(r"(?P<stem>.+?)[-_ ]?(mask|seg|segmentation|groundtruth|gt)([-_ ]?\d+)?$", re.IGNORECASE)


def _stem(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name


def find_masks(tree: Tree) -> Mapping[str, str]:
    """Return the scan of each lesion mask that is known by its name: beside its scan, or in a folder of masks."""
    found: dict[str, str] = {}
    plain = set(without_masks(tree))
    by_stem: dict[str, list[str]] = {}
    for path in plain:
        by_stem.setdefault(_stem(path), []).append(path)
    for path in tree.pictures:
        match = _MASK_NAME.fullmatch(_stem(path))
        if path in plain:
            beside = (
                [p for p in by_stem.get(match["stem"], ()) if p.rpartition("/")[0] == path.rpartition("/")[0]]
                if match
                else []
            )
            if beside and beside[0] != path:
                found[path] = beside[0]
        elif scan := _nearest(path, by_stem.get(_stem(path)) or by_stem.get(match["stem"] if match else "", [])):
            found[path] = scan
    return found


def _nearest(mask: str, scans: list[str]) -> str:
    """Return the scan that shares most folders with a mask (`images/b/1.png`, `masks/b/1.png`); empty if several do."""
    folders = set(mask.split("/")[:-1])
    shared = [len(folders & set(scan.split("/")[:-1])) for scan in scans]
    best = [scan for scan, n in zip(scans, shared, strict=True) if n == max(shared)]
    return best[0] if len(best) == 1 else ""


def with_masks(entries: Iterable[Entry], masks: Mapping[str, str]) -> list[Entry]:
    """Return entries with the masks that belong to them, where they have none yet.

    Args:
        entries: The scans.
        masks: Scan by mask, as `find_masks` gives it.
    """
    of_scan: defaultdict[str, list[str]] = defaultdict(list)
    for mask, scan in masks.items():
        of_scan[scan].append(mask)
    return [e if e.masks else replace(e, masks=tuple(sorted(of_scan[e.id]))) if e.id in of_scan else e for e in entries]
