"""What the loop feeds on: scans turned into batches, or features of a frozen backbone that were computed once.

Where only the classifier learns and nothing changes a scan from epoch to epoch, what enters the classifier is always
the same: it is computed once and kept, and training a head takes seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F

from medcls.core.run import RunSpec
from medcls.core.scan import Preprocess
from medcls.data.batches import Part
from medcls.nets.freezing import features_are_fixed
from medcls.training.augment import Augment

_BATCH = 64


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What a run learns from and is watched on.

    Args:
        train: Cases the weights are fitted to.
        validate: Cases that choose the epoch and the calibration; none shares a group with `train`.
        n_labels: Number of labels, K.
        preprocess: How pixels are normalised.
    """

    train: Part
    validate: Part
    n_labels: int
    preprocess: Preprocess


class Source(Protocol):
    """Where batches of a part come from, as the trained module takes them in."""

    def __len__(self) -> int:
        """Number of cases."""

    def training_batch(self, rows: np.ndarray, device: torch.device, generator: torch.Generator) -> torch.Tensor:
        """Return rows for a training step, changed at random if the spec asks for it.

        Args:
            rows: Row numbers (n,).
            device: Where the batch goes.
            generator: Draws the changes; on the CPU.

        Returns:
            (n, C, S, S) or (n, D) float32, normalised.
        """

    def batch(self, rows: np.ndarray, device: torch.device) -> torch.Tensor:
        """Return rows as they are.

        Args:
            rows: Row numbers (n,).
            device: Where the batch goes.

        Returns:
            (n, C, S, S) or (n, D) float32, normalised.
        """


class Pixels:
    """Scans, augmented and normalised as they are needed.

    Args:
        part: The scans.
        preprocess: How the network is fed.
        spec: The run's spec, for its augmentation.
    """

    def __init__(self, part: Part, preprocess: Preprocess, spec: RunSpec) -> None:
        self.part, self.preprocess, self.augment = part, preprocess, Augment(spec.augmentation)

    def __len__(self) -> int:
        return len(self.part)

    def training_batch(self, rows: np.ndarray, device: torch.device, generator: torch.Generator) -> torch.Tensor:
        """Return (N, C, S, S), each scan changed by its own random amount; see `Source.training_batch`."""
        return normalise(self.augment(to_device(self._drawn(rows, generator), device), generator), self.preprocess)

    def _drawn(self, rows: np.ndarray, generator: torch.Generator) -> np.ndarray:
        """Return each scan as it is or as one of its changed copies, all as likely."""
        pixels, copies = self.part.pixels[rows], self.part.copies
        if copies is None:
            return pixels
        which = torch.randint(1 + len(copies), (len(rows),), generator=generator).numpy()
        for i in np.flatnonzero(which):
            pixels[i] = copies[which[i] - 1, rows[i]]
        return pixels

    def batch(self, rows: np.ndarray, device: torch.device) -> torch.Tensor:
        """Return (N, C, S, S)."""
        return normalise(to_device(self.part.pixels[rows], device), self.preprocess)


class Features:
    """The features that enter the classifier, computed once.

    Args:
        kept: Features (N, D) of the scans, on the run's device.
    """

    def __init__(self, kept: torch.Tensor) -> None:
        self.kept = kept

    def __len__(self) -> int:
        return len(self.kept)

    def training_batch(self, rows: np.ndarray, device: torch.device, generator: torch.Generator) -> torch.Tensor:
        """Return (N, D): nothing is changed at random; see `Source.training_batch`."""
        return self.batch(rows, device)

    def batch(self, rows: np.ndarray, device: torch.device) -> torch.Tensor:
        """Return (N, D)."""
        return self.kept[torch.from_numpy(rows)]


class Head(torch.nn.Module):
    """The part of a network above its frozen features; shares its weights with the network.

    Args:
        net: A timm network.
    """

    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__()
        self.classifier: torch.nn.Module = net.get_classifier()  # type: ignore[operator]
        self.drop_rate = _drop_rate(net)

    def get_classifier(self) -> torch.nn.Module:
        """Return the last layer, as a timm network does."""
        return self.classifier

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (N, K) of features (N, D)."""
        return self.classifier(F.dropout(x, self.drop_rate, self.training))


def _drop_rate(net: torch.nn.Module) -> float:
    """Dropout between features and classifier: timm keeps it in one of three places."""
    for holder in (net, getattr(net, "head_drop", None), getattr(getattr(net, "head", None), "drop", None)):
        rate = getattr(holder, "drop_rate", getattr(holder, "p", None))
        if rate is not None:
            return float(rate)
    return 0.0


def keeps_features(net: torch.nn.Module, spec: RunSpec) -> bool:
    """Return whether what enters the classifier is the same in every epoch."""
    return features_are_fixed(net) and not spec.augmentation.is_on and spec.optimisation.balance != "mixup"


def make_source(
    net: torch.nn.Module, part: Part, data: TrainingData, spec: RunSpec, device: torch.device, kept: bool
) -> Source:
    """Return a part as scans, or as features if these are kept.

    Args:
        net: The network, on `device`.
        part: The scans.
        data: How they are fed.
        spec: The run's spec.
        device: Where the network stands.
        kept: What `keeps_features` said.
    """
    pixels = Pixels(part, data.preprocess, spec)
    if not kept:
        return pixels
    net.eval()
    with torch.no_grad():  # inference tensors could not enter the classifier's gradient
        batches = (pixels.batch(rows, device) for rows in row_batches(len(pixels)))
        features = [
            net.forward_head(net.forward_features(b), pre_logits=True).float()  # type: ignore[operator]
            for b in batches
        ]
    return Features(torch.cat(features))


def row_batches(n: int, start: int = 0, step: int = 1) -> Iterator[np.ndarray]:
    """Yield row numbers in arrays of bounded length.

    Args:
        n: Number of rows.
        start: The first.
        step: How far apart they are: the number of processes, where each takes its share.

    Yields:
        (m,) int64.
    """
    rows = np.arange(start, n, step)
    for i in range(0, len(rows), _BATCH):
        yield rows[i : i + _BATCH]


def to_device(pixels: np.ndarray, device: torch.device) -> torch.Tensor:
    """Return pixels (N, S, S, C) uint8 as (N, C, S, S) float32 in [0, 1], channels last in memory."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(0, 3, 1, 2).float().div_(255)


def normalise(batch: torch.Tensor, preprocess: Preprocess) -> torch.Tensor:
    """Normalise display values (N, C, S, S) as the network was taught."""
    mean, std = (torch.tensor(v, device=batch.device).view(1, -1, 1, 1) for v in (preprocess.mean, preprocess.std))
    return ((batch - mean) / std).contiguous(memory_format=torch.channels_last)
