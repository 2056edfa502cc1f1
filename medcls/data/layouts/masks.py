"""Which files are lesion masks of which scans, by their names, and by their content where a name tells too little."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property

from medcls.data.layouts.layout import Entry
from medcls.data.lexicon import COMPANION, MASK, MASK_OR_NOT, PICTURE_WORDS
from medcls.data.resolve import MISSING, SEVERAL, Resolver
from medcls.data.tree import Tree, without_masks
from medcls.data.two_values import has_two_values
from medcls.data.vocabulary import words_of

Key = tuple[str, ...]
_DRAWN = MASK | MASK_OR_NOT | COMPANION


def _stem(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name


def _words(name: str) -> Key:
    words = words_of(name)
    at = next((i for i in range(len(words) - 1) if words[i : i + 2] == ("ground", "truth")), -1)
    return words if at < 0 else (*words[:at], "groundtruth", *words[at + 2 :])


def _plain(words: Iterable[str]) -> Key:
    """Return words without those that say `picture`: `image_3` and `mask_3` are a pair."""
    return tuple(word for word in words if word not in PICTURE_WORDS)


def _mask_key(path: str) -> tuple[str, Key]:
    """Return the word that says mask in a file's name, empty if none does, and what is left of the name."""
    words = _words(_stem(path))
    at = max((i for i, word in enumerate(words) if word in MASK or word in MASK_OR_NOT), default=-1)
    if at < 0:
        return "", _plain(words)
    before, after = _plain(words[:at]), _plain(words[at + 1 :])
    return words[at], (*before, *(word for word in after if not (before and word.isdecimal())))


class _Scans:
    """Pictures that may have masks, by what is left of their names."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = list(paths)
        self._of_folder: dict[str, dict[Key, list[str]]] = {}

    @cached_property
    def _folders(self) -> Mapping[str, list[str]]:
        inside: defaultdict[str, list[str]] = defaultdict(list)
        for path in self._paths:
            inside[path.rpartition("/")[0]].append(path)
        return inside

    @cached_property
    def everywhere(self) -> Mapping[Key, list[str]]:
        """Pictures of all folders."""
        return _by_key(self._paths)

    def beside(self, mask: str, key: Key) -> list[str]:
        """Return the pictures in a mask's folder of the same key."""
        folder = mask.rpartition("/")[0]
        if folder not in self._of_folder:
            self._of_folder[folder] = _by_key(self._folders.get(folder, ()))
        return [path for path in self._of_folder[folder].get(key, ()) if path != mask]


def _by_key(paths: Iterable[str]) -> dict[Key, list[str]]:
    keyed: dict[Key, list[str]] = {}
    for path in paths:
        keyed.setdefault(_plain(_words(_stem(path))), []).append(path)
    return keyed


def find_masks(tree: Tree) -> Mapping[str, str]:
    """Return the scan of each lesion mask that is known by its name: beside its scan, or in a folder of masks."""
    found: dict[str, str] = {}
    plain, drawings = set(without_masks(tree)), find_companions(tree)
    scans = _Scans(path for path in tree.pictures if path in plain and path not in drawings)
    for path in tree.pictures:
        word, key = _mask_key(path)
        if path in plain:
            beside = scans.beside(path, key) if word else []
            if beside and (word in MASK or word == "gt" or has_two_values(tree.root / path)):
                found[path] = beside[0]
        elif scan := _nearest(path, scans.everywhere.get(_plain(_words(_stem(path)))) or scans.everywhere.get(key, [])):
            found[path] = scan
    return found


def find_companions(tree: Tree) -> Mapping[str, str]:
    """Return the scan that each drawing over one was made from, by the drawing: `3_overlay.png` beside `3.png`.

    A picture that is only called so, with no scan beside it of the same name, is none.
    """
    may = [path for path in tree.pictures if _may_be_companion(path)]
    named = {path for path in may if set(_words(_stem(path))) & COMPANION}
    inside = {path for path in may if set(words_of(path.rpartition("/")[0])) & COMPANION}
    others = _Scans([path for path in tree.pictures if path not in named] if may else ())
    scans = _Scans([path for path in without_masks(tree) if path not in named | inside] if inside else ())
    found: dict[str, str] = {}
    for path in may:
        key = _plain(word for word in _words(_stem(path)) if word not in COMPANION)
        if key and path in named and (beside := others.beside(path, key)):
            found[path] = beside[0]
        elif key and path in inside and (scan := _nearest(path, scans.everywhere.get(key, []))):
            found[path] = scan
    return found


def _may_be_companion(path: str) -> bool:
    """Return whether a path holds the letters of a word for drawings: a quick look, as most paths hold none."""
    form = unicodedata.normalize("NFKC", path).casefold()
    return any(word in form for word in COMPANION)


def _nearest(mask: str, scans: list[str]) -> str:
    """Return the scan that shares most folders with a mask (`images/b/1.png`, `masks/b/1.png`); empty if several do."""
    folders = _bare_folders(mask)
    shared = [len(folders & _bare_folders(scan)) for scan in scans]
    best = [scan for scan, n in zip(scans, shared, strict=True) if n == max(shared)]
    return best[0] if len(best) == 1 else ""


def _bare_folders(path: str) -> set[Key]:
    """Return the folders above a file without the words that say mask or picture: `benign_mask` lies by `benign`."""
    bare = (tuple(w for w in _plain(_words(name)) if w not in _DRAWN) for name in path.split("/")[:-1])
    return {name for name in bare if name}


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


def resolve_masks(tree: Tree, entries: Iterable[Entry]) -> list[Entry]:
    """Return entries with files in the place of what a table's column of masks says; what is no file goes."""
    resolver = Resolver(tree.pictures)
    found = []
    for entry in entries:
        if entry.masks and not all(mask in tree.files for mask in entry.masks):
            there = [m for mask in entry.masks if (m := resolver.find(mask)) not in (MISSING, SEVERAL, entry.id)]
            entry = replace(entry, masks=tuple(there))
        found.append(entry)
    return found
