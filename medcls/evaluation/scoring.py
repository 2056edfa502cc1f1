"""Tables of answered cases: scored as a whole and by subgroup, put one after the other."""

from dataclasses import replace

import numpy as np

from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.progress import Progress, silent
from medcls.evaluation.neighbours import on_tissue
from medcls.stats.scores import confusion, evaluate_cases

# Parts of the cases whose scores are worth a line of their own, where a collection tells them.
SUBGROUPS = ("site", "collection", "device", "birads")
_FEWEST = 30  # cases in a subgroup worth a line
_FEWEST_GROUPS = 10  # below it a bootstrap over groups covers less than it says


def describe_cases(
    table: CaseTable, card: ModelCard, collection: str, fingerprint: str, part: Note, progress: Progress = silent
) -> Evaluation:
    """Score a table of cases, as a whole and by subgroup.

    Args:
        table: The model's answers to labelled cases.
        card: The model's card: its labels and which of them mean disease.
        collection: What the cases are from, as a person reads it.
        fingerprint: Fingerprint of that collection.
        part: Which part of it was asked, such as the test part.
        progress: Called with tables scored and tables in all: the subgroups, then the whole.

    Returns:
        Every score with its interval; also by each subgroup that has cases enough and is not the whole.
    """
    tables = {**_subgroups(table), "": table}
    scores = {}
    for done, (name, one) in enumerate(tables.items()):
        progress(done, len(tables))
        scores[name] = evaluate_cases(one, card.task.positive)
    progress(len(tables), len(tables))
    counts = tuple(tuple(int(n) for n in row) for row in confusion(table))
    n_groups = len(set(table.group))
    whole = scores.pop("")
    return Evaluation(
        card.id,
        collection,
        fingerprint,
        part,
        table.labels,
        len(table),
        n_groups,
        whole,
        counts,
        scores,
        _doubts(table, n_groups),
    )


def _subgroups(table: CaseTable) -> dict[str, CaseTable]:
    """Return the cases of each subgroup with enough, not the whole; of whole tissue also with neighbours averaged."""
    found = {}
    for name in SUBGROUPS:
        values = table.attributes.get(name)
        for value in sorted(set(values) - {""}) if values is not None else ():
            rows = table.take(values == value)
            if _FEWEST <= len(rows) < len(table):
                found[f"{name}={value}"] = rows
    if tissue := on_tissue(table):
        found["neighbours=alone"], found["neighbours=averaged"] = tissue
    return found


def _doubts(table: CaseTable, n_groups: int) -> tuple[Note, ...]:
    """Return the reasons to distrust these scores: one answer to everything, or too few groups."""
    notes, answered = [], {table.labels[k] for k in set(table.prob.argmax(axis=1))}
    if len(answered) == 1 and len(table) > 1:
        notes.append(Note("evaluation.one-answer", label=answered.pop()))
    if n_groups < _FEWEST_GROUPS:
        notes.append(Note("evaluation.few-groups", n=n_groups))
    return tuple(notes)


def join_tables(tables: list[CaseTable]) -> CaseTable:
    """Put tables of several collections one after the other, ids with their collection before them."""
    if len(tables) == 1:
        return tables[0]
    return stack_tables([_under_collection(table) for table in tables])


def _under_collection(table: CaseTable) -> CaseTable:
    where = table.attributes["collection"]
    case, group = (
        np.array([f"{w}/{i}" for w, i in zip(where, ids, strict=True)], str) for ids in (table.case, table.group)
    )
    return replace(table, case=case, group=group)


def stack_tables(tables: list[CaseTable]) -> CaseTable:
    """Put tables with the same labels one after the other; a column one of them lacks is empty there."""
    names = sorted({name for table in tables for name in table.attributes})
    columns = {n: np.concatenate([t.attributes.get(n, np.full(len(t), "")) for t in tables]) for n in names}
    case, group, truth, prob = (
        np.concatenate([getattr(t, field) for t in tables]) for field in ("case", "group", "truth", "prob")
    )
    return CaseTable(case, group, truth, prob, tables[0].labels, columns)
