"""A site without labels: what can still be said of a model there."""

from collections.abc import Iterable

import numpy as np

from medcls.core.note import Note
from medcls.core.outcome import Outcome
from medcls.core.prediction import Prediction
from medcls.core.progress import Progress, silent
from medcls.core.scan import Scan
from medcls.core.site import SiteLook


def inspect_site(
    model_id: str, files: Iterable[Outcome[bytes]], on_case: Progress = silent, total: int = 0
) -> tuple[SiteLook, tuple[Note, ...]]:
    """Run a model on a site's scans whose labels are unknown; nothing of them is kept.

    Args:
        model_id: The model.
        files: The bytes of each, or why they cannot be had.
        on_case: Called with scans done and in all.
        total: How many files there are; 0 if that is not known.

    Returns:
        What was counted, and that in notes, what no look can tell among them.

    Raises:
        MedclsError: If the model cannot be used, or not one scan could be answered.
    """
    from medcls.evaluation.site_look import LOOKED_AT, found_in, inspect_answers, tell
    from medcls.workflows.classify import classify_many, open_model

    model = open_model(model_id)
    answers: list[Prediction] = []
    scans: list[Scan] = []
    n_failed = 0
    for done, answer in enumerate(classify_many(files, model), 1):
        if answer.prediction.value is None:
            n_failed += 1
        else:
            answers.append(answer.prediction.value)
        if answer.scan.value is not None and len(scans) < LOOKED_AT:
            scans.append(answer.scan.value)
        on_case(done, max(done, total))
    acquired = np.array([a.how_far for a in answers])
    found = inspect_answers(model.card, answers, found_in(scans, acquired) if scans else {}, n_failed)
    return found, tell(found, model.card)
