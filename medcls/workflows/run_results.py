"""The results of a run: its model, its report, the cases it got wrong; publishing it. Loads no torch."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import NO_TERMS, ModelCard, Terms
from medcls.core.progress import Progress, silent
from medcls.errors import Conflict
from medcls.models import store
from medcls.runs.folder import open_run
from medcls.workflows.acts import act
from medcls.workflows.left_out import measure_without


def read_result(run_id: str) -> ModelCard:
    """Return the card of the model a run made.

    Raises:
        BadSpec: If there is no such run.
        Conflict: If it has no result yet.
    """
    return store.read_card(_result(run_id))


def read_report(run_id: str) -> tuple[ModelCard, Evaluation | None, CaseTable | None]:
    """Return what a run made.

    Returns:
        The model's card; its scores on the cases kept apart for testing, and those cases: None where none were kept.

    Raises:
        BadSpec: If there is no such run.
        Conflict: If it has no result yet.
        BadModel: If the result is damaged.
    """
    result = _result(run_id)
    return store.read_card(result), store.read_evaluation(result), store.read_cases(result)


def published_of(run_id: str) -> ModelCard | None:
    """Return the model to open of those published of a run: the mean that its network is in, else the last one.

    Args:
        run_id: The run.

    Returns:
        Its card; None where none was published, or none is offered any more.
    """
    own = {card.id for card in store.list_cards(retired=True) if card.origin.run == run_id}
    found = [card for card in store.list_cards() if own & {card.id, *card.networks}]
    return max(found, key=lambda card: (card.is_mean, card.id), default=None)


@dataclass(frozen=True, eq=False)
class WrongCase:
    """A test case a run's model got wrong.

    Args:
        case: Its id within its collection.
        collection: Name of the collection.
        truth: Its label's id.
        answered: The label the model found most probable.
        prob: That label's probability.
        prob_truth: The true label's probability.
        unsure: True if `prob` is too low to decide by, so that the model would say "cannot tell".
    """

    case: str
    collection: str
    truth: str
    answered: str
    prob: float
    prob_truth: float
    unsure: bool


def wrong_cases(run_id: str, truth: str | None = None) -> tuple[WrongCase, ...]:
    """Return the test cases a run's model got wrong, the most certain of its errors first.

    Args:
        run_id: The run.
        truth: Only cases of this label; None for all.

    Raises:
        BadSpec: If there is no such run.
        Conflict: If it has no result yet.
    """
    card, evaluation, cases = read_report(run_id)
    if evaluation is None or cases is None:
        return ()
    names = cases.attributes.get("collection")
    several = names is not None and len(set(names)) > 1
    found = []
    for i in np.flatnonzero(cases.prob.argmax(axis=1) != cases.truth):
        name = str(names[i]) if names is not None else evaluation.collection
        case = str(cases.case[i]).removeprefix(f"{name}/") if several else str(cases.case[i])
        answered = int(cases.prob[i].argmax())
        found.append(
            WrongCase(
                case,
                name,
                cases.labels[cases.truth[i]],
                cases.labels[answered],
                float(cases.prob[i, answered]),
                float(cases.prob[i, cases.truth[i]]),
                bool(cases.prob[i, answered] < card.abstention.min_prob),
            )
        )
    return tuple(sorted((w for w in found if truth in (None, w.truth)), key=lambda w: -w.prob))


def read_case_picture(collection: str, case: str, side_px: int = 256) -> bytes:
    """Return a labelled case as a small PNG.

    Args:
        collection: Name of the collection.
        case: Id of the case.
        side_px: Longest side of the picture at most.

    Raises:
        BadData: If the collection or its scan is gone or has changed.
        BadScan: If it cannot be decoded.
    """
    from medcls.data.collections import open_collection
    from medcls.imaging.decode import read_scan
    from medcls.imaging.picture import to_png

    opened = open_collection(collection)
    return to_png(read_scan(opened.read(opened.case(case))).pixels, side_px)


@act("build", "model.publish", "run_id")
def publish_run(
    run_id: str,
    name: str = "",
    model_id: str = "",
    terms: Terms = NO_TERMS,
    without: tuple[str, ...] = (),
    progress: Progress = silent,
) -> ModelCard:
    """Copy a run's model into the list of models.

    Args:
        run_id: The run.
        name: What to call the model; empty keeps the run's name for it.
        model_id: Id to publish under; empty makes the next free one.
        terms: What is said of it on the card.
        without: Runs made alike that each left a site out: their figures there stand first on the card.
        progress: Called with steps done and in all.

    Raises:
        BadSpec: If there is no such run.
        BadData: If one of `without` left no site out.
        Conflict: If it has no result yet, or the id is taken.
        BadModel: If the result is damaged.
    """
    result, card = _result(run_id), read_result(run_id)
    changes: dict[str, Any] = {"licence": terms.licence} if terms.licence else {}
    if terms.limits:
        changes["limits"] = (*card.limits, *terms.limits)
    left_out = None
    if without:
        left_out, far = measure_without(without)
        changes["abstention"] = replace(card.abstention, far_auroc=far)
    name = name or open_run(run_id).name()
    return store.publish(result, name=name, model_id=model_id, left_out=left_out, progress=progress, **changes)


def _result(run_id: str) -> Path:
    run = open_run(run_id)
    if not (run.result / store.CARD).is_file():
        raise Conflict("workflows.run-without-model", id=run.id, found=run.state().status)
    return run.result
