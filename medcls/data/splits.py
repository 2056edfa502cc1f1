"""Splits that keep together what belongs together, stratified by label, with a proof."""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from medcls import disk
from medcls.core.collection import PARTS, Split
from medcls.core.note import Note
from medcls.data.collections import Collection
from medcls.data.settle import first_with_same, join
from medcls.data.split_proof import prove
from medcls.data.vocabulary import natural
from medcls.errors import BadData, BadRecord, BadSplit, of_disk

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
DEFAULT_PARTS: Mapping[str, float] = {"train": 0.7, "validate": 0.15, "test": 0.15}


def make_split(
    collection: Collection,
    *,
    name: str = "auto",
    parts: Mapping[str, float] | None = None,
    folds: int = 0,
    seed: int = 0,
    by: str = "group",
) -> Split:
    """Share the cases out so that no group is cut and every part has the collection's mix of labels.

    Args:
        collection: Labelled collection; cases without a label are left out.
        name: What to call the split.
        parts: Share of each part, as `{"train": 0.7, "validate": 0.15, "test": 0.15}`; None takes these.
        folds: Number of folds to make instead of parts; 0 for parts.
        seed: Seed of the assignment: the same seed gives the same split.
        by: `patient` keeps patients (and groups) whole, `group` lesions or duplicates, `published` takes the folds
            that came with the set.

    Raises:
        BadSplit: If `by` is impossible for this collection, a share is out of range, or a published split leaks.
    """
    wanted = _wanted(parts, folds)
    if by == "published":
        return accept_split(collection, name, _published(collection))
    units = _units(collection, by)
    labels = collection.column("label")
    rows = np.flatnonzero(np.array([label is not None for label in labels]))
    if len(rows) == 0:
        raise BadSplit("data.split-without-labels")
    assigned = _assign(units[rows], labels[rows].astype(str), np.array(list(wanted.values())), seed)
    ids = collection.column("id")[rows]
    members = {part: tuple(ids[assigned == i].tolist()) for i, part in enumerate(wanted)}
    if empty := [part for part, cases in members.items() if not cases]:
        raise BadSplit("data.split-too-small", empty=", ".join(empty))
    split = Split(name, collection.fingerprint, by, seed, members)
    return Split(name, collection.fingerprint, by, seed, members, prove(collection, split))


def _wanted(parts: Mapping[str, float] | None, folds: int) -> dict[str, float]:
    if folds:
        if not 2 <= folds <= 100:
            raise BadSplit("data.split-folds", found=str(folds))
        return {f"fold-{k}": 1 / folds for k in range(folds)}
    wanted = {part: share for part, share in (parts or DEFAULT_PARTS).items() if share > 0}
    if not set(wanted) <= set(PARTS) or len(wanted) < 2 or abs(sum(wanted.values()) - 1) > 1e-6:
        raise BadSplit("data.split-parts", found=str(dict(wanted)))
    return wanted


def _units(collection: Collection, by: str) -> np.ndarray:
    """Number what must stay whole: equal numbers may not be parted."""
    groups = collection.column("grp")
    pairs, _ = collection.pairs()
    edges = [first_with_same(groups), (pairs[:, 0], pairs[:, 1])]
    if by == "patient":
        patients = collection.column("patient")
        if all(patient is None for patient in patients):
            raise BadSplit("data.patients-unknown")
        edges.append(first_with_same(patients))
    elif by != "group":
        raise BadSplit("data.split-by", found=repr(by)[:40])
    return join(len(groups), *(np.concatenate(ends) for ends in zip(*edges, strict=True)))


def _assign(units: np.ndarray, labels: np.ndarray, shares: np.ndarray, seed: int) -> np.ndarray:
    """Return each case its part: the largest units first, each to the part that lacks most of its labels."""
    unit, unit_of = np.unique(units, return_inverse=True)
    label, label_of = np.unique(labels, return_inverse=True)
    counts = np.zeros((len(unit), len(label)))
    np.add.at(counts, (unit_of, label_of), 1)
    target = shares[:, None] * counts.sum(0)
    lack, weight = target.copy(), 1 / np.maximum(counts.sum(0), 1)
    order = np.random.default_rng(seed).permutation(len(unit))
    order = order[np.argsort(-counts[order].sum(1), kind="stable")]
    part_of = np.empty(len(unit), np.int64)
    for u in order:
        # How much nearer each part comes to its targets by taking this unit, labels weighing alike.
        gain = ((2 * lack - counts[u]) * counts[u] * weight**2 / shares[:, None]).sum(1)
        part_of[u] = best = int(np.argmax(gain))
        lack[best] -= counts[u]
    return part_of[unit_of]


