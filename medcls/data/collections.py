"""Labelled collections on this machine: add one, open one, open several as one.

A collection is a folder `MEDCLS_HOME/datasets/<name>/` with `record.json`, the index and the splits made of it;
the scans stay where they are.
"""

import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from medcls import disk, home
from medcls.core.collection import CollectionRecord
from medcls.core.task import OWN
from medcls.data.collection import Collection, Stored, as_text, bytes_of, digest_of
from medcls.data.duplicates import find_pairs
from medcls.data.flags import flag_pictures
from medcls.data.index import Index
from medcls.data.layouts import Entry, Layout, recognise
from medcls.data.layouts.layout import natural, slug
from medcls.data.look import LOOK, Look, look, look_at_array
from medcls.data.settle import settle
from medcls.data.unpack import unpack
from medcls.errors import BadData, Conflict, MedclsError
from medcls.tasks import list_tasks

Progress = Callable[[str, int, int], None]
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_BATCH = 512


def folder_of(name: str) -> Path:
    """Give the folder of a collection.

    Raises:
        BadData: If the name cannot be one.
    """
    if not _NAME.fullmatch(name):
        raise BadData(
            "A collection cannot have this name", found=repr(name)[:80], allowed="a-z, 0-9, '.', '_', '-', 64 at most"
        )
    return home.datasets() / name


def list_collections() -> tuple[CollectionRecord, ...]:
    """Give the records of all collections on this machine, by name; folders without a record are passed over."""
    paths = sorted(home.datasets().glob("*/record.json")) if home.datasets().is_dir() else []
    return tuple(
        CollectionRecord.from_json(p.read_bytes(), p.parent.name) for p in paths if _NAME.fullmatch(p.parent.name)
    )


def open_collection(name: str) -> Collection:
    """Open a collection by name.

    Raises:
        BadData: If there is none.
    """
    return Collection((Stored(folder_of(name)),))


def open_many(names: Iterable[str]) -> Collection:
    """Open several collections as one, to train on them together.

    Args:
        names: Their names; one name gives that collection itself.

    Raises:
        BadData: If there is none of a name, no name at all, or they answer different tasks.
    """
    stored = tuple(Stored(folder_of(name)) for name in dict.fromkeys(names))
    if not stored:
        raise BadData("No collection is chosen", do="Choose one or more")
    if len({s.record.task_id for s in stored}) > 1:
        raise BadData(
            "These collections answer different questions",
            found=", ".join(s.record.task_id for s in stored),
            do="Choose collections of one task",
        )
    return Collection(stored)


def remove_collection(name: str) -> None:
    """Forget a collection: its record, index and splits. The scans themselves are not touched.

    Raises:
        BadData: If there is none.
    """
    Stored(folder_of(name))
    shutil.rmtree(folder_of(name))


def add_collection(
    path: Path | str,
    name: str | None = None,
    *,
    layout: str | None = None,
    task_id: str | None = None,
    copy: bool = False,
    progress: Progress | None = None,
) -> Collection:
    """Index labelled scans where they lie, group what shows the same picture, and set contradictions aside.

    Args:
        path: Folder, csv or ZIP archive as downloaded. An archive is unpacked into the collection's own folder.
        name: What to call it; None takes the folder's name.
        layout: Name of its layout; None recognises it by looking.
        task_id: Task its labels belong to; None takes the layout's.
        copy: True to copy the files into the collection's own folder instead of reading them where they are.
        progress: Called with the stage, what is done and the total.

    Raises:
        BadData: If nothing is recognised, or nothing labelled can be read.
        Conflict: If there is a collection of that name.
    """
    path = Path(path).expanduser().resolve()
    name = name or slug(path.stem if path.is_file() else path.name)
    final = folder_of(name)
    if final.exists():
        raise Conflict(f"There is a collection called {name}", do="Choose another name, or remove the old one")
    if not path.exists():
        raise BadData(
            "There is nothing at this path", found=str(path)[:200], do="Check the path on the machine medcls runs on"
        )
    tell = progress or (lambda stage, done, total: None)
    aside = disk.aside(final)
    aside.mkdir(parents=True)
    try:
        source = _brought_in(path, aside / "files", copy, tell)
        found, root = recognise(source, layout)
        _check_task(found, task_id)
        made = _build(aside, root, found, tell)
        base = root.parent if root.is_file() else root
        if base.is_relative_to(aside):
            base = final / base.relative_to(aside)
        write_record(aside, replace(made, name=name, root=str(base), task_id=task_id or found.task_id))
        try:
            os.rename(aside, final)
        except OSError as error:
            raise Conflict(f"There is a collection called {name} by now", do="Choose another name") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return open_collection(name)


