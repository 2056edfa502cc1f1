"""A folder that other programs put scans into. Nothing in it is moved, changed or deleted."""

import time
from collections.abc import Iterator
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
        paths = sorted(_settled(folder, now), key=lambda p: p.stat().st_mtime, reverse=True)[:_MOST]
        return tuple(described(path, path.relative_to(folder).as_posix(), "folder") for path in paths)
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


def _settled(folder: Path, now: float) -> Iterator[Path]:
    for path in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not path.is_symlink() and not hidden and path.stat().st_mtime < now - _SETTLED_S:
            yield path
