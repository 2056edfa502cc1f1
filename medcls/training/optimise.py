"""Optimisers and schedules: torch's own, chosen by a run's spec."""

import math
from collections.abc import Callable

import torch
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR, ReduceLROnPlateau

from medcls.core.run import RunSpec
from medcls.errors import BadSpec


def make_optimiser(net: torch.nn.Module, spec: RunSpec) -> torch.optim.Optimizer:
    """Make the optimiser of a run over the weights that may change.

    Where torch has a fused step it is taken: one pass over a weight, not ten, and no loop in Python over the weights.
    The backbone learns at `lr * backbone_lr_factor`. Biases and norms carry no weight decay.

    Raises:
        BadSpec: If nothing may change.
    """
    groups = _groups(net, spec)
    if not groups:
        raise BadSpec("training.all-frozen")
    fused = all(p.device.type in ("cpu", "cuda") for group in groups for p in group["params"])
    makers: dict[str, Callable[[], torch.optim.Optimizer]] = {
        "sgd": lambda: torch.optim.SGD(groups, spec.optimisation.lr, fused=fused),
        "momentum": lambda: torch.optim.SGD(
            groups, spec.optimisation.lr, momentum=spec.optimisation.momentum, fused=fused
        ),
        "adagrad": lambda: torch.optim.Adagrad(groups, spec.optimisation.lr),
        "adadelta": lambda: torch.optim.Adadelta(groups, spec.optimisation.lr),
        "rmsprop": lambda: torch.optim.RMSprop(groups, spec.optimisation.lr, momentum=spec.optimisation.momentum),
        "adam": lambda: torch.optim.Adam(groups, spec.optimisation.lr, fused=fused),
        "adamw": lambda: torch.optim.AdamW(groups, spec.optimisation.lr, fused=fused),
    }
    return makers[spec.optimisation.optimiser]()


def _groups(net: torch.nn.Module, spec: RunSpec) -> list[dict]:
    head = {id(p) for p in net.get_classifier().parameters()}  # type: ignore[operator]
    split: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {}
    for p in net.parameters():
        if p.requires_grad:
            split.setdefault((id(p) in head, p.ndim > 1), []).append(p)
    return [
        {
            "params": params,
            "lr": spec.optimisation.lr * (1.0 if in_head else spec.optimisation.backbone_lr_factor),
            "weight_decay": spec.optimisation.weight_decay if decays else 0.0,
        }
        for (in_head, decays), params in sorted(split.items())
    ]


def make_schedule(optimiser: torch.optim.Optimizer, spec: RunSpec, steps_per_epoch: int) -> LRScheduler:
    """Make the schedule of a run. All but `plateau` are stepped after every update, `plateau` after every epoch.

    Args:
        optimiser: The optimiser whose rates it sets.
        spec: The run's spec.
        steps_per_epoch: Updates in an epoch.

    References:
        Loshchilov and Hutter, SGDR, ICLR 2017 (cosine, one period); Smith and Topin, Super-convergence, 2018 (1cycle).
    """
    total = max(1, spec.optimisation.epochs * steps_per_epoch)
    if spec.optimisation.schedule == "plateau":
        return ReduceLROnPlateau(
            optimiser,
            mode="min",
            factor=spec.optimisation.gamma,
            patience=max(1, (spec.optimisation.patience or 10) // 2),
        )
    if spec.optimisation.schedule == "one-cycle":
        return OneCycleLR(
            optimiser, [group["lr"] for group in optimiser.param_groups], total_steps=total + 1, cycle_momentum=False
        )
    warm = spec.optimisation.warmup_epochs * steps_per_epoch
    return LambdaLR(optimiser, lambda step: lr_factor(spec, step, total, warm))


def lr_factor(spec: RunSpec, step: int, total: int, warm: float) -> float:
    """Share of the learning rate at a step.

    Args:
        spec: The run's spec; `schedule`, `milestones` and `gamma` are read.
        step: Updates done, from 0.
        total: Updates in the whole run.
        warm: Updates over which the rate rises.

    Example:
        >>> lr_factor(RunSpec.of(schedule="cosine"), 50, 100, 0)
        0.5
    """
    if step < warm:
        return (step + 1) / (warm + 1)
    done = min(1.0, (step - warm) / max(1.0, total - warm))
    if spec.optimisation.schedule == "cosine":
        return round(0.5 * (1 + math.cos(math.pi * done)), 12)
    if spec.optimisation.schedule == "multistep":
        return spec.optimisation.gamma ** sum(done >= m for m in spec.optimisation.milestones)
    return 1.0
