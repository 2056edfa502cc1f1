"""The folder of one run: what stands in it, who may write it, and how to read it while it is being written.

```
spec.json       what was asked for; the launcher, once
name.txt        what a person calls it, if it was renamed; page or command line
lock            held by the worker for its whole life: alive = locked
state.json      what the worker last said of itself; replaced whole
metrics.jsonl   one line per epoch; the worker appends
data.json       which data the worker saw (fingerprints, counts); the worker, once per start
log.txt         the worker's stdout and stderr
stop            empty: please stop; page or command line
job.txt         id of the cluster's job, where the run was handed to one; the launcher
reserve         room kept so that a full disk can still be told of; the worker
checkpoint/     enough to go on bit for bit; the worker; gone once the run is finished
result/         a model folder in the published layout; the worker
samples/        of a translator: a sheet of made pictures per epoch; the worker
made/           of a translator, in place of a result: pictures made of its training part; the worker
```
"""

import dataclasses
import os
import re
import secrets
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from medcls import disk, home
from medcls.core.data_seen import DataSeen
from medcls.core.made import MADE_RECORD
from medcls.core.note import Note
from medcls.core.record import read_bounded
from medcls.core.run import FINAL, EpochResult, RunSpec, RunState
from medcls.errors import BadSpec, Conflict, MedclsError
from medcls.models.layout import CARD
from medcls.runs import lock

