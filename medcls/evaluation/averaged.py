"""How the mean of several models performed, from what each said of the cases they share."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import ModelCard
from medcls.core.note import SAID, Note
from medcls.errors import BadData
from medcls.evaluation.asking import DOUBTFUL
from medcls.evaluation.risk import ACQUIRED, REFUSED
from medcls.evaluation.scoring import describe_cases
from medcls.models.folder import ModelFolder
from medcls.stats.paired import by_collection, share_cases


def measure_mean(card: ModelCard, members: Sequence[ModelCard]) -> tuple[Evaluation, CaseTable] | None:
    """Average the members' answers to the scans they share.

    Args:
        card: The mean's card.
        members: The members' cards.

    Returns:
        The evaluation and its cases; None if a member kept none, they share none, or judge one by two truths.

    Raises:
        BadModel: If what was measured of a member cannot be read.
    """
    known: dict[str, CaseTable] = {}
    evaluations: list[Evaluation] = []
    for member in members:
        cases, evaluation = ModelFolder.find(member.id).cases(), ModelFolder.find(member.id).evaluation()
        if cases is None or evaluation is None:
            return None
        known[member.id] = by_collection(cases, evaluation.collection)
        evaluations.append(evaluation)
    try:
        rows = list(share_cases(known).values())
    except BadData:  # no case in common, or one that has two truths: a mean of such answers says nothing
        return None
    first, base = evaluations[0], rows[0]
    prob = np.mean([t.prob for t in rows], axis=0)
    columns = {name: column for name, column in base.attributes.items() if name not in (ACQUIRED, REFUSED)}
    table = CaseTable(base.case, base.group, base.truth, prob, base.labels, columns)  # doubts are each member's own
    where = ", ".join(dict.fromkeys(columns["collection"].tolist())) if "collection" in columns else first.collection
    evaluation = describe_cases(table, card, where, first.fingerprint, first.part)
    notes = tuple(dict.fromkeys(note for e in evaluations for note in e.notes if note.code in (*DOUBTFUL, SAID)))
    notes += (Note("evaluation.from-stored", models=[m.id for m in members]),)
    return replace(evaluation, notes=(*evaluation.notes, *notes)), table
