"""Searches over knobs: start one, watch it, stop it, see which knob mattered. Trials are ordinary runs."""

import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from medcls.core.recipes import RECIPES
from medcls.core.record import Record
from medcls.errors import BadSpec, Conflict
from medcls.runs import search as searches
from medcls.runs.folder import RunFolder, read_tail
from medcls.runs.launch import launch, start_detached, wait_until_held
from medcls.runs.search import PRESETS, Range, SearchSpec

__all__ = ["PRESETS", "Range", "SearchSpec", "SearchView", "Trial"]


@dataclass(frozen=True)
class Trial(Record):
    """One trial of a search.

    Args:
        number: From 0.
        state: `complete`, `pruned`, `running`, `fail` or `waiting`.
        value: Its best validation score; NaN if it has none.
        values: What was tried, by knob.
        run: Id of its run; empty if it has none on this machine.
    """

    number: int
    state: str
    value: float
    values: dict[str, Any]
    run: str


@dataclass(frozen=True)
class SearchView:
    """A search as it stands.

    Args:
        spec: What was asked for.
        worked_on: True while a process of this home works on it.
        trials: Every trial so far.
        best: The best trial; None before the first is complete.
        importance: Share of the scores' spread each knob explains, largest first; empty while too little is known.
    """

    spec: SearchSpec
    worked_on: bool
    trials: tuple[Trial, ...]
    best: Trial | None
    importance: dict[str, float]

    @property
    def done(self) -> int:
        """Trials that came to an end."""
        return sum(t.state in ("complete", "pruned", "fail") for t in self.trials)


def list_searches() -> tuple[str, ...]:
    """Give the names of the searches on this machine."""
    return searches.list_searches()


def any_at_work() -> bool:
    """Tell whether a process of this home works on any search."""
    return any(map(searches.is_worked_on, searches.list_searches()))


def read_log(name: str, lines: int = 40) -> str:
    """Give the last sentences a search said: one for each trial, with the reason where it failed.

    Raises:
        BadSpec: If there is no such search.
    """
    searches.read_search(name)
    return read_tail(searches.folder_of(name) / "log.txt", lines)


def start_search(spec: SearchSpec) -> None:
    """Write a search down and work on it in the background.

    Raises:
        BadSpec: If its database does not answer.
        Conflict: If there is one of that name.
        MedclsError: If its base could not run (data, task, model).
    """
    from medcls.workflows.runs import check_spec

    check_spec(spec.base)
    searches.write_search(spec)
    try:
        searches.open_study(spec, make=True)
    except BadSpec:
        shutil.rmtree(searches.folder_of(spec.name))
        raise
    resume_search(spec.name)


def resume_search(name: str) -> None:
    """Go on with a search in the background; does nothing if it is being worked on here.

    Raises:
        BadSpec: If there is no such search.
        RunFailed: If no worker came up.
    """
    searches.read_search(name)
    folder = searches.folder_of(name)
    if searches.is_worked_on(name):
        return
    (folder / "stop").unlink(missing_ok=True)
    worker = start_detached(["-m", "medcls", "search", "work", name], folder / "log.txt")
    wait_until_held(folder, worker, f"search {name}")


def join_search(name: str, storage: str) -> None:
    """Take part in a search that another machine began, in the background.

    Raises:
        BadSpec: If the database does not answer, or has no such search.
        Conflict: If a search of that name is here already.
    """
    searches.join_search(name, storage)
    resume_search(name)


def work_on(name: str) -> Iterator[str]:
    """Work on a search in this process.

    Yields:
        A sentence after each trial.

    Raises:
        BadSpec: If there is no such search.
        Conflict: If another process works on it here.
    """
    yield from searches.Work(searches.read_search(name), launch).carry_on()


def search_here(spec: SearchSpec, start: Callable[[RunFolder], None], say: Callable[[str], None]) -> SearchView:
    """Carry a search out in this process, or go on with it if it was begun for the same; otherwise it is begun anew.

    Args:
        spec: What is searched.
        start: Carries a trial's run out before it returns; what it raises ends the search, which can be gone on with.
        say: Called with a sentence after each trial.

    Raises:
        Conflict: If a process works on a search of that name.
    """
    if spec.name in list_searches() and searches.read_search(spec.name) != spec:
        delete_search(spec.name)
    if spec.name not in list_searches():
        searches.write_search(spec)
    for sentence in searches.Work(spec, start).carry_on():
        say(sentence)
    return show_search(spec.name)


