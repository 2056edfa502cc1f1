"""Which model is better, on the same cases, and can these cases tell?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import scipy

from medcls.core.evaluation import CaseTable, Estimate
from medcls.core.note import Note
from medcls.errors import BadData
from medcls.stats import delong
from medcls.stats.difference import Difference, correct_together
from medcls.stats.intervals import quantile, wilson
from medcls.stats.scores import Drawn, draw, find
from medcls.stats.weighted import Ranking

_POWER = 0.8
_NOTHING = 1e-9  # a standard error below this share of its difference is rounding
_FEW = 25  # discordant pairs below which the exact McNemar test is too cautious to be of use


def by_collection(table: CaseTable, collection: str) -> CaseTable:
    """Prefix ids that lack it with their collection's name, so that a set alone and the same set among others match.

    Args:
        table: Cases; their attribute `collection` says where each is from, if they are from several.
        collection: Where they are from if they do not say.
    """
    where = table.attributes.get("collection", np.full(len(table), collection))

    def full(ids: np.ndarray) -> np.ndarray:
        return np.array(
            [i if i.startswith(f"{w}/") else f"{w}/{i}" for i, w in zip(ids, where, strict=True)], dtype=str
        )

    return CaseTable(full(table.case), full(table.group), table.truth, table.prob, table.labels, table.attributes)


def share_cases(tables: Mapping[str, CaseTable]) -> dict[str, CaseTable]:
    """Cut tables to the cases all of them hold, in one order, with the labels of the first.

    Args:
        tables: One table per model.

    Returns:
        The tables, row i the same case in each; groups are those of the first.

    Raises:
        BadData: If labels differ, a case stands twice, no case is shared, or a case has two truths.
    """
    names = list(tables)
    if not names:
        return {}
    first = tables[names[0]]
    for table in tables.values():
        if set(table.labels) != set(first.labels):
            raise BadData("stats.labels-differ", found=", ".join(table.labels), allowed=", ".join(first.labels))
        if len(np.unique(table.case)) != len(table):
            raise BadData("stats.case-twice")
    shared = set(first.case).intersection(*(set(t.case) for t in tables.values()))
    if not shared:
        raise BadData("stats.no-case-shared")
    keep = [case for case in first.case if case in shared]
    found = {name: _reorder(table, keep, first.labels) for name, table in tables.items()}
    base = found[names[0]]
    if any((table.truth != base.truth).any() for table in found.values()):
        raise BadData("stats.truths-differ")
    return {
        name: CaseTable(t.case, base.group, t.truth, t.prob, t.labels, base.attributes) for name, t in found.items()
    }


def _reorder(table: CaseTable, keep: Sequence[str], labels: tuple[str, ...]) -> CaseTable:
    place = {case: i for i, case in enumerate(table.case)}
    rows = np.array([place[case] for case in keep])
    columns = [table.labels.index(label) for label in labels]
    truth = np.array([labels.index(label) for label in table.labels])[table.truth[rows]]
    attributes = {name: column[rows] for name, column in table.attributes.items()}
    return CaseTable(table.case[rows], table.group[rows], truth, table.prob[rows][:, columns], labels, attributes)


def compare(
    tables: Mapping[str, CaseTable],
    score: str,
    positive: tuple[int, ...],
    *,
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
) -> tuple[Difference, ...]:
    """Compare every pair of models in one score by a paired bootstrap over groups.

    In each resample every model is scored on the same groups, so what makes a case hard for all cancels out. The
    spread of the difference gives its standard error; interval and p come from Student's t with groups - 1 degrees.

    Args:
        tables: Two models or more, row i the same case in each (see `share_cases`).
        score: Full name of a score, as `auroc` or `recall:malignant`.
        positive: Indices of the labels that mean disease.
        seed: Seed of the resampling.
        resamples: How many times groups are resampled.
        level: Confidence level of the intervals; a difference counts if its Holm-corrected p is at most 1 - level.

    Returns:
        One difference per pair, in the order of `tables`.

    Raises:
        KeyError: If there is no such score.
        ValueError: If the tables' cases or groups differ.

    References:
        Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979.
    """
    name, _ = find(score, next(iter(tables.values())).labels)
    drawn = {m: draw(t, positive, seed=seed, resamples=resamples, names=(name,)) for m, t in tables.items()}
    return compare_drawn(drawn, score, level=level)


def compare_drawn(models: Mapping[str, Drawn], score: str, *, level: float = 0.95) -> tuple[Difference, ...]:
    """Compare every pair of models in one score by draws that were made before; see `compare`.

    Args:
        models: From `medcls.stats.scores.draw`, with one seed, row i the same case in each.
        score: Full name of a score that was drawn.
        level: As for `compare`.

    Raises:
        KeyError: If there is no such score.
        ValueError: If the models' cases or groups differ.
    """
    tables = {m: one.cases.table for m, one in models.items()}
    first = next(iter(tables.values()))
    if any(not (np.array_equal(t.case, first.case) and np.array_equal(t.group, first.group)) for t in tables.values()):
        raise ValueError("the tables hold different cases: cut them to the shared ones first")
    name, column = find(score, first.labels)
    values = {m: float(one.point[name][column]) for m, one in models.items()}
    drawn = {m: one.resampled[name][:, column] for m, one in models.items()}
    n_groups = len(np.unique(first.group))
    apart = []
    for a, b in combinations(tables, 2):
        estimate, p, seen = _difference(values[a] - values[b], drawn[a] - drawn[b], n_groups, level)
        apart.append(Difference(a, b, score, estimate, p, p, 1, seen, len(first)))
    return correct_together(apart)


def _difference(value: float, drawn: np.ndarray, n_groups: int, level: float) -> tuple[Estimate, float, float]:
    finite = drawn[np.isfinite(drawn)]
    if math.isnan(value) or n_groups < 2 or len(finite) < 2:
        unknown = Estimate(value, math.nan, math.nan, level, n_groups, Note("stats.how-not-computable"))
        return unknown, math.nan, math.nan
    dof = n_groups - 1
    error = float(finite.std(ddof=1)) * math.sqrt(n_groups / dof)
    if error <= _NOTHING * abs(value):
        return _the_same_everywhere(value, n_groups, level)
    half = quantile(level, dof) * error
    p = float(2 * scipy.special.stdtr(dof, -abs(value) / error))
    how = Note("stats.how-paired", resamples=len(drawn), n=n_groups)
    seen = (quantile(level, dof) + float(scipy.special.ndtri(_POWER))) * error
    return Estimate(value, value - half, value + half, level, n_groups, how), p, seen


def _the_same_everywhere(value: float, n_groups: int, level: float) -> tuple[Estimate, float, float]:
    """Judge a difference that no resample moves by its sign in each group alone: zero spread is no certainty."""
    if value == 0:
        return Estimate(0.0, 0.0, 0.0, level, n_groups, Note("stats.how-none-differs", n=n_groups)), 1.0, 0.0
    agree, _ = wilson(n_groups, n_groups, level)
    low, high = sorted((value * (2 * agree - 1), value))
    how = Note("stats.how-same-everywhere", n=n_groups)
    return Estimate(value, low, high, level, n_groups, how), 2.0 ** (1 - n_groups), math.nan


def delong_paired(score_a: np.ndarray, score_b: np.ndarray, is_positive: np.ndarray) -> tuple[float, float, float]:
    """Compare two AUROCs on the same independent cases by DeLong's test.

    Args:
        score_a: First model's score of each case, (N,).
        score_b: Second model's, (N,).
        is_positive: Truth, (N,) bool.

    Returns:
        AUROC of a minus AUROC of b; its standard error; two-sided p (1 if both are 0, NaN if the error alone is: a
        spread of nothing is no certainty). NaN if a side has fewer than two cases.

    References:
        DeLong, DeLong, Clarke-Pearson, Biometrics 44, 1988.
    """
    sides = np.asarray(is_positive, bool)
    (auroc_a, moved_a), (auroc_b, moved_b) = (
        delong.influence(Ranking.of(np.asarray(s, np.float64), sides), len(sides)) for s in (score_a, score_b)
    )
    difference, error = auroc_a - auroc_b, math.sqrt(float(((moved_a - moved_b) ** 2).sum()))
    if error == 0:
        return difference, 0.0, 1.0 if difference == 0 else math.nan
    return difference, error, float(2 * scipy.special.ndtr(-abs(difference) / error))


@dataclass(frozen=True)
class McNemar:
    """Cases that only one of two models got right.

    Args:
        only_a: Right by a, wrong by b.
        only_b: Right by b, wrong by a.
        p_exact: Two-sided binomial p.
        p_mid: Mid-p: half the chance of exactly this outcome taken off; less cautious, yet close to its level.
    """

    only_a: int
    only_b: int
    p_exact: float
    p_mid: float

    @property
    def p(self) -> float:
        """Mid-p where fewer than 25 cases are discordant, exact otherwise."""
        return self.p_mid if self.only_a + self.only_b < _FEW else self.p_exact


def mcnemar(right_a: np.ndarray, right_b: np.ndarray) -> McNemar:
    """Compare how often two models are right on the same independent cases.

    Args:
        right_a: Whether the first model was right, (N,) bool.
        right_b: Whether the second was, (N,) bool.

    References:
        Fagerland, Lydersen, Laake, The McNemar test for binary matched-pairs data, BMC Med. Res. Methodol. 13, 2013.

    Example:
        >>> import numpy as np
        >>> found = mcnemar(np.array([1, 1, 1, 1, 1, 0], bool), np.array([0, 0, 0, 0, 1, 1], bool))
        >>> found.only_a, found.only_b, found.p_exact, round(found.p_mid, 5)
        (4, 1, 0.375, 0.21875)
    """
    only_a, only_b = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
    n, k = only_a + only_b, min(only_a, only_b)
    if only_a == only_b:
        point = float(scipy.stats.binom.pmf(k, n, 0.5))
        return McNemar(only_a, only_b, 1.0, 1.0 - point / 2 if n else 1.0)
    exact = float(2 * scipy.stats.binom.cdf(k, n, 0.5))
    return McNemar(only_a, only_b, min(1.0, exact), exact - float(scipy.stats.binom.pmf(k, n, 0.5)))