AT_REST = (*FINAL, "paused")  # states in which no worker is expected
_ID_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
_LONGEST_ID = 64
_SET_S = 60.0  # further ahead than this, a clock was set
_HANDED = Note("runs.handed-over")
_EPOCH = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True)
class RunFolder:
    """A run on disk. Reading it never changes it and never loads torch.

    Args:
        path: The folder; its name is the run's id.
    """

    path: Path

    @property
    def id(self) -> str:
        """The run's id, as in `20261121T1430Z-7f3a`."""
        return self.path.name

    @property
    def result(self) -> Path:
        """The folder of the finished model; there only when the run has one."""
        return self.path / "result"

    @property
    def made(self) -> Path:
        """The folder of made pictures; there only when a translator's run has made them."""
        return self.path / "made"

    @property
    def samples(self) -> Path:
        """The folder of a translator's sheets, one an epoch."""
        return self.path / "samples"

    def sheets(self) -> dict[int, Path]:
        """Return the sheets of a translator's samples by epoch, in order; empty for any other run."""
        found = sorted(self.samples.glob("epoch-*.png")) if self.samples.is_dir() else []
        epochs = {path.stem.removeprefix("epoch-"): path for path in found}
        return {int(said): path for said, path in epochs.items() if _EPOCH.fullmatch(said)}  # others are not ours

    def has_outcome(self) -> bool:
        """Return whether it has given what it was to give: a model, or of a translator made pictures."""
        return any(os.path.isfile(path) for path in (self.result / CARD, self.made / MADE_RECORD))

    def spec(self) -> RunSpec:
        """Read what was asked for.

        Raises:
            BadSpec: If the file is missing or wrong.
        """
        try:
            return RunSpec.read(self.path / "spec.json", f"{self.id}/spec.json")
        except (FileNotFoundError, MedclsError) as error:
            raise BadSpec("runs.unreadable-spec", run=self.id, found=str(error).rstrip(".")) from error

    def name(self) -> str:
        """Return what a person calls the run: its new name, the spec's, or what it trains on what."""
        if renamed := self._renamed():
            return renamed
        spec = self.spec()
        return spec.name or f"{spec.network.backbone} on {', '.join(spec.data.collections) or 'nothing'}"

    def _renamed(self) -> str:
        """Return what `rename` wrote, as far as it can be read as a name; empty if nothing."""
        try:
            text = disk.read_file(self.path / "name.txt")[:1000].decode("utf-8", "replace")
        except OSError:
            return ""
        return "".join(c for c in text if c.isprintable()).strip()[:200]

    def is_alive(self) -> bool:
        """Return whether a worker holds the run."""
        return lock.is_locked(self.path / "lock")

    def is_handed_over(self) -> bool:
        """Return whether a cluster was asked to carry the run out."""
        return (self.path / "job.txt").exists()

    def state(self) -> RunState:
        """Return the run's state with the status derived: not at rest and without a worker means `died`.

        A state that cannot be read locks nothing: the run counts as died, and its checkpoint, another file, goes on.
        """
        alive = self.is_alive()  # first: a worker that ends between the two reads has written its last state by then
        try:
            said = RunState.read(self.path / "state.json", f"{self.id}/state.json")
        except FileNotFoundError:
            return self._unsaid(alive)
        except MedclsError as error:
            return self._unreadable(alive, error)
        if not alive:
            alive = self.is_alive()  # a worker that began between the two reads
        if self._awaits_cluster():
            return dataclasses.replace(said, status="queued", message=_HANDED, left_s=float("nan"))
        return _derive(said, alive, (self.path / "stop").exists())

    def _unsaid(self, alive: bool) -> RunState:
        if alive:
            return RunState("preparing", message=Note("runs.worker-starts"))
        if (self.path / "stop").exists():
            return RunState("stopped", message=Note("runs.stopped-unbegun"))
        if self.is_handed_over():
            return RunState("queued", message=_HANDED)
        return RunState("queued", message=Note("runs.not-begun"))

    def _unreadable(self, alive: bool, error: MedclsError) -> RunState:
        if alive:
            return RunState("preparing", message=Note("runs.worker-unsaid"))
        return RunState("died", message=Note("runs.state-unreadable", error=Note.of(error)))

    def _awaits_cluster(self) -> bool:
        """Return whether the run was handed to a cluster after its last word, and not stopped since.

        A hand-over in the future, of a clock that was set, is no later than any word: else it would hide them for good.
        """
        try:
            handed = (self.path / "job.txt").stat().st_mtime_ns
        except FileNotFoundError:
            return False
        later = (self.state_written_ns() or 0) < handed < (time.time() + _SET_S) * 1e9
        return later and not (self.path / "stop").exists()

    def state_written_ns(self) -> int | None:
        """Return when the worker last wrote its state, in nanoseconds by the disk's clock; None if it never did."""
        try:
            return (self.path / "state.json").stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def metrics(self) -> tuple[EpochResult, ...]:
        """Return the epochs done so far; a line that is still being written is left for the next look.

        Raises:
            BadRecord: If a line is damaged. The checkpoint knows every epoch: a resume writes the file anew.
        """
        where = f"{self.id}/metrics.jsonl"
        try:
            content = read_bounded(self.path / "metrics.jsonl", where)
        except FileNotFoundError:
            return ()
        whole = content[: content.rfind(b"\n") + 1]
        return tuple(EpochResult.from_json(line, where) for line in whole.splitlines())

    def log_tail(self, lines: int = 40, most_bytes: int = 65_536) -> str:
        """Return the last lines of the worker's log; empty if there is none."""
        return read_tail(self.path / "log.txt", lines, most_bytes)

    def data_seen(self) -> DataSeen | None:
        """Return which data the run was given; None if it never got so far.

        Raises:
            BadRecord: If `data.json` is damaged; a resume writes it anew.
        """
        try:
            return DataSeen.read(self.path / "data.json", f"{self.id}/data.json")
        except FileNotFoundError:
            return None

    def silent_s(self) -> float:
        """Return the seconds since the worker last wrote its state, by the disk's clock; 0 if it never did.

        A time in the future counts as far from now as one in the past: a clock that was set must hide no hung worker.
        """
        try:
            return abs(time.time() - (self.path / "state.json").stat().st_mtime)
        except FileNotFoundError:
            return 0.0

    def request_stop(self) -> None:
        """Ask the worker to stop after the step it is in; asking twice is asking once."""
        (self.path / "stop").touch()

    def forget_stop(self) -> None:
        """Take back what `request_stop` asked, before the run is gone on with."""
        (self.path / "stop").unlink(missing_ok=True)

    def rename(self, name: str) -> None:
        """Call the run something else; the spec stays as it was.

        Raises:
            BadSpec: If the name is too long or has control characters.
        """
        name = name.strip()
        if len(name) > 200 or not name.isprintable():
            raise BadSpec("runs.name", n=len(name))
        disk.write_atomically(self.path / "name.txt", name.encode())

    def delete(self) -> None:
        """Delete the run. It vanishes at once from every list, then its files go.

        Raises:
            Conflict: If a worker holds it.
        """
        with lock.hold(self.path / "lock") as held:
            if not held:
                raise Conflict("runs.busy", run=self.id)
            disk.delete_folder(self.path)


