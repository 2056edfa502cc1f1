"""Several models answering as one, published as a model of its own."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import ModelCard
from medcls.core.note import SAID, Note
from medcls.errors import BadData, BadModel
from medcls.models import store
from medcls.models.mean_card import mean_card
from medcls.stats.paired import by_collection, share_cases


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
    cards = [store.read_card(member) for member in dict.fromkeys(members)]
    if len(cards) < 2:
        raise BadModel("workflows.mean-of-one", found=str(len(cards)))
    for card in cards:
        if card.members or card.task.label_ids != cards[0].task.label_ids:
            reason = "an ensemble itself" if card.members else f"labels {', '.join(card.task.label_ids)}"
            raise BadModel(
                "workflows.model-cannot-join", id=card.id, label_ids=", ".join(cards[0].task.label_ids), found=reason
            )
    card = mean_card(cards, name)
    return publish_mean(card, _measure(card, cards), model_id, into)


def publish_mean(
    card: ModelCard, measured: tuple[Evaluation, CaseTable] | None, model_id: str = "", into: Path | None = None
) -> ModelCard:
    """Publish the mean of models.

    Args:
        card: From `mean_card`.
        measured: How it did, with the cases; None if that is not known.
        model_id: Id to publish under; empty makes the next free one.
        into: Folder to publish into; None for the user's own models.

    Raises:
        Conflict: If the id is taken.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "ensemble"
        result.mkdir()
        if measured:
            store.write_evaluation(result, *measured)
        store.seal(result, card)
        return store.publish(result, model_id=model_id, into=into)


def _measure(card: ModelCard, members: Sequence[ModelCard]) -> tuple[Evaluation, CaseTable] | None:
    """Average the members' answers to the scans they share; None if they share none or judge one by two truths."""
    from medcls.evaluation.asking import DOUBTFUL
    from medcls.evaluation.risk import ACQUIRED, REFUSED
    from medcls.evaluation.scoring import describe_cases

    known: dict[str, CaseTable] = {}
    evaluations: list[Evaluation] = []
    for member in members:
        cases, evaluation = store.read_cases(member.id), store.read_evaluation(member.id)
        if cases is None or evaluation is None:
            return None
        known[member.id] = by_collection(cases, evaluation.collection)
        evaluations.append(evaluation)
    try:
        rows = list(share_cases(known).values())
    except BadData:  # no case in common, or one that has two truths: a mean of such answers says nothing
        return None
    first, base = evaluations[0], rows[0]
    prob = np.mean([t.prob for t in rows], axis=0)
    columns = {name: column for name, column in base.attributes.items() if name not in (ACQUIRED, REFUSED)}
    table = CaseTable(base.case, base.group, base.truth, prob, base.labels, columns)  # doubts are each member's own
    evaluation = describe_cases(table, card, first.collection, first.fingerprint, first.part)
    notes = tuple(dict.fromkeys(note for e in evaluations for note in e.notes if note.code in (*DOUBTFUL, SAID)))
    notes += (Note("evaluation.from-stored", models=[m.id for m in members]),)
    return replace(evaluation, notes=(*evaluation.notes, *notes)), table
