"""Several networks answering as one: the mean of their calibrated probabilities."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from medcls.core.collection import Case
from medcls.core.evaluation import CaseTable
from medcls.core.model import ModelCard
from medcls.core.prediction import Prediction
from medcls.core.scan import Scan
from medcls.models.combine import combine
from medcls.models.network import Network
from medcls.models.tabling import evaluate_with


class Mean:
    """The mean of several networks. It has no network of its own: its heatmap is the mean of its members'.

    Args:
        card: What it answers; names its members.
        members: The networks, in the card's order or some of them.
    """

    def __init__(self, card: ModelCard, members: Sequence[Network]) -> None:
        self.card, self.members = card, tuple(members)
        self.seen = frozenset[str]().union(*(member.seen for member in members))

    @property
    def without_record(self) -> tuple[str, ...]:
        """Ids of the members that do not say which scans they were trained or tuned on."""
        return tuple(name for member in self.members for name in member.without_record)

    def describe(self, scans: Sequence[Scan]) -> np.ndarray:
        """Return the features of scans from every member, side by side, (N, sum of D) float32."""
        return np.concatenate([member.describe(scans) for member in self.members], axis=1)

    def predict(self, scan: Scan) -> Prediction:
        """Answer one scan."""
        return self.predict_many([scan])[0]

    def predict_many(self, scans: Sequence[Scan]) -> list[Prediction]:
        """Answer several scans, each member in one pass."""
        answers = [member.predict_many(scans) for member in self.members]
        return [self.join([a[i] for a in answers]) for i in range(len(scans))]

    def join(self, answers: Sequence[Prediction]) -> Prediction:
        """Return the mean of the members' answers to one scan, in their order."""
        return combine(self.card, answers)

    def evaluate(self, cases: Sequence[Case], read: Callable[[Case], bytes], *told: Any) -> CaseTable:
        """Answer labelled cases, keeping every one; see `evaluate_with`."""
        return evaluate_with(self, cases, read, *told)