def _brought_in(path: Path, files: Path, copy: bool, tell: Progress) -> Path:
    """Give the folder to read: the one given, or one of our own where it was an archive or a copy was asked for."""
    if path.is_file() and zipfile.is_zipfile(path):
        unpack(path, files, lambda done, total: tell("unpacking the archive", done, total))
        return files
    if not copy:
        return path
    tell("copying the files", 0, 1)
    source = path.parent if path.is_file() else path
    shutil.copytree(source, files, symlinks=True)
    tell("copying the files", 1, 1)
    return files / path.name if path.is_file() else files


def _check_task(layout: Layout, task_id: str | None) -> None:
    if task_id is None or task_id == OWN:
        return
    tasks = list_tasks(home.tasks())
    if task_id not in tasks:
        raise BadData("The task is unknown", found=task_id[:80], allowed=", ".join([*tasks, OWN]))
    if foreign := set(layout.labels) - set(tasks[task_id].label_ids):
        raise BadData(
            f"The labels are not those of {task_id}", found=", ".join(sorted(foreign)),
            allowed=", ".join(tasks[task_id].label_ids),
        )  # fmt: skip


def _build(folder: Path, root: Path, layout: Layout, progress: Progress) -> CollectionRecord:
    """Write the index into a folder; gives the record but for its name, root and task."""
    index = Index.create(folder)
    total = sum(1 for _ in layout.entries(root))
    base = root.parent if root.is_file() else root
    n_read = n_aside = 0
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for entries in _batches(layout.entries(root)):
            good, bad = _look_at(pool, base, entries)
            rows = [_row(n_read + i, entry, seen) for i, (entry, seen) in enumerate(good)]
            index.append(rows, np.array([seen.values for _, seen in good], LOOK))
            index.set_aside(bad)
            n_read, n_aside = n_read + len(good), n_aside + len(bad)
            progress("reading the scans", n_read + n_aside, total)
    if n_read == 0:
        raise BadData("None of the scans can be read", found=f"{n_aside} unreadable files", do="Check the folder")
    flag_pictures(index)
    note_pairs(index, progress)
    digest, n_used, n_dropped = settle(index, {})
    labels = layout.labels or tuple(sorted({v for v in index.column("label") if v is not None}, key=natural))
    made = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    index.close()
    return CollectionRecord("", "", layout.name, "", labels, digest, n_used, n_aside, n_dropped, {}, made)


def write_record(folder: Path, record: CollectionRecord) -> None:
    """Write a collection's record so that no reader ever sees half of it."""
    disk.write_whole(folder / "record.json", record.to_json().encode())


def note_pairs(index: Index, progress: Progress) -> None:
    """Find near-duplicates among all cases of an index and note them in it."""
    sides = np.minimum(index.column("height"), index.column("width")).astype(np.int64)
    pairs = find_pairs(
        index.looks()["grey"], sides, lambda done, total: progress("looking for duplicates", done, total)
    )
    with index.db as db:
        db.execute("DELETE FROM pairs")
        rows = zip(pairs.a.tolist(), pairs.b.tolist(), pairs.likeness.tolist(), strict=True)
        db.executemany("INSERT INTO pairs VALUES (?,?,?)", rows)
    index.note(pairs_compared=str(pairs.compared))


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    while batch := list(islice(entries, _BATCH)):
        yield batch


def _look_at(
    pool: ThreadPoolExecutor, root: Path, entries: list[Entry]
) -> tuple[list[tuple[Entry, Look]], list[tuple[str, str]]]:
    """Look at a batch of entries in threads (decoding and hashing let go of the interpreter)."""
    seen = list(pool.map(lambda entry: _look_or_reason(root, entry.id), entries))
    good = [(entry, s) for entry, s in zip(entries, seen, strict=True) if isinstance(s, Look)]
    bad = [(as_text(entry.id), s) for entry, s in zip(entries, seen, strict=True) if isinstance(s, str)]
    return good, bad


def _look_or_reason(root: Path, case_id: str) -> Look | str:
    try:
        data, pixels = bytes_of(root, case_id)
        return look(data) if pixels is None else look_at_array(pixels, digest_of(data, pixels))
    except MedclsError as error:
        return str(error)
    except OSError as error:
        return f"The file cannot be opened: {error.strerror or type(error).__name__}."


def _row(n: int, entry: Entry, seen: Look) -> tuple[Any, ...]:
    group = entry.group or entry.patient or entry.id
    told = json.dumps(entry.attributes, ensure_ascii=False, sort_keys=True)
    masks = json.dumps(entry.masks, ensure_ascii=False)
    return (n, entry.id, entry.label, entry.patient, entry.group, group, seen.sha256, *seen.size_px, masks, told)
