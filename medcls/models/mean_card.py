"""The card of the mean of several networks."""

from collections.abc import Callable, Sequence

from medcls.core.model import Abstention, Calibration, ModelCard, Origin
from medcls.core.note import Note
from medcls.models import store


def mean_card(cards: Sequence[ModelCard], name: str) -> ModelCard:
    """Return the card of the mean of models, as far as it is known before it is published.

    Args:
        cards: The members' cards, of one task.
        name: What to call it.
    """
    first = cards[0]
    label_map = _label_map(cards)
    return ModelCard(
        id="ensemble",
        name=name,
        task=first.task,
        backbone="ensemble",
        preprocess=first.preprocess,
        calibration=Calibration(1.0, min(c.calibration.n for c in cards), Note("models.own-temperatures")),
        abstention=Abstention(
            min_prob=max(c.abstention.min_prob for c in cards),
            n=min(c.abstention.n for c in cards),
            how=Note("models.strictest-limits"),
        ),
        origin=Origin(
            initial=Note("models.mean-of", models=[c.id for c in cards]),
            collections=_notes_once_each(cards, lambda c: c.origin.collections),
            fingerprint="+".join(dict.fromkeys(c.origin.fingerprint for c in cards)),
            spec={"data": {"label_map": label_map}} if label_map else {},
            versions=first.origin.versions,
        ),
        licence="; ".join(dict.fromkeys(c.licence for c in cards if c.licence)),
        trained_on=" ".join(_once_each(cards, lambda c: (c.trained_on,))),
        limits=_once_each(cards, lambda c: c.limits),
        n_parameters=sum(c.n_parameters for c in cards),
        members=tuple(c.id for c in cards),
        member_weights={c.id: c.files[store.WEIGHTS] for c in cards if store.WEIGHTS in c.files},
    )


def _label_map(cards: Sequence[ModelCard]) -> dict[str, str]:
    """Return which labels the members read as others; one that two of them read differently is left as it is."""
    said: dict[str, set[str]] = {}
    for card in cards:
        for label, to in card.label_map.items():
            said.setdefault(label, set()).add(to)
    return {label: to for label, (to, *others) in said.items() if not others}


def _once_each(cards: Sequence[ModelCard], said: Callable[[ModelCard], tuple[str, ...]]) -> tuple[str, ...]:
    """Return what the members' cards say, once each; what does not hold for all of them says whose it is."""
    named = {text: [c.id for c in cards if text in said(c)] for c in cards for text in said(c) if text}
    return tuple(f"{', '.join(ids)}: {text}" if len(ids) < len(cards) else text for text, ids in named.items())


def _notes_once_each(cards: Sequence[ModelCard], said: Callable[[ModelCard], tuple[Note, ...]]) -> tuple[Note, ...]:
    """Return what the members' cards say, as `_once_each` does, in notes."""
    named = {note: [c.id for c in cards if note in said(c)] for c in cards for note in said(c)}
    return tuple(
        Note("models.of-members", models=ids, says=note) if len(ids) < len(cards) else note
        for note, ids in named.items()
    )
