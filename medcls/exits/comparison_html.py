"""A comparison of models as one HTML page."""

from medcls.exits.case import Mode
from medcls.exits.subjects import Compared


def make(compared: Compared, mode: Mode) -> bytes:
    """Return the page in UTF-8.

    Args:
        compared: The comparison, having passed the gate.
        mode: `record` or `others`.
    """
    return compared.write(compared.comparison, not compared.nameless).encode("utf-8")
