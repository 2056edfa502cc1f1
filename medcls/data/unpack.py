"""A ZIP of labelled scans unpacked into a collection's own folder, within limits."""

import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

from medcls.core.progress import Progress, silent
from medcls.errors import BadData, TooLarge
from medcls.imaging.archive_names import BROKEN, open_archive, read_names

MAX_FILES = 1_000_000
MAX_RATIO = 250  # of what a file unpacks to, over what it takes up in the archive
_SPARE_BYTES = 1_000_000_000
_ZIP, _MOST_LEVELS, _SMALL_BYTES = ".zip", 3, 40_000  # archives in archives; what the ratio is taken of at least


def unpack(archive: Path, folder: Path, progress: Progress = silent) -> str:
    """Unpack an archive, and the archives in it, each into a folder of its name.

    One inside that is broken, encrypted or too much stays packed; all together are held to the limits of one.

    Args:
        archive: A ZIP file.
        folder: Where to; made if missing.
        progress: Called with the files unpacked and their total.

    Returns:
        The code page its names were read in where that was guessed; empty where nothing had to be.

    Raises:
        BadData: If it is no readable ZIP, is encrypted, or holds a path or a link that leads outside.
        TooLarge: If it holds too many files, would fill the disk, or unpacks to far more than it is.
    """
    page, files = _unpack_one(archive, folder, progress)
    packed = [(file, 1) for file in files if file.suffix.lower() == _ZIP]
    left, n_left = MAX_RATIO * max(archive.stat().st_size, _SMALL_BYTES), MAX_FILES - len(files)
    while packed:
        inner, level = packed.pop()
        total, n, is_own = _announced(inner)
        if not 0 < n <= n_left or total > left:
            continue
        made = _folder_for(inner)
        try:
            inner_page, files = _unpack_one(inner, inner.parent if is_own and made.name == inner.stem else made, silent)
        except (BadData, TooLarge):
            shutil.rmtree(made, ignore_errors=True)
            continue  # it stays, and is told as an archive that is not looked at
        inner.unlink()
        page, left, n_left = page or inner_page, left - total, n_left - n
        packed += [(file, level + 1) for file in files if file.suffix.lower() == _ZIP and level < _MOST_LEVELS]
    return page


def _announced(archive: Path) -> tuple[int, int, bool]:
    """Return what an archive says that it unpacks to.

    Returns:
        How many bytes, how many files (0 if it cannot be read), and whether all lie in a folder of the archive's name.
    """
    try:
        with open_archive(archive) as opened:
            members = opened.infolist()
    except (*BROKEN, OSError):
        return 0, 0, False
    is_own = all(info.filename.startswith(f"{archive.stem}/") for info in members)
    return sum(info.file_size for info in members), len(members), is_own


def _folder_for(archive: Path) -> Path:
    """Return a folder that is not there yet for what is in an archive: its name, with a sign where that is taken."""
    folder = archive.with_suffix("")
    while folder.exists():
        folder = folder.with_name(f"{folder.name}_")
    return folder


def _unpack_one(archive: Path, folder: Path, progress: Progress) -> tuple[str, list[Path]]:
    """Unpack an archive; see `unpack`. Returns the guessed code page, and the files that came out."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    try:
        with open_archive(archive) as opened:
            names, page = read_names(opened.infolist())
            members = [(i, name) for i, name in zip(opened.infolist(), names, strict=True) if not name.endswith("/")]
            check_room([info for info, _ in members], folder)
            for done, (info, name) in enumerate(members, 1):
                target = folder / _safe(info, name)
                target.parent.mkdir(parents=True, exist_ok=True)
                if target.exists():
                    raise BadData("data.zip-twice", found=name[:200])
                with opened.open(info) as source, target.open("xb") as file:
                    _copy(source, file, info.file_size)
                files.append(target)
                if done % 200 == 0 or done == len(members):
                    progress(done, len(members))
    except (*BROKEN, OSError) as error:
        raise BadData("data.zip-broken", found=type(error).__name__) from error
    return page, files


def check_room(members: list[zipfile.ZipInfo], folder: Path) -> None:
    """Refuse an archive by what it announces, before any of it is unpacked.

    Args:
        members: The files to be unpacked.
        folder: Where to; it exists.

    Raises:
        TooLarge: If they are too many, would fill the disk, or unpack to far more than they take up.
    """
    if len(members) > MAX_FILES:
        raise TooLarge("data.zip-too-many", n_members=len(members), max_files=MAX_FILES)
    total, packed = sum(info.file_size for info in members), sum(info.compress_size for info in members)
    if total > MAX_RATIO * max(packed, 1) and total > 10_000_000:
        raise TooLarge("data.zip-bomb", total=total)
    if total + _SPARE_BYTES > shutil.disk_usage(folder).free:
        raise TooLarge("data.zip-no-room", total=total)


def _safe(info: zipfile.ZipInfo, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    outside = path.is_absolute() or ".." in path.parts or not path.parts or ":" in path.parts[0][:2]
    if outside or stat.S_ISLNK(info.external_attr >> 16):
        raise BadData("data.zip-leads-outside")
    return path


def _copy(source: IO[bytes], file: IO[bytes], announced: int) -> None:
    """Copy at most what the header announced: a header may lie."""
    left = announced
    while chunk := source.read(1 << 20):
        if (left := left - len(chunk)) < 0:
            raise TooLarge("data.zip-lies")
        file.write(chunk)
