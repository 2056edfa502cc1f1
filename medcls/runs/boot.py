"""Whether a run was cut off by a restart of this machine."""

import platform
import time
from pathlib import Path

from medcls.runs.folder import RunFolder

_MARGIN_S = 1.0


def booted_at() -> float | None:
    """Return when this machine started, in seconds since 1970 by today's clock; None where that cannot be known."""
    try:
        return time.time() - float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError):
        return None


def this_machine() -> str:
    """Return this machine's name and which of its starts this is; empty where the system does not tell starts apart."""
    try:
        start = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
    return f"{platform.node()} {start}"


def was_cut_off(run: RunFolder) -> bool:
    """Return whether a run died with this machine: no worker, not at rest, last heard of before the machine started.

    Where the run says on which start of which machine it was written, that decides: clocks can be set.
    """
    state = run.state()
    if state.status != "died":
        return False
    here = this_machine()
    if state.machine and here:
        return state.machine != here and state.machine.split(" ")[0] == here.split(" ")[0]
    booted = booted_at()
    if booted is None:
        return False
    return (run.path / "state.json").stat().st_mtime < booted - _MARGIN_S
