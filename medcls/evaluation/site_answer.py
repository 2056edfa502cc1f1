"""An answer as it is read at a site: by its temperature and threshold, and how often such an answer was right there."""

from dataclasses import dataclass, replace

import numpy as np

from medcls.core.evaluation import CaseTable, Estimate
from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.prediction import Prediction
from medcls.core.site import SiteSettings
from medcls.evaluation.risk import REFUSED
from medcls.models.familiarity import ACQUIRED, refuse_unsure
from medcls.stats.calibration import calibrate
from medcls.stats.curves import Steps
from medcls.stats.operating import operate


def weights_of(card: ModelCard) -> tuple[str, ...]:
    """Return what identifies a model's networks: the digests of their weights, in the card's order."""
    if card.is_mean:
        return tuple(card.member_weights.get(name, "") for name in card.networks)
    return (card.files.get("model.safetensors", ""),)


def read_at_site(prediction: Prediction, card: ModelCard, settings: SiteSettings) -> Prediction:
    """Return an answer as a site's settings make it; what was refused stays refused.

    Args:
        prediction: The model's answer.
        card: The model's card.
        settings: The site's; those made for other networks change nothing, and a caution says so.
    """
    if settings.model != card.id or settings.weights != weights_of(card):
        return replace(
            prediction,
            cautions=(*prediction.cautions, Note("evaluation.settings-of-other-weights", site=settings.site)),
        )
    prob = calibrate(np.log(np.clip(prediction.prob, 1e-12, None)), settings.temperature)
    refusal = prediction.refusal or refuse_unsure(prob, card.abstention.min_prob)
    answer = _cautioned(replace(prediction, prob=prob, refusal=refusal), settings)
    if np.isnan(settings.threshold) and settings.temperature == 1:
        return answer
    if np.isnan(settings.threshold):
        note = Note("evaluation.site-temperature", site=settings.site, n=settings.n_cases, made=settings.made)
        return replace(answer, points=(*answer.points, note))
    return _called(answer, card, settings)


def read_mean_at_site(mean: Prediction, card: ModelCard, settings: SiteSettings) -> Prediction:
    """Return the mean of answers that were each read by a site's settings: its threshold alone is still to decide.

    Args:
        mean: The mean.
        card: The model's card.
        settings: The site's; those made for other networks change nothing, of which each answer has told.
    """
    if np.isnan(settings.threshold) or settings.model != card.id or settings.weights != weights_of(card):
        return mean
    return _called(mean, card, settings)


def _cautioned(answer: Prediction, settings: SiteSettings) -> Prediction:
    """Let the site's limit decide whether to caution of how a scan was acquired, where the card's decides otherwise."""
    far = answer.acquired
    if far is None or not np.isfinite(far) or (far > 1) == (far > settings.caution):
        return answer
    code = "evaluation.site-caution" if far > settings.caution else "evaluation.site-no-caution"
    note = Note(code, site=settings.site, far=far, limit=settings.caution, n=settings.n_cases, made=settings.made)
    others = tuple(given for given in answer.cautions if given.code not in ACQUIRED)
    if far > settings.caution:
        return replace(answer, cautions=(note, *others))
    return replace(answer, cautions=others, points=(*answer.points, note))


def _called(answer: Prediction, card: ModelCard, settings: SiteSettings) -> Prediction:
    """Let a site's threshold on the probability of disease decide between the likeliest disease and likeliest rest."""
    positive = list(card.task.positive)
    disease = float(answer.prob[positive].sum())
    side = positive if disease >= settings.threshold else [k for k in range(len(answer.labels)) if k not in positive]
    label = answer.labels[max(side, key=lambda k: answer.prob[k])]
    note = Note(
        "evaluation.site-threshold",
        site=settings.site,
        threshold=settings.threshold,
        n=settings.n_cases,
        sensitivity=settings.aim.sensitivity,
        made=settings.made,
        disease=disease,
    )
    return replace(answer, called=label, points=(*answer.points, note))


@dataclass(frozen=True)
class TrackRecord:
    """How often an answer like this one was right where the model was measured.

    Args:
        label: Label id answered.
        said: Cases for which the model said so.
        right: Of them, those where it was true.
        of: Cases with disease (where the answer is a disease), else cases with none.
        missed: Of `of`, what was said instead: label id to count.
        refused: Cases of which nothing was decided: they are counted nowhere else.
        by_prob: True where only those refused for their probabilities are known: not those unlike.
        here: Chance that such a call is right at a prevalence; None for an answer that is no disease, or too few cases.
        prevalence: The prevalence that `here` is for.
    """

    label: str
    said: int
    right: int
    of: int
    missed: dict[str, int]
    here: Estimate | None
    prevalence: float
    refused: int = 0
    by_prob: bool = False

    def count_note(self, place: str, name: str) -> Note:
        """Return the counts in a sentence.

        Args:
            place: Where the model was measured.
            name: The label's name.
        """
        counts = {"right": self.right, "said": self.said, "of": self.of, "missed": sum(self.missed.values())}
        return Note("evaluation.record-there", label=name, place=place, beside=self._refusals(), **counts)

    def chance_note(self, place: str, name: str) -> Note | None:
        """Return how many of 100 scans called so show the disease, in a sentence; None where `here` is None."""
        if self.here is None:
            return None
        n, low, high = (100 * part for part in (self.here.value, self.here.low, self.here.high))
        share = f"{100 * self.prevalence:g} %"
        return Note("evaluation.record-at", label=name, place=place, prevalence=share, n=n, low=low, high=high)

    def _refusals(self) -> Note:
        """Return how many cases were refused and stand beside the counts, as far as that is known."""
        if not self.refused:
            return Note("evaluation.record-sure" if self.by_prob else "evaluation.record-all")
        return Note(
            "evaluation.record-some-unsure" if self.by_prob else "evaluation.record-some-refused", n=self.refused
        )


def decided_on(table: CaseTable, least: float) -> np.ndarray:
    """Return of which cases a model decides, (N,) bool: as it was noted when it was asked, else by probability alone.

    Args:
        table: The cases; one of an older medcls does not say which were refused.
        least: Of the most probable label, below which nothing is decided.
    """
    if REFUSED in table.attributes:
        return table.attributes[REFUSED] == ""
    return table.prob.max(axis=1) >= least


def track_record(
    table: CaseTable, positive: tuple[int, ...], label: str, prevalence: float, least: float = 0.0
) -> TrackRecord:
    """Count how often an answer was right on cases that the model never saw, and of which it decided.

    Args:
        table: The cases.
        positive: Indices of the labels that mean disease.
        label: Label id answered.
        prevalence: Share of people with the disease where the answer is read, (0, 1).
        least: As of `decided_on`.

    Raises:
        ValueError: If the table has no such label, or the prevalence is out of range.
    """
    k, told, by_prob = table.labels.index(label), decided_on(table, least), REFUSED not in table.attributes
    refused, table = int((~told).sum()), table.take(told)
    said = table.prob.argmax(axis=1)
    sick = np.isin(table.truth, positive)
    of = sick if k in positive else ~sick
    missed = {
        table.labels[j]: int((of & (said == j)).sum())
        for j in range(len(table.labels))
        if (j in positive) != (k in positive)
    }
    here = None
    if k in positive and sick.any() and not sick.all():
        called = np.isin(said, positive)
        here = operate(Steps(called.astype(float), sick, table.group), 0.5, prevalence).ppv
    return TrackRecord(
        label,
        int((said == k).sum()),
        int(((said == k) & (table.truth == k)).sum()),
        int(of.sum()),
        missed,
        here,
        prevalence,
        refused,
        by_prob,
    )
