"""The settings of a run, in a few nouns: what each is, its unit and range, and what it means to a person.

The metadata of the fields is the only list of settings: the form, the command line's flags, the validation and the
JSON are all made from it.
"""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from medcls.core.note import Note
from medcls.core.record import Record
from medcls.core.scan import CLEANING, LEAST_PX, MOST_PX, ORIENTATIONS
from medcls.core.shifts import SHIFTS
from medcls.errors import BadSpec

LOSSES = ("cross-entropy", "binary", "focal")
BALANCES = ("none", "weights", "sampler", "oversample", "mixup")
OPTIMISERS = ("sgd", "momentum", "adagrad", "adadelta", "rmsprop", "adam", "adamw")
SCHEDULES = ("constant", "multistep", "cosine", "plateau", "one-cycle")
MONITORS = ("auroc", "loss", "balanced-accuracy", "accuracy")
KINDS = ("classifier", "translator")


@dataclass(frozen=True)
class Setting:
    """What one setting of a run means to a person.

    Args:
        help: One sentence.
        group: Its heading: `start`, `data`, `input`, `augmentation`, `network`, `loss`, `optimiser`, `translation`,
            `time`.
        unit: Unit of the value; empty if it has none.
        low: Least value allowed.
        high: Greatest value allowed.
        choices: Values allowed, where they are few.
        advanced: True if a form folds it away.
    """

    help: Note
    group: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[Any, ...] = ()
    advanced: bool = True

    def check(self, name: str, value: Any) -> None:
        """Refuse a value outside the choices or the range.

        Raises:
            BadSpec: If `value`, or a member of it, is not allowed.
        """
        for one in value if isinstance(value, tuple) else (value,):
            if self.choices and one not in self.choices:
                allowed = ", ".join(map(str, self.choices))
                raise BadSpec("core.setting-not-possible", name=name, found=repr(one)[:80], allowed=allowed)
            if isinstance(one, (int, float)) and not isinstance(one, bool) and not self.low <= one <= self.high:
                allowed = f"{self.low:g} to {self.high:g} {self.unit}".strip()
                raise BadSpec("core.setting-out-of-range", name=name, found=f"{one}", allowed=allowed)


def setting(default: Any, help: Note, group: str, **more: Any) -> Any:
    """Return a dataclass field that is a setting; see `Setting` for the arguments."""
    metadata = {"setting": Setting(help, group, **more)}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


class Settings(Record):
    """Settings that belong together; a value out of its range is refused."""

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            if found := f.metadata.get("setting"):
                found.check(f.name, getattr(self, f.name))


@dataclass(frozen=True)
class DataSpec(Settings):
    """Which scans a run learns from, and how they are made ready.

    Raises:
        BadSpec: If a value is out of its setting's range.
    """

    task: str = setting("", Note("core.setting-task"), "data", advanced=False)
    collections: tuple[str, ...] = setting((), Note("core.setting-collections"), "data", advanced=False)
    label_map: dict[str, str] = setting(
        {},
        (Note("core.setting-label-map")),
        "data",
        advanced=False,
    )
    split: str = setting("auto", Note("core.setting-split"), "data")
    fold: int = setting(0, Note("core.setting-fold"), "data", low=0, high=99)
    leave_out: str = setting("", Note("core.setting-leave-out"), "data")
    max_cases: int = setting(0, Note("core.setting-max-cases"), "data", low=0, high=10**7)
    made_from: str = setting("", Note("core.setting-made-from"), "data")
    made_most: int = setting(
        0,
        Note("core.setting-made-most"),
        "data",
        low=0,
        high=10**7,
    )
    size_px: int = setting(
        224, Note("core.setting-size-px"), "input", unit="px", low=LEAST_PX, high=MOST_PX, advanced=False
    )
    channels: int = setting(3, Note("core.setting-channels"), "input", choices=(1, 3))
    fit: str = setting("pad", Note("core.setting-fit"), "input", choices=("pad", "stretch", "crop"))
    cleaning: tuple[str, ...] = setting((), Note("core.setting-cleaning"), "input", choices=CLEANING)
    orientations: int = setting(1, Note("core.setting-orientations"), "input", choices=ORIENTATIONS)


@dataclass(frozen=True)
class NetworkSpec(Settings):
    """Which network is trained, from which weights, and what of it stays.

    Raises:
        BadSpec: If a value is out of its setting's range.
    """

    backbone: str = setting("resnet18", Note("core.setting-backbone"), "start", advanced=False)
    backbone_args: dict[str, Any] = setting({}, Note("core.setting-backbone-args"), "start")
    initial: str = setting(
        "imagenet",
        Note("core.setting-initial"),
        "start",
        advanced=False,
    )
    freeze: str = setting("", Note("core.setting-freeze"), "network")
    head: str = setting("linear", Note("core.setting-head"), "network", choices=("linear", "dense256"))
    dropout: float = setting(0.0, Note("core.setting-dropout"), "network", low=0, high=0.9)


