"""Files and folders put in place whole: built aside, then renamed, so that nobody reads half of one; and read again."""

import contextlib
import errno
import io
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path


def aside(path: Path) -> Path:
    """Return a name beside a path under which it can be built and then renamed: hidden, and no other writer's.

    A process alone is no mark of a writer: all sessions of one server share it.
    """
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.aside")


def write_atomically(path: Path, content: bytes | memoryview, *, alone: bool = False) -> None:
    """Replace a file so that a reader, or the next start after a power cut, sees the old or the new content whole.

    Args:
        path: The file.
        content: What it shall hold.
        alone: True where nobody else ever writes this file: what a killed writer left aside is then written over, not
            kept.

    Raises:
        OSError: If it cannot be written; the old content then still stands, or, where only the folder could not be
            flushed, the new.
    """
    built = path.with_name(f".{path.name}.aside") if alone else aside(path)
    try:
        with built.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        built.replace(path)
    finally:
        with contextlib.suppress(OSError):
            built.unlink()
    sync_folder(path.parent)


def open_file(path: Path) -> io.BufferedReader:
    """Open a file for reading. A pipe or a device in its place is refused at once: reading it might never end.

    Raises:
        OSError: If it cannot be opened, or is no file.
    """
    return open(path, "rb", opener=_open_regular)


def _open_regular(path: str, flags: int) -> int:
    handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe that nobody writes to would wait
    kind = os.fstat(handle).st_mode
    if stat.S_ISREG(kind):
        return handle
    os.close(handle)
    code = errno.EISDIR if stat.S_ISDIR(kind) else errno.ENOTSUP
    raise OSError(code, os.strerror(code), path)


def is_there(path: Path) -> bool:
    """Return whether a file is there, or may be: who may not look into its folder is told so where it is read."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False


def read_file(path: Path, most_bytes: int = 1 << 28) -> bytes:
    """Return what stands in a file.

    Raises:
        OSError: As `open_file`; also if it holds more than so many bytes.
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read() if size <= most_bytes else b""  # with a number, that much memory is asked for at once
    if max(size, len(content)) > most_bytes:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return content


def delete_folder(path: Path) -> None:
    """Delete a folder. It vanishes at once from every list, then its files go; those that a kill leaves are swept.

    Raises:
        OSError: If it cannot be deleted.
    """
    gone = aside(path)
    path.rename(gone)
    with contextlib.suppress(FileNotFoundError):  # a server that starts meanwhile sweeps it: the folder may be old
        shutil.rmtree(gone)


_ORPHANED_S = 86_400.0  # nobody builds anything for a day
_LEFT = re.compile(r"\..+\.(\d+-[0-9a-f]{8}\.)?aside|\..+\.deleted|\.(import|onnx|upload)-.+")


def sweep(root: Path, deep: int = 3) -> int:
    """Delete what killed writers left aside; nothing younger than a day, by a clock that may have been set either way.

    Args:
        root: A folder of ours; None of its links is followed.
        deep: How many folders deep to look.

    Returns:
        How many files and folders were deleted.
    """
    swept = 0
    with contextlib.suppress(OSError):  # not there, or not ours to read
        for entry in list(os.scandir(root)):
            old = abs(time.time() - entry.stat(follow_symlinks=False).st_mtime) > _ORPHANED_S
            if _LEFT.fullmatch(entry.name) and old:
                with contextlib.suppress(OSError):
                    shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)
                    swept += 1
            elif deep > 1 and entry.is_dir(follow_symlinks=False):
                swept += sweep(Path(entry.path), deep - 1)
    return swept


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for one writer while its records are read, changed and written.

    Other processes, other threads of this one, and other servers on the same disk wait. A killed writer lets go.

    Args:
        folder: Made if it is missing. Its lock is the file `.lock` in it, which stays.

    Raises:
        OSError: If the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a+b") as file:
        _lock(file.fileno())
        yield  # closing the file lets go


def append_line(path: Path, line: str) -> None:
    """Add a line to a file, whole or not at all, however many writers there are.

    Half a line that a killed writer left is ended first: it stays damaged, and takes no other with it.

    Args:
        path: The file; it and its folder are made if they are missing.
        line: Without its end.

    Raises:
        OSError: If it cannot be written; the file is then as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        _lock(file.fileno())
        before = file.seek(0, os.SEEK_END)
        try:
            file.write((b"\n" if before and not _ends_line(path) else b"") + line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            os.truncate(file.fileno(), before)
            raise


def _ends_line(path: Path) -> bool:
    """Return whether a file that is not empty ends with the end of a line."""
    with open_file(path) as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _lock(handle: int) -> None:
    """Wait until a file is ours; closing it lets go."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
        return
    fcntl.flock(handle, fcntl.LOCK_EX)


def sync_folder(path: Path) -> None:
    """Make sure that renames in a folder outlive a power cut, where system and file system can do that for a folder.

    Raises:
        OSError: If the disk refuses.
    """
    if os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network drives flush files only
            raise
    finally:
        os.close(handle)
