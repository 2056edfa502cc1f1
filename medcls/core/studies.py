"""Studies of a model that are kept beside it: at most one of a kind, a new one in place of the old."""

from dataclasses import replace
from typing import Any, Self

from medcls.core.record import Record


class Studies(Record):
    """Mixin for a frozen record whose field `studies` holds the studies in the order they were first made.

    A study has a `model` and a `key`: two of one key measured the same.
    """

    studies: tuple[Any, ...]

    def named(self, model_id: str) -> Self:
        """Return the same studies of a model published under another id."""
        return self._with(tuple(replace(study, model=model_id) for study in self.studies))

    def having(self, study: Any) -> Self:
        """Return the record with a study added, in place of one of the same key."""
        kept = tuple(study if one.key == study.key else one for one in self.studies)
        return self._with(kept if study in kept else (*kept, study))

    def _with(self, studies: tuple[Any, ...]) -> Self:
        return replace(self, studies=studies)
