"""Fine-tuning runs: start one, watch it, stop it, resume it. What it gave: `run_results`.

Nothing here loads torch: a run computes in a process of its own.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from medcls import disk, home
from medcls.core.data_seen import DataSeen
from medcls.core.outcome import Outcome
from medcls.core.run import FINAL, EpochResult, RunSpec, RunState
from medcls.errors import BadData, BadModel, BadRecord, Conflict, MedclsError
from medcls.models import store
from medcls.reproduction.recipes import RECIPES
from medcls.runs import boot
from medcls.runs.folder import AT_REST, RunFolder, make_run, open_run
from medcls.runs.folder import list_runs as _folders
from medcls.runs.launch import launch
from medcls.workflows.acts import act

SILENT_S = 600.0  # a worker that has not written its state for so long may hang


@dataclass(frozen=True)
class RunView:
    """A run as a person sees it at one moment.

    Args:
        id: Its id.
        name: What a person calls it.
        spec: What was asked for.
        state: Where it stands.
        silent_s: Seconds since its worker last wrote; of interest while it runs.
        has_result: True once there is a model to look at and to publish.
        handed_over: True if a cluster was asked to carry it out.
        n_samples: Sheets of made pictures that a translator has drawn.
    """

    id: str
    name: str
    spec: RunSpec
    state: RunState
    silent_s: float
    has_result: bool
    handed_over: bool = False
    n_samples: int = 0

    @property
    def moves(self) -> bool:
        """True while something may still change by itself."""
        return self.state.status not in (*AT_REST, "died", *(() if self.handed_over else ("queued",)))

    @property
    def progress(self) -> float:
        """Share of the work done, 0 to 1."""
        if self.state.status == "finished":
            return 1.0
        part = self.state.step / self.state.steps if self.state.steps else 0.0
        return min(
            1.0, (self.state.epoch + min(1.0, part)) / max(1, self.state.epochs or self.spec.optimisation.epochs)
        )

    @property
    def may_hang(self) -> bool:
        """True if it should be working and has said nothing for long."""
        return self.state.status in ("preparing", "running", "stopping") and self.silent_s > SILENT_S


def list_runs() -> tuple[RunView, ...]:
    """Return every readable run, the newest first."""
    return tuple(run.value for run in _every_run() if run.value is not None)


def broken_runs() -> tuple[Outcome[RunView], ...]:
    """Return the runs that cannot be read, with the reason."""
    return tuple(run for run in _every_run() if not run.ok)


def _every_run() -> Iterator[Outcome[RunView]]:
    for run in _folders():
        view = Outcome.of(run.id, partial(_whole_view, run))
        if view.ok or disk.is_there(run.path / "spec.json"):  # else deleted between the list and the look
            yield view


def _whole_view(run: RunFolder) -> RunView:
    try:
        return _moving_view(run)
    except OSError as error:
        found = error.strerror or type(error).__name__
        raise BadRecord("core.unreadable-record", where=run.id, found=found) from error


def _moving_view(run: RunFolder) -> RunView:
    has_result = os.path.isfile(run.result / store.CARD)
    n_samples = len(run.sheets())
    return RunView(
        run.id, run.name(), run.spec(), run.state(), run.silent_s(), has_result, run.is_handed_over(), n_samples
    )


def show_run(run_id: str) -> RunView:
    """Return one run.

    Args:
        run_id: Its id, or the beginning of it if no other run begins so.

    Raises:
        BadSpec: If there is no such run.
        BadRecord: If it cannot be read.
    """
    return _whole_view(open_run(run_id))


def read_metrics(run_id: str) -> tuple[EpochResult, ...]:
    """Return the epochs a run has done so far.

    Raises:
        BadSpec: If there is no such run.
    """
    return open_run(run_id).metrics()


def read_log(run_id: str, lines: int = 40) -> str:
    """Return the last lines of what a run's worker printed.

    Raises:
        BadSpec: If there is no such run.
    """
    return open_run(run_id).log_tail(lines)


def read_data_seen(run_id: str) -> DataSeen | None:
    """Return which data a run was given; None before it has read them.

    Raises:
        BadSpec: If there is no such run.
    """
    return open_run(run_id).data_seen()


@act("build", "run.start")
def start_run(spec: RunSpec) -> RunView:
    """Start a new run; it outlives the process that started it.

    Args:
        spec: What is asked for.

    Raises:
        BadData: If no collection is named, or one is unknown.
        BadTask: If the task is unknown.
        BadModel: If the model to start from is unknown.
        Conflict: If the place for runs cannot be written to.
        RunFailed: If no worker came up.
    """
    check_spec(spec)
    run = make_run(spec)
    launch(run)
    return _moving_view(run)


def check_spec(spec: RunSpec) -> None:
    """Check what can be known of a spec without reading any scan.

    Raises:
        BadData: If no collection is named, one is unknown, or the site to leave out is none of theirs.
        BadTask: If the task is unknown.
        BadModel: If the initial weights cannot be found.
        BadSpec: If there is no run whose made pictures are to be learned from.
    """
    from medcls.data.collections import open_collection
    from medcls.data.sources import check_site, sites_of

    if not spec.data.collections:
        raise BadData("workflows.run-without-data")
    collections = [open_collection(name) for name in spec.data.collections]
    if spec.data.leave_out:
        check_site(spec.data.leave_out, sites_of(collections))
    if spec.data.task:
        from medcls.errors import BadTask
        from medcls.tasks import list_tasks

        tasks = list_tasks(home.tasks())
        if spec.data.task not in tasks:
            raise BadTask("workflows.no-such-task", found=repr(spec.data.task)[:80], allowed=", ".join(tasks))
    if spec.data.made_from:
        open_run(spec.data.made_from)
    if spec.network.initial.endswith(".safetensors"):
        if not Path(spec.network.initial).expanduser().is_file():
            raise BadModel("workflows.no-initial-weights", found=spec.network.initial[-120:])
    elif spec.network.initial not in ("imagenet", "none", ""):
        _check_model(spec.network.initial)


def _check_model(model_id: str) -> None:
    try:
        store.read_card(model_id)
    except BadModel as error:
        if model_id not in RECIPES:
            raise
        raise BadModel("workflows.recipe-not-made", model=model_id, data=RECIPES[model_id].data) from error


@act("build", "run.resume", "run_id")
def resume_run(run_id: str) -> RunView:
    """Resume a run that was stopped, was paused, died or never started; does nothing if a worker has it.

    Raises:
        BadSpec: If there is no such run.
        Conflict: If it is finished, or is still stopping.
        RunFailed: If no worker came up.
    """
    run = open_run(run_id)
    state = run.state()
    if state.status == "finished":
        raise Conflict("workflows.run-finished", run=run.id, n=state.epoch)
    if state.status == "stopping":
        raise Conflict("workflows.run-still-stopping", run=run.id)
    launch(run)
    return _moving_view(run)


def resume_interrupted() -> tuple[str, ...]:
    """Resume every run that a restart of this machine cut off; the server does this when it starts.

    What killed writers left aside under the home is deleted first.

    A run whose worker died while the machine stayed up is left alone: it may die of the same cause again. One that
    cannot be started stays as it is; resuming it by hand says why.

    Returns:
        Ids of the runs that were started.
    """
    disk.sweep(home.home())
    started: list[str] = []
    try:
        runs = _folders()
    except OSError:  # told wherever runs are listed
        return ()
    for run in runs:
        try:
            if boot.was_cut_off(run):
                launch(run)
                started.append(run.id)
        except (MedclsError, OSError):
            continue
    return tuple(started)


@act("build", "run.stop", "run_id")
def stop_run(run_id: str) -> RunView:
    """Ask a run to stop; it keeps the best epoch so far and can be resumed.

    Raises:
        BadSpec: If there is no such run.
        Conflict: If it is at rest already.
    """
    run = open_run(run_id)
    state = run.state()
    if state.status in (*FINAL, "died", "paused"):
        raise Conflict("workflows.run-not-running", run=run.id, found=state.status)
    run.request_stop()
    return _moving_view(run)


@act("build", "run.delete", "run_id")
def delete_run(run_id: str) -> None:
    """Delete a run with everything it made; models published from it stay.

    Raises:
        BadSpec: If there is no such run.
        Conflict: If a worker has it.
    """
    open_run(run_id).delete()


@act("build", "run.rename", "run_id")
def rename_run(run_id: str, name: str) -> RunView:
    """Rename a run.

    Raises:
        BadSpec: If there is no such run, or this is no name.
    """
    run = open_run(run_id)
    run.rename(name)
    return _moving_view(run)


def watch_run(run_id: str, sleep: Callable[[float], None], every_s: float = 1.0) -> Iterator[RunView]:
    """Return the run each time its state has changed, until it is at rest.

    Args:
        run_id: The run.
        sleep: Called between two looks, with `every_s`.
        every_s: Seconds between two looks.

    Raises:
        BadSpec: If there is no such run.
    """
    last: RunState | None = None
    while True:
        view = show_run(run_id)
        if view.state != last:
            yield view
            last = view.state
        if not view.moves:
            return
        sleep(every_s)
