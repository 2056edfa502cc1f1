"""What a model says of a scan, and where it looked."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from medcls.core.scan import readonly


@dataclass(frozen=True, eq=False)
class Prediction:
    """One model's answer to one scan.

    Args:
        model: Id of the model.
        sha256: Digest of the scan's bytes.
        labels: Label ids, in the order of `logits` and `prob`.
        logits: What the network gave, (K,) float64, before calibration.
        prob: Calibrated probabilities, (K,) float64, sum 1.
        decided: Label id the model stands by; None means "cannot tell" and `notes` says why.
        notes: What a reader must know of this answer, as sentences.
        unfamiliarity: How far the scan is from what the model was trained on, 1 = the limit stored on the
            card; above 1 nothing is decided. None if the card stores no limit.
        elapsed_s: Seconds from scan to probabilities.
    """

    model: str
    sha256: str
    labels: tuple[str, ...]
    logits: np.ndarray
    prob: np.ndarray
    decided: str | None
    notes: tuple[str, ...] = ()
    unfamiliarity: float | None = None
    elapsed_s: float = 0.0

    def __post_init__(self) -> None:
        for name in ("logits", "prob"):
            values = readonly(getattr(self, name), np.float64)
            if values.shape != (len(self.labels),) or not np.isfinite(values).all():
                raise ValueError(f"{name} must be {len(self.labels)} finite numbers, found {values}")
            object.__setattr__(self, name, values)
        if self.decided is not None and self.decided not in self.labels:
            raise ValueError(f"decided {self.decided!r} is not one of {self.labels}")

    @property
    def top(self) -> str:
        """The most probable label, whether or not the model stands by it."""
        return self.labels[int(self.prob.argmax())]


# Notes that say what one model decided, and on what grounds: of no use beside the mean of several.
_OWN_VERDICT = ("Cannot tell", "At the operating point")


def notes_besides_verdict(answers: Iterable[Prediction]) -> tuple[str, ...]:
    """Give what several answers to a scan note of it, each note once, without what each decided or could not."""
    return tuple(dict.fromkeys(n for a in answers for n in a.notes if not n.startswith(_OWN_VERDICT)))


def say_unsure(prob: np.ndarray, least: float, whose: str = "") -> str:
    """Say that the probabilities (K,) are too even to decide by; empty if they are not.

    Args:
        prob: The probabilities.
        least: Probability that the most probable label must reach.
        whose: What the probabilities are, at the start of the clause ("on average").
    """
    if prob.max() >= least:
        return ""
    lead = f"{whose} no" if whose else "no"
    return f"Cannot tell: {lead} answer reaches a probability of {least:.2f}, so being wrong is too likely."


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
