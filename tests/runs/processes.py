"""Workers as real processes, forked from one that has torch loaded already; they can be told to kill themselves."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

from medcls.data.collections import add_collection
from medcls.imaging.phantom import phantom
from medcls.runs.folder import RunFolder
from tests.forks import FORKS, become
from tests.small_run import small_spec

LABELS = ("normal", "benign", "malignant")
SPEC = small_spec(collections=("phantoms",), hflip=True, dropout=0.2, ema_decay=0.5)
# A loaded machine is slow; what is there sooner is not waited for.
PATIENCE_S = float(os.environ.get("MEDCLS_PATIENCE_S", "300"))


def add_phantoms(folder: Path, name: str = "phantoms", each: int = 12, first: int = 0) -> None:
    """Make synthetic scans in the layout of BUSI and add them as a collection."""
    for k, label in enumerate(LABELS):
        (folder / "Dataset_BUSI_with_GT" / label).mkdir(parents=True)
        for i in range(each):
            path = folder / "Dataset_BUSI_with_GT" / label / f"{label} ({i + 1}).png"
            path.write_bytes(phantom("breast-ultrasound", label, first + 100 * k + i, size_px=64))
    add_collection(folder, name)


def phantom_home(folder: Path) -> Path:
    """Return a new home in a folder with the collection `phantoms`."""
    import pytest  # not what every forked worker needs

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDCLS_HOME", str(folder / "home"))
        add_phantoms(folder / "scans")
    return folder / "home"


def start(run: RunFolder, *, kill_at: int = 0, count_into: Path | None = None, most_bytes: int = 0) -> BaseProcess:
    """Start the worker of a run.

    Args:
        run: The run.
        kill_at: Before which of its writes to disk (fsync, replace, rename, truncate) it gets SIGKILL; 0 never.
        count_into: File that says at the end how many such writes there were.
        most_bytes: No file may become larger than this, as on a disk without room; 0 for no limit.
    """
    arguments = (run.path, dict(os.environ), kill_at, count_into, most_bytes)
    process = FORKS.Process(target=_work, args=arguments, daemon=True)
    process.start()
    return process


@contextmanager
def held(run: RunFolder) -> Iterator[None]:
    """Have another process hold a run, as its worker does."""
    code = (
        "import sys; from pathlib import Path; from medcls.runs import lock\n"
        "with lock.hold(Path(sys.argv[1])):\n print('held', flush=True)\n sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(run.path / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield
    finally:
        holder.communicate("")


def finish(run: RunFolder, **faults: object) -> int:
    """Start the worker of a run and wait for its end; gives its exit code, negative for a signal."""
    process = start(run, **faults)  # type: ignore[arg-type]
    process.join(PATIENCE_S)
    assert process.exitcode is not None, run.log_tail()
    return process.exitcode


def wait_until(true: Callable[[], bool], run: RunFolder | None = None) -> None:
    """Wait until something is so; fails with the run's last words where it does not come."""
    until = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < until, f"{run.state()}: {run.log_tail()}" if run else "it did not come"
        time.sleep(0.02)


def _work(path: Path, environment: dict[str, str], kill_at: int, count_into: Path | None, most_bytes: int) -> None:
    import resource

    import torch

    from medcls.runs import worker

    become(environment, path / "log.txt")
    torch.set_num_threads(1)
    if most_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))
    if kill_at or count_into:
        worker._WRITE_EVERY_S = 1e9  # no write that depends on the clock: the n-th is the same in every run
    writes = [0]
    for name in ("fsync", "replace", "rename", "ftruncate"):
        setattr(os, name, _counted(getattr(os, name), writes, kill_at))
    code = worker.main([str(path)])
    if count_into:
        count_into.write_text(str(writes[0]))
    sys.stdout.flush()
    os._exit(code)


def _counted(call, writes: list[int], kill_at: int):
    def counted(*arguments, **keywords):
        writes[0] += 1
        if writes[0] == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **keywords)

    return counted
