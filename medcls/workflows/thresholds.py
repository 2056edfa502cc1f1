"""Operating points that are kept: named thresholds on a model's card."""

from medcls.core.model import ModelCard, Threshold
from medcls.core.note import SAID, UNSAID, Note
from medcls.errors import BadModel
from medcls.evaluation.thresholds import Suggestion, describe_point, suggest_thresholds, try_threshold
from medcls.models import store
from medcls.stats.operating import OperatingPoint
from medcls.workflows.acts import act


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

    Args:
        model_id: The model.
        name: Name of the operating point.
        label: Label id it decides for.

    Raises:
        BadModel: If there is no such model.
    """
    return store.change_card(model_id, lambda card: {"thresholds": _without(card, name, label)})


def _without(card: ModelCard, name: str, label: str) -> tuple[Threshold, ...]:
    return tuple(t for t in card.thresholds if (t.name, t.label) != (name, label))


__all__ = [
    "OperatingPoint",
    "Suggestion",
    "describe_point",
    "forget_threshold",
    "save_threshold",
    "suggest_thresholds",
    "try_threshold",
]
