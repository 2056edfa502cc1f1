"""Start the worker of a run, in a process that outlives whoever started it."""

import os
import subprocess
import sys
import time
from pathlib import Path

from medcls import disk
from medcls.errors import Conflict, RunFailed
from medcls.runs import lock
from medcls.runs.command import CHECKOUT, worker_command, worker_environment
from medcls.runs.folder import AT_REST, RunFolder, read_tail
from medcls.runs.ray_job import submit

_PATIENCE_S = (
    600.0  # a worker is up within seconds, minutes on a machine with fifty jobs; one that ends is told of at once
)


def launch(run: RunFolder) -> None:
    """Start (or go on with) a run unless a worker already has it; returns once a worker holds it and has said so.

    With `MEDCLS_RAY_ADDRESS` set the worker is handed to that Ray cluster as a job, which must see the same
    `MEDCLS_HOME`; the run then stands as *queued* until the cluster begins.

    Args:
        run: The run.

    Raises:
        Conflict: If the folder cannot be written to.
        RunFailed: If no worker came up.
    """
    _let_end(run)
    if run.is_alive():
        return
    try:
        run.forget_stop()
        if address := os.environ.get("MEDCLS_RAY_ADDRESS"):
            _hand_over(run, address)
            return
        before = run.state_written_ns()
        worker = start_detached(worker_command(run), run.path / "log.txt")
    except OSError as error:
        raise Conflict("runs.not-started", run=run.id, found=error.strerror or type(error).__name__) from error
    wait_until_locked(run.path, worker, f"run {run.id}")
    _hear_first_word(run, worker, before)


def _let_end(run: RunFolder) -> None:
    """Wait for a worker that has said its last word and is about to go; else it would be taken for one at work."""
    until = time.monotonic() + _PATIENCE_S
    while run.is_alive() and run.state().status in AT_REST and time.monotonic() < until:
        time.sleep(0.02)


def _hand_over(run: RunFolder, address: str) -> None:
    """Submit a run as a job; `job.txt` bears the time before that, so that whatever the job says is newer."""
    job = run.path / "job.txt"
    disk.write_atomically(job, b"")
    asked = job.stat()
    try:
        disk.write_atomically(job, submit(run, address).encode())
    except RunFailed:
        job.unlink()
        raise
    os.utime(job, ns=(asked.st_atime_ns, asked.st_mtime_ns))


def _hear_first_word(run: RunFolder, worker: subprocess.Popen[bytes], before: int | None) -> None:
    """Wait until the worker has spoken: what stands there of its forerunner would be taken for its own last word.

    Raises:
        RunFailed: If it died without a word; nobody would ever tell of its end.
    """
    until = time.monotonic() + _PATIENCE_S
    while run.state_written_ns() == before and time.monotonic() < until:
        if not run.is_alive() and worker.poll() is not None and run.state_written_ns() == before:
            if worker.returncode:
                raise _did_not_come_up(f"run {run.id}", run.path, worker.returncode)
            return  # it had nothing left to do
        time.sleep(0.02)


def start_detached(arguments: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start Python in a session of its own, so that it outlives this process and whoever watches it.

    Args:
        arguments: What comes after the interpreter.
        log: File its output is appended to.

    Raises:
        OSError: If the log cannot be written.
    """
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=CHECKOUT,
            env=worker_environment(),
            start_new_session=True,
            close_fds=True,
        )


def wait_until_locked(folder: Path, worker: subprocess.Popen[bytes], what: str) -> None:
    """Wait until a folder's lock is held, by this worker or by one that was quicker, or the worker has ended.

    Args:
        folder: Where `lock` and `log.txt` stand.
        worker: From `start_detached`.
        what: What it works on, in words.

    Raises:
        RunFailed: If it ended with an error, or took too long.
    """
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        if lock.is_locked(folder / "lock"):
            return
        if (code := worker.poll()) is not None:
            if code != 0:
                raise _did_not_come_up(what, folder, code)
            return  # it had nothing left to do
        time.sleep(0.02)
    raise RunFailed("runs.worker-late", worked_on=what, seconds=_PATIENCE_S)


def _did_not_come_up(what: str, folder: Path, code: int) -> RunFailed:
    last = read_tail(folder / "log.txt", 1) or f"exit {code}"
    return RunFailed("runs.worker-ended", worked_on=what, found=last[:300])
