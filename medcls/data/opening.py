"""Labelled collections opened: one, one as it was, or several as one."""

from collections.abc import Iterable

from medcls.data.collection import Collection, Stored
from medcls.data.mending import open_version
from medcls.data.registry import folder_of
from medcls.errors import BadData


def open_collection(name: str) -> Collection:
    """Open a collection by name.

    Args:
        name: Its name; `name@2` opens its version 2.

    Raises:
        BadData: If there is none.
    """
    plain, at, version = name.partition("@")
    if at and version.isdecimal():
        return open_version(plain, int(version))
    return Collection((Stored(folder_of(name)),))


def open_many(names: Iterable[str]) -> Collection:
    """Open several collections as one, to train on them together.

    Args:
        names: Their names; one name gives that collection itself.

    Raises:
        BadData: If there is none of a name, no name at all, or they answer different tasks.
    """
    stored = tuple(open_collection(name).stored[0] for name in dict.fromkeys(names))
    if not stored:
        raise BadData("data.none-chosen")
    if len({s.record.task_id for s in stored}) > 1:
        raise BadData("data.different-tasks", found=", ".join(s.record.task_id for s in stored))
    return Collection(stored)
