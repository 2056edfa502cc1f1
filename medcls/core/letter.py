"""An evaluation card that goes by mail: figures of one check, without pictures, names or rows."""

import itertools
import math
import unicodedata
from dataclasses import dataclass, field
from datetime import date

from medcls.core.evaluation import Estimate
from medcls.core.note import Note
from medcls.core.record import Record
from medcls.core.site import FOUND, Aim, SiteCheck, Verdict, within
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
_SLACK, _ROUNDED = 1e-6, 1e-3
_FAR = 0.1  # of an area from a curve of few patients
_LONGEST = 300  # letters of a name
ROC_STEPS = 21


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
    schema: int = 1

    def __post_init__(self) -> None:
        if code := next((code for code, wrong in self._impossible() if wrong), ""):
            raise BadData("core.impossible-letter", found=Note(code))

    def _impossible(self) -> list[tuple[str, bool]]:
        counts, k = [n for row in self.confusion for n in row], len(self.labels)
        return [
            ("core.letter-below-0", min((self.n_cases, self.n_groups, self.n_positive, *counts)) < 0),
            ("core.letter-more-patients", max(self.n_groups, self.n_positive) > self.n_cases),
            ("core.letter-no-patients", self.n_cases > 0 and not self.n_groups),
            (
                "core.letter-table",
                len(self.confusion) != k or any(len(row) != k for row in self.confusion),
            ),
            ("core.letter-sum", sum(counts) != self.n_cases),
            ("core.letter-answered", bool(self.answered) and not within(self.answered, self.confusion)),
            ("core.letter-unnamed", not set(self.scores) <= set(_SHARES)),
            ("core.letter-share", any(not _is_share(s) for s in self.scores.values())),
            ("core.letter-verdict", self._denied()),
            ("core.letter-interval", any(not _holds(s) for s in self.scores.values())),
            (
                "core.letter-calibration-sum",
                bool(self.calibration)
                and (
                    round(sum(row[0] for row in self.calibration)) != self.n_cases
                    or min(row[0] for row in self.calibration) < 0
                ),
            ),
            ("core.letter-calibration", any(not 0 <= v <= 1 for row in self.calibration for v in row[1:])),
            ("core.letter-roc", bool(self.roc) and not _rises(self.roc)),
            ("core.letter-score-n", any(s.n > self.n_cases for s in self.scores.values())),
            ("core.letter-score-none", any(not s.n and not math.isnan(s.value) for s in self.scores.values())),
            ("core.letter-predictive", self._denies_predictive()),
            ("core.letter-refused", self._denies_refused()),
            ("core.letter-area", self._denies_area()),
            ("core.letter-day", bool(self.made) and not _is_day(self.made)),
            (
                "core.letter-text",
                any(not _is_short(text) for text in (self.model, self.site, self.site_key, self.maker)),
            ),
            (
                "core.letter-finding",
                any(k not in FOUND or not v >= 0 for k, v in self.found.items()),
            ),
        ]

    def _denied(self) -> bool:
        """Return whether the verdict is one that the shares cannot have given, whatever the number of scans."""
        asked = {"sensitivity": self.aim.sensitivity, "specificity": self.aim.specificity}
        shares = [(self.scores[k].value if k in self.scores else math.nan, goal) for k, goal in asked.items() if goal]
        if self.verdict == "fit":
            return not all(share >= goal - _SLACK for share, goal in shares)
        return self.verdict == "not-fit" and not any(share < goal + _SLACK for share, goal in shares)

    def _value(self, name: str) -> float:
        return self.scores[name].value if name in self.scores else math.nan

    def _denies_predictive(self) -> bool:
        """Return whether the predictive values are others than sensitivity, specificity and prevalence give."""
        found, spared, sick = self._value("sensitivity"), self._value("specificity"), self.aim.prevalence
        shares = {
            "ppv": (sick * found, (1 - sick) * (1 - spared)),
            "npv": ((1 - sick) * spared, sick * (1 - found)),
        }
        return any(
            true + false > 0 and abs(self._value(name) - true / (true + false)) > _ROUNDED
            for name, (true, false) in shares.items()
        )

    def _denies_refused(self) -> bool:
        """Return whether the share refused is another than the answered scans leave."""
        left = 1 - sum(n for row in self.answered for n in row) / max(1, self.n_cases)
        return bool(self.answered) and abs(self._value("refused") - left) > _ROUNDED

    def _denies_area(self) -> bool:
        """Return whether the AUROC lies far from the area that the curve's steps leave room for."""
        if not self.roc or not _rises(self.roc):
            return False
        low, high = sum(self.roc[:-1]) / (ROC_STEPS - 1), sum(self.roc[1:]) / (ROC_STEPS - 1)
        return self._value("auroc_disease") < low - _FAR or self._value("auroc_disease") > high + _FAR

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
        return score is not None and n > 0 and not abs(score.value - hits / n) <= _SLACK

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


def _is_share(score: Estimate) -> bool:
    return all(math.isnan(v) or -_SLACK <= v <= 1 + _SLACK for v in (score.value, score.low, score.high))


def _holds(score: Estimate) -> bool:
    return not (score.value < score.low - _SLACK or score.value > score.high + _SLACK)  # NaN denies nothing


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_short(text: str) -> bool:
    """Return whether a text is short and has nothing unseen in it that would change how others read."""
    return len(text) <= _LONGEST and not any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in text)


def _rises(roc: tuple[float, ...]) -> bool:
    return (
        len(roc) == ROC_STEPS
        and all(0 <= v <= 1 for v in roc)
        and all(b >= a - _SLACK for a, b in itertools.pairwise(roc))
    )
