"""A fine-tuning run: what was asked for, and what was seen of it.

The metadata of `RunSpec`'s fields is the only list of knobs: the form, the command line's flags, the
validation and the JSON are all made from it.
"""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Literal

from medcls.core.record import Record
from medcls.core.scan import CLEANING, LEAST_PX, MOST_PX
from medcls.errors import BadSpec


@dataclass(frozen=True)
class Knob:
    """What a field of `RunSpec` means to a person.

    Args:
        help: One sentence.
        group: Heading it stands under: `start`, `data`, `input`, `augmentation`, `network`, `loss`, `optimiser`, `time`.
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
                raise BadSpec(f"{name} is not possible", found=repr(one)[:80], allowed=", ".join(self.choices))
            if isinstance(one, (int, float)) and not isinstance(one, bool) and not self.low <= one <= self.high:
                raise BadSpec(
                    f"{name} is out of range",
                    found=f"{one}",
                    allowed=f"{self.low:g} to {self.high:g} {self.unit}".strip(),
                )


def _knob(default: Any, help: str, group: str, **more: Any) -> Any:
    metadata = {"knob": Knob(help, group, **more)}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


LOSSES = ("cross-entropy", "binary", "focal")
BALANCES = ("none", "weights", "sampler", "oversample", "mixup")
OPTIMISERS = ("sgd", "momentum", "adagrad", "adadelta", "rmsprop", "adam", "adamw")
SCHEDULES = ("constant", "multistep", "cosine", "plateau", "one-cycle")


@dataclass(frozen=True)
class RunSpec(Record):
    """Everything that decides what a run gives. Two runs with one spec and one fingerprint are the same run.

    Raises:
        BadSpec: If a value is out of its knob's range, or two values cannot go together.
    """

    name: str = _knob("", "What to call the run.", "start", advanced=False)
    recipe: str = _knob("", "Named preset the run came from.", "start")
    backbone: str = _knob(
        "resnet18", "Network to train: a name of the list, or any timm name.", "start", advanced=False
    )
    backbone_args: dict[str, Any] = _knob({}, "Further arguments of the network, as width or kernel_size.", "start")
    initial: str = _knob(
        "imagenet",
        "Where weights start: imagenet, none, a model's id, or a .safetensors file.",
        "start",
        advanced=False,
    )
    task: str = _knob("", "Task id; empty makes a task of the collection's own labels.", "data", advanced=False)
    collections: tuple[str, ...] = _knob((), "Labelled collections to train on.", "data", advanced=False)
    split: str = _knob("auto", "Split to use: its name, or auto to make one by patient or group.", "data")
    fold: int = _knob(0, "Fold to test on, where the split has folds.", "data", low=0, high=99)
    max_cases: int = _knob(
        0, "Use at most so many training cases, drawn at random by group; 0 uses all.", "data", low=0, high=10**7
    )
    size_px: int = _knob(
        224, "Side of the square the network sees.", "input", unit="px", low=LEAST_PX, high=MOST_PX, advanced=False
    )
    channels: int = _knob(3, "1 for grey, 3 for colour.", "input", low=1, high=3)
    fit: str = _knob("pad", "How a scan is made square.", "input", choices=("pad", "stretch", "crop"))
    cleaning: tuple[str, ...] = _knob((), "Steps before resizing.", "input", choices=CLEANING)
    rotate_deg: float = _knob(0.0, "Random turn, up to this either way.", "augmentation", unit="°", low=0, high=180)
    shift: float = _knob(0.0, "Random shift, as a share of the side.", "augmentation", low=0, high=0.5)
    shear: float = _knob(0.0, "Random shear, as the tangent of its angle.", "augmentation", low=0, high=1)
    zoom: float = _knob(0.0, "Random zoom, up to this share in or out.", "augmentation", low=0, high=0.9)
    hflip: bool = _knob(False, "Mirror left and right at random.", "augmentation")
    vflip: bool = _knob(False, "Mirror top and bottom at random.", "augmentation")
    brightness: float = _knob(0.0, "Random brightness, up to this share.", "augmentation", low=0, high=0.9)
    contrast: float = _knob(0.0, "Random contrast, up to this share.", "augmentation", low=0, high=0.9)
    hue: float = _knob(
        0.0, "Random hue and saturation for colour scans, up to this share.", "augmentation", low=0, high=0.5
    )
    blur: float = _knob(
        0.0, "Chance of a random blur or noise, as another scanner would give.", "augmentation", low=0, high=1
    )
    erase: float = _knob(0.0, "Chance that a random patch is blanked.", "augmentation", low=0, high=1)
    freeze: str = _knob(
        "", "Weights that stay: empty none, backbone, up to a layer's name (layer3), or lowest:N layers.", "network"
    )
    head: str = _knob("linear", "Last layers.", "network", choices=("linear", "dense256"))
    dropout: float = _knob(0.0, "Dropout before the last layer.", "network", low=0, high=0.9)
    loss: str = _knob("cross-entropy", "What is minimised.", "loss", choices=LOSSES)
    label_smoothing: float = _knob(0.0, "Share of a label's weight spread over the others.", "loss", low=0, high=0.5)
    focal_gamma: float = _knob(2.0, "How much the focal loss turns to hard cases.", "loss", low=0, high=10)
    balance: str = _knob("none", "What is done about uneven classes.", "loss", choices=BALANCES)
    mixup: float = _knob(0.2, "Alpha of mixup, where balance is mixup.", "loss", low=0.01, high=2)
    optimiser: str = _knob("adamw", "How weights are updated.", "optimiser", choices=OPTIMISERS)
    lr: float = _knob(1e-3, "Learning rate.", "optimiser", low=1e-8, high=10, advanced=False)
    backbone_lr_factor: float = _knob(1.0, "The backbone's rate, as a share of the head's.", "optimiser", low=0, high=1)
    momentum: float = _knob(
        0.9, "Momentum, where the optimiser is momentum or rmsprop.", "optimiser", low=0, high=0.999
    )
    weight_decay: float = _knob(0.0, "Weight decay (L2).", "optimiser", low=0, high=1)
    schedule: str = _knob("cosine", "How the rate changes over the epochs.", "optimiser", choices=SCHEDULES)
    warmup_epochs: float = _knob(
        0.0,
        "Epochs over which the rate rises from nothing (constant, multistep, cosine).",
        "optimiser",
        low=0,
        high=100,
    )
    milestones: tuple[float, ...] = _knob(
        (0.5, 0.75), "Shares of the run at which a multistep rate drops.", "optimiser", low=0, high=1
    )
    gamma: float = _knob(0.1, "Factor of each drop (multistep, plateau).", "optimiser", low=0.001, high=1)
    batch_size: int = _knob(32, "Scans per step.", "time", low=1, high=4096, advanced=False)
    accumulate: int = _knob(1, "Steps whose gradients are added before an update.", "time", low=1, high=256)
    epochs: int = _knob(30, "Times every training scan is seen, at most.", "time", low=1, high=10000, advanced=False)
    patience: int = _knob(
        0,
        "Stop after so many epochs without a better validation score; 0 never.",
        "time",
        unit="epochs",
        low=0,
        high=10000,
    )
    select_by: str = _knob(
        "auroc",
        "Validation score that chooses the epoch kept.",
        "time",
        choices=("auroc", "loss", "balanced-accuracy", "accuracy"),
    )
    averaging: float = _knob(
        0.0, "Decay of the running average of weights that is kept instead; 0 for none.", "time", low=0, high=0.99999
    )
    precision: str = _knob(
        "auto",
        "Number format of the arithmetic; auto measures what the processor does well.",
        "time",
        choices=("auto", "fp32", "bf16", "fp16"),
    )
    device: str = _knob("auto", "Where to compute.", "time", choices=("auto", "cpu", "cuda", "mps"))
    seed: int = _knob(0, "Seed of every random choice.", "time", low=0, high=2**31 - 1)
    schema: int = 1

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            if knob := f.metadata.get("knob"):
                knob.check(f.name, getattr(self, f.name))
        if self.channels == 2:
            raise BadSpec("channels is not possible", found="2", allowed="1 or 3")
        if self.batch_size == 1 and self.head == "dense256":
            raise BadSpec(
                "A head with batch norm cannot learn from one scan at a time", do="Use a batch size of 2 or more"
            )


def knobs() -> dict[str, tuple[dataclasses.Field, Knob]]:
    """Give every knob of `RunSpec` by name, in the order a form shows them."""
    return {f.name: (f, f.metadata["knob"]) for f in dataclasses.fields(RunSpec) if "knob" in f.metadata}


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
    notes: tuple[str, ...] = ()


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
        best_score: Its validation score, as named by the spec's `select_by`.
        elapsed_s: Seconds of work so far, stops not counted.
        left_s: Seconds still to go, estimated from this run's own epochs; NaN if unknown.
        message: A sentence for a person: what it does, or why it ended.
        updated: UTC time of writing, ISO 8601.
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
    message: str = ""
    updated: str = ""
    schema: int = 1
