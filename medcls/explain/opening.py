"""One forward pass, opened at one layer, without touching the network that other threads use.

Nothing is hooked on the shared network and none of its parameters ever gets a gradient. Instead, the modules on
the way from the network to the layer are copied shallowly (a dictionary each, the weights are shared) and
the copy of the layer hands on a detached leaf in place of its output. What comes before the leaf runs without
autograd; gradients are taken with respect to the leaf alone.
"""

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medcls.errors import BadModel
from medcls.nets.anatomy import classifier_of, logits_and_features
from medcls.nets.layers import answer_from, tokens

# Whether what follows a network's layer averages its places and ends in one linear layer, as one backward pass showed.
_pooled: "weakref.WeakKeyDictionary[nn.Module, dict[str, bool]]" = weakref.WeakKeyDictionary()
_CLOSE = 1e-3


@dataclass(frozen=True, eq=False)
class Opened:
    """A forward pass whose tail, from one layer on, can still be differentiated and run again.

    Args:
        net: The shared network; read, never written to.
        layer: Name of the layer.
        x: What went in, (1, C, S, S) float32.
        leaf: What the layer gave, as it gave it: (1, C, h, w), (1, h, w, C) or tokens (1, T, C).
        logits: (K,) float32; those of a pass that PyTorch ran hang on `leaf` alone.
        features: What entered the classifier, (1, D) float32.
    """

    net: nn.Module
    layer: str
    x: Tensor
    leaf: Tensor
    logits: Tensor
    features: Tensor
    _gradients: dict[int, np.ndarray] = field(default_factory=dict)

    @cached_property
    def hanging(self) -> Tensor:
        """The logits, (K,) float32, hanging on `leaf` alone; the head is run for them after another engine's pass."""
        if self.logits.requires_grad:
            return self.logits
        with torch.inference_mode(False), torch.enable_grad():
            return answer_from(self.net, self.leaf.clone())[0][0]

    @cached_property
    def activations(self) -> np.ndarray:
        """What the layer gave as a map, (1, C, h, w) float32."""
        return self.to_map(self.leaf)

    @property
    def grid_px(self) -> tuple[int, int]:
        """Rows and columns of the layer's map."""
        rows, columns = self.activations.shape[2:]
        return rows, columns

    @property
    def classifier(self) -> nn.Module:
        """The network's last module."""
        return classifier_of(self.net)

    @property
    def channel_axis(self) -> int:
        """Axis of `leaf` along which its channels lie."""
        return 1 if self.leaf.ndim == 4 and not _channels_last(self.leaf) else -1

    def gradients(self, score: Callable[[Tensor], Tensor]) -> np.ndarray:
        """Differentiate a score of the logits with respect to what the layer gave.

        Args:
            score: Logits (K,) to a single number.

        Returns:
            (1, C, h, w) float32; zeros if the score does not depend on the layer.
        """
        if self.shares is None:
            return self._backward(score)
        logits = self.logits.detach().requires_grad_()
        with torch.enable_grad():
            (slope,) = torch.autograd.grad(score(logits), logits)  # (K,): the head's own slope is known
        channels = slope.cpu().numpy() @ self.shares / self.activations[0, 0].size  # (C,)
        return np.broadcast_to(channels[None, :, None, None], self.activations.shape)

    def _backward(self, score: Callable[[Tensor], Tensor]) -> np.ndarray:
        with torch.enable_grad():
            (grad,) = torch.autograd.grad(score(self.hanging), self.leaf, retain_graph=True, allow_unused=True)
        return self.to_map(torch.zeros_like(self.leaf) if grad is None else grad)

    @cached_property
    def shares(self) -> np.ndarray | None:
        """Weight of each channel's mean in each logit, (K, C) float32, where the logits are nothing but that.

        None where more than an average over places and a linear layer follows the layer. The first pass of a network is
        compared with a backward pass; no later one needs any.
        """
        last: Any = self.classifier
        weight = getattr(last, "weight", None)
        if weight is None or weight.ndim != 2 or weight.shape[1] != self.activations.shape[1]:
            return None
        shares: np.ndarray = weight.detach().float().cpu().numpy()  # (K, C)
        evidence = shares * self.activations[0].mean((1, 2))  # (K, C)
        bias = 0 if last.bias is None else last.bias.detach().float().cpu().numpy()  # (K,)
        logits = self.logits.detach().cpu().numpy()  # (K,)
        if np.abs(evidence.sum(1) + bias - logits).max() > _CLOSE * max(1.0, np.abs(evidence).sum(1).max()):
            return None
        known = _pooled.setdefault(self.net, {})
        if self.layer not in known:
            found, expected = self._backward(lambda logits: logits[0]), shares[0] / self.activations[0, 0].size
            known[self.layer] = bool(
                np.abs(found[0] - expected[:, None, None]).max() <= _CLOSE * np.abs(expected).max()
            )
        return shares if known[self.layer] else None

    def label_gradients(self, label: int) -> np.ndarray:
        """Return the gradients of a label's logit, (1, C, h, w) float32; computed once."""
        if label not in self._gradients:
            self._gradients[label] = self.gradients(lambda logits: logits[label])
        return self._gradients[label]

    def to_map(self, values: Tensor) -> np.ndarray:
        """Arrange values laid out like `leaf` as a map, (N, C, h, w) float32."""
        values = values.detach().float()
        if values.ndim == 3:
            place = tokens(self.net)
            if place is None:
                raise _no_map(self.layer, values)
            values = place.to_map(values)  # (N, tokens, C) to (N, C, h, w)
        elif values.ndim != 4:
            raise _no_map(self.layer, values)
        elif _channels_last(values):
            values = values.permute(0, 3, 1, 2)  # (N, h, w, C) to (N, C, h, w)
        return np.ascontiguousarray(values.cpu().numpy())

    def run(self, batch: Tensor) -> Tensor:
        """Return logits (N, K) of other inputs (N, C, S, S), without autograd."""
        with torch.inference_mode():
            return answer(self.net, batch)[0]


