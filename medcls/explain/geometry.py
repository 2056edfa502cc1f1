"""Where the cells of a layer's map lie on the square the network sees.

A cell lies at the centre of mass of the pixels it answers to. Strides and paddings give the middle of its window (cell
i of ResNet's last map: pixel 32 i); the usual stretch of the map over the square says 32 i + 15.5. Trained weights lie
between the two and differ from network to network, so they are measured, once per network and layer, with noise.
"""

import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medcls.nets.layers import tokens, twin

_lock = threading.Lock()
# Found for a network: (input side, rows of a map, layer) -> centre of the first cell (row, column) and step, in pixels.
_known: "weakref.WeakKeyDictionary[nn.Module, dict[tuple[int, int, str | None], tuple[tuple[float, float], float]]]"
_known = weakref.WeakKeyDictionary()
_PROBES = 12


@dataclass(frozen=True)
class Cells:
    """Where the cells of a square map lie on the square.

    Args:
        n: Cells along a side.
        size_px: Side of the square.
        start_px: Centre of the first cell, row and column, in pixels counted from the centre of the first pixel.
        step_px: From one cell to the next.
    """

    n: int
    size_px: int
    start_px: tuple[float, float]
    step_px: float

    def matrix(self, axis: int) -> np.ndarray:
        """Return linear interpolation from cells to pixels on an axis, (S, n) float32, rows sum to 1; ends repeat."""
        at = np.clip((np.arange(self.size_px) - self.start_px[axis]) / self.step_px, 0, self.n - 1)  # (S,)
        low = np.minimum(np.floor(at).astype(int), max(self.n - 2, 0))
        share = at - low
        matrix = np.zeros((self.size_px, self.n), np.float32)  # (S, n)
        rows = np.arange(self.size_px)
        matrix[rows, low] += (1 - share).astype(np.float32)
        if self.n > 1:
            matrix[rows, low + 1] += share.astype(np.float32)
        return matrix

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Carry maps (…, n, n) onto the square, (…, S, S) float32."""
        return self.matrix(0) @ np.asarray(values, np.float32) @ self.matrix(1).T


def cells_of(net: nn.Module, x: Tensor, rows: int, layer: str | None = None) -> Cells:
    """Find where the cells of a map of `rows` x `rows` lie.

    Args:
        net: The network; only read. The first call for a network and an input size measures it.
        x: An input, (1, C, S, S).
        rows: Rows of the map.
        layer: Layer that gives the map, to be measured; None takes the middle of the windows.

    Returns:
        The cells. Where no convolution or pool made a map of this size (patches merged by a linear layer), they
            divide the square evenly.
    """
    size_px = int(x.shape[-1])
    with _lock:
        known = _known.setdefault(net, {})
        if (size_px, rows, layer) not in known:
            known[size_px, rows, layer] = _measure(net, x, rows, layer)
        start, step = known[size_px, rows, layer]
    return Cells(rows, size_px, start, step)


def _measure(net: nn.Module, x: Tensor, rows: int, layer: str | None) -> tuple[tuple[float, float], float]:
    """Run a twin on noise; give where the first cell of a map lies, row and column, and the step."""
    size_px = int(x.shape[-1])
    own: Any = twin(net)
    windows: dict[int, tuple[float, float]] = {size_px: (0.0, 1.0)}
    given: list[Tensor] = []
    for module in own.modules():
        if isinstance(module, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)):
            module.__dict__["forward"] = _followed(module, windows)
    if layer is not None:
        own.get_submodule(layer).__dict__["forward"] = _kept(own.get_submodule(layer), given)
    with torch.inference_mode(False), torch.enable_grad():
        noise = _noise(x).requires_grad_()  # (12, C, S, S)
        own.forward_features(noise)
        start, step = windows.get(rows, ((size_px / rows - 1) / 2, size_px / rows))
        # Tokens stay where their patch was, however much they attend to others.
        if len(given) != 1 or given[0].ndim != 4 or rows == size_px or tokens(net) is not None:
            return (start, start), step
        maps = given[0] if given[0].shape[-1] == rows else given[0].permute(0, 3, 1, 2)  # (12, C, n, n)
        return _middle(maps, noise, start, step), step


def _kept(module: Any, given: list[Tensor]) -> Callable[..., Tensor]:
    """Keep what a layer gives."""
    original = module.forward

    def forward(*args: Tensor, **named: Tensor) -> Tensor:
        given.append(original(*args, **named))
        return given[-1].clone()  # the next layer may work in place

    return forward


def _noise(x: Tensor) -> Tensor:
    """Return smooth noise in a network's own units, (12, C, S, S), always the same."""
    shape = (_PROBES, *x.shape[1:])
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(0))  # (12, C, S, S)
    return (4 * nn.functional.avg_pool2d(drawn, 5, 1, 2)).to(x)


def _followed(module: Any, windows: dict[int, tuple[float, float]]) -> Callable[[Tensor], Tensor]:
    """Note how each size of map comes from the one before."""
    original = module.forward

    def forward(x: Tensor) -> Tensor:
        out: Tensor = original(x)
        before, after = int(x.shape[-2]), int(out.shape[-2])
        if before in windows and after not in windows and 1 < after < before:
            start, step = windows[before]
            shift, stride = _window(module, before)
            windows[after] = (start + shift * step, step * stride)
        return out

    return forward


def _middle(out: Tensor, noise: Tensor, start: float, step: float) -> tuple[float, float]:
    """Return the centre of mass of what the middle cells answer to, carried back to the first cell; row and column.

    The mass is the squared gradient of a cell's squared values. If it says nothing, or lies farther than a step
    from the middle of the window, the window's middle stands.
    """
    rows = int(out.shape[-1])
    places = torch.arange(noise.shape[-1], dtype=torch.float64)  # (S,)
    starts: list[Tensor] = []
    for cell in sorted({(rows - 1) // 2, rows // 2}):
        score = out[..., cell, cell].square().sum()  # (): the 12 inputs do not mix
        (gradient,) = torch.autograd.grad(score, noise, retain_graph=True, allow_unused=True)
        if gradient is None:
            continue
        mass = gradient.double().square().sum(1).cpu()  # (12, S, S)
        total = mass.sum((1, 2))  # (12,)
        centre = torch.stack([(mass.sum(axis) * places).sum(1) / total for axis in (2, 1)], 1)  # (12, row and column)
        starts.append((centre - step * cell)[(total > 0) & total.isfinite()])
    found = torch.cat(starts) if starts else torch.empty(0, 2)  # (M, 2)
    if not len(found):
        return start, start
    row, column = (float(f) if abs(float(f) - start) <= step else start for f in found.mean(0))
    return row, column


def _window(module: Any, size: int) -> tuple[float, int]:
    """Return the centre of a module's first window, in its input's cells, and its stride."""
    kernel, stride = _first(module.kernel_size), _first(module.stride)
    extent = _first(getattr(module, "dilation", 1)) * (kernel - 1) + 1
    padding = module.padding
    if type(module).__name__.endswith("Same") or padding == "same":  # TensorFlow's rule: the smaller half goes first
        before = max((-(-size // stride) - 1) * stride + extent - size, 0) // 2
    else:
        before = 0 if padding == "valid" else _first(padding)
    return (extent - 1) / 2 - before, stride


def _first(value: Any) -> int:
    return int(value[0] if isinstance(value, (tuple, list)) else value)
