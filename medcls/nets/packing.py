"""Convolutions whose weights lie as oneDNN wants them: the same function, without rearranging them at every scan."""

from typing import Any

import torch
from timm.layers import Conv2dSame
from timm.layers.padding import pad_same
from torch import nn

from medcls.nets.folding import CONVOLUTIONS, copy_sharing_weights


def pack_convolutions(net: nn.Module, example: torch.Tensor) -> nn.Module:
    """Give a copy of a network for answering only, whose convolutions keep their weights as oneDNN lays them out.

    PyTorch hands oneDNN the weights as they are stored, and it rearranges them at every call; for one scan that is
    a large part of the work. `torch.compile` packs them too, by the same two calls, but needs a C++ compiler.

    Args:
        net: A network in evaluation mode, on the CPU, in float32; left as it is.
        example: A batch (N, C, S, S) float32 such as it will be given: the layout suits the size of its inputs. Another
            size is answered all the same.

    Returns:
        The copy, of the same class and with the same methods, equal but for rounding; `net` itself where this PyTorch
        has no oneDNN, or there is no convolution to pack.
    """
    if not _can_pack():
        return net
    inputs: dict[str, list[int]] = {}
    packed = copy_sharing_weights(net)  # only the convolutions that change take memory of their own
    watched = [
        conv.register_forward_pre_hook(lambda _, args, name=name: inputs.update({name: list(args[0].shape)}))
        for name, conv in packed.named_modules()
        if type(conv) in CONVOLUTIONS and _is_plain(conv)
    ]
    with torch.no_grad():
        packed(example)
    for hook in watched:
        hook.remove()
    for name, shape in inputs.items():
        packed.set_submodule(name, _Packed(packed.get_submodule(name), shape))
    return packed if inputs else net


class _Packed(nn.Module):
    """A convolution by oneDNN, its weights laid out once.

    Args:
        conv: The convolution whose weights it takes.
        shape: Of the input it will mostly get, (N, C, H, W).
    """

    def __init__(self, conv: Any, shape: list[int]) -> None:
        super().__init__()
        sides = [list(side) for side in (conv.kernel_size, conv.stride, conv.dilation)]
        self._same = sides if type(conv) is Conv2dSame else None
        self._how = (_padding(conv), *sides[1:], conv.groups)
        self._bias = None if conv.bias is None else conv.bias.detach()
        lay_out: Any = torch._C._nn.mkldnn_reorder_conv2d_weight  # its stub knows fewer arguments than it takes
        self._weight = lay_out(conv.weight.detach().to_mkldnn(), *self._how, shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve (N, C, H, W) float32, in whatever memory format it comes."""
        if self._same is not None:
            kernel, stride, dilation = self._same
            x = pad_same(x, kernel, stride, dilation)
        return torch.ops.mkldnn._convolution_pointwise(x, self._weight, self._bias, *self._how, "none", [], "")


def _can_pack() -> bool:
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")


def _is_plain(conv: Any) -> bool:
    """Whether a convolution pads by zeros, as many on either side, and computes in float32."""
    even = conv.padding != "same" or all(
        d * (k - 1) % 2 == 0 for d, k in zip(conv.dilation, conv.kernel_size, strict=True)
    )
    return conv.padding_mode == "zeros" and even and conv.weight.dtype == torch.float32


def _padding(conv: Any) -> list[int]:
    """Zeros that a plain convolution itself puts on either side, (rows, columns)."""
    if type(conv) is Conv2dSame or conv.padding == "valid":
        return [0, 0]
    if conv.padding == "same":
        return [d * (k - 1) // 2 for d, k in zip(conv.dilation, conv.kernel_size, strict=True)]
    return list(conv.padding)
