"""Colours of the labels: one place, the same on every page, safe for colour-blind eyes.

Okabe and Ito's palette. Colour never carries the meaning alone: a label meaning disease also has a mark
and its word.
"""

from medcls.core.task import Task

OKABE_ITO = {
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "purple": "#CC79A7",
    "grey": "#7A828A",
}
# Near-black on which every scan stands, in both themes.
SCAN_BACKGROUND = "#0B0D10"
SCAN_TEXT = "#C9D1D9"
_NEGATIVE = ("sky", "green", "blue", "yellow", "grey")
_POSITIVE = ("vermilion", "purple", "orange")
# One colour per model where several are drawn in one plot (Compare, Runs).
SERIES = tuple(OKABE_ITO[name] for name in ("blue", "orange", "green", "purple", "sky", "vermilion", "grey", "yellow"))
MARK = "◆"  # before the word of a label that means disease
REFUSED = OKABE_ITO["grey"]  # of an answer that could not be given


def label_colours(task: Task) -> dict[str, str]:
    """Return each label's colour: blues and greens for what is not disease, vermilion first for what is.

    Args:
        task: The question; label order decides among equals.

    Returns:
        Label id -> `#RRGGBB`.
    """
    positive = {task.labels[i].id for i in task.positive}
    queues = {True: list(_POSITIVE), False: list(_NEGATIVE)}
    colours = {}
    for label in task.labels:
        queue = queues[label.id in positive] or list(OKABE_ITO)
        colours[label.id] = OKABE_ITO[queue.pop(0)]
    return colours


def label_word(task: Task, label_id: str) -> str:
    """Return the label's name as shown: with the mark if it means disease."""
    positive = {task.labels[i].id for i in task.positive}
    name = task.label(label_id).name
    return f"{MARK} {name}" if label_id in positive else name
