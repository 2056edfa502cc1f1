"""The process that executes one run: `python -m medcls.runs.worker <folder>`.

It alone holds the run's lock and writes its state. It must never look at its own lock (see `medcls.runs.lock`).
"""

import contextlib
import errno
import itertools
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medcls.core.collection import PARTS
from medcls.core.data_seen import DataSeen
from medcls.core.note import Note
from medcls.core.run import EpochResult, RunSpec, Status
from medcls.errors import Conflict, MedclsError
from medcls.runs import boot, lock
from medcls.runs.device import hold_device
from medcls.runs.folder import RunFolder
from medcls.runs.writer import RunWriter

if TYPE_CHECKING:  # these load torch
    from medcls.core.made import MadeSet
    from medcls.core.model import ModelCard
    from medcls.data.sources import Sources
    from medcls.runs.make import Follow

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_WRITE_EVERY_S = 1.0


class StopRequested(MedclsError):
    """The run was asked to stop before there was a model to keep."""

    def __init__(self, epoch: int = 0) -> None:
        """Take how many epochs it had done when it was last stopped."""
        if epoch:
            super().__init__("runs.stopped-before-more", epoch=epoch)
        else:
            super().__init__("runs.stopped-before-first")


class NothingToDo(Conflict):
    """Another worker has the run, or it is finished."""


def main(argv: list[str]) -> int:
    """Carry out the run in a folder, unless another worker has it or it is finished.

    Returns:
        Exit status: 0 if the run ended as it should or there was nothing to do, else 1.
    """
    run = RunFolder(Path(argv[0]).resolve())
    together = os.environ.get("LT_CLI_USED") == "1"  # `fabric run` started several of us
    if together and os.environ.get("RANK", "0") != "0":
        return _assist(run)
    try:
        work(run)
        if together:
            _leave_the_others()
    except NothingToDo as error:
        _log(error)
        return int(together)  # the others would wait for us
    except BaseException as error:  # noqa: BLE001 - it was told in state.json; the status is for whoever started us
        return 0 if isinstance(error, StopRequested) else 1
    return 0


def _assist(run: RunFolder) -> int:
    """Take a share of every batch; the first process alone holds the run and writes."""
    _carry(run, run.spec(), None)
    _leave_the_others()
    return 0


def _leave_the_others() -> None:
    """Close the connections between processes: their threads may abort an interpreter that ends with them open."""
    import torch.distributed

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def work(run: RunFolder, also: "Follow | None" = None) -> "ModelCard | MadeSet":
    """Carry out a run in this process, telling its folder and whoever else wants to know.

    Args:
        run: The run.
        also: Who is told besides the folder; its `should_stop` counts too.

    Returns:
        The card of the model made; of a translator, what it made.

    Raises:
        NothingToDo: If another worker has the run, or it is finished.
        StopRequested: If it was asked to stop before the first epoch was done.
        Exception: Whatever ended the run; `state.json` says so already.
    """
    with lock.hold(run.path / "lock") as held, _log_of(run) if also else contextlib.nullcontext():
        if not held:
            raise NothingToDo("runs.held-by-another", run=run.id)
        spec = run.spec()
        writer = RunWriter.begin(run, spec.optimisation.epochs, boot.this_machine())
        if writer.last.status == "finished" and run.has_outcome():
            raise NothingToDo("runs.finished", run=run.id)
        try:
            return _carry_out(run, spec, writer, also)
        except BaseException as error:
            status, message = verdict(error)
            _log(message)
            if not isinstance(error, MedclsError):
                traceback.print_exc()
            writer.say(status, message, left_s=float("nan"))
            raise


def _log(sentence: object) -> None:
    """Print a sentence with the time, for the run's log."""
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}  {sentence}", flush=True)


@contextlib.contextmanager
def _log_of(run: RunFolder) -> Iterator[None]:
    """Write what is printed to the run's log, as a worker of its own has it: standard output is for whoever asked."""
    with (run.path / "log.txt").open("a", encoding="utf-8") as log, contextlib.redirect_stdout(log):
        yield


def _carry_out(run: RunFolder, spec: RunSpec, writer: RunWriter, also: "Follow | None") -> "ModelCard | MadeSet":
    told = _Recorder(run, spec, writer)
    told.say(Note("runs.starts"))

    def wait(note: Note) -> None:
        if told.wait(note) and also:
            also.say(note)

    with hold_device(spec.machine.device, run.id, wait) as device:
        _log(f"Computes on {device}.")
        outcome = _carry(run, spec, told.joined(also))
    if outcome is None:
        raise StopRequested
    over = writer.last.epoch >= spec.optimisation.epochs or told.patience_over
    done = told.summary()
    _log(done)
    writer.say("finished" if over else "stopped", done, left_s=0.0)
    if over:  # nothing is left to go on with, and a checkpoint is four times as large as the model
        shutil.rmtree(run.path / "checkpoint", ignore_errors=True)
    return outcome


def _carry(run: RunFolder, spec: RunSpec, follow: "Follow | None") -> "ModelCard | MadeSet | None":
    """Do what kind of work the spec asks for."""
    if spec.is_translator:
        from medcls.runs.translate import make_scans

        return make_scans(spec, run, follow)
    from medcls.runs.make import make_model

    return make_model(spec, run.id, run.path, follow)


def verdict(error: BaseException) -> tuple[Status, Note]:
    """Return how a run stands that an error ended.

    Args:
        error: What ended it.

    Returns:
        `stopped`, `paused` (it can go on once there is room) or `failed`; and what to do.
    """
    if isinstance(error, MedclsError):
        return "stopped" if isinstance(error, StopRequested) else "failed", Note.of(error)
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return "paused", Note("runs.disk-full")
    if isinstance(error, OSError) and error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return "paused", Note("runs.folder-read-only")
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        return "stopped", Note("runs.interrupted")
    return "failed", Note("runs.fault", kind=type(error).__name__, text=str(error)[:300])


