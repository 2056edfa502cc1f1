"""A search over knobs: an Optuna study whose trials are ordinary runs.

Optuna decides what to try next and when to give a trial up; its database is what several machines share. Here is
only what turns a trial into a run and a run's epochs into the trial's scores.
"""

import dataclasses
import hashlib
import math
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from medcls import home
from medcls.core.run import RunSpec
from medcls.errors import BadSpec, Conflict, MedclsError
from medcls.runs import lock
from medcls.runs.folder import AT_REST, RunFolder, make_run
from medcls.runs.search_spec import Range, SearchSpec, folder_of, number, value_of, write_search

if TYPE_CHECKING:
    import optuna

_LOOK_EVERY_S = 0.5
_RUN = "run"  # under which a trial notes its run
_SEARCH = "search"  # under which a study notes what was asked for, for machines that join


def is_worked_on(name: str) -> bool:
    """Tell whether a process of this home works on a search."""
    return lock.is_held(folder_of(name) / "lock")


def open_study(spec: SearchSpec, *, make: bool = False) -> "optuna.Study":
    """Open the study of a search.

    Args:
        spec: The search.
        make: True to make it if it is not there.

    Raises:
        BadSpec: If it is not there, or the database does not answer.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    url = spec.storage or f"sqlite:///{folder_of(spec.name) / 'study.db'}"
    samplers = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}
    pruner = (
        optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=2) if spec.prune else optuna.pruners.NopPruner()
    )
    begin = optuna.create_study if make else optuna.load_study
    more = {"direction": direction(spec), "load_if_exists": True} if make else {}
    try:
        storage = optuna.storages.RDBStorage(url)
        study = begin(
            study_name=spec.name, storage=storage, sampler=samplers[spec.sampler](seed=spec.seed), pruner=pruner, **more
        )
        # Whoever goes on, or joins from another machine, tries other values than were tried.
        if known := len(study.get_trials(deepcopy=False)):
            study.sampler = samplers[spec.sampler](seed=_next_seed(spec.seed, known))
        if make:
            study.set_user_attr(_SEARCH, dataclasses.replace(spec, storage="").to_dict())
    except (KeyError, ImportError, SQLAlchemyError, optuna.exceptions.OptunaError) as error:
        raise BadSpec(
            f"The study of search {spec.name} cannot be opened", found=str(error)[:200], do="Check the database URL"
        ) from error
    return study


def _next_seed(seed: int, known: int) -> int:
    """Give a seed of its own to whoever takes a search up, by how many trials are known then and by the machine."""
    who = f"{seed} {known} {platform.node()}"
    return int.from_bytes(hashlib.sha256(who.encode()).digest()[:4], "big")


def direction(spec: SearchSpec) -> str:
    """Give which way the base's `select_by` score is better: `maximize` or `minimize`."""
    return "minimize" if spec.base.optimisation.monitor == "loss" else "maximize"


def join_search(name: str, storage: str) -> SearchSpec:
    """Take part in a search that another machine began.

    Args:
        name: Its name.
        storage: The database both machines reach.

    Raises:
        BadSpec: If the database does not answer, or has no such search.
        Conflict: If a search of that name is here already.
    """
    import optuna

    probe = SearchSpec(name, RunSpec(), {"lr": Range(1e-5, 1e-1, log=True)}, storage=storage)
    told = open_study(probe).user_attrs.get(_SEARCH)
    if told is None:
        raise BadSpec(
            "This study was not made by medcls", found=name, do=f"Optuna {optuna.__version__} alone can go on with it"
        )
    spec = dataclasses.replace(SearchSpec.from_dict(told), storage=storage)
    write_search(spec)
    return spec


