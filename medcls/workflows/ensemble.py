"""Several models answering as one, published as a model of its own."""

from collections.abc import Sequence
from pathlib import Path

from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.errors import BadModel
from medcls.models import store
from medcls.models.mean_card import mean_card
from medcls.models.publishing import publish_mean
from medcls.workflows.acts import act


@act("build", "model.publish")
def make_ensemble(members: Sequence[str], name: str, model_id: str = "", into: Path | None = None) -> ModelCard:
    """Publish the mean of several models' calibrated probabilities as a model.

    It is measured on the cases that every member was measured on and none was trained on, from their stored answers.

    Args:
        members: Ids of two or more models with the same labels.
        name: What to call it.
        model_id: Id to publish under; empty makes the next free one.
        into: Folder to publish into; None for the user's own models.

    Raises:
        BadModel: If there are fewer than two, one is an ensemble itself, or their labels differ.
        Conflict: If the id is taken.
    """
    from medcls.evaluation.averaged import measure_mean

    cards = [store.read_card(member) for member in dict.fromkeys(members)]
    if len(cards) < 2:
        raise BadModel("workflows.mean-of-one", found=str(len(cards)))
    for card in cards:
        if card.is_mean or card.task.label_ids != cards[0].task.label_ids:
            labels = Note("workflows.found-labels", labels=", ".join(card.task.label_ids))
            reason = Note("workflows.found-ensemble") if card.is_mean else labels
            raise BadModel(
                "workflows.model-cannot-join", id=card.id, label_ids=", ".join(cards[0].task.label_ids), found=reason
            )
    card = mean_card(cards, name)
    return publish_mean(card, measure_mean(card, cards), model_id, into)
