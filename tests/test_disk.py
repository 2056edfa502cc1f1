"""Many writers lose nothing."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from medcls.disk import append_line, locked, write_whole

COUNT = """
import sys
from pathlib import Path
from medcls.disk import append_line, locked, write_whole
folder = Path(sys.argv[1])
for i in range(100):
    with locked(folder):
        path = folder / "count"
        write_whole(path, str(int(path.read_text()) + 1).encode(), alone=True)
    append_line(folder / "lines", f"{sys.argv[2]} {i}")
"""


def test_eight_processes_of_a_hundred_changes_lose_none(tmp_path: Path) -> None:
    """Neither a number that is read, raised and written, nor a line that is added."""
    (tmp_path / "count").write_text("0")
    started = [subprocess.Popen([sys.executable, "-c", COUNT, tmp_path, str(n)]) for n in range(8)]
    assert [process.wait(120) for process in started] == [0] * 8
    assert (tmp_path / "count").read_text() == "800"
    lines = (tmp_path / "lines").read_text().splitlines()
    assert sorted(lines) == sorted(f"{n} {i}" for n in range(8) for i in range(100))


def test_threads_of_one_process_exclude_each_other_too(tmp_path: Path) -> None:
    """As two sessions of one server do."""
    (tmp_path / "count").write_text("0")

    def raise_it(_: int) -> None:
        with locked(tmp_path):
            write_whole(tmp_path / "count", str(int((tmp_path / "count").read_text()) + 1).encode())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(raise_it, range(80)))
    assert (tmp_path / "count").read_text() == "80"


def test_a_line_that_does_not_fit_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk cuts no line in half."""
    path = tmp_path / "lines"
    append_line(path, json.dumps({"a": 1}))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        append_line(path, "second")
    assert path.read_text() == '{"a": 1}\n'
