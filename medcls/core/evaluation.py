"""Scores of a model on labelled cases, each with its uncertainty."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from medcls.core.note import SAID, Note
from medcls.core.record import Record
from medcls.core.scan import readonly
from medcls.words import counted, say


def describe_basis(n_cases: int, n_groups: int, collection: str) -> str:
    """Return what numbers rest on, as `378 cases in 357 groups of busi`.

    Args:
        n_cases: Number of cases.
        n_groups: Number of groups that are resampled whole.
        collection: Name of the collection, as a person reads it.
    """
    return f"{counted(n_cases, 'case')} in {counted(n_groups, 'group')} of {collection}"


@dataclass(frozen=True)
class Estimate(Record):
    """A number that may be shown.

    Args:
        value: The number; NaN if it cannot be computed (say so, do not hide it).
        low: Lower end of the interval; NaN if unknown.
        high: Upper end of the interval; NaN if unknown.
        level: Confidence level of the interval, as 0.95.
        n: How many independent units (cases, patients or groups) it rests on.
        how: How value and interval were computed.
    """

    value: float
    low: float
    high: float
    level: float
    n: int
    how: Note

    def __post_init__(self) -> None:
        if not 0 < self.level < 1 or self.n < 0 or self.low > self.high:
            raise ValueError(f"not an estimate: {self.low} to {self.high} at {self.level}, n {self.n}")

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain values; a sentence that an older medcls wrote as it was: letters are signed so."""
        said = {"how": self.how.params["text"]} if self.how.code == SAID else {}
        return super().to_dict() | said

    def __str__(self) -> str:
        if math.isnan(self.value):
            return say("core.not-computable-of", {"n": self.n})
        return f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f}, n = {self.n})"


@dataclass(frozen=True, eq=False)
class CaseTable:
    """What a model said of each labelled case. Row i of every field is the same case.

    Args:
        case: Case ids, (N,) str.
        group: What must be resampled together (patient, lesion, duplicates), (N,) str.
        truth: Index of the true label, (N,) int64, 0 to K - 1.
        prob: Calibrated probabilities, (N, K) float64, rows sum to 1.
        labels: Label ids, in column order.
        attributes: Further columns for subgroups (device, BI-RADS, size), each (N,) str.

    Raises:
        ValueError: If lengths disagree, a truth is out of range, or a probability is not finite.
    """

    case: np.ndarray
    group: np.ndarray
    truth: np.ndarray
    prob: np.ndarray
    labels: tuple[str, ...]
    attributes: dict[str, np.ndarray]

    def __post_init__(self) -> None:
        for name, dtype in (("case", str), ("group", str), ("truth", np.int64), ("prob", np.float64)):
            object.__setattr__(self, name, readonly(getattr(self, name), dtype))
        n, k = len(self.case), len(self.labels)
        if not len(self.group) == len(self.truth) == n or self.prob.shape != (n, k):
            raise ValueError(
                f"lengths disagree: {n} cases, {len(self.group)} groups, prob {self.prob.shape}, {k} labels"
            )
        if n and (self.truth.min() < 0 or self.truth.max() >= k or not np.isfinite(self.prob).all()):
            raise ValueError("a truth is out of range or a probability is not finite")
        columns = {name: readonly(column, str) for name, column in self.attributes.items()}
        if any(len(column) != n for column in columns.values()):
            raise ValueError("an attribute has another length than the cases")
        object.__setattr__(self, "attributes", columns)

    def __len__(self) -> int:
        return len(self.case)

    def take(self, rows: np.ndarray) -> "CaseTable":
        """Return the table of the rows chosen by an index or boolean array.

        Args:
            rows: Indices (n,) int64 in any order, or (N,) bool.
        """
        columns = {name: column[rows] for name, column in self.attributes.items()}
        return CaseTable(self.case[rows], self.group[rows], self.truth[rows], self.prob[rows], self.labels, columns)

    def by_site(self, elsewhere: str = "") -> dict[str, "CaseTable"]:
        """Return the cases of each site by its name, in alphabetical order; of each collection where no site is told.

        Args:
            elsewhere: What all of them stand under where neither is told.
        """
        where = self.attributes.get("site", self.attributes.get("collection"))
        if where is None:
            return {elsewhere: self}
        return {str(site): self.take(where == site) for site in np.unique(where)}


@dataclass(frozen=True)
class Evaluation(Record):
    """A model on a set of labelled cases; the cases themselves stand in `cases.csv` beside it.

    Args:
        model: Id of the model.
        collection: Name of the labelled collection.
        fingerprint: Fingerprint of the collection's contents.
        part: Which part of it, and how the part was chosen.
        labels: Label ids, in column order.
        n_cases: Number of cases.
        n_groups: Number of groups (patients, lesions, duplicate groups).
        scores: Each score by name.
        confusion: Counts, row = truth, column = most probable label.
        subgroups: Scores of parts of the cases, by `attribute=value`.
        left_out: Scores at sites by networks made alike that never saw the site, by site; those sites are among the
            ones this model learned from.
        notes: What a reader must know.
    """

    model: str
    collection: str
    fingerprint: str
    part: Note
    labels: tuple[str, ...]
    n_cases: int
    n_groups: int
    scores: dict[str, Estimate]
    confusion: tuple[tuple[int, ...], ...]
    subgroups: dict[str, dict[str, Estimate]] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    left_out: dict[str, dict[str, Estimate]] = field(default_factory=dict)
    schema: int = 2

    def by_site(self) -> tuple["SiteScore", ...]:
        """Return how well the model tells disease from the rest at each site: shown before any pooled figure.

        A figure pooled over sites measures in part which site a case is from. Sites never seen come first.
        """
        never = [SiteScore(site, True, scores) for site, scores in sorted(self.left_out.items())]
        parts = {name.partition("=")[2]: s for name, s in sorted(self.subgroups.items()) if name.startswith("site=")}
        if not parts:
            parts = {
                name[len("collection=") :]: s for name, s in self.subgroups.items() if name.startswith("collection=")
            }
        known = [SiteScore(site, False, scores) for site, scores in (parts or {self.collection: self.scores}).items()]
        return (*never, *known)


@dataclass(frozen=True)
class SiteScore:
    """A model at one site.

    Args:
        site: Hospital, archive or collection.
        never_seen: True if the networks measured never saw a scan from there.
        scores: The scores there, by name.
    """

    site: str
    never_seen: bool
    scores: dict[str, Estimate]

    @property
    def disease(self) -> Estimate | None:
        """AUROC of disease against the rest; None if it was not computed."""
        return self.scores.get("auroc_disease")
