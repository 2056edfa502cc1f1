"""Data page: cases as rows of pictures on near-black."""

import hashlib
from collections.abc import Container, Mapping, Sequence

from medcls.core.task import Task
from medcls.words import say
from medcls.workflows import data
from pages._ui.widgets import gallery
from pages._ui.widgets.palette import SCAN_TEXT, label_colours, label_word


def show_cases(
    name: str, task: Task, ids: Sequence[str], side_px: int = 150, out: Container[str] = (), key: str = ""
) -> None:
    """Show cases side by side, each with its label (colour, mark and word) and its id; a click opens one large.

    Args:
        name: Name of the collection.
        task: The question its labels answer.
        ids: Case ids.
        side_px: Least width of a picture; a row is filled.
        out: Ids of those that are left out of the collection, which is said under them.
        key: Tells the pictures apart where the same cases stand on a page twice.
    """
    found = data.read_pictures(name, ids, 2 * side_px)
    figures, shown = [], list(found)
    for case, png in found.values():
        colour, word = _label(task, case.label)
        word = say("pages.left-out", {"word": word}) if case.id in out else word
        figures.append(gallery.Figure(case.id, png, word, colour))
    digest = hashlib.sha256("|".join([name, key, *ids]).encode()).hexdigest()[:16]
    if figures:
        gallery.show(figures, lambda place: data.read_case(name, shown[place]), f"data.pictures.{digest}", side_px)


def _label(task: Task, label: str | None) -> tuple[str, str]:
    colours: Mapping[str, str] = label_colours(task)
    if label is not None and label in colours:
        return colours[label], label_word(task, label)
    return SCAN_TEXT, label or say("pages.no-label")
