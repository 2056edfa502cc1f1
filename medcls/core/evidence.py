"""What one pass of a scan through a model showed."""

from collections.abc import Sequence
from dataclasses import dataclass

from medcls.core.prediction import Heatmap, Prediction


@dataclass(frozen=True, eq=False)
class Evidence:
    """One pass of a scan through a model: the answer, maps for labels on one scale, and what each network said.

    Args:
        prediction: The model's answer.
        maps: A heatmap for each label asked for; their peaks compare.
        members: The answer of each network, where the model is a mean of several; else empty.
    """

    prediction: Prediction
    maps: tuple[Heatmap, ...]
    members: tuple[Prediction, ...]

    @property
    def strongest(self) -> float:
        """Highest peak among the labels: what is painted in full colour."""
        return max((m.peak for m in self.maps), default=0.0)


def agreeing(members: Sequence[Prediction], label: str) -> int:
    """Return how many networks answer a label; one that cannot tell answers none.

    Args:
        members: The answer of each.
        label: Label id.
    """
    return sum(m.decided == label for m in members)


def unsure(members: Sequence[Prediction]) -> int:
    """Return how many networks cannot tell."""
    return sum(m.decided is None for m in members)
