"""The shelf of labelled collections on this machine: their names, records and locks.

A collection is a folder `MEDCLS_HOME/datasets/<name>/` with `record.json`, the index, the record of what was changed, and
the splits made of it; the scans stay where they are.
"""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from medcls import disk, home
from medcls.core.collection import CollectionRecord
from medcls.data.collection import Collection, Stored
from medcls.errors import BadData

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
    """Return the records of all collections on this machine, by name; folders without a record are passed over."""
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
        raise BadData("data.none-chosen")
    if len({s.record.task_id for s in stored}) > 1:
        raise BadData("data.different-tasks", found=", ".join(s.record.task_id for s in stored))
    return Collection(stored)


def remove_collection(name: str) -> None:
    """Forget a collection: its record, index and splits. The scans themselves are not touched.

    Raises:
        BadData: If there is none.
    """
    Stored(folder_of(name))
    shutil.rmtree(folder_of(name))


def write_record(folder: Path, record: CollectionRecord) -> None:
    """Write a collection's record so that no reader ever sees half of it."""
    disk.write_whole(folder / "record.json", record.to_json().encode())
