"""Which number format this processor computes fastest in, measured."""

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from lightning_fabric import Fabric

_TRIES, _CLEAR = 3, 1.3  # so many tries, fewer where the second is so many times as fast


def choose_precision(asked: str, net: torch.nn.Module, batch: torch.Tensor, truth: torch.Tensor) -> str:
    """Return the Fabric precision for a run: what was asked, or what one measured step says.

    bf16 pays on processors with bf16 units and for dense convolutions, and costs where it is emulated; so it is
    measured on this very network, and only where the processor claims to have such units.

    Args:
        asked: `auto`, `fp32`, `bf16` or `fp16`.
        net: The network; its weights and statistics are left as they were.
        batch: One training batch (N, C, S, S) on the run's device.
        truth: Its label indices, (N,) int64.

    Returns:
        `32-true`, `bf16-mixed` or `16-mixed`.
    """
    fixed = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}
    if asked in fixed:
        return fixed[asked]
    if batch.device.type == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
    if batch.device.type != "cpu" or not has_bf16_units():
        return "32-true"
    return "bf16-mixed" if _bf16_pays(net, batch, truth) else "32-true"


def has_bf16_units() -> bool:
    """Return whether this processor multiplies bf16 in hardware (AVX512-BF16 or AMX)."""
    capabilities = torch.backends.cpu.get_cpu_capability()
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_amx_bf16_supported")
    return "AVX512" in capabilities and any(getattr(torch.cpu, name, lambda: False)() for name in checks)


def _bf16_pays(net: torch.nn.Module, batch: torch.Tensor, truth: torch.Tensor) -> bool:
    """Return which of a few forward and backward passes were quicker at best; batch-norm statistics are put back."""
    kept = {name: value.clone() for name, value in net.named_buffers()}
    best = {True: float("inf"), False: float("inf")}
    for _ in range(_TRIES):
        seconds = {bf16: _step_s(net, batch, truth, bf16) for bf16 in best}
        warm = best[True] < float("inf")
        best = {bf16: min(best[bf16], seconds[bf16]) for bf16 in best}
        if warm and max(best.values()) > _CLEAR * min(best.values()):
            break
    for name, value in net.named_buffers():
        value.copy_(kept[name])
    return best[True] < best[False]


def _step_s(net: torch.nn.Module, batch: torch.Tensor, truth: torch.Tensor, bf16: bool) -> float:
    """Seconds of a forward and a backward pass."""
    started = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        F.cross_entropy(net(batch).float(), truth).backward()
    seconds = time.perf_counter() - started
    net.zero_grad(set_to_none=True)
    return seconds


def spare_wide_depthwise(net: torch.nn.Module, fabric: Fabric) -> torch.nn.Module:
    """Have depthwise convolutions of 5 x 5 and wider compute in fp32 where the rest computes in bf16, on a CPU.

    oneDNN has no quick bf16 kernel for the gradient of their weights: an EfficientNet-Lite0 at 160 px learns from 17
    scans a second on one core with them in bf16, from 30 with them in fp32.

    Args:
        net: Changed in place until `use_own_forward`; its weights stay.
        fabric: Where and in what precision it computes.

    Returns:
        The network.
    """
    if fabric.device.type != "cpu" or fabric._precision.precision != "bf16-mixed":
        return net
    for module in net.modules():
        if (
            isinstance(module, torch.nn.Conv2d)
            and module.groups == module.in_channels > 1
            and max(module.kernel_size) >= 5
        ):
            module.forward = _Wide(module.forward)  # type: ignore[method-assign, assignment]
    return net


def use_own_forward(net: torch.nn.Module) -> torch.nn.Module:
    """Undo `spare_wide_depthwise`; returns the network."""
    for module in net.modules():
        if isinstance(module.__dict__.get("forward"), _Wide):
            del module.__dict__["forward"]
    return net


class _Wide:
    """A module's forward pass in fp32, whatever is asked around it."""

    def __init__(self, forward: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.forward = forward

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", enabled=False):
            return self.forward(x.float()).to(x.dtype)
