"""Padding that is worked out once, for a network that is fed squares of one size.

TensorFlow's "same" padding depends on the picture's size; timm works it out anew at each pass. Written as ONNX that is
a dozen small steps before each such convolution, and its input is laid out in memory twice more: a third of the time.
"""

from collections.abc import Iterator

import torch
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.padding import pad_same_arg
from torch import Tensor, nn


def pad_once(net: nn.Module, scans: Tensor) -> nn.Module:
    """Settle the padding of each convolution that works it out anew, for scans of this size.

    Args:
        net: A network of one's own, in evaluation mode; it is changed.
        scans: (N, C, S, S), one at least; what size they are is all that counts.

    Returns:
        The same network; for scans of this size it gives the same numbers.
    """
    for name, conv, size_px in list(_sizes(net, scans)):
        sizes = (list(sides) for sides in (size_px, conv.kernel_size, conv.stride, conv.dilation))
        left, right, top, bottom = pad_same_arg(*sizes)
        net.set_submodule(name, nn.Sequential(nn.ZeroPad2d((left, right, top, bottom)), _without_padding(conv)))
    return net


def _sizes(net: nn.Module, scans: Tensor) -> Iterator[tuple[str, Conv2dSame, tuple[int, int]]]:
    """Yield the convolutions that pad, by name, and height and width of what each is given."""
    found: dict[nn.Module, tuple[int, int]] = {}

    def note(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        found[module] = (given[0].shape[-2], given[0].shape[-1])

    padding = {name: module for name, module in net.named_modules() if isinstance(module, Conv2dSame)}
    hooks = [module.register_forward_pre_hook(note) for module in padding.values()]
    if padding:
        with torch.inference_mode():
            net(scans[:1])
    for hook in hooks:
        hook.remove()
    yield from ((name, module, found[module]) for name, module in padding.items() if module in found)


def _without_padding(conv: Conv2dSame) -> nn.Conv2d:
    """Return a convolution with the same weights that leaves its input as it is."""
    plain = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        _two(conv.kernel_size),
        _two(conv.stride),
        dilation=_two(conv.dilation),
        groups=conv.groups,
        bias=conv.bias is not None,
        device="meta",
    )
    plain.weight, plain.bias = conv.weight, conv.bias
    return plain


def _two(values: tuple[int, ...]) -> tuple[int, int]:
    return values[0], values[1]
