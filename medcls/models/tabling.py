"""Asking a model labelled cases, a batch at a time, and keeping every answer in a table."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from medcls.core.collection import Case
from medcls.core.evaluation import CaseTable
from medcls.core.model import ModelCard
from medcls.core.prediction import Prediction
from medcls.core.progress import Progress, silent
from medcls.core.scan import Scan
from medcls.errors import BadData
from medcls.imaging.decode import read_scan

_BATCH = 16


class Answering(Protocol):
    """As much of a `Predictor` as is needed to answer cases."""

    @property
    def card(self) -> ModelCard:
        """What it answers."""

    def predict_many(self, scans: Sequence[Scan]) -> list[Prediction]:
        """Answer several scans in one pass."""


def evaluate_with(
    model: Answering,
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
