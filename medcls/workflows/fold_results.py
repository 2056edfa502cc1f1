"""The results of a cross-validation: every case answered by the network that never saw it; publishing its networks."""

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from medcls import home
from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import NO_TERMS, ModelCard, Terms
from medcls.core.note import Note
from medcls.core.progress import Progress, silent
from medcls.core.run import RunSpec
from medcls.errors import BadData
from medcls.evaluation.folds import pool
from medcls.models import store
from medcls.models.mean_card import mean_card
from medcls.models.publishing import publish_mean
from medcls.runs.folder import open_run
from medcls.workflows.acts import act
from medcls.workflows.folds import FoldSet, name_together


def pool_folds(found: FoldSet, progress: Progress = silent) -> tuple[Evaluation, CaseTable]:
    """Pool what each fold's network said of the cases of that fold.

    Args:
        found: A cross-validation whose runs are all finished.
        progress: Called with tables of cases scored and tables in all.

    Returns:
        The evaluation over all folds and its cases, each once; the column `cv_fold` says in which fold.

    Raises:
        BadData: If a fold has no finished run, or one was not measured.
    """
    parts = read_folds(found)
    cards = [store.read_card(open_run(found.runs[k]).result) for k in parts]
    return pool(_card(found, cards), cards, parts, progress)


def read_folds(found: FoldSet) -> dict[int, tuple[Evaluation, CaseTable]]:
    """Return what was measured in each fold.

    Args:
        found: A cross-validation whose runs are all finished.

    Raises:
        BadData: If a fold has no finished run, or one was not measured.
    """
    if found.missing:
        raise BadData("workflows.folds-unfinished", found=found.progress)
    parts = {}
    for fold in range(found.n_folds):
        result = open_run(found.runs[fold]).result
        evaluation, cases = store.read_evaluation(result), store.read_cases(result)
        if evaluation is None or cases is None:
            raise BadData("workflows.fold-not-measured", fold=fold)
        parts[fold] = (evaluation, cases)
    return parts


def _card(found: FoldSet, cards: list[ModelCard], name: str = "") -> ModelCard:
    """Return the card of the mean of the folds' networks."""
    data = ", ".join(found.spec.data.collections)
    told = str(Note("workflows.trained-in-folds", n=found.n_folds, data=data, first=cards[0].trained_on))
    card = replace(mean_card(cards, name or f"{cards[0].backbone}, {found.n_folds} folds"), folds=found.n_folds)
    spec = RunSpec.from_dict(cards[0].origin.spec).having(fold=0, name="").to_dict()
    origin = replace(card.origin, collections=(Note("workflows.data-in-folds", data=data, n=found.n_folds),), spec=spec)
    return replace(card, trained_on=told, origin=origin)


@act("build", "model.publish")
def publish_folds(
    found: FoldSet,
    name: str = "",
    model_id: str = "",
    terms: Terms = NO_TERMS,
    into: Path | None = None,
    progress: Progress = silent,
) -> ModelCard:
    """Publish the networks of all folds as one model that answers with their mean; its scores are pooled over folds.

    The networks stand in the list of models as retired ones: each alone is weaker than the mean.

    Args:
        found: A cross-validation whose runs are all finished.
        name: What to call it; empty takes the runs' name.
        model_id: Id to publish the mean under, and with `-0`, `-1`, … the networks; empty makes the next free ones.
        terms: What is said of it on the cards.
        into: Folder to publish into; None for the user's own models.
        progress: Called with models published and in all: the networks, then their mean.

    Raises:
        BadData: If a fold has no finished run, or one was not measured.
        Conflict: If an id is taken.
    """
    parts = read_folds(found)
    results = [open_run(found.runs[fold]).result for fold in parts]
    name = name or name_together(open_run(found.runs[0]).name())
    changes: dict[str, Any] = {"licence": terms.licence} if terms.licence else {}
    changes |= {
        "retired": str(Note("workflows.retired-fold")),
        "limits": (*store.read_card(results[0]).limits, *terms.limits),
    }
    with contextlib.ExitStack() as undo:
        cards = []
        for fold, result in enumerate(results):
            own_id = f"{model_id}-{fold}" if model_id else ""
            cards.append(store.publish(result, f"{name}, fold {fold}", own_id, into, **changes))
            undo.callback(shutil.rmtree, (into or home.weights()) / cards[-1].id)
            progress(len(cards), len(results) + 1)
        mean = _card(found, cards, name)
        made = publish_mean(mean, pool(mean, cards, parts), model_id, into)
        undo.pop_all()
    progress(len(results) + 1, len(results) + 1)
    return made
