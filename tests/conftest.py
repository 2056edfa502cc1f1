"""What every test shares: a home of its own, one thread, and a small model that was really published."""

import gc
import os
import shutil
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import settings

from medcls.imaging import phantom as drawing

drawing.phantom = lru_cache(maxsize=400)(drawing.phantom)  # the same call gives the same bytes: drawn once a process
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"  # no network in tests
os.environ.pop("MEDCLS_WEIGHTS", None)  # comes before the older name that the tests set
# The same examples at each run, so that what fails has a cause in the change; `make fuzz` draws new ones.
settings.register_profile("same", derandomize=True)
settings.register_profile("new", derandomize=False, print_blob=True)
settings.load_profile("same")
gc.disable()  # while thousands of tests are gathered, every one of which stays
MEMORY, ROOM_BYTES = Path("/dev/shm"), 6 << 30


def pytest_configure() -> None:
    """Where memory has room, what tests write stands there: flushed to a disk, each of their many records takes 20 ms."""
    known = Path("/proc/meminfo").read_text() if MEMORY.is_dir() else ""
    free = [1024 * int(line.split()[1]) for line in known.splitlines() if line.startswith("MemAvailable:")]
    if not free or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:  # an installed medcls is run from there
        return
    if min(*free, shutil.disk_usage(MEMORY).free) > ROOM_BYTES and os.access(MEMORY, os.W_OK):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty MEDCLS_HOME, and no shipped models either, for each test."""
    path = tmp_path / "home"
    monkeypatch.setenv("MEDCLS_HOME", str(path))
    monkeypatch.setenv("MEDCLS_SHIPPED_WEIGHTS", str(tmp_path / "shipped"))
    return path


@pytest.fixture(scope="session")
def tiny_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a small breast-ultrasound model, made once, with its engine beside it; publish copies of it."""
    import torch

    from tests.tiny import build_engine, write_tiny

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("made") / "tiny"
    write_tiny(folder)
    build_engine(folder)
    return folder


@pytest.fixture
def tiny_model(home: Path, tiny_made: Path):
    """The card of a small model published in this test's home as `breast-ultrasound--tiny--0001`."""
    from tests.tiny import install

    return install(tiny_made, home / "weights", "breast-ultrasound--tiny--0001")


def pytest_collection_finish() -> None:
    """Spare the garbage collector eight thousand tests and all they import; a full collection would walk them each time."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are numbered, not spelled: a file made at collection may hold the time, and every process needs the same names."""
    return argname if isinstance(val, bytes) else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Close with a line of its own when the browser tests could not run."""
    reasons = {str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])}
    if found := next((reason for reason in reasons if "no Chromium was found" in reason), None):
        sentence = found[found.index("no Chromium") :].rstrip("')\" ")
        terminalreporter.write_line(f"Browser tests did not run: {sentence}.", yellow=True)
