"""The clinical questions that ship, one TOML file each, and those a user adds under MEDCLS_HOME/tasks."""

import tomllib
from pathlib import Path

from medcls.core.task import Label, Task
from medcls.errors import BadTask, MedclsError

_SHIPPED = Path(__file__).parent


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
        raise BadTask(f"The task file {path.name} cannot be read", found=str(error)[:120]) from error
    except MedclsError as error:
        raise BadTask(str(error).rstrip("."), do=f"Mend {path.name}") from error


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
            raise BadTask(f"Two task files have the id {task.id}", do=f"Rename the one in {path.name}")
        tasks[task.id] = task
    return tasks


def own_task(label_ids: tuple[str, ...]) -> Task:
    """Make a task of a user's own label names, as found in the folders of a collection.

    Args:
        label_ids: Two or more label ids; the last counts as positive where there are two.

    Raises:
        BadTask: If there are fewer than two, or one is no valid id.
    """
    labels = tuple(Label(i, i.replace("-", " ")) for i in label_ids)
    return Task("own", f"Which of these is it: {', '.join(label_ids)}?", labels)
