"""How much memory and disk space is free."""

import shutil
from pathlib import Path

from medcls import home


def memory_free_bytes() -> int | None:
    """Return the memory this machine (or the container) can still hand out; None where that cannot be known."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return None
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
    except (OSError, ValueError):  # no limit ("max"), or another kind of container
        return free
    return min(free, max(0, limit - used))


def disk_free_bytes() -> int:
    """Return the free space where runs are written, or of the nearest folder above it that exists."""
    where = home.home()
    return shutil.disk_usage(next(path for path in (where, *where.parents) if path.exists())).free
