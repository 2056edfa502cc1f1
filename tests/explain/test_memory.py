"""Memory is given back after much work in a thread."""

import platform
import threading

import numpy as np
import pytest

from medcls.explain.memory import give_back_memory


def resident_mb() -> int:
    """Memory that this process holds."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) // 1024


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps memory for each thread")
def test_what_a_thread_freed_is_given_back() -> None:
    kept = []

    def work() -> None:
        blocks = [np.ones(2000) for _ in range(20_000)]  # 16 kB each, 320 MB: too small to be mapped one by one
        kept.append(blocks[-1])  # pins the end of the heap, which glibc would else give back itself

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    before = resident_mb()
    give_back_memory()
    assert before - resident_mb() > 150
