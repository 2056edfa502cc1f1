"""Which of several columns of labels is meant: the settled one, or a person says."""

from collections.abc import Mapping

from medcls.core.note import Note
from medcls.core.plan import Question
from medcls.data.column_names import role_of
from medcls.data.labels import diseases_said, find_labels
from medcls.data.layouts.columns import PLAIN_SENSE, label_sense
from medcls.data.lexicon import GUESSES, YES_OR_NO, words
from medcls.data.tables import Table
from medcls.data.vocabulary import fold, holds

_SETTLED = words(
    "final consensus pathology pathological pathologist histology histological histopathology biopsy gold truth true "
    "gt confirmed majority adjudicated surgery 최종 합의 병리 最终 病理 最終 合意 konsens endgültig consenso"
)
_AT_SIGHT = words("clinical radiological radiologist radiology imaging ultrasound suspected initial preliminary first")
_OTHER_MATTERS = words(
    "er pr her2 ki67 receptor receptors node nodes lymph axilla axillary metastasis metastases recurrence invasion "
    "림프절 전이 재발 淋巴结 转移 リンパ節 転移"
)
_ANSWERS = frozenset(word for pair in YES_OR_NO for word in pair)
_MANY = 5000


def settle_labels(table: Table, columns: Mapping[str, str]) -> tuple[str, list[Question], list[Note]]:
    """Return the column that labels are taken from, what to ask where others contradict it, and what to tell.

    Args:
        table: The table.
        columns: Column by role; that of the label is there.

    Returns:
        The column called the settled one (`consensus`, `pathology`) where it is alone in this and does not only tell
        the same in other words, else the one of the role; a question if another of no lower rank says disease where
        that says none; and a note on each that does.
    """
    label = columns["label"]
    others = [name for name in table.header if name not in columns.values() and _is_rival(table, name)]
    rivals = [name for name in others if role_of(name) == "label" or _share_labels(table, label, name)]
    settled = [name for name in (label, *rivals) if _is_settled(table, name)]
    if len(settled) == 1 and not _takes_place(table, label, settled[0]):
        settled = []
    chosen = settled[0] if len(settled) == 1 else label
    differ = {name: n for name in (label, *rivals) if name != chosen and (n := _count_differing(table, chosen, name))}
    told = [Note("data.column-differs", column=name, n=n) for name, n in differ.items()]
    equals = [name for name in differ if not holds(name, _AT_SIGHT)] if len(settled) != 1 else []
    if not equals:
        return chosen, [], told
    names = (label, *equals)
    asks = Note("data.asks-label-column", names=", ".join(names), table=table.path)
    return label, [Question(asks, "--label-column", names, label)], told


def _takes_place(table: Table, label: str, settled: str) -> bool:
    """Return whether a settled column is taken for labels: in their words, or against them and with no more labels."""
    if _share_labels(table, label, settled):
        return True
    return len(_labels(table, settled)) <= len(_labels(table, label)) and _count_differing(table, label, settled) > 0


def _share_labels(table: Table, one: str, other: str) -> bool:
    return bool(_labels(table, one) & _labels(table, other))


def _labels(table: Table, name: str) -> set[str]:
    return {label for label in find_labels(table.column(name), cells=True).ids.values() if label}


def _is_settled(table: Table, name: str) -> bool:
    filled = 2 * sum(map(bool, table.column(name))) >= len(table.rows)
    return filled and holds(name, _SETTLED) and not holds(name, _AT_SIGHT)


def _is_rival(table: Table, name: str) -> bool:
    cells = table.column(name)[:_MANY]
    if holds(name, GUESSES | _OTHER_MATTERS):
        return False
    answers, sense = {fold(cell) for cell in cells} <= _ANSWERS, label_sense(cells)
    return sense > PLAIN_SENSE if not answers else sense >= 1.0 and role_of(name) == "label"


def _count_differing(table: Table, one: str, other: str) -> int:
    """Count the rows of which one column says disease and the other none."""
    a, b = table.column(one), table.column(other)
    sick, sick_too = diseases_said(a, one), diseases_said(b, other)
    pairs = ((sick.get(x), sick_too.get(y)) for x, y in zip(a, b, strict=True))
    return sum(x is not None and y is not None and x != y for x, y in pairs)