def open_at(net: nn.Module, layer: str, x: Tensor) -> Opened:
    """Run a network once and keep the output of one layer.

    Args:
        net: A timm network in evaluation mode, perhaps shared between threads.
        layer: Name of the layer, as in `net.named_modules()`.
        x: (1, C, S, S) float32.

    Raises:
        BadModel: If there is no such layer, the pass does not go through it exactly once, or it gives no map.
    """
    chain = _along(net, layer)
    taken: list[Tensor] = []

    def tap(*args: Tensor, **named: Tensor) -> Tensor:
        out = original(*args, **named)
        if not isinstance(out, Tensor):
            raise _no_map(layer, out)
        taken.append(out.detach().requires_grad_())  # (1, C, h, w), (1, h, w, C) or (1, tokens, C)
        torch.set_grad_enabled(True)  # from here to the end of the pass; `no_grad` below puts it back
        return taken[-1].clone()  # a copy, because the next layer may work in place

    original = chain[-1].forward
    chain[-1].__dict__["forward"] = tap
    with torch.inference_mode(False), torch.no_grad():
        logits, features = answer(chain[0], x)  # (1, K), (1, D)
    if len(taken) != 1:
        raise BadModel("explain.layer-runs-twice", layer=layer, n_taken=len(taken))
    opened = Opened(net, layer, x, taken[0], logits[0], features.detach())
    opened.to_map(taken[0])
    return opened


