"""The settings of a run, in a few nouns: what each is, its unit and range, and what it means to a person.

The metadata of the fields is the only list of settings: the form, the command line's flags, the validation and the
JSON are all made from it.
"""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from medcls.core.record import Record
from medcls.core.scan import CLEANING, LEAST_PX, MOST_PX
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

    help: str
    group: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    advanced: bool = True

    def check(self, name: str, value: Any) -> None:
        """Refuse a value outside the choices or the range.

        Raises:
            BadSpec: If `value`, or a member of it, is not allowed.
        """
        for one in value if isinstance(value, tuple) else (value,):
            if self.choices and one not in self.choices:
                raise BadSpec(
                    "core.setting-not-possible", name=name, found=repr(one)[:80], allowed=", ".join(self.choices)
                )
            if isinstance(one, (int, float)) and not isinstance(one, bool) and not self.low <= one <= self.high:
                allowed = f"{self.low:g} to {self.high:g} {self.unit}".strip()
                raise BadSpec("core.setting-out-of-range", name=name, found=f"{one}", allowed=allowed)


def setting(default: Any, help: str, group: str, **more: Any) -> Any:
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

    task: str = setting("", "Task id; empty makes a task of the collection's own labels.", "data", advanced=False)
    collections: tuple[str, ...] = setting((), "Labelled collections to train on.", "data", advanced=False)
    label_map: dict[str, str] = setting(
        {},
        (
            'Labels of one collection read as labels of the task: {"collection/label": "label"}; '
            "an empty one leaves its scans out."
        ),
        "data",
        advanced=False,
    )
    split: str = setting("auto", "Split to use: its name, or auto to make one by patient or group.", "data")
    fold: int = setting(0, "Fold to test on, where the split has folds.", "data", low=0, high=99)
    leave_out: str = setting(
        "", "Site (hospital, archive) kept out of training and tested on whole; `each` is for `train`.", "data"
    )
    max_cases: int = setting(
        0, "Use at most so many training cases, drawn at random by group; 0 uses all.", "data", low=0, high=10**7
    )
    made_from: str = setting(
        "", "Translator run whose made pictures join the training part, and no other part; empty for none.", "data"
    )
    made_most: int = setting(
        0,
        "Add at most so many of them; 0 until their label is as common as the most common one.",
        "data",
        low=0,
        high=10**7,
    )
    size_px: int = setting(
        224, "Side of the square the network sees.", "input", unit="px", low=LEAST_PX, high=MOST_PX, advanced=False
    )
    channels: int = setting(3, "1 for grey, 3 for colour.", "input", low=1, high=3)
    fit: str = setting("pad", "How a scan is made square.", "input", choices=("pad", "stretch", "crop"))
    cleaning: tuple[str, ...] = setting((), "Steps before resizing.", "input", choices=CLEANING)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channels == 2:
            raise BadSpec("core.setting-not-possible", name="channels", found="2", allowed="1 or 3")


@dataclass(frozen=True)
class NetworkSpec(Settings):
    """Which network is trained, from which weights, and what of it stays.

    Raises:
        BadSpec: If a value is out of its setting's range.
    """

    backbone: str = setting(
        "resnet18", "Network to train: a name of the list, or any timm name.", "start", advanced=False
    )
    backbone_args: dict[str, Any] = setting({}, "Further arguments of the network, as width or kernel_size.", "start")
    initial: str = setting(
        "imagenet",
        "Where weights start: imagenet, none, a model's id, or a .safetensors file.",
        "start",
        advanced=False,
    )
    freeze: str = setting(
        "", "Weights that stay: empty none, backbone, up to a layer's name (layer3), or lowest:N layers.", "network"
    )
    head: str = setting("linear", "Last layers.", "network", choices=("linear", "dense256"))
    dropout: float = setting(0.0, "Dropout before the last layer.", "network", low=0, high=0.9)


