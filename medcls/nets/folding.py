"""Batch norms folded into the convolutions before them: the same function, computed in fewer passes over memory."""

import copy
from typing import Any

from timm.layers import BatchNormAct2d, Conv2dSame
from timm.models import get_notrace_modules
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

# By exact class: a subclass may compute something else with its weights (timm's StdConv2d standardises them first).
CONVOLUTIONS, _NORMS = (nn.Conv2d, Conv2dSame), (nn.BatchNorm2d, BatchNormAct2d)


def fold_norms(net: nn.Module) -> nn.Module:
    """Give a copy of a network for answering only, with every batch norm that directly follows a convolution folded into it.

    Which norm follows which convolution is read from the traced data flow, not from names.

    Args:
        net: A network in evaluation mode; left as it is.

    Returns:
        The copy, of the same class and with the same methods, equal but for rounding; `net` itself where there is
        nothing to fold, or its forward pass depends on data in a way that cannot be traced.
    """
    pairs = _pairs(net)
    if not pairs:
        return net
    folded = copy_sharing_weights(net)  # only the convolutions that change take memory of their own
    for conv, norm in pairs:
        before: Any = folded.get_submodule(conv)
        after: Any = folded.get_submodule(norm)
        folded.set_submodule(conv, fuse_conv_bn_eval(before, after))
        folded.set_submodule(norm, _rest_of(after))
    return folded


def copy_sharing_weights(net: nn.Module) -> nn.Module:
    """Give a copy of a network whose layers may be exchanged; its weights and statistics are the same tensors."""
    return copy.deepcopy(net, {id(tensor): tensor for tensor in (*net.parameters(), *net.buffers())})


class _Tracer(fx.Tracer):
    """Sees convolutions and norms as one step each, also those of timm's own classes."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        opaque = (nn.Conv2d, nn.BatchNorm2d, *get_notrace_modules())
        return isinstance(m, opaque) or super().is_leaf_module(m, module_qualified_name)


def _pairs(net: nn.Module) -> list[tuple[str, str]]:
    """Names of every convolution whose output goes to one batch norm and nowhere else, with that norm's name."""
    modules = dict(net.named_modules())
    if not any(type(m) in _NORMS for m in modules.values()):
        return []
    try:
        graph = _Tracer().trace(net)
    except Exception:  # noqa: BLE001 - the network's own code raises what it likes of fx's stand-ins; it stays as it is
        return []
    calls = [node for node in graph.nodes if node.op == "call_module"]
    names = [node.target for node in calls]
    return [
        (str(source.target), str(node.target))
        for node in calls
        if type(modules[node.target]) in _NORMS
        and isinstance(source := node.args[0], fx.Node)
        and source.op == "call_module"
        and type(modules[source.target]) in CONVOLUTIONS
        and len(source.users) == 1
        and names.count(node.target) == names.count(source.target) == 1  # a shared layer has other inputs too
    ]


def _rest_of(norm: nn.Module) -> nn.Module:
    """Give what a norm does besides normalising: timm's carry the activation."""
    return nn.Sequential(norm.drop, norm.act) if isinstance(norm, BatchNormAct2d) else nn.Identity()
