"""A file that names the cases of one's own collections (a plan, a split): for the record alone."""

from medcls.exits.case import Mode
from medcls.exits.subjects import OwnFile


def make(file: OwnFile, mode: Mode) -> bytes:
    """Return the file's bytes.

    Args:
        file: The file.
        mode: `record`.
    """
    return file.data
