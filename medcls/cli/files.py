"""Verbs that answer one file after the other, a broken one among them stopping none; and pictures they write."""

import argparse
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from medcls.cli import add_mode
from medcls.errors import MedclsError

Row = dict[str, Any]
_MOST_BYTES = 1 << 26


def read_some(path: Path, most: int = _MOST_BYTES) -> bytes:
    """Return the beginning of a file that a person names, which may be a device without an end.

    Args:
        path: The file.
        most: Bytes that whoever looks at them takes at most; one more is read, so that they see that it is too much.

    Raises:
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(most + 1)


def each_file(
    paths: list[Path], work: Callable[[str, bytes], list[Row]], show: Callable[[Row], Any], **said: Any
) -> tuple[int, int]:
    """Work through files and folders, showing the rows of each file as they come.

    Args:
        paths: Files, folders and archives.
        work: Returns the rows of a file, given its name and its bytes.
        show: Called with each row; one of a file that cannot be answered has an `error`.
        said: What such a row says besides.

    Returns:
        How many files there were, and how many could not be answered.
    """
    from medcls.workflows.scans import walk

    total = failed = 0
    for entry in walk(paths):
        total += 1
        try:
            rows = work(entry.name, entry.get())
        except MedclsError as error:
            rows = [{"file": entry.name, **said, "error": str(error)}]
        failed += any("error" in row for row in rows)
        for row in rows:
            show(row)
    return total, failed


def add_way_out(made: argparse.ArgumentParser) -> None:
    """Add the flags that say for whom pictures leave, and whether text on them is painted over."""
    add_mode(made, "others: no picture with text on it")
    made.add_argument("--cover-text", action="store_true", help="paint over text found on the scan")


def save_drawings(drawings: Iterable[Any], folder: Path, args: argparse.Namespace) -> list[Path]:
    """Write pictures made of a scan, each past the gate and in the audit trail.

    Args:
        drawings: As `case_report.Drawing`.
        folder: Made if missing.
        args: With the flags of `add_way_out`.

    Raises:
        MedclsError: If the gate refuses one: of those before it stays what was written.
        OSError: If one cannot be written.
    """
    from medcls import disk
    from medcls.workflows import case_report

    paths: list[Path] = []
    for drawing in drawings:
        covers = case_report.text_on_scan(drawing.scan) if args.cover_text else ()
        parcel = case_report.send_out("drawing", replace(drawing, covers=covers), args.mode)
        folder.mkdir(parents=True, exist_ok=True)
        paths.append(folder / parcel.name)
        disk.write_atomically(paths[-1].absolute(), parcel.data)
    return paths
