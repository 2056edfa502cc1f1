"""FullGrad: the share of the input and of every bias in a logit. Slower: it differentiates the whole network."""

from typing import TYPE_CHECKING, Any

import numpy as np

from medcls.explain.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from medcls.explain.opening import Opened


def fullgrad(opened: "Opened", label: int, watch: Watch) -> np.ndarray:
    """FullGrad: absolute input gradient times input, and bias gradient times bias of every layer with places.

    It runs on a twin of the network, which shares the weights and nothing else. Layers add up as they are; the
    library scales every channel of every layer to 1 first, which makes a silent layer as loud as a decisive one.
    Exact for networks of ReLUs; for transformers an estimate, from the biases of linear and norm layers on the tokens.

    Returns:
        (S, S) float32.

    References:
        Srinivas and Fleuret, Full-gradient representation for neural network visualization, NeurIPS 2019.
    """
    from medcls.explain.geometry import cells_of

    x, pairs, gradients = full_gradients(opened, label)
    total = np.abs((gradients[0] * x).detach().cpu().numpy()).sum((0, 1))
    for (bias, out), gradient in zip(pairs, gradients[1:], strict=True):
        share = (gradient * _shaped(bias, out)).detach().abs()
        maps = _as_map(opened, share)
        if maps is None:
            continue
        summed = maps.sum((0, 1))
        total += cells_of(opened.net, opened.x, len(summed)).spread(summed) * _density(summed, total)
    return total


def full_gradients(
    opened: "Opened", label: int
) -> tuple["Tensor", list[tuple["Tensor", "Tensor"]], tuple["Tensor", ...]]:
    """Differentiate a logit with respect to the input and to every place where a bias is added.

    Returns:
        The input, a bias (C,) with the output it went into for each layer, and the gradients of the input and
            of those outputs. Input times gradient and bias times gradient add up to the logit in a network of ReLUs
            (with the last layers' biases, which are among the pairs).
    """
    import torch

    from medcls.explain.opening import answer
    from medcls.nets.layers import twin

    own = twin(opened.net)
    pairs: list[tuple[Tensor, Tensor]] = []
    for module in own.modules():
        _listen(module, pairs)
    with torch.inference_mode(False), torch.enable_grad():
        x = opened.x.detach().clone().requires_grad_()
        logit = answer(own, x)[0][0, label]
        gradients = torch.autograd.grad(logit, [x, *(out for _, out in pairs)], allow_unused=True)
    kept = [(pair, g) for pair, g in zip(pairs, gradients[1:], strict=True) if g is not None]
    return x, [pair for pair, _ in kept], (gradients[0], *(g for _, g in kept))


def _listen(module: "nn.Module", pairs: list) -> None:
    """Make a private module note its bias and the output the bias went into."""
    from torch import nn

    if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d) and module.running_mean is not None:
        module.__dict__["forward"] = _noting_norm(module, pairs)
    elif isinstance(module, nn.Conv2d | nn.Linear | nn.LayerNorm) and module.bias is not None:
        original, bias = module.forward, module.bias.detach()

        def forward(x: "Tensor") -> "Tensor":
            out = original(x)
            pairs.append((bias, out))
            return out.clone()  # the next layer may work in place

        module.__dict__["forward"] = forward


def _noting_norm(norm: Any, pairs: list) -> "Callable[[Tensor], Tensor]":
    """Batch norm in evaluation as scale and bias; timm's own kind goes on with its dropout and activation."""
    import torch

    scale = (torch.ones_like(norm.running_var) if norm.weight is None else norm.weight.detach()) / torch.sqrt(
        norm.running_var + norm.eps
    )
    bias = (0 if norm.bias is None else norm.bias.detach()) - norm.running_mean * scale
    after = [module for module in (getattr(norm, "drop", None), getattr(norm, "act", None)) if module is not None]

    def forward(x: "Tensor") -> "Tensor":
        shape = (1, -1, 1, 1) if x.ndim == 4 else (1, -1)
        out = x * scale.view(shape) + bias.view(shape)
        pairs.append((bias, out))
        out = out.clone()
        for module in after:
            out = module(out)
        return out

    return forward


def _shaped(bias: "Tensor", out: "Tensor") -> "Tensor":
    """Return a bias the shape that lines it up with the channels of an output."""
    first = (
        out.ndim == 4 and out.shape[1] == len(bias) and not (out.shape[1] == out.shape[2] and out.shape[3] == len(bias))
    )
    return bias.view(1, -1, 1, 1) if first else bias


def _as_map(opened: "Opened", values: "Tensor") -> np.ndarray | None:
    """Arrange as (1, C, h, w); None where values have no place on the scan (dense layers, other groups of tokens)."""
    from medcls.errors import BadModel
    from medcls.nets.layers import tokens

    if values.shape[0] != 1 or values.ndim not in (3, 4) or 1 in values.shape[1:3]:
        return None
    place = tokens(opened.net)
    if values.ndim == 3 and (place is None or values.shape[1] != place.n_prefix + place.grid[0] * place.grid[1]):
        return None
    try:
        return opened.to_map(values)
    except BadModel:
        return None


def _density(cells: np.ndarray, square: np.ndarray) -> float:
    """Return the cells per pixel, so that a coarse layer's sum over the square stays its sum over cells."""
    return cells.size / square.size
