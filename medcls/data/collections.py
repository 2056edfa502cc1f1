"""Bringing labelled scans in: looked at where they lie, indexed, grouped by what shows the same picture."""

import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from medcls import disk, home
from medcls.core.collection import CollectionRecord
from medcls.core.note import Note
from medcls.core.plan import Plan, PlanChoices
from medcls.core.progress import Progress, silent, staged
from medcls.data.collection import Collection, as_text, bytes_of, digest_of
from medcls.data.descriptors import DESCRIPTOR, PictureDescriptor, describe_array, describe_picture
from medcls.data.duplicates import find_pairs
from medcls.data.flags import flag_pictures
from medcls.data.index import Index
from medcls.data.labels import slug
from medcls.data.layouts import LAYOUTS, Entry
from medcls.data.opening import open_collection, open_many
from medcls.data.plan import Prepared, prepare
from medcls.data.registry import folder_of, list_collections, remove_collection, write_record
from medcls.data.settle import settle
from medcls.data.unpack import unpack
from medcls.data.vocabulary import natural
from medcls.errors import BadData, BadScan, Conflict, MedclsError
from medcls.words import say

__all__ = [
    "add_collection",
    "folder_of",
    "list_collections",
    "list_left",
    "make_plan",
    "name_for",
    "note_pairs",
    "open_collection",
    "open_many",
    "remove_collection",
    "slug",
    "write_record",
]
_BATCH = 512


def make_plan(path: Path | str, choices: PlanChoices | None = None, progress: Progress = silent) -> Plan:
    """Return the plan of bringing in labelled scans; nothing is written that stays.

    Args:
        path: Folder, table or ZIP archive. An archive is unpacked into the cache for the while.
        choices: What a person decided; None for nothing.
        progress: Called with the stage, what is done and the total.

    Raises:
        BadData: If nothing is recognised, or a choice is impossible.
    """
    path = _there(path)
    with _unpacked(path, progress) as (source, notes):
        plan = prepare(source, choices, staged(progress, say("data.stage-files"))).plan
    return replace(plan, path=str(path), notes=(*plan.notes, *notes))


def list_left(path: Path | str, choices: PlanChoices | None = None) -> dict[str, Note]:
    """Return every file at a path that would not be taken, with the reason; see `make_plan`."""
    path = _there(path)
    with _unpacked(path, silent) as (source, _):
        return prepare(source, choices).left


def _there(path: Path | str) -> Path:
    path = Path(path).expanduser()
    path = path.resolve() if path.exists() else path
    if not path.exists():
        raise BadData("data.nothing-at-path", found=str(path)[:200])
    return path


@contextmanager
def _unpacked(path: Path, progress: Progress) -> Iterator[tuple[Path, tuple[Note, ...]]]:
    if not (path.is_file() and _is_archive(path)):
        yield path, ()
        return
    files = disk.aside(home.cache() / "plan")
    try:
        page = unpack(path, files, staged(progress, say("data.stage-unpacking")))
        yield files, _names_guessed(page)
    finally:
        shutil.rmtree(files, ignore_errors=True)


def _names_guessed(page: str) -> tuple[Note, ...]:
    return (Note("data.names-guessed", page=page),) if page else ()


def _is_archive(path: Path) -> bool:
    """Return whether a file is a ZIP archive to unpack; an Excel file is one inside, but no archive of scans."""
    return zipfile.is_zipfile(path) and path.suffix.lower() not in (".xlsx", ".xlsm", ".ods")


def add_collection(
    path: Path | str,
    name: str | None = None,
    *,
    task_id: str | None = None,
    copy: bool = False,
    choices: PlanChoices | None = None,
    progress: Progress = silent,
) -> Collection:
    """Index labelled scans where they lie, group what shows the same picture, and set contradictions aside.

    Args:
        path: Folder, table or ZIP archive as downloaded. An archive is unpacked into the collection's own folder.
        name: What to call it; None takes the folder's name.
        task_id: Task its labels belong to; None takes the layout's.
        copy: True to copy the files into the collection's own folder instead of reading them where they are.
        choices: What a person decided of the plan; None for nothing.
        progress: Called with the stage, what is done and the total.

    Raises:
        BadData: If nothing is recognised, or nothing labelled can be read.
        Conflict: If there is a collection of that name.
    """
    path = _there(path)
    name = name or name_for(path)
    final = folder_of(name)
    if final.exists():
        raise Conflict("data.name-taken", name=name)
    choices = choices or PlanChoices()
    choices = replace(choices, task=task_id or choices.task)
    aside = disk.aside(final)
    aside.mkdir(parents=True)
    try:
        source, notes = _brought_in(path, aside / "files", copy, progress)
        prepared = prepare(source, choices, staged(progress, say("data.stage-files")))
        made = _build(aside, prepared, progress)
        base = prepared.root
        if base.is_relative_to(aside):
            base = final / base.relative_to(aside)
        write_record(aside, replace(made, name=name, root=str(base)))
        plan = replace(prepared.plan, path=str(path), notes=(*prepared.plan.notes, *notes))
        disk.write_atomically(aside / "plan.json", plan.to_json().encode())
        try:
            os.rename(aside, final)
        except OSError as error:
            raise Conflict("data.name-taken", name=name) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return open_collection(name)


