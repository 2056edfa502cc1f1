"""A search as a reader sees it (trials, the best, which setting mattered), and carrying one out in this process."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from medcls import disk
from medcls.core.note import Note
from medcls.core.record import Record
from medcls.core.run import RENAMED
from medcls.errors import Conflict
from medcls.runs.folder import RunFolder
from medcls.runs.search import Work, is_worked_on, tried
from medcls.runs.search_spec import BEAT, SearchSpec, folder_of, list_searches, read_search, write_search
from medcls.runs.study import direction, open_study, reading_study


@dataclass(frozen=True)
class Trial(Record):
    """One trial of a search.

    Args:
        number: From 0.
        state: `complete`, `pruned`, `running`, `left open` (nobody works on it any more), `fail` or `waiting`.
        value: Its best validation score; NaN if it has none.
        values: What was tried, by setting.
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
        importance: Share of the scores' spread each setting explains, largest first; empty while too little is known.
        silent_s: Seconds since whoever works on it last gave a sign; 0 where nobody does.
    """

    spec: SearchSpec
    worked_on: bool
    trials: tuple[Trial, ...]
    best: Trial | None
    importance: dict[str, float]
    silent_s: float = 0.0

    @property
    def ended_early(self) -> bool:
        """True if nobody works on it though there are trials to do: stopped, or its process ended."""
        return not self.worked_on and self.done < self.spec.trials

    @property
    def done(self) -> int:
        """Trials that came to an end."""
        return sum(t.state in ("complete", "pruned", "fail") for t in self.trials)


def search_here(spec: SearchSpec, start: Callable[[RunFolder], None], say: Callable[[Note], None]) -> SearchView:
    """Carry out a search in this process: resume it if it was begun with the same spec, else begin anew.

    Args:
        spec: What is searched.
        start: Carries a trial's run out before it returns; what it raises ends the search, which can be gone on with.
        say: Called with a note after each trial.

    Raises:
        Conflict: If a process works on a search of that name.
    """
    if spec.name in list_searches() and read_search(spec.name) != spec:
        delete_search(spec.name)
    if spec.name not in list_searches():
        write_search(spec)
    for note in Work(spec, start).carry_on():
        say(note)
    return show_search(spec.name)


def show_search(name: str) -> SearchView:
    """Return a search with its trials and which setting mattered.

    Raises:
        BadSpec: If there is no such search, or its database does not answer.
        BadRecord: If what it holds cannot be understood.
    """
    spec = read_search(name)
    with reading_study(name):
        study = open_study(spec)
        found = tuple(_trial(spec, t) for t in study.get_trials(deepcopy=False))
        return _view(spec, study, found)


def _view(spec: SearchSpec, study: Any, found: tuple[Trial, ...]) -> SearchView:
    complete = [t for t in found if t.state == "complete"]
    sign = -1 if direction(spec) == "minimize" else 1
    best = max(complete, key=lambda t: sign * t.value, default=None)
    worked_on = is_worked_on(spec.name)
    if not worked_on and not spec.storage:  # nobody else can: what the database calls running was left open
        found = tuple(replace(t, state="left open") if t.state == "running" else t for t in found)
    return SearchView(spec, worked_on, found, best, _importance(study, complete), _silent_s(spec) if worked_on else 0.0)


def _silent_s(spec: SearchSpec) -> float:
    """Return how long ago a search last gave a sign; a time in the future counts as one in the past."""
    try:
        return abs(time.time() - (folder_of(spec.name) / BEAT).stat().st_mtime)
    except FileNotFoundError:
        return 0.0


def _trial(spec: SearchSpec, frozen: Any) -> Trial:
    value = frozen.value if frozen.value is not None else frozen.intermediate_values.get(frozen.last_step, math.nan)
    names = {name: RENAMED.get(name, name) for name in frozen.params}
    values = {names[old]: tried(spec, names[old], given) for old, given in frozen.params.items()}
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
    read_search(name)
    if is_worked_on(name):
        raise Conflict("runs.search-busy", search=name)
    disk.delete_folder(folder_of(name))