def preset_of(recipe: str) -> tuple[Literal["random", "tpe"], dict[str, Range]] | None:
    """Give the sampler and the ranges of a recipe that is a search; None for any other name."""
    found = RECIPES.get(recipe)
    if found is None or not found.search:
        return None
    return found.sampler, dict(map(parse_range, found.search))


def stop_search(name: str) -> None:
    """Ask a search to stop; the run it is in stops too, keeps its best epoch, and is gone on with on resume.

    Raises:
        BadSpec: If there is no such search.
        Conflict: If nobody works on it here.
    """
    searches.read_search(name)
    if not searches.is_worked_on(name):
        raise Conflict(f"Search {name} is not being worked on here")
    (searches.folder_of(name) / "stop").touch()


def show_search(name: str) -> SearchView:
    """Give a search with its trials and which knob mattered.

    Raises:
        BadSpec: If there is no such search, or its database does not answer.
    """
    spec = searches.read_search(name)
    study = searches.open_study(spec)
    found = tuple(_trial(spec, t) for t in study.get_trials(deepcopy=False))
    complete = [t for t in found if t.state == "complete"]
    sign = -1 if searches.direction(spec) == "minimize" else 1
    best = max(complete, key=lambda t: sign * t.value, default=None)
    return SearchView(spec, searches.is_worked_on(name), found, best, _importance(study, complete))


def _trial(spec: SearchSpec, frozen: Any) -> Trial:
    value = frozen.value if frozen.value is not None else frozen.intermediate_values.get(frozen.last_step, math.nan)
    values = {name: searches.tried(spec, name, given) for name, given in frozen.params.items()}
    return Trial(frozen.number, frozen.state.name.lower(), float(value), values, frozen.user_attrs.get("run", ""))


# Below it a forest over the trials explains noise.
FEWEST_FOR_IMPORTANCE = 10


def _importance(study: Any, complete: list[Trial]) -> dict[str, float]:
    import optuna

    if len(complete) < FEWEST_FOR_IMPORTANCE or len({t.value for t in complete}) < 2:
        return {}
    found = optuna.importance.get_param_importances(
        study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0)
    )
    return {name: float(share) for name, share in found.items()}


def delete_search(name: str) -> None:
    """Delete a search's folder; its runs stay, and so does a study in a database elsewhere.

    Raises:
        BadSpec: If there is no such search.
        Conflict: If it is being worked on.
    """
    searches.read_search(name)
    if searches.is_worked_on(name):
        raise Conflict(f"Search {name} is being worked on", do="Stop it first")
    shutil.rmtree(searches.folder_of(name))


def parse_range(text: str) -> tuple[str, Range]:
    """Read a range as the command line writes it.

    Args:
        text: `lr=1e-4..1e-1:log`, `freeze=0..40`, or `batch_size=16,32,64`.

    Raises:
        BadSpec: If it cannot be read.

    Example:
        >>> parse_range("lr=1e-4..0.1:log")
        ('lr', Range(low=0.0001, high=0.1, log=True, choices=()))
    """
    import ast

    name, equals, values = text.partition("=")
    values, log = values.removesuffix(":log"), values.endswith(":log")
    try:
        if ".." in values:
            low, high = map(float, values.split(".."))
            return name, Range(low, high, log)
        if equals and values:
            return name, Range(choices=tuple(_plain(part, ast.literal_eval) for part in values.split(",")))
    except ValueError as error:
        raise BadSpec(
            "This range cannot be read", found=text[:80], allowed="knob=low..high, knob=low..high:log or knob=a,b,c"
        ) from error
    raise BadSpec(
        "This range cannot be read", found=text[:80], allowed="knob=low..high, knob=low..high:log or knob=a,b,c"
    )


def _plain(part: str, read: Any) -> Any:
    try:
        return read(part)
    except (ValueError, SyntaxError):
        return part


def run_of(trial: Trial) -> RunFolder | None:
    """Give the run of a trial; None if it is not on this machine."""
    from medcls.errors import MedclsError
    from medcls.runs.folder import open_run

    try:
        return open_run(trial.run) if trial.run else None
    except MedclsError:
        return None
