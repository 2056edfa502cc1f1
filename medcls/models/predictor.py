"""What answers scans: a network, or the mean of several. Callers need not know which."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from medcls.core.collection import Case
from medcls.core.evaluation import CaseTable
from medcls.core.model import ModelCard
from medcls.core.prediction import Prediction
from medcls.core.progress import Progress
from medcls.core.scan import Scan

if TYPE_CHECKING:
    from medcls.models.network import Network


class Predictor(Protocol):
    """A model that answers. It has no state to set first and may be shared between threads."""

    @property
    def card(self) -> ModelCard:
        """What it answers."""

    @property
    def members(self) -> "tuple[Network, ...]":
        """The networks that answer: itself alone, or those averaged."""

    @property
    def seen(self) -> frozenset[str]:
        """Keys of the scans that any of them was trained or tuned on (see `medcls.models.learned.seen_key`)."""

    @property
    def without_record(self) -> tuple[str, ...]:
        """Ids of the networks that do not say which scans they were trained or tuned on."""

    def predict(self, scan: Scan) -> Prediction:
        """Answer one scan."""

    def predict_many(self, scans: Sequence[Scan]) -> list[Prediction]:
        """Answer several scans in one pass."""

    def join(self, answers: Sequence[Prediction]) -> Prediction:
        """Return the model's answer to a scan from its members' answers, in their order."""

    def describe(self, scans: Sequence[Scan]) -> np.ndarray:
        """Return what enters the last layer, of every member side by side, (N, D) float32."""

    def evaluate(
        self,
        cases: Sequence[Case],
        read: Callable[[Case], bytes],
        on_case: Progress = ...,
        on_answer: Callable[[Case, Prediction], None] = ...,
    ) -> CaseTable:
        """Answer labelled cases, keeping every one; see `medcls.models.tabling`."""
