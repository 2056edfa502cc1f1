"""What a machine can afford: systems made to fit it, and a clock that stops them."""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from medcls.core.backbones import BACKBONES
from medcls.core.note import Note
from medcls.core.run import EpochResult, RunSpec
from medcls.errors import MedclsError
from medcls.reproduction.recipes import apply_recipe
from medcls.words import say

if TYPE_CHECKING:
    from medcls.runs.make import Follow


@dataclass(frozen=True)
class Means:
    """What a machine can afford.

    Args:
        minutes: Training of one system (all trials of a search together) stops after so many minutes, reading not
            counted, with its best epoch so far; 0 for no limit.
        max_px: Systems that ask for a larger input run at this; 0 for no limit.
        max_epochs: Systems that ask for more epochs run so many; 0 for no limit.
        max_cases: Cases to learn from, at most; a quarter as many choose the epoch, all test cases test; 0: no limit.
        max_trials: Trials of a search.
        imagenet: Folder with `<timm name>.safetensors` files used in place of timm's hub; None uses the hub.
    """

    minutes: float = 0.0
    max_px: int = 0
    max_epochs: int = 0
    max_cases: int = 0
    max_trials: int = 12
    imagenet: Path | None = None


class Halted(MedclsError):
    """Whoever follows asked to stop; what was begun is gone on with next time."""


@dataclass
class Clock:
    """Stops the training of a run that has had its time, though never before one epoch is whole.

    Args:
        limit_s: Seconds of training; 0 for no limit.
        base: Who else is told, and may ask to stop.
    """

    limit_s: float
    base: "Follow"
    epochs: int = 0
    before_s: float = 0.0
    begun: float = field(default=0.0)
    is_over: bool = False

    def follow(self) -> "Follow":
        """Return who is told of a run that this clock shall watch."""
        return replace(self.base, should_stop=self.should_stop, on_step=self.on_step, on_epoch=self.on_epoch)

    def on_step(self, done: int, total: int, stage: str = "") -> None:
        """Start the clock at the first step."""
        self.begun = self.begun or time.monotonic()
        self.base.on_step(done, total)

    def on_epoch(self, result: EpochResult) -> None:
        """Count an epoch."""
        if not self.begun:  # an epoch of the checkpoint this run goes on from
            self.before_s = result.elapsed_s
        self.epochs = result.epoch
        self.base.on_epoch(result)

    def should_stop(self) -> bool:
        """Return whether the time is up (after one epoch at least) or somebody else wants to stop."""
        spent = self.before_s + time.monotonic() - (self.begun or time.monotonic())
        self.is_over = bool(self.limit_s) and self.epochs > 0 and spent > self.limit_s
        return self.is_over or self.base.should_stop()


def adapt(name: str, collection: str, means: Means) -> tuple[RunSpec, tuple[Note, ...]]:
    """Return the spec of a system on a collection within the means, and every change that made.

    Args:
        name: A recipe.
        collection: Name of the labelled collection.
        means: What can be afforded.
    """
    spec = apply_recipe(RunSpec(), name).having(
        name=say("reproduction.name", {"recipe": name}), collections=(collection,)
    )
    changes: list[Note] = []
    if means.max_px and spec.data.size_px > means.max_px:
        size_px = max(means.max_px, _least_px(spec.network.backbone))
        if size_px < spec.data.size_px:
            changes.append(Note("reproduction.smaller", size=size_px, asked=spec.data.size_px))
        spec = spec.having(size_px=size_px)
    if means.max_epochs and spec.optimisation.epochs > means.max_epochs:
        changes.append(Note("reproduction.fewer-epochs", n=means.max_epochs))
        spec = spec.having(epochs=means.max_epochs)
    if spec.network.initial == "imagenet" and means.imagenet is not None:
        file = means.imagenet / f"{_timm_name(spec.network.backbone)}.safetensors"
        if not file.is_file():
            changes.append(Note("reproduction.no-imagenet"))
        spec = spec.having(initial=str(file) if file.is_file() else "none")
        if spec.network.initial == "none" and spec.network.freeze:
            changes.append(Note("reproduction.nothing-frozen"))
            spec = spec.having(freeze="")
    return spec, tuple(changes)


def _timm_name(backbone: str) -> str:
    return BACKBONES[backbone].timm_name if backbone in BACKBONES else backbone


def _least_px(backbone: str) -> int:
    return BACKBONES[backbone].min_px if backbone in BACKBONES else 32
