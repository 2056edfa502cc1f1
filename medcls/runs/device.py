"""One run at a time per device: which device a run gets, and waiting for it."""

import contextlib
import os
import platform
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from medcls import home
from medcls.core.note import Note
from medcls.errors import Conflict
from medcls.runs import lock

_LOOK_EVERY_S = 0.5


def devices_for(asked: str) -> tuple[str, ...]:
    """Return the devices a run may take, best first.

    Args:
        asked: `auto`, `cpu`, `cuda` or `mps`, as in a run's spec.

    Returns:
        Names as `cpu`, `cuda:0`, `cuda:1`, `mps`; one run fits on each.

    Raises:
        Conflict: If `MEDCLS_CPU_RUNS` is not a number of runs.
    """
    if asked == "cpu":
        return _cpu_places()
    if os.environ.get("LT_CLI_USED") == "1":  # `fabric run` shares several cards out itself
        return ("all-cards",)
    import torch

    cards = tuple(f"cuda:{i}" for i in range(torch.cuda.device_count()))  # asks the driver, starts nothing
    if asked == "cuda" or (asked == "auto" and cards):
        return cards or ("cuda:0",)
    if asked == "mps":
        return ("mps",)
    return _cpu_places()


def _cpu_places() -> tuple[str, ...]:
    """Return one place on the CPU, or `MEDCLS_CPU_RUNS` of them: each run then wants its own `OMP_NUM_THREADS`."""
    asked = os.environ.get("MEDCLS_CPU_RUNS", "1")
    if not asked.isdecimal() or not 1 <= int(asked) <= 64:
        raise Conflict("runs.cpu-runs", found=repr(asked)[:40])
    return ("cpu", *(f"cpu:{i}" for i in range(1, int(asked))))


@contextlib.contextmanager
def hold_device(asked: str, run_id: str, tell: Callable[[Note], None]) -> Iterator[str]:
    """Hold a device for the length of a `with` block, waiting for one if all are taken.

    Args:
        asked: As in a run's spec.
        run_id: Who takes it; shown to those who wait.
        tell: Called with what is waited for, each time the devices are tried; may raise to give up.

    Yields:
        The device's name. For a graphics card, this process sees only that one from here on.
    """
    names = devices_for(asked)
    while True:
        for name in names:
            with lock.hold(_place(name), note=run_id, patience_s=0) as held:
                if held:
                    _show_only(name)
                    yield name
                    return
        holders = _holders(names)
        tell(
            Note("runs.waits", devices=names, runs=holders)
            if holders
            else Note("runs.waits-for-another", devices=names)
        )
        time.sleep(_LOOK_EVERY_S)


def _place(name: str) -> Path:
    """Return the lock file of a device of this machine; homes shared by several machines have one for each."""
    folder = home.runs() / ".devices"
    folder.mkdir(parents=True, exist_ok=True)
    machine = re.sub(r"[^A-Za-z0-9.-]", "_", platform.node()) or "machine"
    return folder / f"{machine}--{name.replace(':', '-')}"


def _holders(names: tuple[str, ...]) -> list[str]:
    notes = (
        _place(name).read_text(encoding="utf-8", errors="replace").strip() for name in names if _place(name).is_file()
    )
    return [note for note in notes if note]


def _show_only(name: str) -> None:
    if name.startswith("cuda:"):
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        cards = [card for card in visible.split(",") if card]
        index = int(name.removeprefix("cuda:"))
        os.environ["CUDA_VISIBLE_DEVICES"] = cards[index] if index < len(cards) else str(index)
