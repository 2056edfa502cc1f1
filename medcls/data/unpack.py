"""A ZIP of labelled scans unpacked into a collection's own folder, within limits."""

import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

from medcls.errors import BadData, TooLarge

MAX_FILES = 1_000_000
MAX_RATIO = 250  # of what a file unpacks to, over what it takes up in the archive
_SPARE_BYTES = 1_000_000_000


def unpack(archive: Path, folder: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Unpack an archive.

    Args:
        archive: A ZIP file.
        folder: Where to; made if missing.
        progress: Called with the files unpacked and their total.

    Raises:
        BadData: If it is no readable ZIP, is encrypted, or holds a path or a link that leads outside.
        TooLarge: If it holds too many files, would fill the disk, or unpacks to far more than it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [info for info in opened.infolist() if not info.is_dir() and not _is_junk(info.filename)]
            check_room(members, folder)
            for done, info in enumerate(members, 1):
                target = folder / _safe(info)
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(info) as source, target.open("xb") as file:
                    _copy(source, file, info.file_size)
                if progress and (done % 200 == 0 or done == len(members)):
                    progress(done, len(members))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, RuntimeError) as error:
        raise BadData(
            "The ZIP archive cannot be unpacked", found=type(error).__name__, do="Pack it again without a password"
        ) from error


def _is_junk(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or not parts or parts[-1].startswith(".")


def check_room(members: list[zipfile.ZipInfo], folder: Path) -> None:
    """Refuse what an archive announces, before any of it is unpacked.

    Args:
        members: The files to be unpacked.
        folder: Where to; it exists.

    Raises:
        TooLarge: If they are too many, would fill the disk, or unpack to far more than they take up.
    """
    if len(members) > MAX_FILES:
        raise TooLarge("The ZIP archive holds too many files", found=f"{len(members):,}", allowed=f"{MAX_FILES:,}")
    total, packed = sum(info.file_size for info in members), sum(info.compress_size for info in members)
    if total > MAX_RATIO * max(packed, 1) and total > 10_000_000:
        raise TooLarge(
            "The ZIP archive unpacks to far more than it is", found=f"{total:,} bytes", do="Unpack it yourself"
        )
    if total + _SPARE_BYTES > shutil.disk_usage(folder).free:
        raise TooLarge("There is no room on the disk for what is in the ZIP archive", found=f"{total:,} bytes")


def _safe(info: zipfile.ZipInfo) -> PurePosixPath:
    path = PurePosixPath(info.filename)
    outside = path.is_absolute() or ".." in path.parts or "\\" in info.filename or ":" in path.parts[0]
    if outside or stat.S_ISLNK(info.external_attr >> 16):
        raise BadData("The ZIP archive holds a path or link that leads outside of it", do="Pack it again")
    return path


def _copy(source: IO[bytes], file: IO[bytes], announced: int) -> None:
    """Copy at most what the header announced: a header may lie."""
    left = announced
    while chunk := source.read(1 << 20):
        if (left := left - len(chunk)) < 0:
            raise TooLarge("A file in the ZIP archive is larger than it says", do="Pack it again")
        file.write(chunk)
