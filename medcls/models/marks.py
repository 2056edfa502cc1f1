"""What drawn marks, or hairs, do to an answer: the same scan with and without them, side by side."""

from dataclasses import replace

import numpy as np

from medcls.core.note import Note
from medcls.core.prediction import Prediction
from medcls.core.scan import PAINTING, Preprocess, Scan
from medcls.imaging.prepare import painted_over, place
from medcls.models.network import Network
from medcls.models.predictor import Predictor
from medcls.stats.calibration import calibrate

# Below this share of a scan nothing was drawn; from this change of the probability of disease on, it matters.
_LEAST_SHARE, _MATTERS = 0.0005, 0.15


def with_mark_cautions(predictor: Predictor, scan: Scan, answer: Prediction) -> Prediction:
    """Return an answer with a caution where marks or hairs were painted over, and the other answer where they matter.

    Args:
        predictor: The model that answered.
        scan: The scan.
        answer: Its answer.
    """
    card = predictor.card
    step = "mark-removal" if card.task.is_grey else "hair-removal"
    removes = [step in member.card.preprocess.cleaning for member in predictor.members]
    if answer.foreign or not (card.task.is_grey or any(removes)):
        return answer
    share = float(painted_over(scan, step).mean())
    if share < _LEAST_SHARE:
        return answer
    painted, matters = PAINTING[step]
    notes = [Note(painted, share=share)] if all(removes) else []
    disease = list(card.task.positive)
    here, there = (float(p[disease].sum()) for p in (answer.prob, _otherwise(predictor, scan, step)))
    marked, unmarked = (there, here) if all(removes) else (here, there)
    if abs(marked - unmarked) >= _MATTERS:
        names = ", ".join(card.task.labels[i].name for i in disease)
        notes.append(Note(matters, labels=names, marked=marked, unmarked=unmarked))
    return replace(answer, cautions=(*answer.cautions, *notes))


def _otherwise(predictor: Predictor, scan: Scan, step: str) -> np.ndarray:
    """Return mean probabilities with all left that a step paints over, and painted over where it was left."""
    return np.mean([_ask_otherwise(member, scan, step) for member in predictor.members], axis=0)


def _ask_otherwise(member: Network, scan: Scan, step: str) -> np.ndarray:
    square = place(scan, _turned(member.card.preprocess, step)).pixels
    logits, _ = member.ask(square[None])
    return calibrate(logits, member.card.calibration.temperature)[0]


def _turned(preprocess: Preprocess, step: str) -> Preprocess:
    steps = preprocess.cleaning
    return replace(preprocess, cleaning=tuple(s for s in steps if s != step) if step in steps else (step, *steps))
