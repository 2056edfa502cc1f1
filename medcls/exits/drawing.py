"""A picture made of a scan: a heatmap over it, marks found on it."""

from medcls.exits.case import Mode
from medcls.exits.subjects import Drawing


def make(drawing: Drawing, mode: Mode) -> bytes:
    """Return the picture as a PNG.

    Args:
        drawing: What is drawn of which scan, having passed the gate.
        mode: `record` or `others`.
    """
    return drawing.draw(drawing.scan)
