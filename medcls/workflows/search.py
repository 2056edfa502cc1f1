"""Searches over settings: start one, watch it, stop it, see which setting mattered. Trials are ordinary runs."""

import shutil
from collections.abc import Iterator
from functools import partial

from medcls.core.note import Note
from medcls.core.outcome import Outcome
from medcls.core.progress import Progress, silent
from medcls.errors import BadSpec, Conflict
from medcls.reproduction.recipes import preset_of
from medcls.runs import search as searches
from medcls.runs import study as studies
from medcls.runs.folder import read_tail
from medcls.runs.launch import launch, start_detached, wait_until_locked
from medcls.runs.search_spec import (
    PRESETS,
    Range,
    SearchSpec,
    folder_of,
    list_searches,
    parse_range,
    read_search,
    write_search,
)
from medcls.runs.search_view import FEWEST_FOR_IMPORTANCE, SearchView, Trial, delete_search, search_here, show_search
from medcls.workflows.acts import act

__all__ = [
    "FEWEST_FOR_IMPORTANCE",
    "PRESETS",
    "Range",
    "SearchSpec",
    "SearchView",
    "Trial",
    "delete_search",
    "list_searches",
    "parse_range",
    "preset_of",
    "search_here",
    "show_search",
]


def any_at_work() -> bool:
    """Return whether a process of this home works on any search."""
    return any(map(searches.is_worked_on, list_searches()))


def show_all() -> tuple[Outcome[SearchView], ...]:
    """Return every search of this machine as it stands, or why it cannot be read."""
    return tuple(Outcome.of(name, partial(show_search, name)) for name in list_searches())


def read_log(name: str, lines: int = 40) -> str:
    """Return the last sentences a search said: one for each trial, with the reason where it failed.

    Raises:
        BadSpec: If there is no such search.
    """
    read_search(name)
    return read_tail(folder_of(name) / "log.txt", lines)


@act("build", "search.start")
def start_search(spec: SearchSpec, progress: Progress = silent) -> None:
    """Write a search down and work on it in the background.

    Args:
        spec: What is asked for.
        progress: Called with steps done and in all: its base checked, its database opened, its worker up.

    Raises:
        BadSpec: If its database does not answer.
        Conflict: If there is one of that name.
        MedclsError: If its base could not run (data, task, model).
    """
    from medcls.workflows.runs import check_spec

    progress(0, 3)
    check_spec(spec.base)
    progress(1, 3)
    write_search(spec)
    try:
        studies.open_study(spec, make=True)
    except BadSpec:
        shutil.rmtree(folder_of(spec.name))
        raise
    progress(2, 3)
    resume_search(spec.name)
    progress(3, 3)


@act("build", "search.resume", "name")
def resume_search(name: str) -> None:
    """Resume a search in the background; does nothing if it is already running here.

    Raises:
        BadSpec: If there is no such search.
        RunFailed: If no worker came up.
    """
    read_search(name)
    folder = folder_of(name)
    if searches.is_worked_on(name):
        return
    (folder / "stop").unlink(missing_ok=True)
    worker = start_detached(["-m", "medcls", "search", "work", name], folder / "log.txt")
    wait_until_locked(folder, worker, f"search {name}")


@act("build", "search.join", "name")
def join_search(name: str, storage: str) -> None:
    """Take part in a search that another machine began, in the background.

    Raises:
        BadSpec: If the database does not answer, or has no such search.
        Conflict: If a search of that name is here already.
    """
    searches.join_search(name, storage)
    resume_search(name)


def work_on(name: str) -> Iterator[Note]:
    """Work on a search in this process.

    Yields:
        What became of each trial, after it.

    Raises:
        BadSpec: If there is no such search.
        Conflict: If another process works on it here.
    """
    yield from searches.Work(read_search(name), launch).carry_on()


@act("build", "search.stop", "name")
def stop_search(name: str) -> None:
    """Ask a search to stop; its current run stops too, keeps its best epoch, and continues on resume.

    Raises:
        BadSpec: If there is no such search.
        Conflict: If nobody works on it here.
    """
    read_search(name)
    if not searches.is_worked_on(name):
        raise Conflict("workflows.search-idle", search=name)
    (folder_of(name) / "stop").touch()
