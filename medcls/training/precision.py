"""Which number format this processor computes fastest in, measured."""

import time

import torch
import torch.nn.functional as F

_TRIES, _CLEAR = 3, 1.3  # so many tries, fewer where the second is so many times as fast


def choose_precision(asked: str, net: torch.nn.Module, batch: torch.Tensor, truth: torch.Tensor) -> str:
    """Give the Fabric precision for a run: what was asked, or what one measured step says.

    bf16 pays on processors with bf16 units and for dense convolutions, and costs where it is emulated; so it is
    measured on this very network, and only where the processor claims to have such units.

    Args:
        asked: `auto`, `fp32`, `bf16` or `fp16`.
        net: The network; its weights and statistics are left as they were.
        batch: One training batch on the run's device.
        truth: Its label indices.

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
    """Say whether this processor multiplies bf16 in hardware (AVX512-BF16 or AMX)."""
    capabilities = torch.backends.cpu.get_cpu_capability()
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_amx_bf16_supported")
    return "AVX512" in capabilities and any(getattr(torch.cpu, name, lambda: False)() for name in checks)


def _bf16_pays(net: torch.nn.Module, batch: torch.Tensor, truth: torch.Tensor) -> bool:
    """Say which of a few forward and backward passes were quicker at best; batch-norm statistics are put back."""
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
