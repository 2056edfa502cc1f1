"""The mean of several networks' answers to one scan: the only rule, whoever averages."""

import math
from collections.abc import Sequence

import numpy as np

from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.prediction import Prediction
from medcls.models.familiarity import ACQUIRED, is_stranger


def combine(card: ModelCard, answers: Sequence[Prediction]) -> Prediction:
    """Average the calibrated probabilities of networks for one scan.

    Nothing is decided where half of those that measure it, or more, never saw the scan's like, nor where the mean stays
    below the card's least probability. A network that is only unsure counts with its probabilities: a mean is for that.

    Args:
        card: Of the mean: its id, least probability and operating points.
        answers: One of each network, with the same labels in the same order; one at least.

    Returns:
        The mean's answer. Unfamiliarity is the median over the networks that measure it, NaN if one gives no number.
    """
    prob = np.mean([a.prob for a in answers], axis=0)
    refusal = _foreign(answers) or _unsure(prob, card.abstention.min_prob)
    foreign = refusal is not None and refusal.code != "models.unsure-mean"
    return Prediction(
        card.id,
        answers[0].sha256,
        answers[0].labels,
        np.log(np.clip(prob, 1e-12, None)),
        prob,
        refusal,
        () if foreign else card.point_notes(prob),
        _cautions(answers, foreign),
        _median([a.unfamiliarity for a in answers]),
        _median([a.acquired for a in answers]),
        sum(a.elapsed_s for a in answers),
        split=len({a.top for a in answers}) > 1,
    )


def _foreign(answers: Sequence[Prediction]) -> Note | None:
    strangers = [a for a in answers if is_stranger(a)]
    measured = sum(a.unfamiliarity is not None or a.foreign for a in answers)
    if not strangers or 2 * len(strangers) < measured:
        return None
    alike = {a.refusal for a in strangers}
    if len(strangers) == len(answers) and len(alike) == 1 and (said := alike.pop()):
        return said
    return Note("models.strangers", n=len(strangers), of=len(answers))


def _unsure(prob: np.ndarray, least: float) -> Note | None:
    return None if prob.max() >= least else Note("models.unsure-mean", least=least)


def _cautions(answers: Sequence[Prediction], foreign: bool) -> tuple[Note, ...]:
    """Return the networks' cautions, each once; and that some of them decide nothing where the mean does."""
    own = dict.fromkeys(note for a in answers for note in a.cautions if note.code not in ACQUIRED)
    silent = sum(a.decided is None for a in answers)
    said = (Note("models.some-cannot-tell", n=silent, of=len(answers)),) if silent and not foreign else ()
    return (*said, *_acquired(answers), *own)


def _acquired(answers: Sequence[Prediction]) -> tuple[Note, ...]:
    """Return the farthest network's caution on how the scan was acquired, if at least half that measure it have one."""
    measured = [a for a in answers if a.acquired is not None]
    far = [a for a in measured if not (a.acquired is not None and a.acquired <= 1)]
    if not far or 2 * len(far) < len(measured):
        return ()
    farthest = max(far, key=_distance)
    return tuple(note for note in farthest.cautions if note.code in ACQUIRED)


def _distance(answer: Prediction) -> float:
    """Return how unlike a scan was acquired; a distance that is no number counts as infinite, one not measured as 0."""
    return 0.0 if answer.acquired is None else answer.how_far


def _median(values: Sequence[float | None]) -> float | None:
    """Return the median of what was measured, a distance that is no number being infinite; None if nothing was."""
    known = [math.inf if math.isnan(v) else v for v in values if v is not None]
    return float(np.median(known)) if known else None
