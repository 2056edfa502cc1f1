"""Several models answering as one, published as a model of its own."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import Abstention, Calibration, ModelCard, Origin
from medcls.errors import BadData, BadModel
from medcls.models import store
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
        raise BadModel("An ensemble needs several models", found=str(len(cards)), allowed="2 or more")
    for card in cards:
        if card.members or card.task.label_ids != cards[0].task.label_ids:
            reason = "an ensemble itself" if card.members else f"labels {', '.join(card.task.label_ids)}"
            raise BadModel(
                f"Model {card.id} cannot join",
                found=reason,
                allowed=f"single networks for {', '.join(cards[0].task.label_ids)}",
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


def mean_card(cards: Sequence[ModelCard], name: str) -> ModelCard:
    """Give the card of the mean of models, as far as it is known before it is published.

    Args:
        cards: The members' cards, of one task.
        name: What to call it.
    """
    first = cards[0]
    return ModelCard(
        id="ensemble", name=name, task=first.task, backbone="ensemble", preprocess=first.preprocess,
        calibration=Calibration(1.0, min(c.calibration.n for c in cards), "each member at its own temperature"),
        abstention=Abstention(
            min_prob=max(c.abstention.min_prob for c in cards), n=min(c.abstention.n for c in cards),
            how="the strictest of its members' limits, on the mean; nothing is decided either where half of them or more never saw a scan's like",
        ),
        origin=Origin(initial=f"the mean of {', '.join(c.id for c in cards)}", collections=_once_each(cards, lambda c: c.origin.collections),
                      fingerprint="+".join(dict.fromkeys(c.origin.fingerprint for c in cards)), versions=first.origin.versions),
        licence="; ".join(dict.fromkeys(c.licence for c in cards if c.licence)),
        trained_on=" ".join(_once_each(cards, lambda c: (c.trained_on,))),
        limits=_once_each(cards, lambda c: c.limits),
        n_parameters=sum(c.n_parameters for c in cards), members=tuple(c.id for c in cards),
        member_weights={c.id: c.files[store.WEIGHTS] for c in cards},
    )  # fmt: skip


def _once_each(cards: Sequence[ModelCard], said: Callable[[ModelCard], tuple[str, ...]]) -> tuple[str, ...]:
    """Give what the members' cards say, once each; what does not hold for all of them says whose it is."""
    named = {text: [c.id for c in cards if text in said(c)] for c in cards for text in said(c) if text}
    return tuple(f"{', '.join(ids)}: {text}" if len(ids) < len(cards) else text for text, ids in named.items())


def _measure(card: ModelCard, members: Sequence[ModelCard]) -> tuple[Evaluation, CaseTable] | None:
    """Average the members' answers to the scans they share; None if they share none or judge one by two truths."""
    from medcls.evaluation.asking import FLATTERS
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
    table = CaseTable(base.case, base.group, base.truth, prob, base.labels, base.attributes)
    evaluation = describe_cases(table, card, first.collection, first.fingerprint, first.part)
    notes = tuple(dict.fromkeys(note for e in evaluations for note in e.notes if note.endswith(FLATTERS)))
    notes += (f"Measured on the mean of the stored answers of {', '.join(m.id for m in members)}.",)
    return replace(evaluation, notes=(*evaluation.notes, *notes)), table
