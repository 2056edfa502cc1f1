"""A fine-tuning run: what was asked for, and what was observed."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, Literal, Self, get_type_hints

from medcls.core.note import Note
from medcls.core.record import Record, wrong
from medcls.core.settings import (
    KINDS,
    AugmentationSpec,
    DataSpec,
    MachineSpec,
    NetworkSpec,
    OptimisationSpec,
    Setting,
    Settings,
    TranslationSpec,
    setting,
)
from medcls.errors import BadSpec

_SIDE_STEP_PX = 4  # a translator halves a picture's side twice and doubles it twice
# Settings that had other names while specs were flat (schema 1).
RENAMED = MappingProxyType({"accumulate": "grad_accum_steps", "averaging": "ema_decay", "select_by": "monitor"})


@dataclass(frozen=True)
class RunSpec(Settings):
    """Everything that determines a run's result. Two runs with one spec and one fingerprint are the same run.

    Every setting has a name of its own, so that they can be given and read without saying which noun they belong to:
    see `of`, `having` and `value`.

    Raises:
        BadSpec: If a value is out of its setting's range, or two values cannot go together.

    Example:
        >>> spec = RunSpec.of(collections=("busi",), lr=1e-4)
        >>> spec.optimisation.lr, spec.having(epochs=3).optimisation.epochs, spec.value("lr")
        (0.0001, 3, 0.0001)
    """

    name: str = setting("", Note("core.setting-name"), "start", advanced=False)
    recipe: str = setting("", Note("core.setting-recipe"), "start")
    kind: str = setting(
        "classifier",
        Note("core.setting-kind"),
        "start",
        choices=KINDS,
    )
    data: DataSpec = field(default_factory=DataSpec)
    network: NetworkSpec = field(default_factory=NetworkSpec)
    augmentation: AugmentationSpec = field(default_factory=AugmentationSpec)
    optimisation: OptimisationSpec = field(default_factory=OptimisationSpec)
    translation: TranslationSpec = field(default_factory=TranslationSpec)
    machine: MachineSpec = field(default_factory=MachineSpec)
    schema: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.optimisation.batch_size == 1 and self.network.head == "dense256":
            raise BadSpec("core.batch-norm-of-one")
        if self.is_translator:
            self._check_translator()

    @property
    def is_translator(self) -> bool:
        """True if the run teaches a translator between two labels: it makes pictures, and no model."""
        return self.kind == "translator"

    @property
    def monitor(self) -> str:
        """The validation score that is watched: `monitor` of a classifier, the loss of a translator."""
        return "loss" if self.is_translator else self.optimisation.monitor

    def _check_translator(self) -> None:
        asked, side = self.translation, self.data.size_px
        if asked.from_label and asked.from_label == asked.to_label:
            raise BadSpec("core.translation-of-one-label", found=asked.from_label[:80])
        if side % _SIDE_STEP_PX:
            raise BadSpec(
                "core.translation-size", found=f"{side} px", allowed=Note("core.allowed-multiple", n=_SIDE_STEP_PX)
            )
        if self.machine.precision == "fp16":
            raise BadSpec("core.setting-not-possible", name="precision", found="fp16", allowed="auto, fp32, bf16")
        if self.data.made_from:
            raise BadSpec("core.translation-of-made", found=self.data.made_from[:80])

    @classmethod
    def of(cls, **values: Any) -> Self:
        """Return a spec with these settings, the others at their defaults; see `having`."""
        return cls().having(**values)

    def having(self, **values: Any) -> Self:
        """Return this spec with some settings changed.

        Args:
            values: By name of the setting, whichever noun it belongs to.

        Raises:
            BadSpec: If a value is out of its setting's range, or two values cannot go together.
            TypeError: If there is no such setting.
        """
        of_noun: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            if name not in settings():
                raise TypeError(f"a run has no setting {name!r}")
            of_noun.setdefault(settings()[name].noun, {})[name] = value
        changes = of_noun.pop("", {})
        nouns = {noun: dataclasses.replace(getattr(self, noun), **given) for noun, given in of_noun.items()}
        return dataclasses.replace(self, **changes, **nouns)

    def value(self, name: str) -> Any:
        """Return the value of a setting.

        Raises:
            KeyError: If there is no such setting.
        """
        noun = settings()[name].noun
        return getattr(getattr(self, noun) if noun else self, name)

    def values(self) -> dict[str, Any]:
        """Return the value of every setting by name."""
        return {name: self.value(name) for name in settings()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "") -> Self:
        """Build a spec from plain values; the flat ones of schema 1 are read too. See `Record.from_dict`.

        Raises:
            MedclsError: As `Record.from_dict`.
        """
        if isinstance(data, Mapping) and data.get("schema", 1) == 1 and not set(data) & set(_NOUNS):
            data = _from_flat(data, where or cls.__name__)
        return super().from_dict(data, where)


_NOUNS = ("data", "network", "augmentation", "optimisation", "translation", "machine")


def _from_flat(data: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the nested values of a spec of schema 1, in which every setting stood by itself."""
    nested: dict[str, Any] = {}
    for old, value in data.items():
        name = RENAMED.get(old, old)
        if old == "schema":
            continue
        if name not in settings():
            raise wrong(where, Note("core.found-unknown", names=old), ", ".join(settings()))
        noun = settings()[name].noun
        (nested.setdefault(noun, {}) if noun else nested)[name] = value
    return nested


