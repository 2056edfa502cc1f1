"""Verbs that answer one file after the other, a broken one among them stopping none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from medcls.errors import MedclsError

Row = dict[str, Any]


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
            if entry.data is None:
                raise entry.error or MedclsError("cli.file-cannot-be-opened")
            rows = work(entry.name, entry.data)
        except MedclsError as error:
            rows = [{"file": entry.name, **said, "error": str(error)}]
        failed += any("error" in row for row in rows)
        for row in rows:
            show(row)
    return total, failed
