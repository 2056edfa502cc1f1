"""Labels mended: each change of a collection is its next version, with who made it and when; old ones stay readable.

`changes.jsonl` in the collection's folder holds one line a change. The index keeps the labels as the set gave them, so
that any version can be made again from the decisions that were in force.
"""

import getpass
import json
import os
import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from medcls import disk
from medcls.core.collection import Change, CollectionRecord
from medcls.core.record import read_bounded
from medcls.data.collection import Collection, Stored
from medcls.data.index import Index
from medcls.data.labels import slug, tidy
from medcls.data.registry import folder_of, write_record
from medcls.data.settle import DROP, KEEP, LABEL, RENAME, settle
from medcls.errors import BadData, BadRecord

_LOG = "changes.jsonl"


def change(name: str, decisions: Mapping[str, str | None], *, who: str = "", undoes: int = 0) -> CollectionRecord:
    """Decide on findings and cases: carried out in the index, kept in the record and in the list of changes.

    Args:
        name: Name of the collection.
        decisions: Decision by key, as in `CollectionRecord.decisions`; None takes one back. `rename:<label id>` gives a
            label another name: where another label has it, the two become one. A label may be given by its name too.
        who: Who decided; empty takes the name of the account.
        undoes: Version of the change that this one takes back; 0 for none.

    Returns:
        The record as it is now. Its version is the next one where the contents changed.

    Raises:
        BadData: If there is no such collection, case or label.
    """
    folder = folder_of(name)
    Stored(folder)  # there must be one before a lock is made
    with disk.locked(folder):
        return _change(folder, decisions, who, undoes)


def _change(folder: Path, decisions: Mapping[str, str | None], who: str, undoes: int) -> CollectionRecord:
    """Do what `change` does, in a folder that is held."""
    stored = Stored(folder)
    decisions = _by_id(stored, decisions)
    _check(stored, decisions)
    was = {key: stored.record.decisions.get(key) for key in decisions}
    merged = {k: v for k, v in {**stored.record.decisions, **decisions}.items() if v is not None}
    record = settled(stored, merged)
    if was != dict(decisions):
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        line = Change(record.version, at, who or _account(), dict(decisions), was, record.fingerprint, undoes)
        disk.append_line(folder / _LOG, json.dumps(line.to_dict(), ensure_ascii=False))
    write_record(folder, record)
    return record


def settled(stored: Stored, decisions: Mapping[str, str]) -> CollectionRecord:
    """Carry decisions out in a collection's index; returns the record that goes with it, not yet written."""
    base = first_record(stored)
    renames = renamed_ids(base, decisions)
    digest, n_used, n_dropped = settle(stored.index, decisions, renames)
    labels = tuple(dict.fromkeys(renames.get(label, label) for label in base.labels))
    names = {renames.get(i, i): base.names.get(i, i) for i in reversed(base.labels)}
    names |= {renames[i]: _name(base, decisions[f"{RENAME}{i}"]) for i in renames}
    changed = digest != stored.record.fingerprint
    return replace(
        stored.record,
        fingerprint=digest,
        n_cases=n_used,
        n_dropped=n_dropped,
        n_unlabelled=stored.index.count_unlabelled(),
        decisions=dict(sorted(decisions.items())),
        labels=labels,
        names=names if base.names or renames else {},
        positive=tuple(dict.fromkeys(renames.get(i, i) for i in base.positive)),
        version=stored.record.version + changed,
    )


def _name(base: CollectionRecord, name: str) -> str:
    return next(
        (base.name_of(i) for i in base.labels if tidy(base.name_of(i)).casefold() == tidy(name).casefold()), tidy(name)
    )


def renamed_ids(base: CollectionRecord, decisions: Mapping[str, str]) -> dict[str, str]:
    """Return the new id of each label that was given another name, by its id as the set gave it."""
    by_name = {tidy(base.name_of(i)).casefold(): i for i in base.labels} | {i: i for i in base.labels}
    found = {}
    for key, name in decisions.items():
        if key.startswith(RENAME):
            found[key.removeprefix(RENAME)] = by_name.get(tidy(name).casefold(), slug(name))
    return found


def first_record(stored: Stored) -> CollectionRecord:
    """Return the record with labels as the set gave them; kept at the first change."""
    path = stored.folder / "base.json"
    try:
        return CollectionRecord.read(path)
    except FileNotFoundError:
        disk.write_atomically(path, stored.record.to_json().encode())
    return stored.record


