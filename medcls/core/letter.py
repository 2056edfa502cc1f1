"""An evaluation card that goes by mail: figures of one check, without pictures, names or rows."""

import math
from dataclasses import dataclass, field
from itertools import chain
from typing import ClassVar

from medcls.core import letter_rules as rules
from medcls.core.evaluation import Estimate
from medcls.core.letter_rules import SLACK
from medcls.core.note import Note
from medcls.core.record import Record
from medcls.core.site import Aim, SiteCheck, Verdict, within
from medcls.errors import BadData

_SHARES = (
    "auroc_disease",
    "sensitivity",
    "specificity",
    "ppv",
    "npv",
    "refused",
    "unfamiliar",
    "ece_excess",
    "ece_excess_after",
)
_ROUNDED = 1e-3


@dataclass(frozen=True)
class Letter(Record):
    """What one site reports to others about a model.

    Args:
        model: Id of the model there.
        weights: Digests of its networks' weights: what it is about.
        labels: Label ids.
        site: What the site calls itself to others; may be empty.
        site_key: Drawn at random by the site: two letters with one key come from one site.
        maker: Who made it, as that person wrote; may be empty.
        aim: What was asked for.
        verdict: What came of it.
        n_cases: Scans.
        n_groups: Patients or groups.
        n_positive: Scans with disease.
        scores: As of `SiteCheck`.
        confusion: As of `SiteCheck`.
        answered: As of `SiteCheck`.
        calibration: As of `SiteCheck`.
        roc: As of `SiteCheck`.
        found: As of `SiteCheck`.
        made: UTC day, ISO 8601.

    Raises:
        BadData: If its numbers cannot all be true.
    """

    _keeps_schema: ClassVar[bool] = True

    model: str
    weights: tuple[str, ...]
    labels: tuple[str, ...]
    site: str
    site_key: str
    maker: str
    aim: Aim
    verdict: Verdict
    n_cases: int
    n_groups: int
    n_positive: int
    scores: dict[str, Estimate]
    confusion: tuple[tuple[int, ...], ...]
    calibration: tuple[tuple[float, float, float], ...]
    roc: tuple[float, ...]
    found: dict[str, float] = field(default_factory=dict)
    made: str = ""
    answered: tuple[tuple[int, ...], ...] = ()
    schema: int = 2

    def __post_init__(self) -> None:
        if code := next((code for code, wrong in self._impossible() if wrong), ""):
            raise BadData("core.impossible-letter", found=Note(code))

    def _impossible(self) -> list[tuple[str, bool]]:
        return [*self._wrong_counts(), *self._wrong_scores(), *self._wrong_curves(), *self._wrong_words()]

    def _wrong_counts(self) -> list[tuple[str, bool]]:
        counts, k = [n for row in self.confusion for n in row], len(self.labels)
        return [
            ("core.letter-below-0", min((self.n_cases, self.n_groups, self.n_positive, *counts)) < 0),
            ("core.letter-no-scans", not 1 <= self.n_cases <= rules.MOST_SCANS),
            ("core.letter-more-patients", max(self.n_groups, self.n_positive) > self.n_cases),
            ("core.letter-no-patients", not self.n_groups),
            ("core.letter-table", len(self.confusion) != k or any(len(row) != k for row in self.confusion)),
            ("core.letter-sum", sum(counts) != self.n_cases),
            ("core.letter-answered", bool(self.answered) and not within(self.answered, self.confusion)),
        ]

    def _wrong_scores(self) -> list[tuple[str, bool]]:
        scores = self.scores.values()
        return [
            ("core.letter-unnamed", not set(self.scores) <= set(_SHARES)),
            ("core.letter-share", not all(map(rules.is_share, scores))),
            ("core.letter-verdict", self._denied()),
            ("core.letter-interval", not all(rules.holds(*one) for one in self.scores.items())),
            ("core.letter-score-n", any(s.n > self.n_groups for s in scores)),
            ("core.letter-score-none", any(not s.n and not math.isnan(s.value) for s in scores)),
            ("core.letter-count", any(not rules.is_counted(s, n, self.n_groups) for s, n in self._proportions())),
            ("core.letter-narrow", any(rules.is_narrow(s, n) for s, n in self._proportions())),
            ("core.letter-predictive", self._denies_predictive()),
            ("core.letter-refused", self._denies_refused()),
        ]

    def _wrong_curves(self) -> list[tuple[str, bool]]:
        bins, n_rest = self.calibration, self.n_cases - self.n_positive
        n_right = sum(row[i] for i, row in enumerate(self.confusion) if i < len(row))
        return [
            ("core.letter-calibration", any(not 0 <= v <= 1 for row in bins for v in row[1:])),
            ("core.letter-calibration-sum", bool(bins) and sum(row[0] for row in bins) != self.n_cases),
            ("core.letter-bins", bool(bins) and not rules.are_bins(bins, n_right)),
            ("core.letter-roc", bool(self.roc) and not rules.rises(self.roc)),
            (
                "core.letter-area",
                not rules.is_curve_of(self.roc, self._value("auroc_disease"), self.n_positive, n_rest),
            ),
        ]

    def _wrong_words(self) -> list[tuple[str, bool]]:
        named = (self.model, self.site, self.site_key, self.maker, *self.labels, *self.weights)
        return [
            ("core.letter-day", bool(self.made) and not rules.is_day(self.made)),
            ("core.letter-text", not all(map(rules.is_short, named))),
            ("core.letter-finding", not all(rules.is_found(*found) for found in self.found.items())),
            ("core.letter-weights", not self.weights or not all(self.weights)),
            ("core.letter-no-key", not self.site_key.strip()),
            ("core.letter-labels-twice", len(set(self.labels)) < len(self.labels) or not all(self.labels)),
        ]

    def _proportions(self) -> list[tuple[Estimate, int]]:
        """Return the scores that are shares of scans, each with how many scans it is a share of."""
        scans = {"sensitivity": self.n_positive, "specificity": self.n_cases - self.n_positive}
        scans |= dict.fromkeys(("refused", "unfamiliar"), self.n_cases)
        return [(self.scores[name], n) for name, n in scans.items() if name in self.scores]

    def _denied(self) -> bool:
        """Return whether the verdict is one that the shares cannot have given, whatever the number of scans."""
        asked = {"sensitivity": self.aim.sensitivity, "specificity": self.aim.specificity}
        shares = [(self.scores[k].value if k in self.scores else math.nan, goal) for k, goal in asked.items() if goal]
        if self.verdict == "fit":
            return not all(share >= goal - SLACK for share, goal in shares)
        return self.verdict == "not-fit" and not any(share < goal + SLACK for share, goal in shares)

    def _value(self, name: str) -> float:
        return self.scores[name].value if name in self.scores else math.nan

    def _denies_predictive(self) -> bool:
        """Return whether the predictive values are others than sensitivity, specificity and prevalence give."""
        found, spared, sick = self._value("sensitivity"), self._value("specificity"), self.aim.prevalence
        shares = {
            "ppv": (sick * found, (1 - sick) * (1 - spared)),
            "npv": ((1 - sick) * spared, sick * (1 - found)),
        }
        return any(not self._follows(name, *shares[name]) for name in shares if name in self.scores)

    def _follows(self, name: str, true: float, false: float) -> bool:
        """Return whether a predictive value is the share of true ones; none is told where nobody gets that answer."""
        value = self._value(name)
        if math.isnan(true + false) or true + false <= 0:
            return math.isnan(value)
        return abs(value - true / (true + false)) <= _ROUNDED

    def _denies_refused(self) -> bool:
        """Return whether the share refused is another than the answered scans leave, or below that of unlike ones."""
        left = 1 - sum(chain.from_iterable(self.answered)) / max(1, self.n_cases)
        other = "refused" in self.scores and abs(self._value("refused") - left) > _ROUNDED
        return (bool(self.answered) and other) or self._value("unfamiliar") > self._value("refused") + SLACK

    def is_same_check(self, other: "Letter") -> bool:
        """Return whether two letters tell of one check, whoever signed them and whatever they call it.

        Counts, curve, calibration and AUROC of the same networks are the same; what one of them leaves out denies
        nothing. Name, keys, day, aim and what follows from it may differ.
        """
        same = (self.weights, self.n_cases, self.n_groups, self.n_positive, self.labels, self.confusion)
        if same != (other.weights, other.n_cases, other.n_groups, other.n_positive, other.labels, other.confusion):
            return False
        areas = [(one._value("auroc_disease"),) for one in (self, other)]
        parts = [(self.roc, other.roc), (self._bins(), other._bins()), (self._left(), other._left())]
        return all(rules.are_near(a, b) for a, b in [*parts, (areas[0], areas[1])])

    def _bins(self) -> tuple[float, ...]:
        return tuple(chain.from_iterable(self.calibration))

    def _left(self) -> tuple[int, ...]:
        return tuple(chain.from_iterable(self.answered))

    def contradicts(self, labels: tuple[str, ...], positive: tuple[int, ...]) -> Note | None:
        """Return why these cannot be the numbers of a model with these labels; None if they can.

        Args:
            labels: Label ids of the model's task.
            positive: Indices of those that mean disease.
        """
        if self.labels != labels:
            return Note("core.letter-labels")
        sick = sum(sum(self.confusion[k]) for k in positive)
        if sick != self.n_positive:
            return Note("core.letter-disease-sum")
        called = sum(self.confusion[i][j] for i in positive for j in positive)
        spared = sum(
            self.confusion[i][j] for i in range(len(labels)) for j in range(len(labels)) if not {i, j} & set(positive)
        )
        if self._differs("sensitivity", called, sick):
            return Note("core.letter-sensitivity")
        return Note("core.letter-specificity") if self._differs("specificity", spared, self.n_cases - sick) else None

    def _differs(self, name: str, hits: int, n: int) -> bool:
        """Return whether a score is another share than its counts give."""
        score = self.scores.get(name)
        return score is not None and n > 0 and not abs(score.value - hits / n) <= SLACK

    @classmethod
    def of(cls, check: SiteCheck, site: str, site_key: str, maker: str) -> "Letter":
        """Return the letter of a check.

        Args:
            check: The check.
            site: What the site calls itself to others.
            site_key: Its key.
            maker: Who made it.
        """
        return cls(
            check.model,
            check.weights,
            check.labels,
            site,
            site_key,
            maker,
            check.aim,
            check.verdict,
            check.n_cases,
            check.n_groups,
            check.n_positive,
            check.scores,
            check.confusion,
            check.calibration,
            check.roc,
            check.found,
            check.made,
            check.answered,
        )
