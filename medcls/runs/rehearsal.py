"""A rehearsal in a process of its own: a network too large for the machine takes that process down, not the server."""

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from typing import IO, Any

from medcls.core.progress import Progress, silent
from medcls.core.rehearsal import Rehearsal
from medcls.core.run import RunSpec
from medcls.errors import MedclsError, RunFailed
from medcls.runs.command import CHECKOUT, worker_environment

_PATIENCE_S = 600.0
_STEP = "step:"  # begins a line that tells how far it is


def rehearse_apart(spec: RunSpec, n_labels: int, progress: Progress = silent) -> Rehearsal:
    """Return what a few steps of a run took, carried out in another process.

    Args:
        spec: The run's spec.
        n_labels: Number of labels.
        progress: Told how far the other process is, as it says so.

    Raises:
        MedclsError: If the run could not even begin, as the rehearsal said it.
        RunFailed: If the rehearsal was killed, or took too long.
    """
    asked = json.dumps({"spec": spec.to_dict(), "n_labels": n_labels})
    told: dict[str, Any] = {}
    late = threading.Event()
    with tempfile.TemporaryFile("w+") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "medcls.runs.rehearsal"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            cwd=CHECKOUT,
            env=worker_environment(),
        )
        timer = threading.Timer(_PATIENCE_S, _end, (process, late))
        timer.start()
        try:
            told = _follow(process, asked, progress)
        finally:
            timer.cancel()
            process.kill()  # where whoever watches went away
            process.wait()
        stderr.seek(0)
        _check_end(process.returncode, late.is_set(), bool(told), stderr)
    if "error" in told:
        raise MedclsError.from_dict(told)
    return Rehearsal.from_dict(told)


def _end(process: subprocess.Popen[str], late: threading.Event) -> None:
    late.set()
    process.kill()


def _follow(process: subprocess.Popen[str], asked: str, progress: Progress) -> dict[str, Any]:
    """Hand over what is asked, tell how far it is, and return the last thing said once the process has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):  # it ended before it read: its exit status tells
        process.stdin.write(asked)
        process.stdin.close()
    told: dict[str, Any] = {}
    for line in process.stdout:
        if line.startswith(_STEP):
            done, total = map(int, line.removeprefix(_STEP).split())
            progress(done, total)
        elif line.startswith("{"):
            told = json.loads(line)
    process.wait()
    return told


def _check_end(code: int, late: bool, answered: bool, stderr: IO[str]) -> None:
    """Raise what the end of the other process means, unless it answered."""
    if late:
        raise RunFailed("runs.rehearsal-slow", seconds=_PATIENCE_S)
    if code < 0:
        raise RunFailed("runs.rehearsal-killed")
    if code or not answered:
        raise RuntimeError(stderr.read()[-2000:])


def main() -> int:
    """Rehearse the spec on standard input; print what it took, or why it cannot run, as JSON."""
    asked = json.load(sys.stdin)
    from medcls.training.rehearse import rehearse

    try:
        took = rehearse(
            RunSpec.from_dict(asked["spec"]),
            asked["n_labels"],
            lambda done, total, stage="": print(_STEP, done, total, flush=True),
        )
    except MedclsError as error:
        print(json.dumps(error.to_dict()))
        return 0
    print(took.to_json(indent=None))
    return 0


if __name__ == "__main__":
    sys.exit(main())
