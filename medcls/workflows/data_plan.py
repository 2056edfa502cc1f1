"""Bringing labelled scans in as a page or a command does: look first, decide, then add."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from medcls import home
from medcls.core.collection import CollectionRecord
from medcls.core.note import Note
from medcls.core.plan import NotTaken, Plan, PlanChoices
from medcls.core.progress import Progress, silent
from medcls.errors import BadData
from medcls.workflows.acts import act, allowed


@allowed("build")
def make_plan(path: Path, choices: PlanChoices | None = None, progress: Progress = silent) -> Plan:
    """Return the plan of bringing in labelled scans; nothing is written that stays.

    Args:
        path: Folder, table or ZIP archive.
        choices: What a person decided; None for nothing.
        progress: Called with the stage, what is done and the total.

    Raises:
        BadData: If nothing is recognised, or a choice is impossible.
    """
    from medcls.data import collections

    return collections.make_plan(path, choices, progress)


@allowed("build")
def list_not_taken(path: Path, choices: PlanChoices | None = None) -> dict[str, Note]:
    """Return every file at a path that would not be taken, with the reason.

    Raises:
        BadData: As `make_plan`.
    """
    from medcls.data.collections import list_left

    return list_left(path, choices)


@act("build", "data.add", "name")
def add_planned(
    path: Path, plan: Plan, name: str = "", *, copy: bool = False, progress: Progress = silent
) -> CollectionRecord:
    """Add what a plan says.

    Args:
        path: Folder, table or ZIP archive that the plan is of.
        plan: The plan, with what a person decided.
        name: What to call the collection; empty takes the folder's name.
        copy: True to copy the files into the collection's own folder.
        progress: Called with the stage, what is done and the total.

    Raises:
        BadData: If a question is open, or what lies at the path is no longer what the plan says.
        Conflict: If there is a collection of that name.
    """
    from medcls.data.collections import add_collection as add

    if asked := plan.open_questions:
        raise BadData(
            "workflows.plan-asks", asks=asked[0].asks, option=asked[0].option, allowed=", ".join(asked[0].allowed)
        )
    return add(path, name or None, choices=plan.choices, copy=copy, progress=progress).record


@allowed("build")
@contextmanager
def uploaded_file(file: BinaryIO) -> Iterator[Path]:
    """Keep a ZIP archive that was sent through the browser as a file while the block runs.

    Args:
        file: The archive.
    """
    home.datasets().mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=home.datasets(), prefix=".upload-", suffix=".zip") as kept:
        file.seek(0)
        shutil.copyfileobj(file, kept, 1 << 20)
        kept.flush()
        yield Path(kept.name)


def make_plan_of_upload(file: BinaryIO, choices: PlanChoices | None = None, progress: Progress = silent) -> Plan:
    """Return the plan of adding a ZIP archive that was sent through the browser; see `make_plan`."""
    with uploaded_file(file) as kept:
        return make_plan(kept, choices, progress)


def add_upload(file: BinaryIO, plan: Plan, name: str, progress: Progress = silent) -> CollectionRecord:
    """Add a ZIP archive that was sent through the browser; see `add_planned`."""
    with uploaded_file(file) as kept:
        return add_planned(kept, plan, name, progress=progress)


def collection_name(file_name: str) -> str:
    """Return what a collection is called that comes from a file or folder of this name."""
    from medcls.data.collections import name_for

    return name_for(Path(file_name))


def read_plan(path: Path) -> PlanChoices:
    """Return what a person decided in a saved plan, to use it for the next delivery of the same kind.

    Raises:
        BadData: If there is no such file.
        MedclsError: If it is no plan.
    """
    try:
        return Plan.read(path, path.name).choices
    except FileNotFoundError as error:
        raise BadData("workflows.no-plan-file", found=type(error).__name__) from error


def not_taken_of(name: str) -> dict[str, Note]:
    """Return every file that was not taken when a collection was added, with the reason.

    Raises:
        BadData: If there is no such collection.
    """
    from medcls.data.collections import open_collection

    return open_collection(name).stored[0].index.not_taken()


def plan_of(name: str) -> Plan | None:
    """Return the plan a collection was added by; None for one that an older medcls added.

    Raises:
        BadData: If there is no such collection.
    """
    from medcls.data.collections import open_collection

    try:
        return Plan.read(open_collection(name).stored[0].folder / "plan.json")
    except FileNotFoundError:
        return None


def group_left(left: Mapping[str, Note]) -> tuple[NotTaken, ...]:
    """Return what is not taken by folder, ending and reason, the largest first."""
    from medcls.data.plan import group_left as group

    return group(left)


def count_brought_parts(name: str) -> dict[str, int]:
    """Count the cases in use of each part or fold that the set brought.

    Raises:
        BadData: If there is no such collection.
    """
    from medcls.data.collections import open_collection

    found: dict[str, int] = {}
    for key, value, _, n in open_collection(name).stored[0].index.count_attributes():
        if key in ("part", "fold"):
            part = str(value) if key == "part" else f"fold-{value}"
            found[part] = found.get(part, 0) + n
    return found
