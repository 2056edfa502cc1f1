"""Operating points: what a threshold does, at the user's prevalence, and keeping one on a model's card."""

from dataclasses import dataclass

from medcls.core.evaluation import CaseTable, Estimate
from medcls.core.model import ModelCard, Threshold
from medcls.core.note import SAID, UNSAID, Note
from medcls.core.numbers import show_estimate
from medcls.errors import BadData, BadModel
from medcls.models import store
from medcls.stats.curves import Steps
from medcls.stats.operating import OperatingPoint, operate, sensitivity_at, specificity_at
from medcls.words import say
from medcls.workflows.acts import act


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


@act("approve", "model.threshold", "model_id", "name", "label", "prob")
def save_threshold(model_id: str, name: str, label: str, prob: float, note: Note | str = UNSAID) -> ModelCard:
    """Keep a named operating point on a model's card; one of the same name and label is replaced.

    Args:
        model_id: The model.
        name: What to call it, 1 to 60 characters.
        label: The label decided for at or above it.
        prob: The threshold, above 0 and below 1.
        note: Why this value, with the figures it had; or a person's own words.

    Raises:
        BadModel: If there is no such model or label, or name or value are not possible.
    """
    task = store.read_card(model_id).task
    name = " ".join(name.split())
    if not 1 <= len(name) <= 60:
        raise BadModel("workflows.point-needs-name", n_name=len(name))
    if label not in task.label_ids:
        raise BadModel(
            "workflows.model-lacks-label", model_id=model_id, found=label[:80], allowed=", ".join(task.label_ids)
        )
    if not 0 < prob < 1:
        raise BadModel("workflows.impossible-threshold", prob=prob)
    made = Threshold(name, label, prob, Note(SAID, text=note) if isinstance(note, str) else note)
    return store.change_card(model_id, lambda card: {"thresholds": (*_without(card, name, label), made)})


@act("approve", "model.threshold-off", "model_id", "name", "label")
def forget_threshold(model_id: str, name: str, label: str) -> ModelCard:
    """Take a named operating point off a model's card; nothing happens if it is not there.

    Raises:
        BadModel: If there is no such model.
    """
    return store.change_card(model_id, lambda card: {"thresholds": _without(card, name, label)})


def _without(card: ModelCard, name: str, label: str) -> tuple[Threshold, ...]:
    return tuple(t for t in card.thresholds if (t.name, t.label) != (name, label))


def describe_point(point: OperatingPoint, table: CaseTable, where: str) -> Note:
    """Return an operating point's figures as the note that is kept with it."""
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


__all__ = [
    "OperatingPoint",
    "Suggestion",
    "describe_point",
    "forget_threshold",
    "save_threshold",
    "suggest_thresholds",
    "try_threshold",
]