@dataclass
class _Recorder:
    """Record the progress of the work in the run's files."""

    run: RunFolder
    spec: RunSpec
    writer: RunWriter
    status: Status = "preparing"
    patience_over: bool = False
    written: float = 0.0
    known: list[EpochResult] = field(default_factory=list)
    seen: DataSeen | None = None

    def __post_init__(self) -> None:
        with contextlib.suppress(MedclsError):  # a damaged file is written anew from the checkpoint
            self.known = list(self.run.metrics())
        self.writer.rewrite(self.known)  # the next line must not stand behind half of one

    def should_stop(self) -> bool:
        return (self.run.path / "stop").exists()

    def wait(self, note: Note) -> bool:
        """Write that the run waits; True where the note is new."""
        if self.should_stop():
            raise StopRequested(self.writer.last.epoch)
        new = note != self.writer.last.message
        if new:
            _log(note)
        if new or self._due():
            self.writer.say("waiting", note)
        return new

    def say(self, note: Note) -> None:
        _log(note)
        self.writer.say(self.status, note)

    def joined(self, also: "Follow | None") -> "Follow":
        """Return who is told: this, and `also` after it."""
        from medcls.runs.make import Follow

        names = ("on_step", "on_epoch", "on_read", "say")
        both = (
            {name: _one_after_the_other(getattr(self, name), getattr(also, name)) for name in names}
            if also
            else {name: getattr(self, name) for name in names}
        )
        stop = (lambda: self.should_stop() or also.should_stop()) if also else self.should_stop
        return Follow(should_stop=stop, on_sources=self.on_sources, on_made=self.on_made, **both)

    def on_made(self, made: "MadeSet", n: int) -> None:
        if self.seen:
            self.seen = replace(self.seen, made={made.to_label: n}, made_digest=made.digest)
            self.writer.saw(self.seen)

    def on_sources(self, sources: "Sources") -> None:
        fingerprints = {c.name: c.fingerprint for c in sources.collections}
        counts = {part: n for part in PARTS if (n := sources.count(part))}
        task = sources.task
        seen = DataSeen(fingerprints, sources.by, counts, task.id, task.label_ids, sources.splits, sources.n_folds)
        self.seen = replace(seen, versions={c.name: c.record.version for c in sources.collections})
        self.writer.saw(self.seen)

    def on_read(self, done: int, total: int, stage: str = "") -> None:
        if self.should_stop() and not self.writer.last.epoch:  # else its best epoch is still made into a model
            raise StopRequested
        if self._due():
            reads = Note("runs.reads", part=stage, done=done, total=total)
            self.writer.say("preparing", reads, step=done, steps=total)

    def on_step(self, done: int, total: int, stage: str = "") -> None:
        if self.status != "running" or self._due():
            self.status = "running"
            self.writer.say("running", Note("runs.epoch", epoch=self.writer.last.epoch + 1), step=done, steps=total)

    def on_epoch(self, result: EpochResult) -> None:
        self._note(result)
        last = self.writer.last
        best = (result.epoch, result.validate[self.spec.monitor]) if result.best else (last.best_epoch, last.best_score)
        self.patience_over = (
            bool(self.spec.optimisation.patience) and result.epoch - best[0] >= self.spec.optimisation.patience
        )
        self.writer.say(
            "running",
            Note("runs.epoch-done", epoch=result.epoch),
            epoch=result.epoch,
            step=0,
            best_epoch=best[0],
            best_score=best[1],
            elapsed_s=result.elapsed_s,
            left_s=self._left_s(result),
        )

    def _note(self, result: EpochResult) -> None:
        """Make line `epoch` of the metrics say this; after a resume the checkpoint's epochs come again, one by one."""
        before = self.known[: result.epoch - 1]
        if len(self.known) == len(before):
            self.writer.append(result)
        elif self.known[len(before)].to_json() != result.to_json():
            self.writer.rewrite([*before, result])
        else:
            return
        self.known = [*before, result]

    def summary(self) -> Note:
        """Return how far the run got, which epoch is kept, and what to do if its loss exploded."""
        asked = self.spec.optimisation
        counts = {"done": self.writer.last.epoch, "epochs": asked.epochs, "best": self.writer.last.best_epoch}
        exploded = [note for epoch in self.known for note in epoch.notes if note.code == "training.loss-exploded"]
        warning: Note | str = ""
        if exploded:
            worst = max(exploded, key=lambda note: float(note.params["loss"]))
            warning = Note("runs.loss-exploded", n=len(exploded), worst=worst, lr=asked.lr)
        if self.patience_over:
            return Note("runs.ended-early", **counts, patience=asked.patience, warning=warning)
        return Note("runs.ended", **counts, warning=warning)

    def _left_s(self, result: EpochResult) -> float:
        recent = self.known[-6:]
        spans = [b.elapsed_s - a.elapsed_s for a, b in itertools.pairwise(recent)] or [result.elapsed_s]
        return sum(spans) / len(spans) * (self.spec.optimisation.epochs - result.epoch)

    def _due(self) -> bool:
        if time.monotonic() - self.written < _WRITE_EVERY_S:
            return False
        self.written = time.monotonic()
        return True


def _one_after_the_other(first: Callable[..., None], then: Callable[..., None]) -> Callable[..., None]:
    def both(*args: Any) -> None:
        first(*args)
        then(*args)

    return both


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
