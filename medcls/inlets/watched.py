"""A folder that other programs put scans into. Nothing in it is moved, changed or deleted."""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from medcls.errors import BadScan
from medcls.imaging.limits import Limits
from medcls.inlets.inbox import Waiting, described

_SETTLED_S = 2.0  # a file written to within the last seconds may still be on its way
_MOST = 2000


def waiting(folder: Path, now: float | None = None) -> tuple[Waiting, ...]:
    """Return the files of a folder, the newest first; hidden ones, and those still being written, are left out.

    Args:
        folder: The folder, with those below it.
        now: Time as `time.time` tells it; None for now.

    Raises:
        BadScan: If the folder cannot be read.
    """
    now = time.time() if now is None else now
    try:
        next(os.scandir(folder), None)  # `rglob` finds nothing in a folder that is not there, as on an unmounted drive
        latest = sorted(_settled(folder, now), reverse=True)[:_MOST]
        return tuple(described(path, path.relative_to(folder).as_posix(), "folder") for _, path in latest)
    except OSError as error:
        raise BadScan("inlets.folder-not-read", found=error.strerror or type(error).__name__) from error


def read(folder: Path, name: str) -> bytes:
    """Return a file of the folder.

    Raises:
        BadScan: If it is not there, lies outside the folder, or is too large.
    """
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise BadScan("inlets.not-waiting")
    if path.stat().st_size > Limits.from_env().max_bytes:
        raise BadScan("inlets.too-large")
    return path.read_bytes()


def _settled(folder: Path, now: float) -> Iterator[tuple[float, Path]]:
    """Yield when each file was last written to, and its path."""
    for path in folder.rglob("*"):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        with suppress(FileNotFoundError):  # taken away meanwhile
            found = path.lstat()
            if stat.S_ISREG(found.st_mode) and found.st_mtime < now - _SETTLED_S:
                yield found.st_mtime, path
