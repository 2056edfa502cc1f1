"""What an audit, or a person, leaves out of a collection, by reason."""

from collections import Counter
from dataclasses import dataclass

from medcls.core.note import Note
from medcls.core.record import Record
from medcls.data.collections import open_collection


@dataclass(frozen=True)
class LeftOut(Record):
    """Cases that are left out for one reason.

    Args:
        collection: Name of the collection.
        kind: Kind of finding that leaves them out, as `contradiction`; `case` where a person left out single ones.
        n: How many.
        settled: True if a person decided so, False if it holds until somebody decides.
        says: It in a sentence.
    """

    collection: str
    kind: str
    n: int
    settled: bool
    says: Note


def list_left_out(name: str) -> tuple[LeftOut, ...]:
    """Return what a collection's audit, or a person, leaves out, by reason, the most first.

    Raises:
        BadData: If there is no such collection.
    """
    stored = open_collection(name).stored[0]
    decided = stored.record.decisions
    counts = Counter((_kind(key), key == "case" or key in decided) for key in stored.index.column("dropped") if key)
    return tuple(
        LeftOut(name, kind, n, settled, _says(name, kind, n, settled)) for (kind, settled), n in counts.most_common()
    )


def _kind(dropped: str) -> str:
    return "contradiction" if dropped.startswith("same-") else dropped


def _says(name: str, kind: str, n: int, settled: bool) -> Note:
    if settled:
        return Note("data.left-out-decided", n=n, name=name)
    if kind == "contradiction":
        return Note("data.left-out-contradiction", n=n, name=name)
    if kind == "mask":
        return Note("data.left-out-mask", n=n, name=name)
    return Note("data.left-out-until", n=n, name=name, kind=kind)
