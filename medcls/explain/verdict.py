"""What a test of a heatmap found. Without torch, so that pages can name it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from medcls.core.note import Note

ASKS: Mapping[str, Note] = {
    "empty": Note("explain.asks-empty"),
    "order": Note("explain.asks-order"),
    "random": Note("explain.asks-random"),
    "shift": Note("explain.asks-shift"),
    "padding": Note("explain.asks-padding"),
    "mask": Note("explain.asks-mask"),
}


@dataclass(frozen=True)
class Check:
    """One test of a heatmap.

    Args:
        name: A key of `ASKS`.
        holds: True if the heatmap passes the test, False if not, None if the test cannot tell.
        found: What came out.
        numbers: The figures behind it.
    """

    name: str
    holds: bool | None
    found: Note
    numbers: dict[str, float] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What was asked."""
        return str(ASKS[self.name])

    @property
    def words(self) -> str:
        """What came out, in a sentence."""
        return str(self.found)
