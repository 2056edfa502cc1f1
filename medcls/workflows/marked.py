"""Tables that are made by a command and stand in a file between two markers, as in the README."""

from pathlib import Path

from medcls import disk, home
from medcls.errors import Conflict, MedclsError


def marks(name: str) -> tuple[str, str]:
    """Return the lines that stand before and after a table.

    Example:
        >>> marks("shipped models")
        ('<!-- shipped models: begin -->', '<!-- shipped models: end -->')
    """
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def put_between_marks(path: Path, name: str, text: str) -> None:
    """Replace all that stands between a table's two markers.

    Args:
        path: A text file that holds both lines of `marks(name)`.
        name: Name of the table.
        text: The new table, ending in a line break.

    Raises:
        MedclsError: If the file cannot be read or lacks the markers.
        Conflict: If it cannot be written.
    """
    with disk.locked(home.cache() / "marked"):  # not beside the file: that folder is its owner's
        _put(path, *marks(name), text)


def _put(path: Path, begin: str, end: str, text: str) -> None:
    try:
        before, found, rest = path.read_text(encoding="utf-8").partition(begin)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise MedclsError("workflows.file-unreadable", found=reason) from error
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise MedclsError("workflows.no-place-for-table", begin=begin, end=end)
    try:
        disk.write_atomically(path, f"{before}{begin}\n{text}{end}{after}".encode())
    except OSError as error:
        raise Conflict("workflows.file-not-written", found=error.strerror or type(error).__name__) from error
