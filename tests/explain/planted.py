"""A network whose truth is known by construction: it answers by coloured spots and by nothing else."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medcls.core.model import ModelCard
from medcls.core.scan import Preprocess, Scan
from medcls.core.task import Label, Task
from medcls.models.network import Network
from medcls.models.predictor import Predictor

TASK = Task("spots", "Which spot?", (Label("red", "Red", True), Label("blue", "Blue"), Label("none", "None")))
SIZE_PX = 64


class Spots(nn.Module):
    """Fires at red pixels in channel 0 and at blue ones in channel 1, then thins out to a grid of 8 x 8; timm's methods.

    Args:
        thinning: `padded`: three convolutions of 3, padding 1, stride 2; cell i sees around pixel 8 i.
            `patches`: one convolution of 8, stride 8; cell i sees around pixel 8 i + 3.5.
    """

    def __init__(self, thinning: str = "padded") -> None:
        super().__init__()
        self.detect = nn.Conv2d(3, 2, 1)
        self.act = nn.ReLU(inplace=True)
        sides = {"padded": [(3, 2, 1)] * 3, "patches": [(8, 8, 0)]}[thinning]
        self.thin = nn.Sequential(*(nn.Conv2d(2, 2, k, s, p, groups=2, bias=False) for k, s, p in sides))
        self.fc = nn.Linear(2, 3)
        self.feature_info = [{"num_chs": 2, "reduction": 8, "module": "thin"}]
        with torch.no_grad():
            self.detect.weight.copy_(torch.tensor([[1.0, -1, -1], [-1, -1, 1]])[..., None, None])
            self.detect.bias.fill_(-0.5)
            for conv in self.thin:
                conv.weight.fill_(1 / 4)
            self.fc.weight.copy_(torch.tensor([[50.0, 0], [0, 50], [0, 0]]))
            self.fc.bias.zero_()

    def get_classifier(self) -> nn.Module:
        return self.fc

    def forward_features(self, x: Tensor) -> Tensor:
        return self.thin(self.act(self.detect(x)))

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        x = x.mean((2, 3))
        return x if pre_logits else self.fc(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))


def model(net: nn.Module | None = None, task: Task = TASK, **preprocess: Any) -> Predictor:
    """Wrap a network as a model that takes display values as they are."""
    wanted = {"size_px": SIZE_PX, "mean": (0.0,) * 3, "std": (1.0,) * 3, **preprocess}
    return Network(ModelCard("made", "Made", task, "made", Preprocess(**wanted)), net or Spots())


def scan(*spots: tuple[str, int, int], size_px: tuple[int, int] = (SIZE_PX, SIZE_PX), radius_px: int = 2) -> Scan:
    """Draw a black scan with square spots, each (colour, row, column of its centre)."""
    pixels = np.zeros((*size_px, 3), np.float32)
    for colour, row, column in spots:
        rows = slice(max(row - radius_px, 0), row + radius_px + 1)
        columns = slice(max(column - radius_px, 0), column + radius_px + 1)
        pixels[rows, columns, ["red", "green", "blue"].index(colour)] = 1
    return Scan(pixels, "0" * 64)


def brightest(values: np.ndarray, level: float = 1 - 1e-6) -> tuple[float, float]:
    """Give the middle of the brightest pixels, row and column: those that reach `level` of the greatest value."""
    rows, columns = np.nonzero(values >= np.nanmax(values) * level)
    return float(rows.mean()), float(columns.mean())
