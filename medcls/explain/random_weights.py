"""Networks that learned nothing, as a control: the same network with its weights drawn anew."""

import copy
from typing import Any, cast

import torch
from torch import nn

from medcls.models.mean import Mean
from medcls.models.network import Network
from medcls.models.predictor import Predictor


def with_random_weights(model: Predictor, seed: int) -> Network | Mean:
    """Return a model like another whose networks have random weights.

    Args:
        model: The model; not changed.
        seed: Of the drawing of the weights.
    """
    if isinstance(model, Network):
        own = copy.copy(model)
        own.net = randomised(model.net, seed)
        return own
    return Mean(model.card, [cast(Network, with_random_weights(member, seed)) for member in model.members])


def randomised(net: nn.Module, seed: int) -> nn.Module:
    """Return a copy of a network that has learned nothing: weights drawn anew, norms put back to their start.

    Args:
        net: The network; not changed.
        seed: Of the drawing; torch's own generator is left alone.
    """
    own, generator = copy.deepcopy(net), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in own.modules():
            _forget(module, generator)
    return own


def _forget(module: Any, generator: torch.Generator) -> None:
    for name, weight in module.named_parameters(recurse=False):
        if weight.ndim < 2:
            weight.fill_(1.0 if name == "weight" else 0.0) if name in ("weight", "bias") else None
        else:
            spread = (2 / weight[0].numel()) ** 0.5 if name == "weight" else 0.02
            weight.copy_(torch.randn(weight.shape, generator=generator) * spread)
    if getattr(module, "running_mean", None) is not None:
        module.running_mean.zero_()
        module.running_var.fill_(1.0)