def made_by_others(collection: Collection) -> dict[str, tuple[str, ...]]:
    """Return the train, validate and test parts, or else the folds, that came with a collection; empty if none did."""
    for told, prefix in (("part", ""), ("fold", "fold-")):  # with both, folds are of the training part
        members: dict[str, list[str]] = {}
        for case in collection.cases:
            if told in case.attributes:
                members.setdefault(case.attributes[told], []).append(case.id)
        if len(members) > 1:
            ordered = sorted(members, key=lambda name: (len(name), name))
            return {f"{prefix}{k if prefix else part}": tuple(members[part]) for k, part in enumerate(ordered)}
    return {}


def _published(collection: Collection) -> dict[str, tuple[str, ...]]:
    parts = made_by_others(collection)
    if not parts:
        raise BadSplit("data.no-published-split")
    return parts


def accept_split(
    collection: Collection, name: str, parts: Mapping[str, tuple[str, ...]], *, by: str = "published", seed: int = 0
) -> Split:
    """Check a split made elsewhere and take it over.

    Args:
        collection: The collection it is for.
        name: What to call it.
        parts: Case ids of each part. Folds (`fold-…`) are numbered anew from 0, in the order of their names.
        by: What its maker kept together, as noted in the split.
        seed: Seed its maker used; 0 if unknown.

    Raises:
        BadSplit: If a case is unknown or stands twice, or a group or a picture stands on both sides.
    """
    named = {part: tuple(ids) for part, ids in parts.items()}
    if all(part.startswith("fold-") for part in named):
        named = {f"fold-{k}": named[part] for k, part in enumerate(sorted(named, key=natural))}
    split = Split(name, collection.fingerprint, by, seed, named)
    return Split(name, split.fingerprint, by, seed, split.parts, prove(collection, split))


def cut_split(collection: Collection, split: Split, name: str, most: Mapping[str, int]) -> Split:
    """Return a split with fewer cases in some parts, drawn at random with its seed; the other parts stay as they are.

    Args:
        collection: The collection it is for.
        split: The split to cut.
        name: What to call the new one.
        most: Cases to keep, at most, by part.

    Raises:
        BadSplit: If the split leaks.
    """
    rng = np.random.default_rng(split.seed)
    parts = {}
    for part, ids in split.parts.items():
        kept = np.sort(rng.permutation(len(ids))[: most.get(part, len(ids))])
        parts[part] = tuple(ids[i] for i in kept)
    return accept_split(collection, name, parts, by=split.by, seed=split.seed)


def carry_split(collection: Collection, name: str) -> Split:
    """Make a split that was written for other contents fit those of now: what was tested on stays tested on.

    Cases keep their part. A unit whose cases stand in several parts, because findings were settled since, goes to the
    first of them (train before validate before test): what was learned from cannot become unseen. New units are
    assigned as `make_split` does.

    Args:
        collection: A single labelled collection.
        name: Name of a split into parts that is written for it.

    Raises:
        BadSplit: If there is no such split, it has folds, or a part is left without cases.
    """
    old = _written(collection, name)
    if not set(old.parts) <= set(PARTS):
        raise BadSplit("data.split-not-carried", found=", ".join(old.parts)[:80])
    order = [part for part in PARTS if part in old.parts]
    known = {case: order.index(part) for part, cases in old.parts.items() for case in cases}
    labels, ids = collection.column("label"), collection.column("id")
    rows = np.flatnonzero(np.array([label is not None for label in labels]))
    units = _units(collection, "patient" if old.by == "patient" else "group")[rows].tolist()
    part_of: dict[int, int] = {}
    for unit, row in zip(units, rows.tolist(), strict=True):
        if (part := known.get(str(ids[row]))) is not None:
            part_of[unit] = min(part, part_of.get(unit, part))
    new = np.array([unit not in part_of for unit in units])
    if new.any():
        shares = np.array([DEFAULT_PARTS[part] for part in order])
        assigned = _assign(np.array(units)[new], labels[rows[new]].astype(str), shares / shares.sum(), old.seed)
        part_of |= dict(zip(np.array(units)[new].tolist(), assigned.tolist(), strict=True))
    parts = {
        part: tuple(str(ids[row]) for unit, row in zip(units, rows.tolist(), strict=True) if part_of[unit] == i)
        for i, part in enumerate(order)
    }
    if empty := [part for part, cases in parts.items() if not cases]:
        raise BadSplit("data.split-part-empty", found=", ".join(empty))
    return accept_split(collection, name, parts, by=old.by, seed=old.seed)


