"""The clinical questions that ship, one TOML file each, and those a user adds under MEDCLS_HOME/tasks."""

import hashlib
import tomllib
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from medcls.core.note import Note
from medcls.core.outcome import Outcome
from medcls.core.record import check_plain, read_bounded
from medcls.core.task import OWN, Label, Task
from medcls.errors import BadTask, MedclsError

_SHIPPED = Path(__file__).parent
_LONGEST = 64  # characters of a task id


def read_task(path: Path) -> Task:
    """Read one task file.

    Args:
        path: A TOML file with the fields of `medcls.core.task.Task`; `recommended` may name a model.

    Raises:
        BadTask: If the file cannot be read or does not describe a task.
    """
    try:
        fields = {name: value for name, value in _parse(path).items() if name != "recommended"}
        return Task.from_dict(fields, where=path.name)
    except BadTask as error:
        if error.code == "tasks.unreadable-file":
            raise
        raise BadTask("tasks.wrong-file", name=path.name, error=str(error).rstrip(".")) from error
    except MedclsError as error:
        raise BadTask("tasks.wrong-file", name=path.name, error=str(error).rstrip(".")) from error


def recommended(task_id: str, folder: Path | None = None) -> str:
    """Return the id of the model that is named for a task; empty if none is.

    It is named by those who know the models, in the task's file; what users publish or measure changes it in no way.

    Args:
        task_id: The task.
        folder: Further task files, as for `list_tasks`; one that cannot be read names nothing.
    """
    for path in _files(folder):
        fields = Outcome.of(path.name, partial(_parse, path)).value or {}
        if fields.get("id") == task_id:
            return str(fields.get("recommended", ""))
    return ""


def _files(folder: Path | None) -> list[Path]:
    return sorted(_SHIPPED.glob("*.toml")) + (sorted(folder.glob("*.toml")) if folder else [])


def _parse(path: Path) -> dict[str, Any]:
    try:
        told = _loads(read_bounded(path, path.name))
    except (OSError, ValueError, RecursionError) as error:  # not there, not UTF-8, not TOML, or TOML without an end
        raise BadTask("tasks.unreadable-file", name=path.name, found=str(error)[:120]) from error
    check_plain(told, path.name)
    return told


@lru_cache(64)
def _loads(data: bytes) -> dict[str, Any]:
    """Return a task file's values, read once for the same bytes: every run of a page asks which model is named."""
    return tomllib.loads(data.decode())


def list_tasks(folder: Path | None = None) -> dict[str, Task]:
    """Return the tasks that ship and those of a folder, by id; a faulty file is left out and told by `broken_tasks`.

    Args:
        folder: Further task files (`*.toml`); None or a missing folder for none.
    """
    return {task.id: task for entry in _read_all(folder) if (task := entry.value) is not None}


def broken_tasks(folder: Path) -> tuple[Outcome[Task], ...]:
    """Return the task files of a folder that cannot be used, each with what is wrong with it."""
    return tuple(entry for entry in _read_all(folder) if not entry.ok)


def _read_all(folder: Path | None) -> Iterator[Outcome[Task]]:
    """Read every file; of two with one id the first counts."""
    known: set[str] = set()
    for path in _files(folder):
        entry = Outcome.of(path.name, partial(read_task, path))
        if entry.value is not None and entry.value.id in known:
            entry = Outcome(path.name, error=BadTask("tasks.id-twice", id=entry.value.id, name=path.name))
        known |= {entry.value.id} if entry.value is not None else set()
        yield entry


_HEALTHY = frozenset(
    (
        "normal",
        "benign",
        "healthy",
        "negative",
        "control",
        "controls",
        "none",
        "absent",
        "no",
        "0",
        "false",
        "other",
        "rest",
        "background",
    )
)
_NOT = ("no-", "not-", "non-", "without-")


def own_task(
    label_ids: tuple[str, ...], *, names: Mapping[str, str] | None = None, positive: Collection[str] = ()
) -> Task:
    """Return a task of a user's own labels, as found in a collection.

    What counts as disease is what was said when the scans were added. Where nobody said it, it is guessed from the ids
    (`normal`, `benign`, `healthy`, `no-…` do not), else it is the last label; the task's limits say which. Its id holds
    the labels: two sets with other labels are two tasks.

    Args:
        label_ids: Two or more label ids.
        names: Names of the labels by id; a label that is not there is called by its id in words.
        positive: Ids of those that mean disease; empty where nobody said.

    Raises:
        BadTask: If there are fewer than two, or one is no valid id.
    """
    said = [i for i in label_ids if i in positive]
    sick = said or [i for i in label_ids if i.lower() not in _HEALTHY and not i.lower().startswith(_NOT)]
    why = Note("tasks.positive-as-said") if said else Note("tasks.positive-by-names")
    if not said and len(sick) in (0, len(label_ids)):
        sick, why = list(label_ids[-1:]), Note("tasks.positive-as-last")
    called = {i: (names or {}).get(i, i.replace("-", " ")) for i in label_ids}
    labels = tuple(Label(i, called[i], positive=i in sick) for i in label_ids)
    limits = [Note("tasks.limit-positive", why=why, labels=", ".join(called[i] for i in sick))]
    if not said:
        limits.append(Note("tasks.limit-own-file"))
    question = Note("tasks.which", labels=", ".join(called.values()))
    return Task(_own_id(label_ids), str(question), labels, limits=(" ".join(map(str, limits)),))


def _own_id(label_ids: tuple[str, ...]) -> str:
    whole = f"{OWN}-{'.'.join(label_ids)}"
    digest = hashlib.sha256(repr(label_ids).encode()).hexdigest()[:8]
    if not whole.isascii():  # the id of a task is part of file names
        return f"{OWN}-{digest}"
    if len(whole) <= _LONGEST and not any("." in label for label in label_ids):
        return whole
    return f"{whole[: _LONGEST - 9]}-{digest}"