@dataclass(frozen=True)
class AugmentationSpec(Settings):
    """Random changes to the scans of each training batch; all off unless asked for.

    Raises:
        BadSpec: If a value is out of its setting's range.
    """

    rotate_deg: float = setting(0.0, Note("core.setting-rotate-deg"), "augmentation", unit="°", low=0, high=180)
    shift: float = setting(0.0, Note("core.setting-shift"), "augmentation", low=0, high=0.5)
    shear: float = setting(0.0, Note("core.setting-shear"), "augmentation", low=0, high=1)
    zoom: float = setting(0.0, Note("core.setting-zoom"), "augmentation", low=0, high=0.9)
    hflip: bool = setting(False, Note("core.setting-hflip"), "augmentation")
    vflip: bool = setting(False, Note("core.setting-vflip"), "augmentation")
    brightness: float = setting(0.0, Note("core.setting-brightness"), "augmentation", low=0, high=0.9)
    contrast: float = setting(0.0, Note("core.setting-contrast"), "augmentation", low=0, high=0.9)
    hue: float = setting(0.0, Note("core.setting-hue"), "augmentation", low=0, high=0.5)
    blur: float = setting(0.0, Note("core.setting-blur"), "augmentation", low=0, high=1)
    erase: float = setting(0.0, Note("core.setting-erase"), "augmentation", low=0, high=1)
    texture: float = setting(0.0, Note("core.setting-texture"), "augmentation", low=0, high=1)
    shifts: tuple[str, ...] = setting((), Note("core.setting-shifts"), "augmentation", choices=SHIFTS)
    shift_copies: int = setting(0, Note("core.setting-shift-copies"), "augmentation", low=0, high=16)
    shift_strength: float = setting(1.0, Note("core.setting-shift-strength"), "augmentation", low=0.05, high=1)

    @property
    def is_on(self) -> bool:
        """True if any of these changes is asked for: a scan is then another one in every epoch."""
        return any(getattr(self, f.name) != f.default for f in dataclasses.fields(self))


@dataclass(frozen=True)
class OptimisationSpec(Settings):
    """What is minimised, how, and for how long.

    Raises:
        BadSpec: If a value is out of its setting's range.
    """

    loss: str = setting("cross-entropy", Note("core.setting-loss"), "loss", choices=LOSSES)
    label_smoothing: float = setting(0.0, Note("core.setting-label-smoothing"), "loss", low=0, high=0.5)
    focal_gamma: float = setting(2.0, Note("core.setting-focal-gamma"), "loss", low=0, high=10)
    balance: str = setting("none", Note("core.setting-balance"), "loss", choices=BALANCES)
    mixup: float = setting(0.2, Note("core.setting-mixup"), "loss", low=0.01, high=2)
    optimiser: str = setting("adamw", Note("core.setting-optimiser"), "optimiser", choices=OPTIMISERS)
    lr: float = setting(1e-3, Note("core.setting-lr"), "optimiser", low=1e-8, high=10, advanced=False)
    backbone_lr_factor: float = setting(1.0, Note("core.setting-backbone-lr-factor"), "optimiser", low=0, high=1)
    momentum: float = setting(0.9, Note("core.setting-momentum"), "optimiser", low=0, high=0.999)
    weight_decay: float = setting(0.0, Note("core.setting-weight-decay"), "optimiser", low=0, high=1)
    schedule: str = setting("cosine", Note("core.setting-schedule"), "optimiser", choices=SCHEDULES)
    warmup_epochs: float = setting(
        0.0,
        Note("core.setting-warmup-epochs"),
        "optimiser",
        low=0,
        high=100,
    )
    milestones: tuple[float, ...] = setting((0.5, 0.75), Note("core.setting-milestones"), "optimiser", low=0, high=1)
    gamma: float = setting(0.1, Note("core.setting-gamma"), "optimiser", low=0.001, high=1)
    batch_size: int = setting(32, Note("core.setting-batch-size"), "time", low=1, high=4096, advanced=False)
    grad_accum_steps: int = setting(1, Note("core.setting-grad-accum-steps"), "time", low=1, high=256)
    epochs: int = setting(30, Note("core.setting-epochs"), "time", low=1, high=10000, advanced=False)
    patience: int = setting(
        0,
        Note("core.setting-patience"),
        "time",
        unit="epochs",
        low=0,
        high=10000,
    )
    monitor: str = setting(
        "auroc",
        Note("core.setting-monitor"),
        "time",
        choices=MONITORS,
    )
    ema_decay: float = setting(0.0, Note("core.setting-ema-decay"), "time", low=0, high=0.99999)
    seed: int = setting(0, Note("core.setting-seed"), "time", low=0, high=2**31 - 1)


@dataclass(frozen=True)
class TranslationSpec(Settings):
    """How a translator between two labels is taught; read where a run's `kind` is `translator`.

    Its optimiser (Adam, betas 0.5 and 0.999) and its schedule (constant, then linear to nothing over the second half)
    are the paper's; `lr`, `batch_size`, `epochs`, `seed` and the augmentation are those of every run.

    Raises:
        BadSpec: If a value is out of its setting's range.

    References:
        Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, ICCV 2017.
    """

    from_label: str = setting("", Note("core.setting-from-label"), "translation")
    to_label: str = setting("", Note("core.setting-to-label"), "translation")
    cycle_weight: float = setting(10.0, Note("core.setting-cycle-weight"), "translation", low=0, high=1000)
    identity_weight: float = setting(5.0, Note("core.setting-identity-weight"), "translation", low=0, high=1000)
    translator_width: int = setting(64, Note("core.setting-translator-width"), "translation", low=2, high=256)
    translator_blocks: int = setting(6, Note("core.setting-translator-blocks"), "translation", low=1, high=32)
    made_history: int = setting(50, Note("core.setting-made-history"), "translation", low=0, high=1000)


@dataclass(frozen=True)
class MachineSpec(Settings):
    """Where a run is computed, and in which number format.

    Raises:
        BadSpec: If a value is out of its setting's range.
    """

    precision: str = setting(
        "auto",
        Note("core.setting-precision"),
        "time",
        choices=("auto", "fp32", "bf16", "fp16"),
    )
    device: str = setting("auto", Note("core.setting-device"), "time", choices=("auto", "cpu", "cuda", "mps"))
