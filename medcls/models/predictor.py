"""What answers scans: a network, or the mean of several. Callers need not know which."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from medcls.core.collection import Case
from medcls.core.evaluation import CaseTable
from medcls.core.model import ModelCard
from medcls.core.prediction import Prediction
from medcls.core.progress import Progress, silent
from medcls.core.scan import Scan
from medcls.errors import BadData
from medcls.imaging.decode import read_scan

if TYPE_CHECKING:
    from medcls.models.network import Network

_BATCH = 16


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
        """Answer labelled cases, keeping every one; see `evaluate_with`."""


def evaluate_with(
    model: Predictor,
    cases: Sequence[Case],
    read: Callable[[Case], bytes],
    on_case: Progress = silent,
    on_answer: Callable[[Case, Prediction], None] = lambda case, prediction: None,
) -> CaseTable:
    """Answer labelled cases, keeping every one.

    Args:
        model: Who answers.
        cases: Labelled with labels of the model's task.
        read: Returns the bytes of a case's scan.
        on_case: Called with cases done and cases in all.
        on_answer: Called with each case and its answer: tables hold probabilities, not if the model stands by them.

    Raises:
        BadData: If there is no case, or one has a label the model does not know.
        BadScan: If a scan cannot be read.
    """
    labels = model.card.task.label_ids
    if unknown := sorted({str(case.label) for case in cases} - set(labels)):
        raise BadData("models.unknown-labels", found=", ".join(unknown), allowed=", ".join(labels))
    if not cases:
        raise BadData("models.no-case")
    prob = []
    for start in range(0, len(cases), _BATCH):
        batch = cases[start : start + _BATCH]
        for case, prediction in zip(batch, model.predict_many([read_scan(read(c)) for c in batch]), strict=True):
            prob.append(prediction.prob)
            on_answer(case, prediction)
        on_case(len(prob), len(cases))
    return _table(cases, np.array(prob), labels)


def _table(cases: Sequence[Case], prob: np.ndarray, labels: tuple[str, ...]) -> CaseTable:
    names = sorted({name for case in cases for name in case.attributes})
    columns = {name: np.array([case.attributes.get(name, "") for case in cases]) for name in names}
    truth = np.array([labels.index(str(case.label)) for case in cases])
    ids, groups = (np.array([getattr(case, field) for case in cases]) for field in ("id", "group"))
    return CaseTable(ids, groups, truth, prob, labels, columns)
