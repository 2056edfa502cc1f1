"""A model on disk: what it answers, how to feed it, how far to trust it, where it came from."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from medcls.core.evaluation import Estimate
from medcls.core.note import UNSAID, Note
from medcls.core.record import Record
from medcls.core.scan import Preprocess
from medcls.core.task import Task
from medcls.errors import BadModel

_NOT_CALIBRATED, _NO_LIMIT = Note("core.not-calibrated"), Note("core.no-limit-measured")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True)
class Calibration(Record):
    """How logits become probabilities a reader can take at their word.

    Args:
        temperature: Logits are divided by this before the softmax; 1 leaves them.
        n: How many validation cases it was fitted on; 0 if never.
        how: How it was fitted.

    References:
        Guo et al., On calibration of modern neural networks, ICML 2017.
    """

    temperature: float = 1.0
    n: int = 0
    how: Note = _NOT_CALIBRATED

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise BadModel("core.calibration-unusable", temperature=self.temperature)


@dataclass(frozen=True)
class Abstention(Record):
    """When a model must say "cannot tell".

    Args:
        min_prob: Nothing is decided while the largest probability is below this.
        max_distance: Scans whose features lie farther than this from the training scans' (see
            `medcls.stats.familiarity`) were acquired unlike them; None if not measured.
        max_appearance: So were scans whose brightness, colour and grain lie farther than this from the training scans'
            (see `medcls.imaging.appearance`), in standard deviations; None if not measured.
        max_kind: Nothing is decided above this score of the gate: the scan is not of the kind taught. None if no gate
            was taught; then nothing is decided beyond the two limits above either.
        far_auroc: AUROC of disease against the rest on scans acquired unlike, at a site left out; None if unmeasured.
        n: How many validation cases the limits rest on.
        how: How they were chosen.
    """

    min_prob: float = 0.0
    max_distance: float | None = None
    max_appearance: float | None = None
    max_kind: float | None = None
    far_auroc: Estimate | None = None
    n: int = 0
    how: Note = _NO_LIMIT

    def __post_init__(self) -> None:
        limits = (self.min_prob, self.max_distance, self.max_appearance, self.max_kind)
        if not all(limit is None or math.isfinite(limit) for limit in limits):
            raise BadModel("core.limit-no-number")
        if not 0 <= self.min_prob <= 1 or any(limit is not None and limit < 0 for limit in limits[1:3]):
            found = ", ".join("–" if limit is None else f"{limit:.3g}" for limit in limits[:3])
            raise BadModel("core.limit-impossible", found=found)


@dataclass(frozen=True)
class Threshold(Record):
    """A named operating point for a two-way decision.

    Args:
        name: What a person calls it.
        label: The label decided for at or above `prob`.
        prob: Threshold on that label's probability, in (0, 1).
        note: Why this value, with the figures it had; older cards hold a sentence.
    """

    name: str
    label: str
    prob: float
    note: Note = UNSAID

    def __post_init__(self) -> None:
        if not 0 < self.prob < 1:
            raise BadModel("core.impossible-point", name=self.name[:60], prob=self.prob)

    def tell(self, prob: float, label_name: str) -> Note:
        """Return what this operating point makes of a probability.

        Example:
            >>> str(Threshold("screening", "malignant", 0.3).tell(0.42, "malignant"))
            'At the operating point “screening” (0.30 or above) this scan is called malignant.'
        """
        if prob >= self.prob:
            return Note("core.point-called", name=self.name, at=self.prob, label=label_name)
        return Note("core.point-not-called", name=self.name, at=self.prob, label=label_name)


@dataclass(frozen=True)
class Terms:
    """What a person says of a model as it is published.

    Args:
        licence: Terms of use to write on the card; empty keeps what the run wrote.
        limits: Further sentences on what the model was not trained or tested on.
    """

    licence: str = ""
    limits: tuple[str, ...] = ()


NO_TERMS = Terms()


@dataclass(frozen=True)
class Origin(Record):
    """Where a model came from.

    Args:
        run: Id of the run that made it.
        created: UTC time, ISO 8601.
        collections: The collections it was trained on, with counts; older cards hold sentences.
        fingerprint: Fingerprint of the data it saw.
        initial: What became of its initial weights; older cards hold a sentence.
        spec: The run's whole specification.
        versions: Versions of the libraries that made it.
        training_s: Seconds the training took.
        epochs: Epochs run; the best one is the model.
    """

    run: str = ""
    created: str = ""
    collections: tuple[Note, ...] = ()
    fingerprint: str = ""
    initial: Note = UNSAID
    spec: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    training_s: float = 0.0
    epochs: int = 0


@dataclass(frozen=True)
class ModelCard(Record):
    """Everything medcls knows of a model.

    Args:
        id: Folder name, as in `breast-ultrasound--resnet18--0001`.
        name: What a person reads.
        task: The whole question, so that a model is readable without any other file.
        backbone: timm name.
        backbone_args: Further arguments of `timm.create_model`.
        preprocess: How scans are fed to it.
        calibration: Logits to probabilities.
        abstention: When it says "cannot tell".
        thresholds: Named operating points.
        origin: Where it came from.
        licence: Under which terms the weights may be used, with data licences that bind.
        trained_on: Plain statement of the scans it was trained on.
        limits: Plain statements of what it was not trained or tested on.
        n_parameters: Number of weights.
        members: Ids of the models averaged, if this is an ensemble; it then has no weights of its own.
        member_weights: SHA-256 of each member's weights, by id: what was measured is the mean of these very networks.
        folds: Number of folds of a cross-validation, if this is an ensemble of its networks: a case of the sets they
            learned from is answered by those members alone that never saw it; 0 if it is none.
        files: SHA-256 of every other file in the folder that must not change.
        retired: Why the model is no longer offered; empty while it is.
    """

    id: str
    name: str
    task: Task
    backbone: str
    preprocess: Preprocess
    backbone_args: dict[str, Any] = field(default_factory=dict)
    calibration: Calibration = Calibration()
    abstention: Abstention = Abstention()
    thresholds: tuple[Threshold, ...] = ()
    origin: Origin = Origin()
    licence: str = ""
    trained_on: str = ""
    limits: tuple[str, ...] = ()
    n_parameters: int = 0
    members: tuple[str, ...] = ()
    member_weights: dict[str, str] = field(default_factory=dict)
    folds: int = 0
    files: dict[str, str] = field(default_factory=dict)
    retired: str = ""
    schema: int = 2

    @property
    def is_mean(self) -> bool:
        """True if several networks answer, and this is the mean of what they say."""
        return bool(self.members)

    @property
    def networks(self) -> tuple[str, ...]:
        """Ids of the models whose networks answer: those averaged, or its own."""
        return self.members or (self.id,)

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id) or ".." in self.id:
            raise BadModel("core.model-id", found=repr(self.id)[:140])
        if self.task.is_grey and not self.preprocess.grey:  # cards older than the field, too
            object.__setattr__(self, "preprocess", replace(self.preprocess, grey=True))

    @property
    def label_map(self) -> dict[str, str]:
        """Labels of the collections it learned from that were read as others, as `DataSpec.label_map`."""
        data = self.origin.spec.get("data")
        return dict(data.get("label_map", {})) if isinstance(data, dict) else {}

    def point_notes(self, prob: Iterable[float]) -> tuple[Note, ...]:
        """Return what each named operating point makes of an answer.

        Args:
            prob: Calibrated probabilities, in the order of the task's labels.
        """
        by_label = dict(zip(self.task.label_ids, prob, strict=True))
        known = (t for t in self.thresholds if t.label in by_label)
        return tuple(t.tell(float(by_label[t.label]), self.task.label(t.label).name) for t in known)
