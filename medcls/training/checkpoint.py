"""Everything a run needs to go on bit for bit, in files that are never half written.

`last.pt` holds where the run stands after its last whole epoch and names the file of the best epoch's weights,
`best-<epoch>.pt`. The best is written first and an older best deleted last, so a stop at any point leaves a pair that
belongs together.
"""

import io
from pathlib import Path
from typing import Any

import torch

from medcls import disk
from medcls.errors import RunFailed

LAST = "last.pt"


def write_last(folder: Path, state: dict[str, Any], best_weights: dict[str, torch.Tensor], new_best: int) -> None:
    """Write where a run stands.

    Args:
        folder: The checkpoint's folder; made if missing.
        state: Tensors, numbers, strings, lists and dicts of them; `state["state"]["best_epoch"]` names the best epoch.
        best_weights: Weights of the best epoch by name, of the shapes and dtypes the network has them in.
        new_best: Number of the best epoch if it is new, else 0.

    Raises:
        OSError: If something cannot be written (disk full, read-only); what stood there before is then whole.
    """
    if new_best:
        write_file(folder / _best(new_best), best_weights)
    write_file(folder / LAST, state)
    if new_best:
        for old in folder.glob("best-*.pt"):
            if old.name != _best(new_best):
                old.unlink()


def read_last(folder: Path | None) -> dict[str, Any] | None:
    """Read where a run stands, with `best_weights` added; None if it never finished an epoch.

    Raises:
        RunFailed: If a file is damaged or missing.
    """
    if folder is None or not (folder / LAST).exists():
        return None
    last = read_file(folder / LAST)
    return {**last, "best_weights": read_file(folder / _best(last["state"]["best_epoch"]))}


def _best(epoch: int) -> str:
    return f"best-{epoch}.pt"


def write_file(path: Path, state: dict[str, Any]) -> None:
    """Write a file aside, force it to disk, then put it in place of the old one.

    Args:
        path: Where it goes; its folder is made.
        state: Tensors, numbers, strings, lists and dicts of them.

    Raises:
        OSError: If it cannot be written; the old file is then whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()  # torch's own writer hides the reason when a disk is full
    torch.save(state, content)
    disk.write_atomically(path, content.getbuffer(), alone=True)


def read_file(path: Path) -> dict[str, Any]:
    """Read a file this machine wrote. Only tensors and plain values are accepted, never code.

    Raises:
        RunFailed: If it cannot be read.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever its readers do
        raise RunFailed("training.checkpoint-unreadable", found=str(error).splitlines()[0][:120]) from error
