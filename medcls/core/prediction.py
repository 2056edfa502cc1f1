"""What a model says of a scan, and where it looked."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from medcls.core.note import Note
from medcls.core.scan import readonly


@dataclass(frozen=True, eq=False)
class Prediction:
    """One model's answer to one scan. Probabilities, verdict and doubts are apart: none is read off another.

    Args:
        model: Id of the model.
        sha256: Digest of the scan's bytes.
        labels: Label ids, in the order of `logits` and `prob`.
        logits: What the network gave, (K,) float64, before calibration.
        prob: Calibrated probabilities, (K,) float64, sum 1.
        refusal: Why nothing is decided; None if the model stands by its most probable label.
        points: What each named operating point makes of the answer.
        cautions: What else a reader must know of this answer.
        unfamiliarity: How far the scan is from the kind of picture the model answers, 1 = the limit stored on the card;
            above 1, or NaN, nothing may be decided. None if the card stores no limit.
        acquired: How unlike those learned from the scan was acquired (gain, grain, colour, device), 1 = the limit;
            above 1 there is a caution. None if the card tells no such limit apart from the kind.
        elapsed_s: Seconds from scan to probabilities.
        called: Label id that a site's own threshold decides for; empty where the most probable label is decided.
        split: True if the networks averaged do not agree on the most probable label.

    Raises:
        ValueError: If lengths disagree, a number is not finite, or an unfamiliar scan is not refused.
    """

    model: str
    sha256: str
    labels: tuple[str, ...]
    logits: np.ndarray
    prob: np.ndarray
    refusal: Note | None = None
    points: tuple[Note, ...] = ()
    cautions: tuple[Note, ...] = ()
    unfamiliarity: float | None = None
    acquired: float | None = None
    elapsed_s: float = 0.0
    called: str = ""
    split: bool = False

    def __post_init__(self) -> None:
        for name in ("logits", "prob"):
            values = readonly(getattr(self, name), np.float64)
            if values.shape != (len(self.labels),) or not np.isfinite(values).all():
                raise ValueError(f"{name} must be {len(self.labels)} finite numbers, found {values}")
            object.__setattr__(self, name, values)
        if self.refusal is None and self.unfamiliarity is not None and not self.unfamiliarity <= 1:
            raise ValueError(f"a scan this unlike must be refused, found {self.unfamiliarity}")
        if self.called and self.called not in self.labels:
            raise ValueError(f"called {self.called!r} is not one of {self.labels}")

    @property
    def top(self) -> str:
        """The most probable label, whether or not the model stands by it."""
        return self.labels[int(self.prob.argmax())]

    @property
    def decided(self) -> str | None:
        """Label id the model stands by; None means "cannot tell" and `refusal` says why."""
        return (self.called or self.top) if self.refusal is None else None

    @property
    def how_far(self) -> float:
        """How unlike the scan was acquired, in limits: infinite where no number came out, NaN if not measured."""
        if self.acquired is None:
            return math.nan
        return math.inf if math.isnan(self.acquired) else self.acquired

    @property
    def stands_at(self) -> float:
        """Probability of the label decided, the top one or not; of the top one where nothing is decided."""
        return float(self.prob[self.labels.index(self.decided or self.top)])

    @property
    def unsure(self) -> bool:
        """True if nothing is decided because the probabilities are too even: the scan itself is of the kind taught."""
        return self.refusal is not None and self.refusal.code in UNSURE

    @property
    def foreign(self) -> bool:
        """True if nothing is decided as the scan is unlike what the model answers: its probabilities mean nothing."""
        return self.refusal is not None and not self.unsure

    @property
    def notes(self) -> tuple[Note, ...]:
        """All a reader must know: why nothing is decided, then cautions, then operating points."""
        return (*((self.refusal,) if self.refusal else ()), *self.cautions, *self.points)

    def to_dict(self, history: Iterable[Any] = ()) -> dict[str, Any]:
        """Return the answer as the stable JSON object that README describes, without the file's name.

        Args:
            history: What decoding did, as notes; it stands behind the answer's own.
        """
        told = (*self.notes, *history)
        return {
            "model": self.model,
            "labels": list(self.labels),
            "prob": [float(v) for v in self.prob],
            "decided": self.decided,
            "unfamiliarity": _number(self.unfamiliarity),
            "acquired": _number(self.acquired),
            "notes": [str(note) for note in told],
            "codes": [getattr(note, "code", "words.said") for note in told],
            "sha256": self.sha256,
        }


# Refusals that say nothing against the scan: its probabilities are only too even to decide by.
UNSURE = ("models.unsure", "models.unsure-mean")


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


MEMBERS_LAST = "members' last"


@dataclass(frozen=True, eq=False)
class Heatmap:
    """Where a model found evidence for one label.

    Args:
        values: (H, W) float32 on the scan's own pixels, 0 to 1 after division by `peak`; NaN where
            the network did not look (outside its crop).
        label: Label id whose evidence this is.
        model: Id of the model.
        method: Name in the table of methods.
        layer: Name of the layer it was read from; `MEMBERS_LAST` for the mean of an ensemble's networks.
        grid_px: Height and width of the layer's grid: how coarse the map is.
        peak: Largest value before scaling; 0 means no evidence anywhere. Of a mean over networks each of which was
            scaled to 1: 1 where all of them peak at one place.
    """

    values: np.ndarray
    label: str
    model: str
    method: str
    layer: str
    grid_px: tuple[int, int]
    peak: float

    def __post_init__(self) -> None:
        values = readonly(self.values, np.float32)
        if values.ndim != 2 or not np.isfinite(self.peak) or self.peak < 0:
            raise ValueError(
                f"a heatmap needs (H, W) values and a peak of 0 or more, found {values.shape}, {self.peak}"
            )
        object.__setattr__(self, "values", values)

    @property
    def empty(self) -> bool:
        """True if the method found no evidence for the label anywhere."""
        return self.peak == 0.0
