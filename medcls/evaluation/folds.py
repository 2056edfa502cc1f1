"""Every case of a cross-validation answered by the one network that never saw it, pooled and scored.

On a few hundred cases one test part says little: two networks five points apart in AUROC cannot be told apart on a
hundred. Pooled over the folds, every labelled case counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.progress import Progress, silent
from medcls.errors import BadData
from medcls.evaluation.scoring import describe_cases, stack_tables

FOLD = "cv_fold"  # column of pooled cases: the fold each was tested in


def pool(
    card: ModelCard,
    cards: Sequence[ModelCard],
    parts: Mapping[int, tuple[Evaluation, CaseTable]],
    progress: Progress = silent,
) -> tuple[Evaluation, CaseTable]:
    """Pool what each fold's network said of the cases of that fold.

    Args:
        card: The card of the mean of all folds.
        cards: The folds' cards, in order.
        parts: By fold, what was measured in it.
        progress: Called with tables scored and tables in all.

    Returns:
        The evaluation over all folds and its cases, each once; the column `FOLD` says in which fold.

    Raises:
        BadData: If a case stands in two folds.
    """
    tables = [
        replace(cases, attributes={**cases.attributes, FOLD: np.full(len(cases), str(fold))})
        for fold, (_, cases) in parts.items()
    ]
    table = stack_tables(tables)
    if len(set(table.case.tolist())) < len(table):
        raise BadData("evaluation.two-folds")
    first = next(iter(parts.values()))[0]
    evaluation = describe_cases(
        table,
        card,
        first.collection,
        first.fingerprint,
        Note("evaluation.part-folds"),
        progress,
    )
    notes = (*evaluation.notes, *_unsure(cards, tables), *_notes(parts), *_caveats(len(parts)))
    return replace(evaluation, notes=tuple(dict.fromkeys(notes))), table


def _unsure(cards: Sequence[ModelCard], tables: Sequence[CaseTable]) -> tuple[Note, ...]:
    """Return on how many cases the network that answered is not sure enough to decide."""
    sure = np.concatenate([t.prob.max(axis=1) >= c.abstention.min_prob for c, t in zip(cards, tables, strict=True)])
    right = np.concatenate([t.prob.argmax(axis=1) == t.truth for t in tables])
    if sure.all():
        return ()
    silent = Note("evaluation.too-unsure", silent=int((~sure).sum()), n=len(sure))
    return (silent, Note("evaluation.right-of-sure", share=float(right[sure].mean()))) if sure.any() else (silent,)


# Said of all folds together, so not of each.
_TOLD_TOGETHER = (
    "evaluation.undecided",
    "evaluation.right-of-decided",
    "evaluation.perhaps-other-kind",
    "evaluation.few-groups",
)


def _notes(parts: Mapping[int, tuple[Evaluation, CaseTable]]) -> list[Note]:
    """Return what was noted of the folds: once what was noted of all, by fold what was not."""
    said: dict[Note, list[int]] = {}
    for fold, (evaluation, _) in parts.items():
        for note in evaluation.notes:
            if note.code not in _TOLD_TOGETHER:
                said.setdefault(note, []).append(fold)
    return [
        note if len(by) == len(parts) else Note("evaluation.in-folds", folds=by, note=note) for note, by in said.items()
    ]


def _caveats(n_folds: int) -> tuple[Note, ...]:
    return (Note("evaluation.mean-of-folds", n=n_folds), Note("evaluation.other-patients"))
