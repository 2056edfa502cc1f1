"""A file that names cases of one's own (a plan, a split) or holds a scan as it came: for the record alone."""

from medcls.exits.case import Mode
from medcls.exits.subjects import OwnFile, Received


def make(file: OwnFile | Received, mode: Mode) -> bytes:
    """Return the file's bytes.

    Args:
        file: The file.
        mode: `record`.
    """
    return file.data
