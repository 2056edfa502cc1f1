"""The shelf of labelled collections on this machine: their names, records and locks.

A collection is a folder `MEDCLS_HOME/datasets/<name>/` with `record.json`, the index, the record of what was changed,
and the splits made of it; the scans stay where they are.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from medcls import disk, home
from medcls.core.collection import CollectionRecord
from medcls.core.note import Note
from medcls.core.outcome import Outcome
from medcls.data.collection import Stored
from medcls.errors import BadData, MedclsError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def folder_of(name: str) -> Path:
    """Return the folder of a collection.

    Raises:
        BadData: If the name cannot be one.
    """
    if not _NAME.fullmatch(name):
        raise BadData("data.collection-name", found=repr(name)[:80])
    return home.datasets() / name


def list_collections() -> tuple[CollectionRecord, ...]:
    """Return the records of this machine's collections, by name; `broken_collections` has those that cannot be read."""
    return tuple(entry.value for entry in _read_all() if entry.value is not None)


def broken_collections() -> tuple[Outcome[CollectionRecord], ...]:
    """Return the collections whose record cannot be read, by the name of their folder, with the reason."""
    return tuple(entry for entry in _read_all() if not entry.ok)


def _read_all() -> Iterator[Outcome[CollectionRecord]]:
    """Read every record; a folder without one is passed over."""
    folders = sorted(home.datasets().iterdir()) if home.datasets().is_dir() else []
    for path in (folder / "record.json" for folder in folders):
        if _NAME.fullmatch(path.parent.name) and disk.is_there(path):
            yield Outcome.of(path.parent.name, partial(_read, path))


def _read(path: Path) -> CollectionRecord:
    try:
        record = CollectionRecord.read(path)
    except (FileNotFoundError, MedclsError) as error:
        raise BadData("data.unreadable-record", name=path.parent.name, found=str(error).rstrip(".")) from error
    if record.name != path.parent.name:
        raise BadData(
            "data.unreadable-record", name=path.parent.name, found=Note("data.found-name", name=f"{record.name!r:.60}")
        )
    return record


def remove_collection(name: str) -> None:
    """Forget a collection: its record, index and splits. The scans themselves are not touched.

    Raises:
        BadData: If there is none.
    """
    Stored(folder_of(name))
    disk.delete_folder(folder_of(name))


def write_record(folder: Path, record: CollectionRecord) -> None:
    """Write a collection's record so that no reader ever sees half of it."""
    disk.write_atomically(folder / "record.json", record.to_json().encode())
