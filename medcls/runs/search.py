"""A search over settings: an Optuna study whose trials are ordinary runs.

Optuna decides what to try next and when to give a trial up; its database is what several machines share. Here is
only what turns a trial into a run and a run's epochs into the trial's scores.
"""

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from medcls.core.note import Note
from medcls.core.record import check_plain
from medcls.core.run import EpochResult, RunSpec
from medcls.errors import BadRecord, BadSpec, Conflict, MedclsError
from medcls.runs import lock
from medcls.runs.folder import AT_REST, RunFolder, list_runs, make_run
from medcls.runs.search_spec import BEAT, Range, SearchSpec, folder_of, number, value_of, write_search
from medcls.runs.study import open_study, open_to_work, patiently, reading_study, spec_of_study

if TYPE_CHECKING:
    import optuna

_LOOK_EVERY_S = 0.5
_RUN = "run"  # under which a trial notes its run
_BEAT_EVERY_S = 5.0


def is_worked_on(name: str) -> bool:
    """Return whether a process of this home works on a search."""
    return lock.is_locked(folder_of(name) / "lock")


def join_search(name: str, storage: str) -> SearchSpec:
    """Take part in a search that another machine began.

    Args:
        name: Its name.
        storage: The database both machines reach.

    Raises:
        BadSpec: If the database does not answer, or has no such search.
        Conflict: If a search of that name is here already.
    """
    probe = SearchSpec(name, RunSpec(), {"lr": Range(1e-5, 1e-1, log=True)}, storage=storage)
    told = spec_of_study(open_study(probe))
    if told is None:
        raise BadSpec("runs.foreign-study", found=name)
    check_plain(told, f"search {name}")
    spec = dataclasses.replace(SearchSpec.from_dict(told, f"search {name}"), storage=storage)
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

    def carry_on(self) -> Iterator[Note]:
        """Finish open trials, then start new ones until there are enough or a stop is requested.

        Yields:
            What became of each trial, after it.

        Raises:
            BadRecord: If its database is damaged.
            Conflict: If another process works on the search here.
        """
        with lock.hold(folder_of(self.spec.name) / "lock") as held:
            if not held:
                raise Conflict("runs.search-busy-here", search=self.spec.name)
            with reading_study(self.spec.name):
                study = open_to_work(self.spec)
                left_open = tuple(self._left_open(study))
            for trial, run in left_open:
                yield self._follow(study, trial, run)
            while not self._stopped() and self._begun(study) < self.spec.trials:
                trial = patiently(study.ask, self.sleep)
                try:
                    run = make_run(self._vary(trial))
                except MedclsError as error:
                    patiently(partial(study.tell, trial, state=_state("FAIL")), self.sleep)
                    yield Note("runs.trial-refused", trial=trial.number, error=Note.of(error))
                    continue
                patiently(partial(trial.set_user_attr, _RUN, run.id), self.sleep)
                yield self._follow(study, trial, run)

    def _beat(self) -> None:
        """Touch the search's heartbeat file: readers look at its time."""
        path = folder_of(self.spec.name) / BEAT
        with contextlib.suppress(
            OSError
        ):  # a full or read-only disk must not end the search: its lock says that it lives
            if not path.exists() or abs(time.time() - path.stat().st_mtime) > _BEAT_EVERY_S:
                path.touch()

    def _begun(self, study: "optuna.Study") -> int:
        return len(patiently(partial(study.get_trials, deepcopy=False), self.sleep))

    def _stopped(self) -> bool:
        return (folder_of(self.spec.name) / "stop").exists()

    def _left_open(self, study: "optuna.Study") -> Iterator[tuple[Any, RunFolder]]:
        """Trials whose run is on this machine and whose end was never told: whoever worked on them died."""
        import optuna

        runs = {run.id: run for run in list_runs()}
        for frozen in patiently(partial(study.get_trials, deepcopy=False, states=(_state("RUNNING"),)), self.sleep):
            run = runs.get(str(frozen.user_attrs.get(_RUN)))  # a study may be a stranger's
            if run is not None:
                yield optuna.trial.Trial(study, frozen._trial_id), run

    def _vary(self, trial: Any) -> RunSpec:
        values = {name: suggest(trial, name, r) for name, r in self.spec.ranges.items()}
        return self.spec.base.having(name=f"{self.spec.name} {trial.number}", **values)

    def _follow(self, study: "optuna.Study", trial: Any, run: RunFolder) -> Note:
        """Watch a trial's run to its end, giving it up if Optuna says so."""
        told, pruned = 0, False
        self.start(run)
        while True:
            state = run.state()
            self._beat()
            for result in _known(run)[told:]:
                told = result.epoch
                value = result.validate.get(self.spec.base.optimisation.monitor, math.nan)
                if math.isfinite(value):
                    patiently(partial(trial.report, value, result.epoch), self.sleep)
            if state.status in (*AT_REST, "died"):
                return self._tell(study, trial, run, pruned)
            if not pruned and (
                (told and self.spec.prune and patiently(trial.should_prune, self.sleep)) or self._stopped()
            ):
                pruned = True
                run.request_stop()
            self.sleep(_LOOK_EVERY_S)

    def _tell(self, study: "optuna.Study", trial: Any, run: RunFolder, pruned: bool) -> Note:
        state = run.state()
        ended = Note("runs.trial-ended", trial=trial.number, status=state.status, message=state.message or "")
        if pruned and not self._stopped():
            patiently(partial(study.tell, trial, state=_state("PRUNED")), self.sleep)
            return Note("runs.trial-given-up", trial=trial.number, status=state.status, epoch=state.epoch)
        if state.status in ("paused", "died") or (pruned and self._stopped()):
            return ended  # left open: resuming the search goes on with it
        if state.status == "failed" or not math.isfinite(state.best_score):
            patiently(partial(study.tell, trial, state=_state("FAIL")), self.sleep)
            return ended
        patiently(partial(study.tell, trial, state.best_score), self.sleep)
        best = {"score": state.best_score, "epoch": state.best_epoch, "monitor": self.spec.base.optimisation.monitor}
        return Note("runs.trial-scored", trial=trial.number, status=state.status, **best)


def _known(run: RunFolder) -> tuple[EpochResult, ...]:
    """Return the epochs a run has told of; none while its file cannot be read, the run's own end decides then."""
    try:
        return run.metrics()
    except BadRecord:
        return ()


def _state(name: str) -> Any:
    import optuna

    return optuna.trial.TrialState[name]


def suggest(trial: Any, name: str, values: Range) -> Any:
    """Ask a trial for a setting's value, typed as the setting is.

    Args:
        trial: A trial of Optuna.
        name: Name of the setting.
        values: What may be tried.
    """
    if values.choices:
        texts = [repr(choice) for choice in values.choices]  # Optuna keeps only plain values as categories
        return value_of(values.choices[texts.index(trial.suggest_categorical(name, texts))])
    if name == "freeze" or isinstance(RunSpec().value(name), int):
        return number(name, trial.suggest_int(name, int(values.low), int(values.high), log=values.log))
    return trial.suggest_float(name, values.low, values.high, log=values.log)


def tried(spec: SearchSpec, name: str, given: Any) -> Any:
    """Return the value a trial tried, from what Optuna keeps of it.

    Args:
        spec: What the search was asked for.
        name: Name of the setting.
        given: What Optuna keeps: of a choice its `repr`, else the number.
    """
    choices = spec.ranges[name].choices
    return next((choice for choice in choices if repr(choice) == given), given)