@dataclass(frozen=True)
class AugmentationSpec(Settings):
    """Random changes to the scans of each training batch; all off unless asked for.

    Raises:
        BadSpec: If a value is out of its setting's range.
    """

    rotate_deg: float = setting(0.0, "Random turn, up to this either way.", "augmentation", unit="°", low=0, high=180)
    shift: float = setting(0.0, "Random shift, as a share of the side.", "augmentation", low=0, high=0.5)
    shear: float = setting(0.0, "Random shear, as the tangent of its angle.", "augmentation", low=0, high=1)
    zoom: float = setting(0.0, "Random zoom, up to this share in or out.", "augmentation", low=0, high=0.9)
    hflip: bool = setting(False, "Mirror left and right at random.", "augmentation")
    vflip: bool = setting(False, "Mirror top and bottom at random.", "augmentation")
    brightness: float = setting(0.0, "Random brightness, up to this share.", "augmentation", low=0, high=0.9)
    contrast: float = setting(0.0, "Random contrast, up to this share.", "augmentation", low=0, high=0.9)
    hue: float = setting(
        0.0, "Random hue and saturation for colour scans, up to this share.", "augmentation", low=0, high=0.5
    )
    blur: float = setting(
        0.0, "Chance of a random blur or noise, as another scanner would give.", "augmentation", low=0, high=1
    )
    erase: float = setting(0.0, "Chance that a random patch is blanked.", "augmentation", low=0, high=1)
    shifts: tuple[str, ...] = setting(
        (), "Changes of another device, hand or archive, drawn on copies of each scan.", "augmentation", choices=SHIFTS
    )
    shift_copies: int = setting(
        0, "Changed copies of each scan; an epoch takes one of them or the scan itself.", "augmentation", low=0, high=16
    )
    shift_strength: float = setting(1.0, "Greatest strength of those changes.", "augmentation", low=0.05, high=1)

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

    loss: str = setting("cross-entropy", "What is minimised.", "loss", choices=LOSSES)
    label_smoothing: float = setting(0.0, "Share of a label's weight spread over the others.", "loss", low=0, high=0.5)
    focal_gamma: float = setting(2.0, "How much the focal loss turns to hard cases.", "loss", low=0, high=10)
    balance: str = setting("none", "What is done about uneven classes.", "loss", choices=BALANCES)
    mixup: float = setting(0.2, "Alpha of mixup, where balance is mixup.", "loss", low=0.01, high=2)
    optimiser: str = setting("adamw", "How weights are updated.", "optimiser", choices=OPTIMISERS)
    lr: float = setting(1e-3, "Learning rate.", "optimiser", low=1e-8, high=10, advanced=False)
    backbone_lr_factor: float = setting(
        1.0, "The backbone's rate, as a share of the head's.", "optimiser", low=0, high=1
    )
    momentum: float = setting(
        0.9, "Momentum, where the optimiser is momentum or rmsprop.", "optimiser", low=0, high=0.999
    )
    weight_decay: float = setting(0.0, "Weight decay (L2).", "optimiser", low=0, high=1)
    schedule: str = setting("cosine", "How the rate changes over the epochs.", "optimiser", choices=SCHEDULES)
    warmup_epochs: float = setting(
        0.0,
        "Epochs over which the rate rises from nothing (constant, multistep, cosine).",
        "optimiser",
        low=0,
        high=100,
    )
    milestones: tuple[float, ...] = setting(
        (0.5, 0.75), "Shares of the run at which a multistep rate drops.", "optimiser", low=0, high=1
    )
    gamma: float = setting(0.1, "Factor of each drop (multistep, plateau).", "optimiser", low=0.001, high=1)
    batch_size: int = setting(32, "Scans per step.", "time", low=1, high=4096, advanced=False)
    grad_accum_steps: int = setting(1, "Steps whose gradients are added before an update.", "time", low=1, high=256)
    epochs: int = setting(30, "Times every training scan is seen, at most.", "time", low=1, high=10000, advanced=False)
    patience: int = setting(
        0,
        "Stop after so many epochs without a better validation score; 0 never.",
        "time",
        unit="epochs",
        low=0,
        high=10000,
    )
    monitor: str = setting(
        "auroc",
        "Validation score that chooses the epoch kept.",
        "time",
        choices=MONITORS,
    )
    ema_decay: float = setting(
        0.0, "Decay of the running average of weights that is kept instead; 0 for none.", "time", low=0, high=0.99999
    )
    seed: int = setting(0, "Seed of every random choice.", "time", low=0, high=2**31 - 1)


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

    from_label: str = setting("", "Label whose scans are redrawn; empty takes the most common one.", "translation")
    to_label: str = setting("", "Label they are redrawn as; empty takes the rarest one.", "translation")
    cycle_weight: float = setting(
        10.0, "Weight of what is lost on the way there and back.", "translation", low=0, high=1000
    )
    identity_weight: float = setting(
        5.0, "Weight of what changes in a scan that has the label already.", "translation", low=0, high=1000
    )
    translator_width: int = setting(
        64, "Channels after the first convolution of all four networks.", "translation", low=2, high=256
    )
    translator_blocks: int = setting(
        6, "Residual blocks of a generator: 6 for 128 px, 9 for 256 px.", "translation", low=1, high=32
    )
    made_history: int = setting(
        50, "Made pictures kept for the discriminators to be shown again; 0 for none.", "translation", low=0, high=1000
    )


@dataclass(frozen=True)
class MachineSpec(Settings):
    """Where a run is computed, and in which number format.

    Raises:
        BadSpec: If a value is out of its setting's range.
    """

    precision: str = setting(
        "auto",
        "Number format of the arithmetic; auto measures what the processor does well.",
        "time",
        choices=("auto", "fp32", "bf16", "fp16"),
    )
    device: str = setting("auto", "Where to compute.", "time", choices=("auto", "cpu", "cuda", "mps"))