def _by_id(stored: Stored, decisions: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return decisions with the id of each label that is given by its name, in any case and form."""
    now, first = stored.record, first_record(stored)
    ids = {tidy(now.name_of(i)).casefold(): i for i in now.labels}
    given = {tidy(now.name_of(j)).casefold(): i for i, j in _now_of(stored, first).items()}
    given |= {tidy(first.name_of(i)).casefold(): i for i in first.labels}
    found: dict[str, str | None] = {}
    for key, value in decisions.items():
        if key.startswith(LABEL) and value is not None and value not in now.labels:
            value = ids.get(tidy(value).casefold(), value)
        if key.startswith(RENAME) and (label := key.removeprefix(RENAME)) not in first.labels:
            key = f"{RENAME}{given.get(tidy(label).casefold(), label)}"
        found[key] = value
    return found


def _now_of(stored: Stored, first: CollectionRecord) -> dict[str, str]:
    """Return the id that each label of the set has now."""
    renames = renamed_ids(first, stored.record.decisions)
    return {label: renames.get(label, label) for label in first.labels}


def _check(stored: Stored, decisions: Mapping[str, str | None]) -> None:
    """Refuse decisions on cases and labels that are not there."""
    single = [(key, value) for key, value in decisions.items() if key.startswith((DROP, LABEL, KEEP))]
    known = set(stored.index.column("id")) if single else set()
    labels = set(stored.record.labels)
    for key, value in single:
        if key.partition(":")[2] not in known:
            raise BadData("data.no-such-case")
        if key.startswith(LABEL) and value is not None and value not in labels:
            raise BadData("data.no-such-label", found=value[:80], allowed=_names(stored.record))
    base = first_record(stored)
    for key in decisions:
        if key.startswith(RENAME) and key.removeprefix(RENAME) not in base.labels:
            raise BadData("data.no-such-label", found=key.removeprefix(RENAME)[:80], allowed=_names(base))


def _names(record: CollectionRecord) -> str:
    return ", ".join(sorted(map(record.name_of, record.labels)))


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "local"


def list_changes(name: str) -> tuple[Change, ...]:
    """Return what was changed in a collection, the first change first.

    Raises:
        BadData: If there is no such collection.
        BadRecord: If a line is damaged: a change that is not known cannot be passed over.
    """
    folder = folder_of(name)
    Stored(folder)
    path = folder / _LOG
    try:
        lines = read_bounded(path, f"{name}/{_LOG}").splitlines()
    except FileNotFoundError:
        return ()
    return tuple(Change.from_json(line, f"{name}/{_LOG}") for line in lines)


def undo(name: str, *, who: str = "") -> CollectionRecord:
    """Take back the last change that was not taken back yet.

    Raises:
        BadData: If there is none.
    """
    folder = folder_of(name)
    Stored(folder)
    with disk.locked(folder):  # of two who undo at once, each takes back another change
        changes = list_changes(name)
        undone = {c.undoes for c in changes}
        open_ = [(n, c) for n, c in enumerate(changes, 1) if not c.undoes and n not in undone]
        if not open_:
            raise BadData("data.nothing-to-undo", name=name)
        n, last = open_[-1]
        return _change(folder, last.was, who, n)


def open_version(name: str, version: int) -> Collection:
    """Open a collection as it was at a version, rebuilt from the index and the decisions then in force.

    Raises:
        BadData: If there is no such collection or version.
    """
    stored = Stored(folder_of(name))
    if version == stored.record.version:
        return Collection((stored,))
    changes = list_changes(name)
    numbers = {1, *(c.version for c in changes)}
    if version not in numbers:
        raise BadData(
            "data.no-such-version", name=name, found=str(version), allowed=", ".join(map(str, sorted(numbers)))
        )
    folder = stored.folder / "versions" / f"{version:04d}"
    if not (folder / "record.json").is_file():
        _make_version(stored, folder, _decisions_at(changes, version), version)
    return Collection((Stored(folder),))


def _decisions_at(changes: tuple[Change, ...], version: int) -> dict[str, str]:
    decisions: dict[str, str | None] = {}
    for one in changes:
        if one.version > version:
            break
        decisions |= one.set
    return {key: value for key, value in decisions.items() if value is not None}


def _make_version(stored: Stored, folder: Path, decisions: Mapping[str, str], version: int) -> None:
    """Write an old version beside the present one: the index settled anew, the looks shared."""
    built = disk.aside(folder)
    built.mkdir(parents=True)
    try:
        with sqlite3.connect(built / "index.sqlite") as copy:
            stored.index.db.backup(copy)
        copy.close()
        try:
            os.link(stored.folder / "looks.bin", built / "looks.bin")
        except OSError:  # a file system without links
            _copy_looks(stored.folder, built)
        disk.write_atomically(built / "base.json", first_record(stored).to_json().encode())
        name = f"{stored.record.name}@{version}"
        write_record(built, replace(stored.record, name=name, version=version, decisions={}))
        old = Stored(built)
        write_record(built, replace(settled(old, decisions), version=version))
        Index.close(old.index)
        built.replace(folder)
    finally:
        shutil.rmtree(built, ignore_errors=True)


def _copy_looks(folder: Path, into: Path) -> None:
    try:
        shutil.copyfile(folder / "looks.bin", into / "looks.bin")
    except OSError as error:
        found = error.strerror or type(error).__name__
        raise BadRecord("core.unreadable-record", where="looks.bin", found=found) from error