def open_head(net: nn.Module, layer: str, x: Tensor, given: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Opened:
    """Open a pass that another engine ran, where only pooling and the network's head follow the layer.

    Args:
        net: As for `open_at`.
        layer: Name of the layer that gave the maps.
        x: What went in, (1, C, S, S) float32.
        given: Logits (1, K), features (1, D), and what the layer gave, (1, …), as the network lays it out, all float32.

    Raises:
        BadModel: If that is no map.
    """
    logits, features, maps = given  # (1, K), (1, D), (1, …)
    with torch.inference_mode(False):
        leaf = torch.from_numpy(maps).requires_grad_()
        opened = Opened(net, layer, x, leaf, torch.from_numpy(logits)[0], torch.from_numpy(features))
    opened.to_map(leaf)
    return opened


def answer(net: nn.Module, batch: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a network says of a batch, exactly as a model that answers does.

    Args:
        net: A network in evaluation mode.
        batch: (N, C, S, S), normalised as the network was taught.

    Returns:
        Logits (N, K), and what entered the classifier (N, D).
    """
    return logits_and_features(net, batch.contiguous(memory_format=torch.channels_last))


def replay(opened: Opened) -> Callable[[Tensor], Tensor]:
    """Return a function that runs the network from the opened layer on, on other values of that layer.

    What runs before the layer is remembered from one pass and not computed again.

    Args:
        opened: The pass to start from.

    Returns:
        Values laid out like `opened.leaf`, (N, …), to logits (N, K); no autograd.
    """
    chain, tape = _along(opened.net, opened.layer), _Tape()
    for parent, on_path in pairwise(chain):
        for name, child in parent._modules.items():
            if child is not None and child is not on_path:
                parent._modules[name] = tape.follow(child)

    def layer(*args: Tensor, **named: Tensor) -> Tensor:
        tape.reached = True
        return tape.values

    chain[-1].__dict__["forward"] = layer

    def run(values: Tensor) -> Tensor:
        with torch.inference_mode():
            if not tape.recorded:
                tape.start(opened.leaf)
                answer(chain[0], opened.x)
                tape.recorded = True
            tape.start(values.clone())
            return answer(chain[0], opened.x.expand(len(values), -1, -1, -1))[0]

    return run


class _Tape:
    """What each neighbour of the path gave before the layer was reached, in the order of its calls."""

    def __init__(self) -> None:
        self.recorded, self.reached = False, False
        self.values: Tensor = torch.empty(0)
        self.calls: dict[int, int] = {}

    def start(self, values: Tensor) -> None:
        self.values, self.reached, self.calls = values, False, {}

    def follow(self, child: nn.Module) -> nn.Module:
        """Return a stand-in for a module that plays back the module's output."""
        stand_in = _shallow(child)
        outputs: list[Tensor] = []

        def forward(*args: Tensor, **named: Tensor) -> Tensor:
            nth = self.calls.get(id(stand_in), 0)
            self.calls[id(stand_in)] = nth + 1
            if self.recorded and nth < len(outputs):
                return outputs[nth].expand(len(self.values), *outputs[nth].shape[1:])
            out = child(*args, **named)
            if not self.recorded and not self.reached and isinstance(out, Tensor):
                outputs.append(out)
            return out

        stand_in.__dict__["forward"] = forward
        return stand_in


def _along(net: nn.Module, layer: str) -> list[nn.Module]:
    """Copy the modules from the network to the layer, each holding the next: the rest is shared."""
    chain = [_shallow(net)]
    for name in layer.split("."):
        child = chain[-1]._modules.get(name)
        if child is None:
            raise BadModel("explain.unknown-layer", found=repr(layer)[:80])
        chain.append(_shallow(child))
        chain[-2]._modules[name] = chain[-1]
    return chain


def _shallow(module: nn.Module) -> nn.Module:
    copied = module.__class__.__new__(module.__class__)
    copied.__dict__.update(module.__dict__)
    copied.__dict__["_modules"] = dict(module._modules)
    return copied


def _channels_last(values: Tensor) -> bool:
    """Tell (N, h, w, C) from (N, C, h, w): inputs are square, so the two equal sides are the places."""
    return values.shape[1] == values.shape[2] != values.shape[3]


def _no_map(layer: str, out: object) -> BadModel:
    found = f"shape {tuple(out.shape)}" if isinstance(out, Tensor) else type(out).__name__
    return BadModel("explain.layer-without-places", layer=layer, found=found)
