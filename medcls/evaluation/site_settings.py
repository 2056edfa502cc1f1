"""A site's own settings for a model, each fitted on some patients and applied only if better on others beyond doubt."""

import math

import numpy as np

from medcls.core.evaluation import Estimate
from medcls.core.note import Note
from medcls.core.site import Aim, SiteSettings
from medcls.evaluation.cross_fit import fit_caution, fit_site_temperature, fit_threshold, nearer_aim
from medcls.evaluation.site_answer import weights_of
from medcls.evaluation.site_ask import Asked
from medcls.evaluation.sites import now
from medcls.models.predictor import Predictor

Fitted = tuple[float, dict[str, Estimate], Note]  # a setting's value, what it was worth, and that in a sentence


def settings_for(model: Predictor, asked: Asked, site: str, aim: Aim) -> tuple[SiteSettings, tuple[Note, ...]]:
    """Fit a site's own temperature, threshold and limit of the caution; what is not better beyond doubt is left.

    Args:
        model: The model.
        asked: From `predict_site`.
        site: Name of the site.
        aim: For the sensitivity the threshold is to keep.

    Returns:
        The settings, and a note on each: whether it changes anything, and what it was worth on patients left out.
    """
    card, table = model.card, asked.table
    positive = list(card.task.positive)
    temperature, prob, warmth = _temperature(asked)
    sick = np.isin(table.truth, positive)
    called = np.isin(prob.argmax(axis=1), positive)
    threshold = _threshold(prob[:, positive].sum(axis=1), called, sick, table.group, aim) if aim.sensitivity else None
    caution = _caution(asked)
    parts = [part for part in (warmth, threshold, caution) if part is not None]
    settings = SiteSettings(
        site,
        card.id,
        weights_of(card),
        temperature,
        threshold[0] if threshold else math.nan,
        aim,
        len(table),
        len(set(table.group)),
        {name: score for _, kept, _ in parts for name, score in kept.items()},
        now()[:10],
        caution[0] if caution else 1.0,
    )
    return settings, tuple(note for _, _, note in parts)


def _temperature(asked: Asked) -> tuple[float, np.ndarray, Fitted]:
    """Return the temperature, each case's probabilities by one fitted on other patients, and what it was worth."""
    table = asked.table
    found = fit_site_temperature(table.prob, table.truth, table.group)
    gain = found.gain
    code = "evaluation.temperature-better" if found.better else "evaluation.temperature-left"
    note = Note(code, value=found.value, gain=gain.value, low=gain.low, high=gain.high)
    value = found.value if found.better else 1.0
    return value, found.prob if found.better else table.prob, (value, {"log_loss_gain": gain}, note)


def _threshold(score: np.ndarray, called: np.ndarray, sick: np.ndarray, group: np.ndarray, aim: Aim) -> Fitted:
    """Return the threshold for the aim's sensitivity, NaN if it brings the calls no nearer to it beyond doubt."""
    found = fit_threshold(score, sick, group, aim.sensitivity)
    kept = {"sensitivity": found.sensitivity, "specificity": found.specificity}
    if math.isnan(found.value):
        return math.nan, kept, Note("evaluation.threshold-none", aim=aim.sensitivity)
    which, gain = nearer_aim(found, called, sick, group, aim.sensitivity)
    told = Note(
        "evaluation.threshold-fitted",
        aim=aim.sensitivity,
        value=found.value,
        sensitivity=found.sensitivity.value,
        low=found.sensitivity.low,
        high=found.sensitivity.high,
        specificity=found.specificity.value,
    )
    kept["threshold_gain"] = gain
    if gain.low > 0:
        note = Note(
            "evaluation.threshold-better", told=told, score=which, gain=gain.value, low=gain.low, high=gain.high
        )
        return found.value, kept, note
    return math.nan, kept, Note("evaluation.threshold-left", told=told)


def _caution(asked: Asked) -> Fitted | None:
    """Return from how far on scans get a caution; None where how they were acquired is not measured."""
    table, answered = asked.table, ~asked.unfamiliar
    wrong = table.prob.argmax(axis=1) != table.truth
    found = fit_caution(asked.acquired[answered], wrong[answered], table.group[answered])
    if not found.gain.n:
        return None
    gain, better = found.gain, found.better
    code = "evaluation.caution-better" if better else "evaluation.caution-left"
    note = Note(code, value=found.value, gain=gain.value, low=gain.low, high=gain.high, warned=found.warned.value)
    return found.value if better else 1.0, {"warned": found.warned, "caution_gain": gain}, note
