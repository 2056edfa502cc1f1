"""Teaching a translator between two labels (CycleGAN), readable in one sitting.

Two generators redraw scans of one label as of the other, two discriminators doubt what they made. There and back must
give the scan again, and a scan that has the label already must stay as it is.

Every random number of an epoch comes from the run's seed and the epoch's number, and whatever else an epoch depends on
(weights, both optimisers' moments, the pictures kept for the discriminators) stands in the checkpoint: a run that was
killed loses the running epoch alone and, on a CPU, ends with the very weights it would have had.

References:
    Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, ICCV 2017: losses by
    least squares, weights 10 and 5, a history of 50 pictures, Adam at 2e-4 with betas 0.5 and 0.999, linear decay over
    the second half.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from medcls.core.note import Note
from medcls.core.run import EpochResult, RunSpec
from medcls.data.batches import Part
from medcls.errors import RunFailed
from medcls.nets.cyclegan import Discriminator, Generator
from medcls.training.augment import Augment
from medcls.training.checkpoint import LAST, read_file, write_file
from medcls.training.fit import Watch
from medcls.training.history import History
from medcls.training.inputs import to_device
from medcls.training.memory import is_out_of_memory
from medcls.training.precision import choose_precision

BETAS = (0.5, 0.999)
SAMPLES, _BATCH = 3, 16


@dataclass(frozen=True, eq=False)
class TwoLabels:
    """The scans of two labels; the first is redrawn as the second.

    Args:
        train: Scans learned from, of the first label and of the second.
        validate: Scans the losses are watched on and the samples are made of, likewise.
    """

    train: tuple[Part, Part]
    validate: tuple[Part, Part]


@dataclass(frozen=True)
class TranslationWatch(Watch):
    """How a translator's run is followed and stopped.

    Args:
        on_samples: Called after every epoch, before it is safe, with its number and (2, N, 3, S, S, C) uint8: of each
            label N validation scans, as they are, redrawn, and redrawn back.
    """

    on_samples: Callable[[int, np.ndarray], None] = lambda epoch, pictures: None


class Translator(torch.nn.Module):
    """Two generators and two discriminators with random weights of a seed.

    Args:
        channels: Channels of the pictures.
        spec: The run's spec: its sizes and its seed.
    """

    def __init__(self, channels: int, spec: RunSpec) -> None:
        super().__init__()
        asked = spec.translation
        torch.manual_seed(spec.optimisation.seed)
        self.there, self.back = (Generator(channels, asked.translator_width, asked.translator_blocks) for _ in range(2))
        self.doubts_made, self.doubts_back = (Discriminator(channels, asked.translator_width) for _ in range(2))

    def generators(self) -> list[torch.nn.Parameter]:
        """Return the weights of both generators."""
        return [*self.there.parameters(), *self.back.parameters()]

    def discriminators(self) -> list[torch.nn.Parameter]:
        """Return the weights of both discriminators."""
        return [*self.doubts_made.parameters(), *self.doubts_back.parameters()]


@dataclass
class _Work:
    """What an epoch works with."""

    net: Translator
    spec: RunSpec
    data: TwoLabels
    device: torch.device
    bf16: bool
    drawing: torch.optim.Adam = field(init=False)
    doubting: torch.optim.Adam = field(init=False)
    histories: tuple[History, History] = field(init=False)

    def __post_init__(self) -> None:
        lr, size = self.spec.optimisation.lr, self.spec.translation.made_history
        self.drawing = torch.optim.Adam(self.net.generators(), lr, BETAS)
        self.doubting = torch.optim.Adam(self.net.discriminators(), lr, BETAS)
        self.histories = (History(size), History(size))

    @property
    def steps(self) -> int:
        """Steps of an epoch: every scan of the larger label once, an incomplete last batch left out."""
        return max(1, max(map(len, self.data.train)) // self.batch_size)

    @property
    def batch_size(self) -> int:
        return min(self.spec.optimisation.batch_size, max(map(len, self.data.train)))

    def autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def state(self) -> dict[str, Any]:
        return {
            "net": self.net.state_dict(),
            "drawing": self.drawing.state_dict(),
            "doubting": self.doubting.state_dict(),
            "histories": [history.pictures for history in self.histories],
        }

    def load(self, last: dict[str, Any]) -> None:
        self.net.load_state_dict(last["net"])
        self.drawing.load_state_dict(last["drawing"])
        self.doubting.load_state_dict(last["doubting"])
        for history, pictures in zip(self.histories, last["histories"], strict=True):
            history.pictures = pictures


def translate(
    net: Translator, data: TwoLabels, spec: RunSpec, watch: TranslationWatch = TranslationWatch()
) -> Iterator[EpochResult]:
    """Teach a translator, one `EpochResult` per epoch; goes on from the folder's checkpoint if there is one.

    The epochs of the checkpoint come first, as they were. When the iterator is exhausted, `net` holds the weights of
    the last whole epoch, on the CPU.

    Args:
        net: The translator; changed in place.
        data: What it learns from.
        spec: The run's spec.
        watch: How it is followed and stopped.

    Yields:
        Scores of each epoch. `train` holds `generators` and `discriminators` (least-squares losses, both directions
        added), `cycle` and `identity` (mean absolute errors in [0, 2], likewise) and `loss`, the last two weighted as
        asked; `validate` holds the last three on validation scans.

    Raises:
        RunFailed: If a loss is no longer a number, memory ran out, or the checkpoint is damaged.
        OSError: If a checkpoint cannot be written; the last one is then whole.
    """
    path = watch.folder / LAST if watch.folder else None
    last = read_file(path) if path and path.exists() else None
    device = _device(spec)
    net.to(device)
    work = _Work(net, spec, data, device, last["bf16"] if last else _pays_bf16(net, data, spec, device))
    history: list[dict[str, Any]] = last["history"] if last else []
    if last:
        work.load(last)
    whole = _copy(net)
    yield from (EpochResult.from_dict(known) for known in history)
    while len(history) < spec.optimisation.epochs:
        started, epoch = time.perf_counter(), len(history) + 1
        lr = spec.optimisation.lr * lr_factor(epoch, spec.optimisation.epochs)
        seen = _train_epoch(work, epoch, lr, watch)
        if seen is None:  # stopped in the middle: the last whole epoch is the result
            break
        scores = _validate(work)
        watch.on_samples(epoch, draw_samples(net, data, device))
        elapsed_s = (history[-1]["elapsed_s"] if history else 0.0) + time.perf_counter() - started
        first = (Note("training.computed-in", precision="bf16-mixed" if work.bf16 else "32-true"),)
        result = EpochResult(epoch, elapsed_s, lr, seen, scores, True, first if epoch == 1 else ())
        history.append(result.to_dict())
        whole = _copy(net)
        if path:
            write_file(path, {**work.state(), "history": history, "bf16": work.bf16})
        yield result
    net.load_state_dict(whole)
    net.cpu().eval()


def lr_factor(epoch: int, epochs: int) -> float:
    """Return the factor of the learning rate in an epoch: 1 in the first half, then falling to nothing.

    Example:
        >>> [round(lr_factor(epoch, 4), 2) for epoch in (1, 2, 3, 4)]
        [1.0, 1.0, 0.67, 0.33]
    """
    constant = epochs // 2
    return 1.0 - max(0, epoch - constant) / (epochs - constant + 1)


def _train_epoch(work: _Work, epoch: int, lr: float, watch: Watch) -> dict[str, float] | None:
    """Pass once over the larger label; return the means of the losses, or None if asked to stop."""
    for optimiser in (work.drawing, work.doubting):
        for group in optimiser.param_groups:
            group["lr"] = lr
    generator = torch.Generator().manual_seed(work.spec.optimisation.seed * 100_003 + epoch)
    losses: list[dict[str, float]] = []
    work.net.train()
    try:
        for step, (first, second) in enumerate(_batches(work, epoch, generator), 1):
            losses.append(_step(work, first, second, generator))
            if not all(map(math.isfinite, losses[-1].values())):
                asked = {"epoch": epoch, "step": step, "lr": lr, "loss": losses[-1]["loss"]}
                raise RunFailed(
                    "training.loss-not-finite-in-half" if work.bf16 else "training.loss-not-finite", **asked
                )
            watch.on_step(step, work.steps)
            if watch.should_stop():
                return None
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise RunFailed("training.out-of-memory", size=work.batch_size) from error
    return {name: float(np.mean([loss[name] for loss in losses])) for name in losses[0]}


def _batches(work: _Work, epoch: int, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield batches of both labels, shuffled apart, the smaller label repeated, changed at random as asked."""
    rng, size = np.random.default_rng([work.spec.optimisation.seed, epoch]), work.batch_size
    n, augment = work.steps * size, Augment(work.spec.augmentation)
    orders = [np.resize(rng.permutation(len(part)), max(n, len(part)))[:n] for part in work.data.train]
    for start in range(0, n, size):
        first, second = (
            2 * augment(to_device(part.pixels[order[start : start + size]], work.device), generator) - 1
            for part, order in zip(work.data.train, orders, strict=True)
        )
        yield first, second


