"""What a run was given to learn from, as it keeps it: enough to tell later whether data is still the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from medcls.core.note import Note
from medcls.core.record import Record


@dataclass(frozen=True)
class DataSeen(Record):
    """Which data a run was given.

    Args:
        fingerprints: Fingerprint of each collection, by name.
        split: How each collection was split, then what was left out of its parts.
        counts: Number of cases of each part (`train`, `validate`, `test`).
        task: Id of the task.
        labels: Label ids, in order.
        splits: Digest of each collection's split, by name; a split made anew under the same name has another.
        n_folds: Folds of the splits; 0 for hold-outs.
        versions: Version of each collection, by name.
        made: Number of made pictures of each label in training; they are no cases, and in no other part.
        made_digest: Digest of those that could be drawn from; empty if there were none.
    """

    fingerprints: dict[str, str]
    split: tuple[Note, ...]
    counts: dict[str, int]
    task: str
    labels: tuple[str, ...]
    splits: dict[str, str] = field(default_factory=dict)
    n_folds: int = 0
    versions: dict[str, int] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    made_digest: str = ""
    schema: int = 2

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "") -> Self:
        """Return what plain values describe, the one sentence of schema 1 included. See `Record.from_dict`."""
        if isinstance(data, Mapping) and isinstance(data.get("split"), str):
            data = {**data, "split": [data["split"]]}
        return super().from_dict(data, where)