def _derive(said: RunState, alive: bool, asked_to_stop: bool) -> RunState:
    if alive:
        stopping = asked_to_stop and said.status in ("waiting", "preparing", "running")
        return dataclasses.replace(said, status="stopping", message=Note("runs.stopping")) if stopping else said
    if said.status in AT_REST:
        return said
    died = Note("runs.died", epoch=said.epoch + 1)
    return dataclasses.replace(said, status="died", left_s=float("nan"), message=died)


def read_tail(path: Path, lines: int, most_bytes: int = 65_536) -> str:
    """Return the last lines of a text file; empty if it is not there.

    Args:
        path: The file, UTF-8; what is not is shown as �.
        lines: How many lines at most.
        most_bytes: How far back from the end is read; the first line may be cut by it.
    """
    try:
        with disk.open_file(path) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - most_bytes))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def open_run(run_id: str) -> RunFolder:
    """Return the folder of a run.

    Args:
        run_id: Its id, or the beginning of it if no other run begins so.

    Raises:
        BadSpec: If there is no such run, or several.
    """
    if 0 < len(run_id) <= _LONGEST_ID and set(run_id) <= _ID_LETTERS:
        if disk.is_there(home.runs() / run_id / "spec.json"):
            return RunFolder(home.runs() / run_id)
        found = [run for run in list_runs() if run.id.startswith(run_id)]
        if len(found) == 1:
            return found[0]
        if found:
            raise BadSpec("runs.several", beginning=run_id, found=", ".join(run.id for run in found[:5]))
    raise BadSpec("runs.no-such-run", found=repr(run_id)[:80])


def list_runs() -> tuple[RunFolder, ...]:
    """Return every run, the newest first; a folder without a spec is no run."""
    root = home.runs()
    if not root.is_dir():
        return ()
    paths = (p for p in root.iterdir() if not p.name.startswith(".") and disk.is_there(p / "spec.json"))
    return tuple(RunFolder(p) for p in sorted(paths, key=lambda p: p.name, reverse=True))


def make_run(spec: RunSpec) -> RunFolder:
    """Make the folder of a new run: built aside and renamed, so that nobody sees half of one.

    Raises:
        Conflict: If the place for runs cannot be written to.
    """
    root = home.runs()
    for _ in range(100):
        path = root / f"{datetime.now(UTC):%Y%m%dT%H%MZ}-{secrets.token_hex(2)}"
        aside = disk.aside(path)
        try:
            aside.mkdir(parents=True)
            disk.write_atomically(aside / "spec.json", spec.to_json().encode())
            (aside / "lock").touch()
            if path.exists():
                raise FileExistsError(path.name)
            aside.rename(path)
        except FileExistsError:
            shutil.rmtree(aside, ignore_errors=True)
            continue
        except OSError as error:
            shutil.rmtree(aside, ignore_errors=True)
            raise Conflict("runs.not-written", found=error.strerror or type(error).__name__) from error
        return RunFolder(path)
    raise Conflict("runs.no-free-id")
