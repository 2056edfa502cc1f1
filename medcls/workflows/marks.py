"""Which drawn marks, or hairs, are painted over on a scan before it is read: shown, and as pictures that may leave."""

from medcls.core.model import ModelCard
from medcls.core.prediction import Prediction
from medcls.core.scan import PAINTING, Scan
from medcls.exits.subjects import Drawing
from medcls.imaging.painted import Painted, painted_pictures, show_painted

__all__ = ["Painted", "exports", "show_painted", "step_of", "step_told"]


def step_of(card: ModelCard) -> str:
    """Return the step by which a model paints over a scan; empty if by none, and its pictures are in colour."""
    default = "mark-removal" if card.task.is_grey else ""
    return next((step for step in card.preprocess.cleaning if step in PAINTING), default)


def step_told(answer: Prediction) -> str:
    """Return the step that an answer's cautions tell of; empty if of none."""
    codes = {note.code for note in answer.cautions}
    return next((step for step, told in PAINTING.items() if codes & set(told)), "")


def exports(scan: Scan, step: str) -> tuple[Drawing, ...]:
    """Return both pictures of `show_painted` as they may leave, named after the scan's digest; none if none is painted.

    Args:
        scan: The scan.
        step: As `step_of` names it.
    """
    if not step or show_painted(scan, step) is None:
        return ()
    stem = scan.sha256[:16]
    return (
        Drawing(f"{stem}--marks", scan, lambda given: painted_pictures(given, step).marked),
        Drawing(f"{stem}--without", scan, lambda given: painted_pictures(given, step).without),
    )
