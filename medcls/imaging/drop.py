"""What a person drops: files, ZIP archives and folders, handed out one file at a time.

Nothing is unpacked to disk, so no path in an archive can lead anywhere. One bad file never stops the others.
"""

import io
import stat
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from medcls.errors import BadScan, MedclsError, TooLarge
from medcls.imaging.limits import Limits
from medcls.imaging.quiet import guarded

_MAX_FILES = 20_000
_MAX_TOTAL_BYTES = 4_000_000_000
_MAX_DIRECTORY_BYTES = 20_000_000
_MAX_RATIO, _RATIO_FROM_BYTES = 250, 10_000_000
_MAX_DEPTH = 1  # an archive inside an archive is opened, one inside that is not
_MAX_NAME, _MAX_PATH = 200, 4096  # a path on this machine stays whole, so that an answer finds its file again
_JUNK = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", "DICOMDIR"}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class Dropped:
    """One file of a drop.

    Args:
        name: How to call it before the person who dropped it: unique in the drop, `archive.zip/folder/file`.
        data: Its bytes; None if they cannot be had.
        error: Why not; None if `data` is there. Says nothing of any name.
    """

    name: str
    data: bytes | None
    error: MedclsError | None = None


@dataclass
class _Budget:
    """What is left of the drop's limits, and the names given away."""

    limits: Limits
    files: int = _MAX_FILES
    total_bytes: int = _MAX_TOTAL_BYTES
    names: dict[str, int] = field(default_factory=dict)
    max_name: int = _MAX_NAME

    def name(self, wanted: str) -> str:
        """Give a name no other file of the drop has, printable and of bounded length."""
        clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in wanted)
        most = self.max_name
        clean = clean if len(clean) <= most else f"{clean[: most // 2]}…{clean[-most // 2 + 1 :]}"
        while (given := self.names.get(clean, 0) + 1) > 1:
            self.names[clean] = given
            clean = f"{clean} ({given})"
        self.names[clean] = 1
        return clean

    def spend(self, n_bytes: int) -> None:
        """Count a file of so many bytes.

        Raises:
            TooLarge: If the drop holds too many files or bytes.
        """
        self.files -= 1
        self.total_bytes -= n_bytes
        if self.files < 0:
            raise TooLarge("This drop holds too many files", allowed=f"{_MAX_FILES:,}", do="Drop fewer at a time")
        if self.total_bytes < 0:
            raise TooLarge(
                "This drop is too large", allowed=f"{_MAX_TOTAL_BYTES / 1e9:.0f} GB unpacked", do="Drop less at a time"
            )


def open_drop(files: Iterable[tuple[str, bytes]], *, limits: Limits | None = None) -> Iterator[Dropped]:
    """Hand out every file of a drop, those inside ZIP archives too, one at a time.

    Archives are recognised by content; inside, only one level of further archives is opened. Folders' own
    housekeeping (`__MACOSX`, `.DS_Store`, hidden files, …) is passed over.

    Args:
        files: Name (for showing, may hold `/`) and bytes of each file dropped.
        limits: What one file may cost; None takes `Limits.from_env()`.

    Yields:
        Each file with its bytes, or with the error that keeps it from being read.

    Example:
        >>> [d.name for d in open_drop([("a.png", b"1"), ("a.png", b"2")])]
        ['a.png', 'a.png (2)']
    """
    budget = _Budget(limits or Limits.from_env())
    for name, data in files:
        if not _is_junk(name):
            yield from _expand(name, data, budget, depth=0)


def walk(paths: Iterable[Path], *, limits: Limits | None = None) -> Iterator[Dropped]:
    """Hand out the files at some paths, folders' contents and archives' too, read one at a time.

    Args:
        paths: Files or folders. In folders, links are not followed and the order is by name.
        limits: As for `open_drop`.

    Yields:
        As `open_drop`; a path that is missing or cannot be read is an error of its own.
    """
    budget = _Budget(limits or Limits.from_env(), max_name=_MAX_PATH)
    for path in paths:
        if path.is_dir():
            for found in sorted(path.rglob("*")):
                if (
                    not found.is_symlink()
                    and not found.is_dir()
                    and not _is_junk(found.relative_to(path).as_posix(), True)
                ):
                    yield from _from_disk(found, budget)
        else:
            yield from _from_disk(path, budget)


def _from_disk(path: Path, budget: _Budget) -> Iterator[Dropped]:
    try:
        if not path.is_file():  # a pipe or a device would never end
            raise BadScan("There is no such file", do="Check the path")
        with path.open("rb") as file:
            if file.read(4) in _ZIP:
                yield from _archive(str(path), file, budget, 0)
                return
            budget.limits.check_bytes(path.stat().st_size)
            file.seek(0)
            data = file.read(budget.limits.max_bytes + 1)
    except OSError as error:
        yield Dropped(
            budget.name(str(path)), None, BadScan("This file cannot be opened", found=error.strerror or "an error")
        )
    except MedclsError as error:
        yield Dropped(budget.name(str(path)), None, error)
    else:
        yield _counted(str(path), data, budget)