def name_for(path: Path) -> str:
    """Return a collection's name made of a folder's or a file's: its letters in ASCII, else `scans` with a number."""
    stem = slug(path.name if path.is_dir() else path.stem).encode("ascii", "ignore").decode().strip("-._")
    if stem:
        return stem
    taken = {record.name for record in list_collections()}
    return next(name for n in range(1, len(taken) + 2) if (name := "scans" if n == 1 else f"scans-{n}") not in taken)


def _brought_in(path: Path, files: Path, copy: bool, progress: Progress) -> tuple[Path, tuple[Note, ...]]:
    """Return the folder to read: the one given, or one of our own where it was an archive or a copy was asked for."""
    if path.is_file() and _is_archive(path):
        page = unpack(path, files, staged(progress, say("data.stage-unpacking")))
        return files, _names_guessed(page)
    if not copy:
        return path, ()
    progress(0, 1, say("data.stage-copying"))
    source = path.parent if path.is_file() else path
    try:
        shutil.copytree(source, files, symlinks=True, ignore=partial(_not_copied, files))
    except shutil.Error as error:
        raise Conflict("core.file-trouble", found=str(error.args[0][0][2])) from error
    progress(1, 1, say("data.stage-copying"))
    return files / path.name if path.is_file() else files, ()


def _not_copied(files: Path, folder: str, names: list[str]) -> list[str]:
    """Return what of a folder is neither a file, a folder nor a link, or is where the copy goes."""
    paths = {name: Path(folder, name) for name in names}
    return [n for n, p in paths.items() if p == files or not (p.is_symlink() or p.is_file() or p.is_dir())]


def _build(folder: Path, prepared: Prepared, progress: Progress) -> CollectionRecord:
    """Write the index into a folder; returns the record but for its name and root."""
    index, entries, plan = Index.create(folder), prepared.entries, prepared.plan
    index.note_not_taken(prepared.left)
    n_read = n_aside = 0
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for batch in _batches(iter(entries)):
            good, bad = _look_at(pool, prepared.root, batch)
            rows = [_row(n_read + i, entry, seen) for i, (entry, seen) in enumerate(good)]
            index.append(rows, np.array([seen.values for _, seen in good], DESCRIPTOR))
            index.set_aside(bad)
            n_read, n_aside = n_read + len(good), n_aside + len(bad)
            progress(n_read + n_aside, len(entries), say("data.stage-scans"))
    if n_read == 0:
        raise BadData(
            "data.none-readable",
            n=n_aside,
            missing=sum(why.code == "data.row-missing" for why in prepared.left.values()),
        )
    flag_pictures(index)
    note_pairs(index, progress)
    digest, n_used, n_dropped = settle(index, {})
    record = CollectionRecord(
        "",
        "",
        plan.layout,
        plan.task_id,
        _labels(plan, index),
        digest,
        n_used,
        n_aside,
        n_dropped,
        {},
        now(),
    )
    sites, unlabelled = index.count_sites(), index.count_unlabelled()
    index.close()
    names = {label.id: label.name for label in plan.labels if label.id in record.labels}
    return replace(
        record,
        names=names,
        positive=tuple(label.id for label in plan.labels if label.positive and label.id in names),
        sites=dict(sorted(sites.items())) if len(sites) <= 200 else {},
        split=plan.split,
        patients_from=plan.patients_from,
        n_not_taken=plan.n_not_taken,
        n_unlabelled=unlabelled,
    )


def now() -> str:
    """Return the time, UTC, ISO 8601."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _labels(plan: Plan, index: Index) -> tuple[str, ...]:
    """Return the labels in order: those of a published layout all, else those that were found."""
    fixed = LAYOUTS[plan.layout].labels
    found = {label for label in index.column("label") if label is not None}
    if fixed and found <= set(fixed) and not plan.choices.names:
        return fixed
    known = [label.id for label in plan.labels]
    return tuple(sorted(found, key=lambda i: known.index(i) if plan.task_id != "own" else natural(i)))


def note_pairs(index: Index, progress: Progress) -> None:
    """Find near-duplicates among all cases of an index and note them in it."""
    sides = np.minimum(index.column("height"), index.column("width")).astype(np.int64)
    pairs = find_pairs(index.descriptors()["grey"], sides, staged(progress, say("data.stage-duplicates")))
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
) -> tuple[list[tuple[Entry, PictureDescriptor]], list[tuple[str, Note]]]:
    """Look at a batch of entries in threads (decoding and hashing let go of the interpreter)."""
    seen = list(pool.map(lambda entry: _describe_or_reason(root, entry.id), entries))
    good = [(entry, s) for entry, s in zip(entries, seen, strict=True) if isinstance(s, PictureDescriptor)]
    bad = [(as_text(entry.id), s) for entry, s in zip(entries, seen, strict=True) if isinstance(s, Note)]
    return good, bad


def _describe_or_reason(root: Path, case_id: str) -> PictureDescriptor | Note:
    try:
        data, pixels = bytes_of(root, case_id)
        return describe_picture(data) if pixels is None else describe_array(pixels, digest_of(data, pixels))
    except MedclsError as error:
        return Note.of(error)
    except OSError as error:
        return Note.of(BadScan("imaging.unopenable", reason=error.strerror or type(error).__name__))


def _row(n: int, entry: Entry, seen: PictureDescriptor) -> tuple[Any, ...]:
    group = entry.group or entry.patient or entry.id
    told = json.dumps(entry.attributes, ensure_ascii=False, sort_keys=True)
    masks = json.dumps(entry.masks, ensure_ascii=False)
    return (n, entry.id, entry.label, entry.patient, entry.group, group, seen.sha256, *seen.size_px, masks, told)
