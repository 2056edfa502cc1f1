"""The cases a model was measured on, as `cases.csv`."""

from medcls.core.case_csv import format_cases
from medcls.exits.case import Mode
from medcls.exits.subjects import Measured


def make(measured: Measured, mode: Mode) -> bytes:
    """Return the cases as CSV in UTF-8.

    Args:
        measured: The cases, having passed the gate.
        mode: `record` or `others`.
    """
    return format_cases(measured.cases).encode("utf-8")
