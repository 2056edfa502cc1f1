"""A model evaluated on a site's labelled scans: the result, as a check that can be kept and mailed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, cast

import numpy as np

from medcls.core.collection import Case
from medcls.core.evaluation import CaseTable
from medcls.core.letter_rules import ROC_STEPS
from medcls.core.note import Note
from medcls.core.prediction import Prediction
from medcls.core.progress import Progress, silent
from medcls.core.site import Aim, SiteCheck, Verdict
from medcls.data.collections import Collection
from medcls.data.sources import Sources
from medcls.errors import BadData
from medcls.evaluation.asking import assign_unseen
from medcls.evaluation.cross_fit import fit_site_temperature
from medcls.evaluation.scoring import join_tables, stack_tables
from medcls.evaluation.site_answer import weights_of
from medcls.evaluation.site_check import judge, scans_needed, score_site
from medcls.evaluation.sites import now
from medcls.models.predictor import Predictor
from medcls.stats.operating import proportion
from medcls.stats.scores import confusion, evaluate_cases

_BINS = 10
_LEAST = 10  # scans


@dataclass(frozen=True, eq=False)
class Asked:
    """A model's answers to a site's scans.

    Args:
        table: The cases with their probabilities.
        refused: Whether nothing was decided, (N,) bool.
        unfamiliar: Whether the scan was refused as unlike, (N,) bool.
        left_out: Labelled scans that were not asked because the model, or a copy's group, had learned from them.
        acquired: How unlike each was acquired, in limits, (N,); NaN where that is not measured.
    """

    table: CaseTable
    refused: np.ndarray
    unfamiliar: np.ndarray
    left_out: int
    acquired: np.ndarray


class Labelled(Protocol):
    """A site's labelled scans, from a collection or as they were dropped."""

    @property
    def name(self) -> str:
        """What to call them."""

    @property
    def cases(self) -> tuple[Case, ...]:
        """The scans."""

    def read(self, case: Case) -> bytes:
        """Return a scan's bytes."""


@dataclass(frozen=True, eq=False)
class LabelledDrop:
    """Scans labelled on the page: in memory only.

    Args:
        scans: Bytes, label id and patient (empty if unknown) of each.
        name: What to call them.
    """

    scans: tuple[tuple[bytes, str, str], ...]
    name: str = "dropped"

    @cached_property
    def cases(self) -> tuple[Case, ...]:
        """The scans as cases; the same bytes, and scans of one patient, belong together."""
        found: list[Case] = []
        patients: dict[str, str] = {}
        for i, (data, label, patient) in enumerate(self.scans):
            digest = hashlib.sha256(data).hexdigest()
            group = patients.setdefault(patient or digest, f"{len(patients)}")
            found.append(Case(str(i), label, group if patient else None, group, digest, (0, 0)))
        return tuple(found)

    def read(self, case: Case) -> bytes:
        """Return a scan's bytes."""
        return self.scans[int(case.id)][0]


def labelled(sources: Sources) -> tuple[Labelled, ...]:
    """Return each of a site's collections with its labelled cases only."""
    return tuple(
        _Part(c, tuple(sorted((case for rows in parts.values() for case in rows), key=lambda case: case.id)))
        for c, parts in zip(sources.collections, sources.cases, strict=True)
    )


@dataclass(frozen=True, eq=False)
class _Part:
    collection: Collection
    cases: tuple[Case, ...]

    @property
    def name(self) -> str:
        return self.collection.name

    def read(self, case: Case) -> bytes:
        return self.collection.read(case)


def predict_site(model: Predictor, scans: Sequence[Labelled], on_case: Progress = silent) -> Asked:
    """Ask a model every labelled scan of a site that it never learned from.

    Args:
        model: The model.
        scans: The site's labelled scans.
        on_case: Called with cases done and in all, for each set of them.

    Raises:
        BadData: If fewer than ten are left, or one has a label the model does not know.
        BadScan: If a scan cannot be read.
    """
    tables, told, left_out = [], {}, 0
    for one in scans:
        asked = assign_unseen(model, list(one.cases), cast(Collection, one))
        left_out += len(one.cases) - sum(len(rows) for _, rows in asked)
        for who, rows in asked:
            named = [replace(c, attributes={**c.attributes, "collection": one.name}) for c in rows]

            def note(case: Case, answer: Prediction, name: str = one.name) -> None:
                told[name, case.id] = answer

            tables.append(who.evaluate(named, one.read, on_case, note))
    if sum(map(len, tables)) < _LEAST:
        code = "evaluation.site-too-few-left" if left_out else "evaluation.site-too-few-scans"
        raise BadData(code, n=sum(map(len, tables)), left_out=left_out, least=_LEAST)
    table = stack_tables(tables)
    answers = [told[where, case] for where, case in zip(table.attributes["collection"], table.case, strict=True)]
    far = [a.how_far for a in answers]
    return Asked(
        join_tables([table]),
        np.array([a.decided is None for a in answers]),
        np.array([a.foreign for a in answers]),
        left_out,
        np.array(far, float),
    )