@dataclass
class Work:
    """Works on a search: one trial after the other, each an ordinary run.

    Args:
        spec: The search.
        start: Starts a run; a no-op if a worker has it.
        sleep: Waits between two looks at a run.
    """

    spec: SearchSpec
    start: Callable[[RunFolder], None]
    sleep: Callable[[float], None] = time.sleep
    said: list[str] = field(default_factory=list)

    def carry_on(self) -> Iterator[str]:
        """Finish what was left open, then try on until there are enough trials or somebody asks to stop.

        Yields:
            A sentence after each trial.

        Raises:
            Conflict: If another process works on the search here.
        """
        with lock.hold(folder_of(self.spec.name) / "lock") as held:
            if not held:
                raise Conflict(f"Search {self.spec.name} is being worked on here")
            study = open_study(self.spec, make=True)
            for trial, run in self._left_open(study):
                yield self._follow(study, trial, run)
            while not self._stopped() and self._begun(study) < self.spec.trials:
                trial = study.ask()
                try:
                    run = make_run(self._vary(trial))
                except MedclsError as error:
                    study.tell(trial, state=_state("FAIL"))
                    yield f"Trial {trial.number}: {error}"
                    continue
                trial.set_user_attr(_RUN, run.id)
                yield self._follow(study, trial, run)

    def _begun(self, study: "optuna.Study") -> int:
        return len(study.get_trials(deepcopy=False))

    def _stopped(self) -> bool:
        return (folder_of(self.spec.name) / "stop").exists()

    def _left_open(self, study: "optuna.Study") -> Iterator[tuple[Any, RunFolder]]:
        """Trials whose run is on this machine and whose end was never told: whoever worked on them died."""
        import optuna

        for frozen in study.get_trials(deepcopy=False, states=(_state("RUNNING"),)):
            run = RunFolder(home.runs() / frozen.user_attrs.get(_RUN, "-"))
            if (run.path / "spec.json").is_file():
                yield optuna.trial.Trial(study, frozen._trial_id), run

    def _vary(self, trial: Any) -> RunSpec:
        values = {name: suggest(trial, name, r) for name, r in self.spec.ranges.items()}
        return self.spec.base.having(name=f"{self.spec.name} {trial.number}", **values)

    def _follow(self, study: "optuna.Study", trial: Any, run: RunFolder) -> str:
        """Watch a trial's run to its end, giving it up if Optuna says so."""
        told, pruned = 0, False
        self.start(run)
        while True:
            state = run.state()
            for result in run.metrics()[told:]:
                told = result.epoch
                value = result.validate.get(self.spec.base.optimisation.monitor, math.nan)
                if math.isfinite(value):
                    trial.report(value, result.epoch)
            if state.status in (*AT_REST, "died"):
                return self._tell(study, trial, run, pruned)
            if not pruned and ((told and self.spec.prune and trial.should_prune()) or self._stopped()):
                pruned = True
                run.ask_stop()
            self.sleep(_LOOK_EVERY_S)

    def _tell(self, study: "optuna.Study", trial: Any, run: RunFolder, pruned: bool) -> str:
        state = run.state()
        words = f"Trial {trial.number}: {state.status}"
        if pruned and not self._stopped():
            study.tell(trial, state=_state("PRUNED"))
            return f"{words}, given up after epoch {state.epoch}"
        if state.status in ("paused", "died") or (pruned and self._stopped()):
            return f"{words}; {state.message}"  # left open: resuming the search goes on with it
        if state.status == "failed" or not math.isfinite(state.best_score):
            study.tell(trial, state=_state("FAIL"))
            return f"{words}; {state.message}"
        study.tell(trial, state.best_score)
        return f"{words}, {self.spec.base.optimisation.monitor} {state.best_score:.3f} in epoch {state.best_epoch}"


def _state(name: str) -> Any:
    import optuna

    return optuna.trial.TrialState[name]


def suggest(trial: Any, name: str, values: Range) -> Any:
    """Ask a trial for a knob's value, typed as the knob is."""
    if values.choices:
        texts = [repr(choice) for choice in values.choices]  # Optuna keeps only plain values as categories
        return value_of(values.choices[texts.index(trial.suggest_categorical(name, texts))])
    if name == "freeze" or isinstance(RunSpec().value(name), int):
        return number(name, trial.suggest_int(name, int(values.low), int(values.high), log=values.log))
    return trial.suggest_float(name, values.low, values.high, log=values.log)


def tried(spec: SearchSpec, name: str, given: Any) -> Any:
    """Give the value a trial tried, from what Optuna keeps of it."""
    choices = spec.ranges[name].choices
    return next((choice for choice in choices if repr(choice) == given), given)
