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

from medcls.core.note import Note
from medcls.core.outcome import Outcome
from medcls.errors import BadScan, MedclsError, TooLarge
from medcls.imaging.archive_names import open_archive, read_names
from medcls.imaging.foreign import names_document
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


@dataclass
class _Budget:
    """What is left of the drop's limits, and the names given away."""

    limits: Limits
    files: int = _MAX_FILES
    total_bytes: int = _MAX_TOTAL_BYTES
    names: dict[str, int] = field(default_factory=dict)
    max_name: int = _MAX_NAME

    def name(self, wanted: str) -> str:
        """Return a name no other file of the drop has, printable and of bounded length."""
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
            raise TooLarge("imaging.drop-too-many", most=_MAX_FILES)
        if self.total_bytes < 0:
            raise TooLarge("imaging.drop-too-large", most_gb=_MAX_TOTAL_BYTES / 1e9)


def open_drop(files: Iterable[tuple[str, bytes]], *, limits: Limits | None = None) -> Iterator[Outcome[bytes]]:
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


def walk(paths: Iterable[Path], *, limits: Limits | None = None) -> Iterator[Outcome[bytes]]:
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


def _from_disk(path: Path, budget: _Budget) -> Iterator[Outcome[bytes]]:
    try:
        if not path.is_file():  # a pipe or a device would never end
            raise BadScan("imaging.no-such-file")
        with path.open("rb") as file:
            if file.read(4) in _ZIP:
                yield from _archive(str(path), file, budget, 0)
                return
            budget.limits.check_bytes(path.stat().st_size)
            file.seek(0)
            data = file.read(budget.limits.max_bytes + 1)
    except OSError as error:
        yield Outcome(
            budget.name(str(path)),
            error=BadScan("imaging.unopenable", reason=error.strerror or Note("imaging.unopenable-unsaid")),
        )
    except MedclsError as error:
        yield Outcome(budget.name(str(path)), error=error)
    else:
        yield _counted(str(path), data, budget)


def _expand(name: str, data: bytes, budget: _Budget, depth: int) -> Iterator[Outcome[bytes]]:
    if data.startswith(_ZIP):
        yield from _archive(name, io.BytesIO(data), budget, depth)
    else:
        yield _counted(name, data, budget)


def _counted(name: str, data: bytes, budget: _Budget) -> Outcome[bytes]:
    try:
        budget.spend(len(data))
        budget.limits.check_bytes(len(data))
    except TooLarge as error:
        return Outcome(budget.name(name), error=error)
    return Outcome(budget.name(name), data)


def _archive(name: str, file: BinaryIO, budget: _Budget, depth: int) -> Iterator[Outcome[bytes]]:
    """Hand out what a ZIP archive holds; an archive that cannot be opened is one error."""
    try:
        if depth > _MAX_DEPTH:
            raise BadScan("imaging.archive-too-deep")
        archive, entries = _entries(file)
    except MedclsError as error:
        yield Outcome(budget.name(name), error=error)
        return
    with archive:
        for entry, path in entries:
            if budget.files < 0 or budget.total_bytes < 0:
                return  # said once, at the file that broke the limit
            yield from _entry(name, path, (archive, entry), budget, depth)


def _entries(file: BinaryIO) -> tuple[zipfile.ZipFile, list[tuple[zipfile.ZipInfo, str]]]:
    """Open an archive after a look at the size of its directory; return the entries worth reading, each with its path.

    Raises:
        BadScan: If it is damaged or holds no file.
        TooLarge: If it lists too many.
    """
    listed = guarded(lambda: _directory_bytes(file))
    if listed > _MAX_DIRECTORY_BYTES:
        raise TooLarge("imaging.archive-too-many", most=_MAX_FILES)
    archive = guarded(lambda: open_archive(file))
    listed_files = archive.infolist()
    if names_document(archive.namelist()):
        raise BadScan("imaging.foreign-office")
    paths, _ = read_names(listed_files)
    named = zip(listed_files, paths, strict=True)
    entries = [(entry, path) for entry, path in named if not path.endswith("/") and not _is_junk(path, True)]
    if len(entries) > _MAX_FILES:
        raise TooLarge("imaging.archive-too-many", found=f"{len(entries):,}", most=_MAX_FILES)
    if not entries:
        raise BadScan("imaging.archive-empty")
    return archive, entries


def _directory_bytes(file: BinaryIO) -> int:
    """Return the size of an archive's list of entries as its end record states it (APPNOTE 4.3.14 and 4.3.16)."""
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
    name: str, path: str, place: tuple[zipfile.ZipFile, zipfile.ZipInfo], budget: _Budget, depth: int
) -> Iterator[Outcome[bytes]]:
    shown, (archive, entry) = f"{name}/{path}", place
    try:
        _check_entry(entry, path, budget)
        data = guarded(lambda: _read_entry(archive, entry, budget.limits.max_bytes + 1))
    except MedclsError as error:
        yield Outcome(budget.name(shown), error=error)
    else:
        yield from _expand(shown, data, budget, depth + 1)


def _check_entry(entry: zipfile.ZipInfo, path: str, budget: _Budget) -> None:
    """Refuse an entry by what the archive's directory says of it."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise BadScan(
            "imaging.entry-no-file",
            found=Note("imaging.entry-link" if kind == stat.S_IFLNK else "imaging.entry-special"),
        )
    if _escapes(entry.orig_filename) or _escapes(path):
        raise BadScan("imaging.entry-unsafe-path")
    if entry.flag_bits & 1:
        raise BadScan("imaging.entry-encrypted")
    if entry.compress_type not in _METHODS:
        raise BadScan("imaging.entry-packed")
    budget.limits.check_bytes(entry.file_size)
    if entry.file_size > max(_RATIO_FROM_BYTES, _MAX_RATIO * entry.compress_size):
        raise TooLarge("imaging.entry-bomb", large_mb=entry.file_size / 1e6, packed_mb=entry.compress_size / 1e6)


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    with archive.open(entry) as stream:
        return stream.read(most)


def _escapes(path: str) -> bool:
    parts = path.replace("\\", "/").split("/")
    return ".." in parts or parts[0] == "" or parts[0].endswith(":") or ":" in parts[0][:2]


def _is_junk(path: str, inside_folder: bool = False) -> bool:
    """Return whether a path is an operating system's housekeeping, or hidden below a folder."""
    parts = PurePosixPath(path.replace("\\", "/")).parts
    hidden = any(part.startswith(".") and part != ".." for part in parts) and (inside_folder or len(parts) > 1)
    return hidden or bool(_JUNK.intersection(parts)) or (bool(parts) and parts[-1].startswith("._"))