def _step(work: _Work, first: torch.Tensor, second: torch.Tensor, generator: torch.Generator) -> dict[str, float]:
    """Change the generators, then the discriminators, by one batch of each label; return the losses."""
    net, asked = work.net, work.spec.translation
    for weight in net.discriminators():
        weight.requires_grad_(False)
    with work.autocast():
        made = net.there(first).float(), net.back(second).float()
        adversarial = _says(net.doubts_made(made[0]), 1.0) + _says(net.doubts_back(made[1]), 1.0)
        cycle = _apart(net.back(made[0]), first) + _apart(net.there(made[1]), second)
        identity = _apart(net.there(second), second) + _apart(net.back(first), first)
    loss = asked.cycle_weight * cycle + asked.identity_weight * identity
    work.drawing.zero_grad(set_to_none=True)
    (adversarial + loss).backward()
    work.drawing.step()
    for weight in net.discriminators():
        weight.requires_grad_(True)
    shown = [history.draw(one.detach(), generator) for history, one in zip(work.histories, made, strict=True)]
    with work.autocast():
        doubt = 0.5 * (_says(net.doubts_made(second), 1.0) + _says(net.doubts_made(shown[0]), 0.0))
        doubt = doubt + 0.5 * (_says(net.doubts_back(first), 1.0) + _says(net.doubts_back(shown[1]), 0.0))
    work.doubting.zero_grad(set_to_none=True)
    doubt.backward()
    work.doubting.step()
    told = {"loss": loss, "generators": adversarial, "discriminators": doubt, "cycle": cycle, "identity": identity}
    return {name: float(value.detach()) for name, value in told.items()}