def _expand(name: str, data: bytes, budget: _Budget, depth: int) -> Iterator[Dropped]:
    if data.startswith(_ZIP):
        yield from _archive(name, io.BytesIO(data), budget, depth)
    else:
        yield _counted(name, data, budget)


def _counted(name: str, data: bytes, budget: _Budget) -> Dropped:
    try:
        budget.spend(len(data))
        budget.limits.check_bytes(len(data))
    except TooLarge as error:
        return Dropped(budget.name(name), None, error)
    return Dropped(budget.name(name), data)


def _archive(name: str, file: BinaryIO, budget: _Budget, depth: int) -> Iterator[Dropped]:
    """Hand out what a ZIP archive holds; an archive that cannot be opened is one error."""
    try:
        if depth > _MAX_DEPTH:
            raise BadScan("This archive lies too deep inside other archives", do="Unpack it first")
        archive, entries = _entries(file)
    except MedclsError as error:
        yield Dropped(budget.name(name), None, error)
        return
    with archive:
        for entry in entries:
            if budget.files < 0 or budget.total_bytes < 0:
                return  # said once, at the file that broke the limit
            yield from _entry(name, archive, entry, budget, depth)


def _entries(file: BinaryIO) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """Open an archive after a look at the size of its directory; give the entries worth reading.

    Raises:
        BadScan: If it is damaged or holds no file.
        TooLarge: If it lists too many.
    """
    listed = guarded(lambda: _directory_bytes(file))
    if listed > _MAX_DIRECTORY_BYTES:
        raise TooLarge("This archive lists too many files", allowed=f"{_MAX_FILES:,}", do="Drop fewer at a time")
    archive = guarded(lambda: zipfile.ZipFile(file))
    entries = [e for e in archive.infolist() if not e.is_dir() and not _is_junk(e.filename, True)]
    if len(entries) > _MAX_FILES:
        raise TooLarge("This archive lists too many files", found=f"{len(entries):,}", allowed=f"{_MAX_FILES:,}",
                       do="Drop fewer at a time")  # fmt: skip
    if not entries:
        raise BadScan("This archive holds no files", do="Choose another")
    return archive, entries


def _directory_bytes(file: BinaryIO) -> int:
    """Give the size of an archive's list of entries as its end record states it (APPNOTE 4.3.14 and 4.3.16)."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 65_557))
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    stated = int.from_bytes(tail[end + 12 : end + 16], "little") if end >= 0 else 0
    wide = tail.rfind(b"PK\x06\x06", 0, max(end, 0))
    if stated == 0xFFFFFFFF or tail[max(0, end - 20) : max(0, end)].startswith(b"PK\x06\x07"):
        stated = int.from_bytes(tail[wide + 40 : wide + 48], "little") if wide >= 0 else size
    file.seek(0)
    return stated


def _entry(
    name: str, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: _Budget, depth: int
) -> Iterator[Dropped]:
    shown = f"{name}/{entry.filename}"
    try:
        _check_entry(entry, budget)
        data = guarded(lambda: _read_entry(archive, entry, budget.limits.max_bytes + 1))
    except MedclsError as error:
        yield Dropped(budget.name(shown), None, error)
    else:
        yield from _expand(shown, data, budget, depth + 1)


def _check_entry(entry: zipfile.ZipInfo, budget: _Budget) -> None:
    """Refuse an entry by what the archive's directory says of it."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise BadScan(
            "This entry of an archive is not a file", found="a link" if kind == stat.S_IFLNK else "a special file"
        )
    if _escapes(entry.orig_filename):
        raise BadScan("This entry of an archive has an unsafe path", found="one that leads out of the archive")
    if entry.flag_bits & 1:
        raise BadScan("This entry of an archive is encrypted", do="Unpack it with its password and drop the files")
    if entry.compress_type not in _METHODS:
        raise BadScan(
            "This entry of an archive is packed in an unusual way", allowed="stored or deflated", do="Unpack it first"
        )
    budget.limits.check_bytes(entry.file_size)
    if entry.file_size > max(_RATIO_FROM_BYTES, _MAX_RATIO * entry.compress_size):
        raise TooLarge("This entry of an archive looks like a bomb", found=f"{entry.file_size / 1e6:,.0f} MB out of "
                       f"{entry.compress_size / 1e6:,.2f} MB")  # fmt: skip


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    with archive.open(entry) as stream:
        return stream.read(most)


def _escapes(path: str) -> bool:
    parts = path.replace("\\", "/").split("/")
    return ".." in parts or parts[0] == "" or parts[0].endswith(":") or ":" in parts[0][:2]


def _is_junk(path: str, inside_folder: bool = False) -> bool:
    """Tell if a path is an operating system's housekeeping, or hidden below a folder."""
    parts = PurePosixPath(path.replace("\\", "/")).parts
    hidden = any(part.startswith(".") and part != ".." for part in parts) and (inside_folder or len(parts) > 1)
    return hidden or bool(_JUNK.intersection(parts)) or (bool(parts) and parts[-1].startswith("._"))
