"""Made pictures in the training part of a run: what the card must tell of them."""

from dataclasses import dataclass

from medcls.core.note import Note
from medcls.data.batches import Part


@dataclass(frozen=True, eq=False)
class MadeIn:
    """Made pictures that a network is fitted on besides scans; in the training part alone.

    Args:
        part: The pictures, ready for the network.
        run: Id of the translator's run.
        label: Label they were made to have.
        digests: Digests of the scans that the translator learned from: they shape the network too.
    """

    part: Part
    run: str
    label: str
    digests: tuple[str, ...]

    @property
    def told(self) -> Note:
        """How many of what, as a card tells it."""
        return Note("training.trained-on-made", n=len(self.part), label=self.label, run=self.run)
