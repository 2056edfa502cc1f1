"""Decode in a process that can be ended: with limits on its time and memory, and a life of its own.

Some codecs cannot be trusted with damaged files: GDCM (JPEG Lossless, 12-bit JPEG) dies of a segmentation fault,
CharLS (JPEG-LS) can spin for ever. In the server's process one bad file would end everybody's work. The file goes
in and the values come out through pipes; nothing is written to disk. A process that has answered waits for the
next file, as starting one costs a third of a second.
"""

import atexit
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np

from medcls.core.outcome import Outcome
from medcls.errors import BadScan, MedclsError

# Seconds of computing for one file (where the system can limit that; a tenth of the five that a file may take in all
# is the server's), and of waiting: a busy machine may take long to give the former, and that is no fault of the file.
CPU_S = 4.9
TIMEOUT_S = 20 if sys.platform == "win32" else 300
_MOST_IDLE = 2
_ROOT = Path(__file__).parents[2]
_lock = threading.Lock()
_idle: list["_Process"] = []


def run_apart(job: str, data: bytes, **options: Any) -> tuple[np.ndarray, dict[str, Any]]:
    """Do one of the jobs of `medcls.imaging.codec_worker` in another process.

    Args:
        job: A name of its table.
        data: The whole file.
        options: What the job takes beside it; values that JSON can hold.

    Returns:
        The array, of the shape and dtype that the job makes, and what else the job tells.

    Raises:
        BadScan: If the job raises it, crashes, or takes longer than `CPU_S` seconds of
            computing (where the system can limit that), or `TIMEOUT_S` of waiting.
        TooLarge: If the job raises it or needs more memory than it may have.
    """
    process = _take()
    try:
        answer = process.ask(job, data, options)
    except BaseException:
        process.end()
        raise
    _put_back(process)
    return answer.get()


class _Process:
    """A running `codec_worker`."""

    def __init__(self) -> None:
        paths = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        self._child = subprocess.Popen(
            [sys.executable, "-m", "medcls.imaging.codec_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        self.jobs = 0

    def ask(self, job: str, data: bytes, options: dict[str, Any]) -> Outcome[tuple[np.ndarray, dict[str, Any]]]:
        """Send a job and wait for its answer.

        Raises:
            BadScan: If the process dies or is too slow.
        """
        late = threading.Event()
        timer = threading.Timer(TIMEOUT_S, self._kill, [late])
        timer.start()
        try:
            self._send(json.dumps([job, len(data), options]).encode() + b"\n", data)
            answer = self._receive()
        except (OSError, EOFError):
            answer = None
        finally:
            timer.cancel()
        if answer is None:
            raise self._why_dead(late.is_set())
        self.jobs += 1
        return answer

    def _kill(self, late: threading.Event) -> None:
        late.set()
        self._child.kill()

    def alive(self) -> bool:
        """Return whether it has not ended."""
        return self._child.poll() is None

    def end(self) -> None:
        """Kill it and free its pipes."""
        self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            try:
                pipe.close()  # type: ignore[union-attr]
            except OSError:
                continue  # what was not sent cannot be sent any more

    def _send(self, *parts: bytes) -> None:
        assert self._child.stdin
        for part in parts:
            self._child.stdin.write(part)
        self._child.stdin.flush()

    def _receive(self) -> Outcome[tuple[np.ndarray, dict[str, Any]]]:
        assert self._child.stdout
        line = self._child.stdout.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        head = json.loads(line)
        if "error" in head:
            return Outcome("", error=MedclsError.from_dict(head["error"]))
        values = np.empty(head["shape"], np.dtype(head["dtype"]))
        if values.size and self._child.stdout.readinto(values.reshape(-1).view(np.uint8).data) != values.nbytes:  # type: ignore[attr-defined]
            raise EOFError
        return Outcome("", (values, head["more"]))

    def _why_dead(self, late: bool) -> BadScan:
        code = self._child.wait()
        if late or code in (-27, -24, -9):  # SIGPROF, SIGXCPU, SIGKILL
            return BadScan("imaging.too-slow", seconds=TIMEOUT_S if late else round(CPU_S))
        return BadScan("imaging.refused-by-decoder")


def _take() -> _Process:
    with _lock:
        while _idle:
            process = _idle.pop()
            if process.alive():
                return process
            process.end()
    return _Process()


def _put_back(process: _Process) -> None:
    with _lock:
        if len(_idle) < _MOST_IDLE:
            _idle.append(process)
            return
    process.end()


def _forget() -> None:
    """Leave the parent's processes to the parent: two sides reading one pipe would mix their answers."""
    global _lock
    _lock = threading.Lock()
    _idle.clear()


def _end_all() -> None:
    with _lock:
        while _idle:
            _idle.pop().end()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
