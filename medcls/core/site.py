"""What a department finds out about a model with its own scans: the aim, the check, and the settings that follow."""

import math
from dataclasses import dataclass, field
from typing import Literal

from medcls.core.evaluation import Estimate
from medcls.core.note import Note
from medcls.core.record import Record, wrong
from medcls.errors import BadSpec

Verdict = Literal["fit", "not-fit", "too-few"]


@dataclass(frozen=True)
class Aim(Record):
    """What a model must reach at a site to be fit for use there.

    Args:
        sensitivity: Share of the scans with disease that it must call, (0, 1); 0 asks for none.
        specificity: Share of the others that it must not call, [0, 1); 0 asks for none.
        prevalence: Share of the people examined at the site who have the disease, (0, 1).

    Raises:
        BadSpec: If a share is out of its range, or nothing is asked for.
    """

    sensitivity: float = 0.90
    specificity: float = 0.0
    prevalence: float = 0.10
    schema: int = 1

    def __post_init__(self) -> None:
        for name in ("sensitivity", "specificity"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise BadSpec("core.aim-out-of-range", name=name, value=value)
        if not 0 < self.prevalence < 1:
            raise BadSpec("core.prevalence-out-of-range", value=self.prevalence)
        if not self.sensitivity and not self.specificity:
            raise BadSpec("core.aim-asks-nothing")


def within(some: tuple[tuple[int, ...], ...], every: tuple[tuple[int, ...], ...]) -> bool:
    """Return whether counts are some of others, cell by cell."""
    same = [len(row) for row in some] == [len(row) for row in every]
    return same and all(0 <= a <= b for rows in zip(some, every, strict=True) for a, b in zip(*rows, strict=True))


@dataclass(frozen=True)
class SiteCheck(Record):
    """How a model did on a site's own labelled scans.

    Args:
        model: Id of the model.
        weights: What identifies its networks: their weights' digests.
        site: Name of the site.
        aim: What was asked of it.
        verdict: Whether the scans settle that it reaches the aim, that it does not, or neither.
        why: The reasons, most important first.
        n_cases: Scans.
        n_groups: Patients, or groups that may be one patient.
        n_positive: Scans with disease.
        scores: `auroc_disease`, `sensitivity`, `specificity`, `ppv`, `npv`, `refused`, `unfamiliar`, `ece_excess` and
            `ece_excess_after` (by a temperature fitted on other patients of the site).
        labels: Label ids, in the order of `confusion`.
        confusion: Scans by true label (row) and most probable label (column).
        answered: The same of the scans on which something was decided; empty in checks of an older medcls.
        calibration: For each tenth of the probability given to the answer: scans, their mean probability, share right.
        roc: Sensitivity at specificities 1, 0.95, … 0.
        more_scans: Further scans of the same mixture that would probably settle it; None if settled or no number would.
        found: What was found in the pictures: shares and medians by name.
        made: UTC day, ISO 8601.

    Raises:
        BadRecord: If its counts cannot be.
    """

    model: str
    weights: tuple[str, ...]
    site: str
    aim: Aim
    verdict: Verdict
    why: tuple[Note, ...]
    n_cases: int
    n_groups: int
    n_positive: int
    scores: dict[str, Estimate]
    labels: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    calibration: tuple[tuple[float, float, float], ...] = ()
    roc: tuple[float, ...] = ()
    more_scans: int | None = None
    found: dict[str, float] = field(default_factory=dict)
    made: str = ""
    answered: tuple[tuple[int, ...], ...] = ()
    schema: int = 2

    def __post_init__(self) -> None:
        k = len(self.labels)
        if self.answered and not within(self.answered, self.confusion):
            raise wrong("answered", str(self.answered)[:60], Note("core.allowed-counts-within"))
        if self.confusion and ([len(row) for row in self.confusion] != [k] * k or min(map(min, self.confusion)) < 0):
            raise wrong("confusion", str(self.confusion)[:60], Note("core.allowed-counts-by-label", n=k))
        if not 0 <= self.n_positive <= self.n_cases or self.n_groups < 0:
            raise wrong("n_cases", f"{self.n_positive} of {self.n_cases}", Note("core.allowed-counts"))


@dataclass(frozen=True)
class SiteSettings(Record):
    """A site's own settings for a model: they change how its answers are read there, never the model.

    Args:
        site: Name of the site.
        model: Id of the model.
        weights: What identifies its networks; settings for others are not applied.
        temperature: The card's probabilities are spread by it (1 leaves them), above 0.
        threshold: Probability of disease from which disease is called; NaN leaves the decision to the model.
        caution: How unlike a scan must be acquired for a caution, in the card's limits (1 leaves them), above 0.
        aim: What the threshold was fitted for.
        n_cases: Scans it rests on.
        n_groups: Patients, or groups that may be one patient.
        kept: What was found on patients left out of the fitting: `log_loss_gain` of the temperature; `sensitivity`,
            `specificity` and `threshold_gain` of the threshold; `warned` and `caution_gain` of the caution's limit.
        made: UTC day, ISO 8601.
    """

    site: str
    model: str
    weights: tuple[str, ...]
    temperature: float = 1.0
    threshold: float = math.nan
    aim: Aim = field(default_factory=Aim)
    n_cases: int = 0
    n_groups: int = 0
    kept: dict[str, Estimate] = field(default_factory=dict)
    made: str = ""
    caution: float = 1.0
    schema: int = 2

    def __post_init__(self) -> None:
        if not 0.01 <= self.caution <= 100:
            raise BadSpec("core.caution-out-of-range", value=self.caution)
        if not 0.01 <= self.temperature <= 100:
            raise BadSpec("core.temperature-out-of-range", value=self.temperature)
        if not math.isnan(self.threshold) and not 0 <= self.threshold <= 1:
            raise BadSpec("core.threshold-out-of-range", value=self.threshold)

    def is_same(self, other: "SiteSettings") -> bool:
        """Return whether two settings say the same; a threshold that is not set is like another that is not."""
        return self.to_dict() == other.to_dict()

    @property
    def changes(self) -> bool:
        """True if answers are read otherwise by them."""
        return self.temperature != 1 or self.caution != 1 or not math.isnan(self.threshold)


@dataclass(frozen=True)
class SiteLook(Record):
    """What can be said of a model at a site from scans without labels.

    Args:
        model: Id of the model.
        n_cases: Scans that were answered.
        n_failed: Files that could not be.
        refused: Share on which nothing is decided.
        unfamiliar: Share refused as unlike what the model learned from.
        acquired: Share acquired unlike what it learned from; None if that is not measured.
        distance: How far the scans lie, in limits: the median and the ninetieth percentile; empty if not measured.
        decided: Scans by the label decided; those refused are in none.
        score: Scans by probability of disease, in tenths.
        found: What was found in the pictures, as of `SiteCheck`.
    """

    model: str
    n_cases: int
    n_failed: int
    refused: Estimate
    unfamiliar: Estimate
    acquired: Estimate | None
    distance: tuple[float, ...]
    decided: dict[str, int]
    score: tuple[int, ...]
    found: dict[str, float] = field(default_factory=dict)
    schema: int = 1


# What may be found in a site's pictures: medians of the shorter side, of a pixel's size and of the grain (grey levels
# of 255 between neighbours); the shares in colour, of a grey picture under drawn marks, and acquired unlike. Each with
# the most that it can be.
FOUND = {
    "shorter_side_px": 100_000.0,
    "mm_per_px": 1_000.0,
    "grain": 255.0,
    "coloured": 1.0,
    "marked": 1.0,
    "acquired_unlike": 1.0,
}

State = Literal["approved", "draft", "retired"]


@dataclass(frozen=True)
class Site(Record):
    """A place where models are used.

    Args:
        name: What its people call it.
        key: Drawn at random when it was made: two cards by mail with one key come from one site.
        watch: True if its people agreed that answers are counted (never kept).
        made: UTC day, ISO 8601.
    """

    name: str
    key: str
    watch: bool = False
    made: str = ""
    schema: int = 1


@dataclass(frozen=True)
class SiteEvent(Record):
    """One line of a site's history of a model; nothing is ever taken out of it.

    Args:
        what: `applied` or `undone` (settings), or `state`.
        model: Id of the model.
        who: Login name, or `local`.
        when: UTC time, ISO 8601.
        settings: What was applied or undone; None for other events, and where an older medcls undid the last.
        undoes: Of an undo, the line of the history that it takes back, from 1; 0 where an older medcls wrote it.
        state: The new state; empty for other events.
        why: What the person wrote, or the check it rests on.
    """

    what: Literal["applied", "undone", "state"]
    model: str
    who: str
    when: str
    settings: SiteSettings | None = None
    state: str = ""
    why: str = ""
    undoes: int = 0
    schema: int = 2
