"""Locks that end with the process that holds them, whatever ends it.

POSIX record locks (`fcntl.lockf`): the system gives them back when the holder dies, they work over NFS, and they
leave nothing behind to clean up. They belong to a process, not to a file handle: closing *any* handle of the file in
the holding process gives the lock back, so a holder must not look at its own lock with `is_locked`.
"""

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from medcls.errors import Conflict

try:
    import fcntl

    _SHARED, _ALONE = fcntl.LOCK_SH | fcntl.LOCK_NB, fcntl.LOCK_EX | fcntl.LOCK_NB
except ImportError:  # Windows: no record lock that a reader can test without taking it
    fcntl = None  # type: ignore[assignment]
    _SHARED = _ALONE = 0

_TAKEN = (errno.EACCES, errno.EAGAIN)
_NO_FILE = (errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.EINVAL)  # a folder, a link to itself, a pipe


@contextlib.contextmanager
def hold(path: Path, *, note: str = "", patience_s: float = 1.0) -> Iterator[bool]:
    """Hold the lock of a file for the length of a `with` block.

    Args:
        path: The lock file; made if missing, never deleted.
        note: What to write into the file while holding it, for people who wait.
        patience_s: Keep trying for so long; a reader's look may be in the way for an instant.

    Yields:
        True if the lock is held, False if another process has it.

    Raises:
        Conflict: If this system has no such locks, or the file is none that can be written.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise _told(path, error) from error
    try:
        held = _acquire(handle, patience_s)
        if held:
            _write(handle, note, path)
        yield held
    finally:
        os.close(handle)


def _write(handle: int, note: str, path: Path) -> None:
    try:
        os.ftruncate(handle, 0)
        os.write(handle, note.encode())
    except OSError as error:
        raise _told(path, error) from error


def _told(path: Path, error: OSError) -> Exception:
    """Return the error of a place that can never be locked as a sentence, any other as it is."""
    if error.errno not in _NO_FILE:
        return error
    return Conflict("runs.lock-unusable", name=f"{path.parent.name}/{path.name}", found=os.strerror(error.errno))


def is_locked(path: Path) -> bool:
    """Return whether a process holds the lock. Needs only the right to read.

    A missing file is not held, nor is what is none, as a link to itself. One that may not be looked at counts as held:
    a second worker would do more harm than one that never comes.

    Raises:
        Conflict: If this system has no such locks.
        OSError: If nobody can tell, as where too many files are open.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))  # a pipe would wait
    except PermissionError:
        return True
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        if error.errno not in _NO_FILE:
            raise
        return False
    try:
        return stat.S_ISREG(os.fstat(handle).st_mode) and not _try(handle, _SHARED)
    finally:
        os.close(handle)


def _acquire(handle: int, patience_s: float) -> bool:
    until = time.monotonic() + patience_s
    while not _try(handle, _ALONE):
        if time.monotonic() >= until:
            return False
        time.sleep(0.02)
    return True


def _try(handle: int, how: int) -> bool:
    if fcntl is None:
        raise Conflict("runs.no-record-locks")
    try:
        fcntl.lockf(handle, how)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
        return False
    return True
