"""The proof that a split does not leak: no group and no picture stands in two parts."""

from collections.abc import Mapping

import numpy as np

from medcls.core.collection import Proof, Split, names_owner
from medcls.core.note import Note
from medcls.data.collections import Collection
from medcls.errors import BadSplit


class Leak(BadSplit):
    """A split that leaks.

    Args:
        groups: Groups with cases in two parts, each with two case ids that show it.
        pairs: Case ids of near-duplicates in two parts.
    """

    def __init__(self, groups: Mapping[str, tuple[str, str]], pairs: list[tuple[str, str]]) -> None:
        self.groups, self.pairs = dict(groups), tuple(pairs)
        super().__init__("data.split-leaks", n_groups=len(groups), n_pairs=len(pairs))

    def __reduce__(self) -> tuple[type["Leak"], tuple[dict[str, tuple[str, str]], list[tuple[str, str]]]]:
        return Leak, (self.groups, list(self.pairs))


def prove(collection: Collection, split: Split) -> Proof:
    """Check that no group and no picture stands in two parts of a split; see `prove_parts`."""
    return prove_parts(collection, split.parts)


def prove_parts(collection: Collection, parts: Mapping[str, tuple[str, ...]]) -> Proof:
    """Check that no group and no picture stands in two parts.

    Args:
        collection: The collection the cases are of.
        parts: Case ids of each part.

    Returns:
        What was checked.

    Raises:
        Leak: If one does, with the pairs that leak.
        BadSplit: If a case is not in the collection.
    """
    ids = collection.column("id")
    row_of = {case_id: row for row, case_id in enumerate(ids)}
    part_of = np.full(len(ids), -1)
    for number, cases in enumerate(parts.values()):
        for case_id in cases:
            if case_id not in row_of:
                raise BadSplit("data.split-unknown-case")
            part_of[row_of[case_id]] = number
    cut = _cut_groups(collection.column("grp"), part_of)
    pairs, compared = collection.pairs()
    across = [(a, b) for a, b in pairs if part_of[a] >= 0 and part_of[b] >= 0 and part_of[a] != part_of[b]]
    if cut or across:
        named = {group: (str(ids[a]), str(ids[b])) for group, (a, b) in cut.items()}
        raise Leak(named, [(str(ids[a]), str(ids[b])) for a, b in across])
    unknown = _n_unknown(collection)
    caution = Note("data.owners-unknown", n=unknown, of=len(ids)) if unknown else None
    return Proof(0, 0, compared, Note("data.how-proved"), caution=caution)


def _n_unknown(collection: Collection) -> int:
    """Count the cases of which neither the patient nor a lesion is known."""
    patients, own = collection.column("patient"), collection.column("own_group")
    return sum(patient is None and not names_owner(group) for patient, group in zip(patients, own, strict=True))


def _cut_groups(groups: np.ndarray, part_of: np.ndarray) -> dict[str, tuple[int, int]]:
    """Return the groups that stand in two parts, each with a row of either side."""
    first: dict[str, int] = {}
    cut: dict[str, tuple[int, int]] = {}
    for row in np.flatnonzero(part_of >= 0):
        seen = first.setdefault(groups[row], int(row))
        if part_of[seen] != part_of[row]:
            cut.setdefault(groups[row], (seen, int(row)))
    return dict(sorted(cut.items()))
