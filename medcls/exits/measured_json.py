"""What was measured of a model, as `evaluation.json`."""

from medcls.exits.case import Mode
from medcls.exits.subjects import Measured


def make(measured: Measured, mode: Mode) -> bytes:
    """Return the evaluation as JSON in UTF-8.

    Args:
        measured: The figures, having passed the gate.
        mode: `record` or `others`.
    """
    return measured.evaluation.to_json().encode("utf-8")