def check(model: Predictor, asked: Asked, site: str, aim: Aim, found: dict[str, float]) -> SiteCheck:
    """Return how a model did at a site.

    Args:
        model: The model.
        asked: From `predict_site`.
        site: Name of the site.
        aim: What is asked of the model.
        found: What was found in the pictures.
    """
    card, table, k = model.card, asked.table, len(asked.table.labels)
    positive = card.task.positive
    sick, called = np.isin(table.truth, positive), np.isin(table.prob.argmax(axis=1), positive)
    verdict, why = _judged(aim, asked, called, sick)
    everyone = np.ones(len(table), bool)
    scores = score_site(table, positive, called, aim)
    scores["refused"] = proportion(asked.refused, everyone, table.group)
    scores["unfamiliar"] = proportion(asked.unfamiliar, everyone, table.group)
    fitted = fit_site_temperature(table.prob, table.truth, table.group)
    scores["ece_excess_after"] = evaluate_cases(replace(table, prob=fitted.prob), positive, names=("ece",))[
        "ece_excess"
    ]
    return SiteCheck(
        card.id,
        weights_of(card),
        site,
        aim,
        verdict,
        (*why, *_doubts(asked)),
        len(table),
        len(set(table.group)),
        int(sick.sum()),
        scores,
        table.labels,
        confusion(table),
        calibration_bins(table),
        roc_points(table, positive),
        scans_needed(aim, called, sick, table.group),
        found,
        now()[:10],
        confusion(table.take(~asked.refused)) if not asked.refused.all() else ((0,) * k,) * k,
    )


def _judged(aim: Aim, asked: Asked, called: np.ndarray, sick: np.ndarray) -> tuple[Verdict, tuple[Note, ...]]:
    """Return the verdict over all scans; *fit* only if those that are not refused, taken alone, give it as well."""
    group, told = asked.table.group, ~asked.refused
    verdict, why = judge(aim, called, sick, group)
    answered, reasons = judge(aim, called[told], sick[told], group[told])
    if verdict != "fit" or answered == "fit":
        return verdict, why
    refused = Note("evaluation.site-few-answered", n=len(told), refused=int(asked.refused.sum()))
    return "too-few", (refused, *(note for note in reasons if note.params["n"]), *why)


def _doubts(asked: Asked) -> tuple[Note, ...]:
    notes = []
    if asked.left_out:
        notes.append(Note("evaluation.site-left-out", n=asked.left_out))
    if len(set(asked.table.group)) == len(asked.table):
        notes.append(Note("evaluation.site-no-patients"))
    return tuple(notes)


def calibration_bins(table: CaseTable) -> tuple[tuple[float, float, float], ...]:
    """Return, per tenth of the answered probability with scans: how many, their mean probability, the share right."""
    sure, right = table.prob.max(axis=1), table.prob.argmax(axis=1) == table.truth
    at = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    return tuple(
        (float((at == b).sum()), float(sure[at == b].mean()), float(right[at == b].mean()))
        for b in range(_BINS)
        if (at == b).any()
    )


def roc_points(table: CaseTable, positive: tuple[int, ...]) -> tuple[float, ...]:
    """Return the sensitivity at false-alarm rates 0, 0.05, … 1; empty if one side has no case."""
    score, sick = table.prob[:, list(positive)].sum(axis=1), np.isin(table.truth, positive)
    if not sick.any() or sick.all():
        return ()
    thresholds = np.quantile(score[~sick], 1 - np.linspace(0, 1, ROC_STEPS), method="inverted_cdf")
    points = [float((score[sick] > t).mean()) for t in thresholds[:-1]]
    return (*np.maximum.accumulate(points).tolist(), 1.0)
