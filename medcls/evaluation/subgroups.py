"""Models on parts of the cases: by device, BI-RADS, size of the lesion, or any other column of the set."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from medcls.core.evaluation import CaseTable, Estimate
from medcls.core.note import Note
from medcls.core.progress import Progress, silent
from medcls.errors import BadData
from medcls.stats.score_table import SCORES, names_of
from medcls.stats.scores import evaluate_cases

_BINS = 4  # parts into which a column of numbers is cut
_MOST_VALUES = 8
_LEAST_COMMON = 0.5  # a column of many words is of use only if its commonest ones hold this share of the cases
_OTHERS, _UNSAID = "all others", "not stated"  # as values until they are shown
_NEVER_GROUPS = {"case", "group"}
_SAID = {_OTHERS: Note("evaluation.group-others"), _UNSAID: Note("evaluation.group-not-stated")}
_TITLES = {
    "collection": Note("evaluation.column-collection"),
    "device": Note("evaluation.column-device"),
    "birads": Note("evaluation.column-birads"),
    "bbox": Note("evaluation.column-bbox"),
}


@dataclass(frozen=True)
class Subgroup:
    """Models on part of the cases.

    Args:
        value: The column's value, or its range.
        n_cases: Cases in it.
        n_groups: Groups in it.
        scores: The chosen score of every model.
    """

    value: str
    n_cases: int
    n_groups: int
    scores: dict[str, Estimate]


def columns_of(table: CaseTable) -> dict[str, str]:
    """Return the columns that split cases into two subgroups or more, with titles, those asked for most first."""
    columns = table.attributes
    names = dict.fromkeys((*(name for name in _TITLES if name in columns), *columns))
    return {
        name: str(_TITLES.get(name, name.replace("_", " ")))
        for name in names
        if name not in _NEVER_GROUPS and _splits(columns[name])
    }


def _splits(values: np.ndarray) -> bool:
    kinds, counts = np.unique(_binned(values), return_counts=True)
    return len(kinds) > 1 and (_OTHERS not in kinds or counts[kinds != _OTHERS].sum() >= _LEAST_COMMON * len(values))


def subgroups(
    tables: Mapping[str, CaseTable],
    positive: tuple[int, ...],
    column: str,
    score: str,
    resamples: int,
    progress: Progress = silent,
) -> tuple[Subgroup, ...]:
    """Return a score of every model in each subgroup; numbers are cut into quarters of cases, boxes by longer side.

    Args:
        tables: What each model said, row i the same case in each.
        positive: Indices of the labels that mean disease.
        column: One of `columns_of`.
        score: Full name of a score.
        resamples: How many times groups are resampled for each interval.
        progress: Called with subgroups done and subgroups in all.

    Raises:
        BadData: If there is no such column.
    """
    first = next(iter(tables.values()))
    if column not in first.attributes:
        raise BadData("workflows.cases-lack-column", found=column[:80], allowed=", ".join(columns_of(first)))
    values = _binned(first.attributes[column])
    name = next(n for n in SCORES if score in names_of(n, first.labels))
    found, kinds = [], sorted(set(values.tolist()), key=_order)
    for done, value in enumerate(kinds):
        progress(done, len(kinds))
        rows = np.flatnonzero(values == value)
        scores = {
            m: evaluate_cases(t.take(rows), positive, resamples=resamples, names=(name,))[score]
            for m, t in tables.items()
        }
        found.append(Subgroup(str(_SAID.get(value, value)), len(rows), len(np.unique(first.group[rows])), scores))
    return tuple(found)


def _order(value: str) -> tuple[bool, float, str]:
    """Numbers and ranges of them by their size, then words, then what is no value."""
    number = value.partition(" to ")[0]
    size = float(number) if number.replace(".", "", 1).removeprefix("-").isdigit() else math.inf
    return value in (_OTHERS, _UNSAID), size, value


def _binned(values: np.ndarray) -> np.ndarray:
    """Return values to group by: as they are if few, quarters if numbers, the commonest and the rest otherwise."""
    kinds, counts = np.unique(values, return_counts=True)
    if len(kinds) <= _MOST_VALUES:
        return np.where(values == "", _UNSAID, values)
    try:
        numbers = np.array([_number(v) for v in values])
    except ValueError:
        common = kinds[np.argsort(-counts, kind="stable")[: _MOST_VALUES - 1]]
        return np.where(values == "", _UNSAID, np.where(np.isin(values, common), values, _OTHERS))
    ends = np.unique(np.nanquantile(numbers, np.linspace(0, 1, _BINS + 1)))
    place = np.clip(np.searchsorted(ends, numbers, "right") - 1, 0, max(0, len(ends) - 2))
    names = np.array([f"{low:g} to {high:g}" for low, high in pairwise(ends)] or ["all"])
    return np.where(np.isnan(numbers), _UNSAID, names[np.minimum(place, len(names) - 1)])


def _number(value: str) -> float:
    """Return a number, or the longer side of a box written as `[x,y,width,height]`; NaN for nothing."""
    if value.startswith("[") and value.count(",") == 3:
        return max(float(side) for side in value.strip("[]").split(",")[2:])
    return float(value) if value else math.nan