def _says(judged: torch.Tensor, wanted: float) -> torch.Tensor:
    """Least-squares loss of a discriminator's answer."""
    return (judged.float() - wanted).square().mean()


def _apart(drawn: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Mean absolute error in fp32."""
    return F.l1_loss(drawn.float(), wanted)


def _validate(work: _Work) -> dict[str, float]:
    """Return what is lost on validation scans, each label's mean added to the other's."""
    net, asked, sums = work.net, work.spec.translation, {"cycle": 0.0, "identity": 0.0}
    net.eval()
    with torch.inference_mode(), work.autocast():
        ways = ((net.there, net.back), (net.back, net.there))
        for part, (there, back) in zip(work.data.validate, ways, strict=True):
            for i in range(0, len(part), _BATCH):
                scans = 2 * to_device(part.pixels[i : i + _BATCH], work.device) - 1
                share = len(scans) / len(part)
                sums["cycle"] += share * float(_apart(back(there(scans)), scans))
                sums["identity"] += share * float(_apart(back(scans), scans))
    return {"loss": asked.cycle_weight * sums["cycle"] + asked.identity_weight * sums["identity"], **sums}


def redraw(generator: Generator, pixels: np.ndarray, device: torch.device | None = None) -> np.ndarray:
    """Redraw pictures with one generator, in fp32.

    Args:
        generator: The generator.
        pixels: (N, S, S, C) uint8.
        device: Where the generator stands; None for the CPU.

    Returns:
        Same shape, uint8.
    """
    generator.eval()
    drawn = []
    with torch.inference_mode():
        for i in range(0, len(pixels), _BATCH):
            made = generator(2 * to_device(pixels[i : i + _BATCH], device or torch.device("cpu")) - 1)
            drawn.append((127.5 * (made + 1)).round_().clamp_(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy())
    return np.concatenate(drawn)


def draw_samples(net: Translator, data: TwoLabels, device: torch.device) -> np.ndarray:
    """Redraw a few validation scans of each label there and back; see `TranslationWatch`."""
    n, found = min(SAMPLES, *map(len, data.validate)), []
    for part, (there, back) in zip(data.validate, ((net.there, net.back), (net.back, net.there)), strict=True):
        scans = part.pixels[np.linspace(0, len(part) - 1, n).round().astype(int)]
        made = redraw(there, scans, device)
        found.append(np.stack([scans, made, redraw(back, made, device)], axis=1))
    return np.stack(found)


def _device(spec: RunSpec) -> torch.device:
    asked = spec.machine.device
    return torch.device(asked if asked != "auto" else "cuda" if torch.cuda.is_available() else "cpu")


def _pays_bf16(net: Translator, data: TwoLabels, spec: RunSpec, device: torch.device) -> bool:
    """Return whether to compute in bf16: as asked, or as one measured pass of a generator says."""
    pixels = data.train[0].pixels[: spec.optimisation.batch_size]
    batch = 2 * to_device(pixels, device) - 1
    # The loss tried is that of a classifier of pixels: forward and backward cost the same as any other.
    return choose_precision(spec.machine.precision, net.there, batch, torch.zeros_like(batch[:, 0]).long()) != "32-true"


def _copy(net: Translator) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu().clone() for name, value in net.state_dict().items()}
