"""How far a labelled collection has come on its way to a published model."""

from dataclasses import dataclass

from medcls.models import store
from medcls.workflows.runs import RunView, list_runs

STEPS = ("data", "audit", "split", "train", "publish")


@dataclass(frozen=True)
class Path:
    """What is done for a collection, and what comes next.

    Args:
        done: Steps that are done, of `STEPS`.
        next: The first step that is not; empty when all are.
        run: The last run on it that gave a model; empty for none.
    """

    done: frozenset[str]
    next: str
    run: str = ""


def read_path(collection: str | None) -> Path:
    """Return how far a collection has come; for none, that everything lies ahead.

    Args:
        collection: Its name.

    Raises:
        BadData: If there is no such collection, or it cannot be read.
    """
    if not collection:
        return Path(frozenset(), STEPS[0])
    from medcls.data.collections import open_collection
    from medcls.data.splits import list_splits

    opened = open_collection(collection)
    made = [view for view in list_runs() if collection in view.spec.data.collections and view.has_result]
    found = {
        "data": True,
        "audit": bool(opened.stored[0].index.fact("audited")),
        "split": bool(made or list_splits(opened)),  # a run makes one where there is none
        "train": bool(made),
        "publish": _is_published(made),
    }
    done = frozenset(step for step, so in found.items() if so)
    return Path(done, next((step for step in STEPS if step not in done), ""), made[0].id if made else "")


def _is_published(made: list[RunView]) -> bool:
    runs = {view.id for view in made}
    return any(card.origin.run in runs for card in store.list_cards(retired=True))
