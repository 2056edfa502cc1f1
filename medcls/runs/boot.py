"""Whether a run was cut off by a restart of this machine."""

import time
from pathlib import Path

from medcls.runs.folder import RunFolder

_MARGIN_S = 1.0


def booted_at() -> float | None:
    """Give when this machine started, in seconds since 1970 by today's clock; None where that cannot be known."""
    try:
        return time.time() - float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError):
        return None


def was_cut_off(run: RunFolder) -> bool:
    """Tell whether a run died with the machine: no worker, not at rest, and silent since before the machine started."""
    booted = booted_at()
    if booted is None or run.state().status != "died":
        return False
    return (run.path / "state.json").stat().st_mtime < booted - _MARGIN_S
