"""Operating points: what a threshold does at the user's prevalence, and which thresholds reach a goal."""

from dataclasses import dataclass

from medcls.core.evaluation import CaseTable, Estimate
from medcls.core.note import Note
from medcls.core.numbers import show_estimate
from medcls.errors import BadData
from medcls.stats.curves import Steps
from medcls.stats.operating import OperatingPoint, operate, sensitivity_at, specificity_at
from medcls.words import say


def try_threshold(table: CaseTable, label: str, threshold: float, prevalence: float) -> OperatingPoint:
    """Return what calling a label at or above a threshold does.

    Args:
        table: What a model said of labelled cases.
        label: The label called.
        threshold: On its probability.
        prevalence: Share of people with it where the model is to be used, above 0 and below 1.

    Raises:
        BadData: If the label is unknown or the prevalence impossible.
    """
    if not 0 < prevalence < 1:
        raise BadData("workflows.impossible-prevalence", prevalence=prevalence)
    return operate(_steps(table, label), threshold, prevalence)


@dataclass(frozen=True)
class Suggestion:
    """A threshold that reaches a goal on these cases.

    Args:
        goal: The goal in words.
        threshold: The threshold; infinite if only "never" reaches it.
        reached: What the other side then is, the choice of the threshold included in its interval.
    """

    goal: str
    threshold: float
    reached: Estimate


def suggest_thresholds(table: CaseTable, label: str, goals: tuple[float, ...] = (0.9, 0.95)) -> tuple[Suggestion, ...]:
    """Return the thresholds that reach each sensitivity and each specificity asked for.

    Args:
        table: What a model said of labelled cases.
        label: The label called.
        goals: Sensitivities and specificities, in (0, 1).

    Raises:
        BadData: If the label is unknown.
    """
    steps = _steps(table, label)
    found = []
    for goal in goals:
        specificity, at = specificity_at(steps, goal)
        found.append(Suggestion(say("workflows.point-sensitivity", {"goal": goal}), at, specificity))
    for goal in goals:
        sensitivity, at = sensitivity_at(steps, goal)
        found.append(Suggestion(say("workflows.point-specificity", {"goal": goal}), at, sensitivity))
    return tuple(found)


def describe_point(point: OperatingPoint, table: CaseTable, where: str) -> Note:
    """Return an operating point's figures as the note that is kept with it.

    Args:
        point: The operating point.
        table: The cases it was worked out on.
        where: What they are from, as a person reads it.
    """
    return Note(
        "workflows.point-figures",
        n=len(table),
        where=where,
        sensitivity=show_estimate(point.sensitivity),
        specificity=show_estimate(point.specificity),
        prevalence=point.prevalence,
        ppv=point.ppv.value,
        npv=point.npv.value,
    )


def _steps(table: CaseTable, label: str) -> Steps:
    if label not in table.labels:
        raise BadData("workflows.cases-lack-label", found=label[:80], allowed=", ".join(table.labels))
    k = table.labels.index(label)
    return Steps(table.prob[:, k], table.truth == k, table.group)