@dataclass(frozen=True)
class Place:
    """Where a setting stands in `RunSpec`, and what it is.

    Args:
        noun: Field of `RunSpec` it belongs to; empty for one of the spec itself.
        setting: What it means to a person.
        hint: Type of its value.
        default: Its plain value.
    """

    noun: str
    setting: Setting
    hint: Any
    default: Any


@cache
def settings() -> Mapping[str, Place]:
    """Return every setting of `RunSpec` by name, in the order a form shows them."""
    found: dict[str, Place] = {}
    for noun in ("", *_NOUNS):
        plain = getattr(RunSpec(), noun) if noun else RunSpec()
        hints = get_type_hints(type(plain))
        for f in dataclasses.fields(plain):
            if "setting" in f.metadata:
                found[f.name] = Place(noun, f.metadata["setting"], hints[f.name], getattr(plain, f.name))
    return MappingProxyType(found)


@dataclass(frozen=True)
class EpochResult(Record):
    """One line of `metrics.jsonl`.

    Args:
        epoch: Number of the epoch, from 1.
        elapsed_s: Seconds since the run started, time stopped not counted.
        lr: Learning rate at the epoch's end.
        train: Scores on what was trained on in this epoch (`loss`, `accuracy`, `auroc`), as seen while training.
        validate: The same on the validation part, after the epoch.
        best: True if this is the best epoch so far.
        notes: What happened that a reader must know.
    """

    epoch: int
    elapsed_s: float
    lr: float
    train: dict[str, float]
    validate: dict[str, float]
    best: bool
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        if self.epoch < 1 or not self.elapsed_s >= 0:
            raise ValueError(f"epoch {self.epoch} after {self.elapsed_s} s")


Status = Literal[
    "queued", "waiting", "preparing", "running", "stopping", "paused", "finished", "stopped", "failed", "died"
]
FINAL = ("finished", "stopped", "failed")


@dataclass(frozen=True)
class RunState(Record):
    """What a run's worker last said of itself (`state.json`); `died` is derived by readers, never written.

    Args:
        status: Where it is in its life.
        epoch: Epochs done.
        epochs: Epochs asked for.
        step: Steps done in this epoch.
        steps: Steps in an epoch.
        best_epoch: Epoch whose weights are kept; 0 before the first.
        best_score: Its validation score, as named by the spec's `monitor`.
        elapsed_s: Seconds of work so far, stops not counted.
        left_s: Seconds still to go, estimated from this run's own epochs; NaN if unknown.
        message: What it does, or why it ended; None if there is nothing to say.
        updated: UTC time of writing, ISO 8601.
        machine: Name and start of the machine that wrote it, as `medcls.runs.boot.this_machine` says; empty if unknown.
    """

    status: Status
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    best_epoch: int = 0
    best_score: float = math.nan
    elapsed_s: float = 0.0
    left_s: float = math.nan
    message: Note | None = None
    updated: str = ""
    machine: str = ""
    schema: int = 2

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "") -> Self:
        """Return the state that plain values describe, bare sentences of schema 1 included. See `Record.from_dict`."""
        if isinstance(data, Mapping) and data.get("message") == "":
            data = {**data, "message": None}
        return super().from_dict(data, where)

    def __post_init__(self) -> None:
        counts = (self.epoch, self.epochs, self.step, self.steps, self.best_epoch)
        if min(counts) < 0 or not self.elapsed_s >= 0 or self.left_s < 0:
            raise ValueError(f"counts {counts}, {self.elapsed_s} s done, {self.left_s} s left")
