"""The clinical questions that ship, one TOML file each, and those a user adds under MEDCLS_HOME/tasks."""

import hashlib
import tomllib
from pathlib import Path

from medcls.core.task import OWN, Label, Task
from medcls.errors import BadTask, MedclsError

_SHIPPED = Path(__file__).parent
_LONGEST = 64  # characters of a task id


def read_task(path: Path) -> Task:
    """Read one task file.

    Args:
        path: A TOML file with the fields of `medcls.core.task.Task`.

    Raises:
        BadTask: If the file cannot be read or does not describe a task.
    """
    try:
        return Task.from_dict(tomllib.loads(path.read_text(encoding="utf-8")), where=path.name)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadTask("tasks.unreadable-file", name=path.name, found=str(error)[:120]) from error
    except MedclsError as error:
        raise BadTask("tasks.wrong-file", name=path.name, error=str(error).rstrip(".")) from error


def list_tasks(folder: Path | None = None) -> dict[str, Task]:
    """Give the tasks that ship and those of a folder, by id.

    Args:
        folder: Further task files (`*.toml`); None or a missing folder for none.

    Raises:
        BadTask: If a file is wrong or an id stands twice.
    """
    tasks: dict[str, Task] = {}
    for path in sorted(_SHIPPED.glob("*.toml")) + (sorted(folder.glob("*.toml")) if folder else []):
        task = read_task(path)
        if task.id in tasks:
            raise BadTask("tasks.id-twice", id=task.id, name=path.name)
        tasks[task.id] = task
    return tasks


_HEALTHY = frozenset((
    "normal", "benign", "healthy", "negative", "control", "controls", "none", "absent", "no", "0", "false", "other", "rest",
    "background",
))  # fmt: skip
_NOT = ("no-", "not-", "non-", "without-")


def own_task(label_ids: tuple[str, ...]) -> Task:
    """Make a task of a user's own label names, as found in the folders of a collection.

    What counts as disease is guessed from the names (`normal`, `benign`, `healthy`, `no-…` do not), else it is the last
    label; the task's limits say which, and that a task file is how to say it oneself. Its id holds the labels: two
    sets with other labels are two tasks.

    Args:
        label_ids: Two or more label ids.

    Raises:
        BadTask: If there are fewer than two, or one is no valid id.
    """
    sick = [i for i in label_ids if i.lower() not in _HEALTHY and not i.lower().startswith(_NOT)]
    why = "by the labels' names"
    if len(sick) in (0, len(label_ids)):
        sick, why = list(label_ids[-1:]), "as the last label, for want of a better sign"
    labels = tuple(Label(i, i.replace("-", " "), positive=i in sick) for i in label_ids)
    limit = f"Counted as disease, {why}: {', '.join(sick)}. A task file in MEDCLS_HOME/tasks says it otherwise."
    return Task(_own_id(label_ids), f"Which of these is it: {', '.join(label_ids)}?", labels, limits=(limit,))


def _own_id(label_ids: tuple[str, ...]) -> str:
    whole = f"{OWN}-{'.'.join(label_ids)}"
    if len(whole) <= _LONGEST and not any("." in label for label in label_ids):
        return whole
    return f"{whole[: _LONGEST - 9]}-{hashlib.sha256(repr(label_ids).encode()).hexdigest()[:8]}"
