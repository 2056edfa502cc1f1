"""One process or several: Lightning Fabric set up, and what each process computed put together."""

import os

import torch
import torch.distributed
from lightning_fabric import Fabric

from medcls.core.run import RunSpec
from medcls.training.inputs import TrainingData, normalise, to_device
from medcls.training.precision import choose_precision


def started_by_fabric() -> bool:
    """Return whether this process is one of those that `fabric run` started."""
    return os.environ.get("LT_CLI_USED") == "1"


def is_first() -> bool:
    """Return whether this process is the only one, or the first of those that `fabric run` started on all machines."""
    return not started_by_fabric() or os.environ.get("RANK", "0") == "0"


def make_fabric(net: torch.nn.Module, data: TrainingData, spec: RunSpec, precision: str | None) -> Fabric:
    """Return Lightning Fabric on the run's device, in the precision that pays there.

    Under `fabric run`, devices, nodes and strategy are what its command line said.

    Args:
        net: The network.
        data: What it learns from; one batch is tried.
        spec: The run's spec.
        precision: What an earlier part of this run computed in; None to choose.
    """
    if started_by_fabric():
        asked = {"bf16": "bf16-mixed", "fp16": "16-mixed"}.get(spec.machine.precision, "32-true")
        return Fabric(precision=precision or asked)  # type: ignore[arg-type]
    asked = spec.machine.device
    accelerator = asked if asked != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    if precision is None:
        device = torch.device(accelerator)
        few = slice(0, min(len(data.train), spec.optimisation.batch_size))
        batch = normalise(to_device(data.train.pixels[few], device), data.preprocess)
        net.to(device).eval()
        precision = choose_precision(
            spec.machine.precision, net, batch, torch.from_numpy(data.train.truth[few]).to(device)
        )
    return Fabric(accelerator=accelerator, devices=1, precision=precision)  # type: ignore[arg-type]


def join_shares(own: torch.Tensor, fabric: Fabric) -> torch.Tensor:
    """Put the rows of all processes one after the other, in every process.

    Args:
        own: This process' rows, (n, …); n may differ between processes, and be 0.
        fabric: The processes.

    Returns:
        (N, …): rows of process 0, then those of process 1, and so on.
    """
    shares: list[torch.Tensor] = [own] * fabric.world_size
    torch.distributed.all_gather_object(shares, own)
    return torch.cat([share for share in shares if len(share)])


def gather_rows(own: list[torch.Tensor], n: int, fabric: Fabric) -> torch.Tensor:
    """Put rows that were dealt out one by one (process r has rows r, r + world, …) back in order.

    Args:
        own: This process' rows, in tensors (n, …) one after the other.
        n: Number of rows of all processes together.
        fabric: The processes.

    Returns:
        All rows, (N, …), in every process.
    """
    mine = torch.cat(own) if own else torch.empty(0)
    if fabric.world_size == 1:
        return mine
    joined = join_shares(mine, fabric)
    dealt = torch.cat([torch.arange(rank, n, fabric.world_size) for rank in range(fabric.world_size)])
    rows = torch.empty_like(joined)
    rows[dealt] = joined
    return rows