def check_split_name(name: str) -> None:
    """Check that a split can have this name: it becomes a file name.

    Raises:
        BadSplit: If it holds anything but letters, digits, `.`, `_` and `-`, begins with a sign, or is too long.
    """
    if not _NAME.fullmatch(name):
        raise BadSplit("data.split-name", found=repr(name)[:80])


def write_split(collection: Collection, split: Split) -> Path:
    """Write a split beside the collection's record; one of its name for earlier contents is kept under another.

    An earlier file that cannot be read is written over: nothing can be compared by it.

    Raises:
        BadSplit: If it cannot have its name; see `check_split_name`.
        BadData: If the collection is several.
        Conflict: If it cannot be written.
    """
    check_split_name(split.name)
    folder = collection.stored[0].folder / "splits"
    if len(collection.stored) > 1:
        raise BadData("data.split-of-several")
    final = folder / f"{split.name}.json"
    try:
        with disk.locked(folder):
            old = _fingerprint_of(final)
            if old not in ("", split.fingerprint):  # a copy: a kill in between loses neither
                disk.write_atomically(folder / f".{split.name}.{old[:16]}.json", disk.read_file(final))
            disk.write_atomically(final, split.to_json().encode())
    except OSError as error:
        raise of_disk(error) from error
    return final


def _fingerprint_of(path: Path) -> str:
    """Return the contents a split's file was made for; empty if there is no file, or none that can be read."""
    try:
        return Split.read(path, path.stem).fingerprint
    except (FileNotFoundError, BadRecord):
        return ""


def list_splits(collection: Collection) -> tuple[str, ...]:
    """Return the names of the splits written for a collection."""
    return tuple(sorted(p.stem for p in (collection.stored[0].folder / "splits").glob("*.json") if p.name[0] != "."))


def read_split(collection: Collection, name: str) -> Split:
    """Read a split; for several collections, the splits of that name of each, joined.

    Raises:
        BadSplit: If there is none, or it was made for other contents.
    """
    if len(collection.stored) > 1:
        return join_splits(collection, name, [_read(Collection((s,)), name) for s in collection.stored])
    return _read(collection, name)


def _read(collection: Collection, name: str) -> Split:
    split = _written(collection, name)
    if split.fingerprint != collection.fingerprint:
        raise BadSplit("data.split-outdated", split=name, collection=collection.name)
    return split


def _written(collection: Collection, name: str) -> Split:
    path = collection.stored[0].folder / "splits" / f"{name}.json"
    if name not in list_splits(collection):
        raise BadSplit(
            "data.no-such-split",
            name=collection.name,
            found=name[:80],
            allowed=", ".join(list_splits(collection)) or Note("data.no-split-yet"),
        )
    found = path.lstat()  # a link to nothing is told of when it is read
    return _parse(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=16)
def _parse(path: Path, changed_ns: int, size: int) -> Split:
    """Read a split's file, once for the same state of it: pages ask again with every click."""
    return Split.read_listed(path, f"split {path.stem}")


def join_splits(collection: Collection, name: str, splits: list[Split]) -> Split:
    """Join the splits of several collections into one of them all, and prove it.

    Args:
        collection: Several collections as one, in the order of `splits`.
        name: What to call the joint split.
        splits: One split of each, with the same parts.

    Raises:
        BadSplit: If their parts differ, or a picture stands in two parts across collections.
    """
    if len({tuple(sorted(split.parts)) for split in splits}) != 1:
        raise BadSplit("data.splits-differ")
    prefixes = [f"{s.record.name}/" for s in collection.stored]
    parts = {
        part: tuple(prefix + case for prefix, split in zip(prefixes, splits, strict=True) for case in split.parts[part])
        for part in splits[0].parts
    }
    by = splits[0].by if len({split.by for split in splits}) == 1 else "group"
    return accept_split(collection, name, parts, by=by, seed=splits[0].seed)
