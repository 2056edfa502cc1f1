"""Memory that ran out, and the batch that would have fitted."""

import gc
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from medcls.core.run import RunSpec
from medcls.errors import RunFailed
from medcls.training.inputs import Source

_WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory", "failed to allocate")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory ran out; torch has its own class for graphics cards only."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _WORDS)


def what_would_fit(model: Any, source: Source, spec: RunSpec, fabric: Fabric) -> RunFailed:
    """Return the error that names the largest halved batch which fits a forward and backward pass.

    Args:
        model: The network as Fabric set it up; its weights are not changed.
        source: Where scans come from.
        spec: The run's spec.
        fabric: Where it runs.
    """
    size = min(spec.optimisation.batch_size, len(source))
    while (size := size // 2) >= 1:
        free(fabric.device)
        if fits(model, source, size, fabric):
            steps = -(-spec.optimisation.batch_size * spec.optimisation.grad_accum_steps // size)
            return RunFailed(
                "training.out-of-memory-smaller-fits", size=spec.optimisation.batch_size, fits=size, steps=steps
            )
    return RunFailed("training.out-of-memory", size=spec.optimisation.batch_size)


def fits(model: Any, source: Source, size: int, fabric: Fabric) -> bool:
    """Return whether a batch of so many scans passes forth and back.

    Args:
        model: The module that is trained, as `fabric` set it up.
        source: Where its batches come from.
        size: How many scans.
        fabric: The processes.
    """
    try:
        batch = source.training_batch(np.arange(size), fabric.device, torch.Generator().manual_seed(0))
        model.eval()  # statistics of batch norms stay as they are
        fabric.backward(model(batch).float().square().mean())
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return False
    finally:
        model.zero_grad(set_to_none=True)
    return True


def free(device: torch.device) -> None:
    """Return what nobody holds any more."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
