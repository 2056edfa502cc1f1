"""Splits of a labelled collection as a page or a command uses them: make one, take one over, see what leaks."""

import contextlib
import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from medcls.core.collection import Split
from medcls.errors import BadSplit, MedclsError
from medcls.words import say
from medcls.workflows.acts import act


@act("build", "data.split", "name", "split")
def split_collection(
    name: str,
    split: str = "auto",
    *,
    parts: Mapping[str, float] | None = None,
    folds: int = 0,
    seed: int = 0,
    by: str = "",
) -> Split:
    """Split a collection and write the split down with its proof.

    Args:
        name: Name of the collection.
        split: What to call the split: letters, digits, `.`, `_`, `-`.
        parts: Share of train, validate and test; None for 0.7, 0.15, 0.15.
        folds: Number of folds instead of parts; 0 for parts.
        seed: Seed of the assignment.
        by: `patient`, `group` or `published`; empty takes patients where they are known.

    Raises:
        BadSplit: If it is impossible, cannot have this name, or published folds leak.
    """
    from medcls.data.collections import open_collection
    from medcls.data.splits import check_split_name, make_split, write_split

    check_split_name(split)
    if folds and split == "auto":
        raise BadSplit("workflows.folds-without-name")
    collection = open_collection(name)
    known = any(patient is not None for patient in collection.column("patient"))
    made = make_split(
        collection, name=split, parts=parts, folds=folds, seed=seed, by=by or ("patient" if known else "group")
    )
    write_split(collection, made)
    return made


def read_split_file(path: Path) -> bytes:
    """Read a file for `take_split`.

    Raises:
        BadSplit: If it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadSplit("workflows.split-unreadable", found=type(error).__name__) from error


@act("build", "data.split", "name", "split")
def take_split(name: str, split: str, data: bytes) -> Split:
    """Take over a split made elsewhere, if it does not leak.

    Args:
        name: Name of the collection.
        split: What to call it: letters, digits, `.`, `_`, `-`.
        data: JSON (part -> list of case ids, or a split as medcls writes it) or csv with a column `id` (or `path`)
            and a column `part` (or `split`, `fold`).

    Raises:
        BadSplit: If it cannot have this name, or the file is no split, names unknown cases, or leaks; a `Leak` lists
            groups and pairs.
    """
    from medcls.data.collections import open_collection
    from medcls.data.splits import accept_split, check_split_name, write_split

    check_split_name(split)
    collection = open_collection(name)
    made = accept_split(collection, split, _read_parts(data), by="given")
    write_split(collection, made)
    return made


def list_leaks(error: BadSplit) -> list[tuple[str, str, str]]:
    """Return what stands on both sides of a refused split: what it is and a case of either side; empty if nothing."""
    pictures = [(say("workflows.leak-picture"), a, b) for a, b in getattr(error, "pairs", ())]
    return pictures + [
        (say("workflows.leak-group", {"name": name}), a, b) for name, (a, b) in getattr(error, "groups", {}).items()
    ]


def _read_parts(data: bytes) -> dict[str, tuple[str, ...]]:
    try:
        text = data.decode("utf-8-sig")
        if not text.lstrip().startswith("{"):
            return _parts_of_table(list(csv.DictReader(io.StringIO(text, newline=""))))
        told = json.loads(text)
        told = told.get("parts", told)
        return {str(part): tuple(map(str, ids)) for part, ids in told.items()}
    except (ValueError, AttributeError, TypeError, LookupError, RecursionError, StopIteration, csv.Error) as error:
        raise BadSplit("workflows.no-split", found=type(error).__name__) from error


def _parts_of_table(rows: list[dict[str, str]]) -> dict[str, tuple[str, ...]]:
    key = next(name for name in ("id", "path", "case") if name in rows[0])
    told = next(name for name in ("part", "split", "fold") if name in rows[0])
    parts: dict[str, list[str]] = {}
    for row in rows:
        part = f"fold-{row[told]}" if told == "fold" else row[told]
        parts.setdefault(part, []).append(row[key])
    return {part: tuple(ids) for part, ids in parts.items()}


def list_splits(name: str) -> dict[str, Split | str]:
    """Return the splits of a collection by name; where one no longer fits, why not."""
    from medcls.data.collections import open_collection
    from medcls.data.splits import list_splits as listed
    from medcls.data.splits import read_split

    collection = open_collection(name)
    found: dict[str, Split | str] = {}
    for split in listed(collection):
        try:
            found[split] = read_split(collection, split)
        except MedclsError as error:
            found[split] = str(error)
    return found


def count_folds(collections: Sequence[str], split: str) -> int:
    """Return how many folds a split has that all of some collections have; 0 for a hold-out, and for `auto`.

    Args:
        collections: Names of collections.
        split: Name of the split.

    Raises:
        BadData: If a collection is unknown.
        BadSplit: If there is no such split, or the collections have different numbers of folds.
    """
    from medcls.data.collections import open_collection
    from medcls.data.splits import read_split

    if split == "auto":
        return 0
    by_name = {name: len(read_split(open_collection(name), split).folds) for name in collections}
    if len(set(by_name.values())) > 1:
        raise BadSplit(
            "workflows.folds-differ", split=split, found=", ".join(f"{n} in {name}" for name, n in by_name.items())
        )
    return next(iter(by_name.values()), 0)


def list_shared_splits(collections: Sequence[str]) -> dict[str, int]:
    """Return the splits that all given collections have, with their number of folds (0: hold-out); `auto` always.

    Raises:
        BadData: If there is no such collection.
    """
    from medcls.data.collections import open_collection
    from medcls.data.splits import list_splits as listed

    names = [set(listed(open_collection(name))) for name in collections]
    found = {"auto": 0}
    for split in sorted(set.intersection(*names) if names else ()):
        with contextlib.suppress(MedclsError):  # damaged, of contents that have changed, or not alike in all of them
            found[split] = count_folds(collections, split)
    return found


def count_parts(name: str, split: Split) -> dict[str, dict[str, int]]:
    """Count the cases of each label in each part of a split."""
    from medcls.data.collections import open_collection

    collection = open_collection(name)
    label = dict(zip(collection.column("id"), collection.column("label"), strict=True))
    return {
        part: {one: sum(label.get(case) == one for case in ids) for one in collection.labels}
        for part, ids in split.parts.items()
    }
