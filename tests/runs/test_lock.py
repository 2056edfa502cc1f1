"""Locks held by real processes."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from medcls.errors import Conflict
from medcls.runs import lock

HOLDER = """
import sys
from pathlib import Path
from medcls.runs import lock
with lock.hold(Path(sys.argv[1]), note="somebody", patience_s=float(sys.argv[2])) as held:
    print("held" if held else "taken", flush=True)
    sys.stdin.read() if held else None
"""


def holder(path: Path, patience_s: float = 0.1) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), str(patience_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    process.said = process.stdout.readline().strip()
    return process


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_a_lock_ends_with_kill_minus_9(path: Path) -> None:
    first = holder(path)
    assert first.said == "held"
    assert lock.is_locked(path)
    assert path.read_text() == "somebody"
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert not lock.is_locked(path)
    assert path.exists()


def test_the_second_holder_is_told_no(path: Path) -> None:
    first, second = holder(path), None
    try:
        second = holder(path)
        assert (first.said, second.said) == ("held", "taken")
        with lock.hold(path, patience_s=0) as held:
            assert not held
        assert lock.is_locked(path), "a refused attempt must not free another's lock"
    finally:
        first.kill()
        first.wait()
        if second:
            second.wait()


def test_looking_at_a_free_lock_takes_nothing_and_makes_nothing(path: Path) -> None:
    assert not lock.is_locked(path)
    assert not path.exists()
    path.touch()
    assert not lock.is_locked(path)
    with lock.hold(path, patience_s=0) as held:
        assert held


def test_looking_needs_only_the_right_to_read(path: Path) -> None:
    path.touch()
    path.chmod(0o444)
    path.parent.chmod(0o755)
    code = "import sys, os; from pathlib import Path; from medcls.runs import lock; handle = os.open; "
    code += "flags = []; os.open = lambda p, f, *a: (flags.append(f), handle(p, f, *a))[1]; "
    code += "lock.is_locked(Path(sys.argv[1])); assert all(f & os.O_ACCMODE == os.O_RDONLY for f in flags) and flags"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("lock", path)])
def test_what_is_no_file_is_not_held_and_cannot_be(make: Callable[[Path], None], path: Path) -> None:
    make(path)
    assert not lock.is_locked(path)
    with pytest.raises(Conflict), lock.hold(path, patience_s=0):
        pass


def test_where_nobody_can_tell_it_is_not_said_to_be_free(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(OSError) as told:  # noqa: PT011  # by its number
        lock.is_locked(path)
    assert told.value.errno == errno.EMFILE
