"""Many writers lose nothing."""

import errno
import json
import os
import shutil
import subprocess
import sys
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from medcls import disk
from medcls.disk import append_line, locked, write_atomically

COUNT = """
import sys
from pathlib import Path
from medcls.disk import append_line, locked, write_atomically
folder = Path(sys.argv[1])
for i in range(100):
    with locked(folder):
        path = folder / "count"
        write_atomically(path, str(int(path.read_text()) + 1).encode(), alone=True)
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
            write_atomically(tmp_path / "count", str(int((tmp_path / "count").read_text()) + 1).encode())

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


def test_what_is_no_file_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "long").write_bytes(b"123")
    codes = {"pipe": errno.ENOTSUP, "endless": errno.ENOTSUP, "loop": errno.ELOOP, ".": errno.EISDIR}
    for name, code in codes.items():
        with pytest.raises(OSError) as refused:  # noqa: PT011  # by its number
            disk.read_file(tmp_path / name)
        assert refused.value.errno == code
        assert not disk.is_there(tmp_path / name)
    with pytest.raises(OSError) as refused:  # noqa: PT011
        disk.read_file(tmp_path / "long", 2)
    assert refused.value.errno == errno.EFBIG
    assert disk.read_file(tmp_path / "long", 3) == b"123"
    assert disk.is_there(tmp_path / "long")
    assert not disk.is_there(tmp_path / "gone")


def test_a_small_file_asks_for_no_more_memory_than_it_holds(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"123")
    tracemalloc.start()
    try:
        disk.read_file(tmp_path / "small", 1 << 32)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1 << 20


def test_a_folder_that_is_deleted_is_gone_before_its_files_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):  # what a killed one left is in no other's way
        (tmp_path / "model" / "sub").mkdir(parents=True)
        (tmp_path / "model" / "card.json").touch()
        with monkeypatch.context() as killed:
            killed.setattr("os.unlink", interrupted)
            with pytest.raises(KeyboardInterrupt):
                disk.delete_folder(tmp_path / "model")
        assert not (tmp_path / "model").exists()
    for path in tmp_path.iterdir():
        os.utime(path, (1, 1))
    assert disk.sweep(tmp_path) == 2
    (tmp_path / "model").mkdir()
    disk.delete_folder(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_swept_while_it_is_deleted_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps its age under its new name, and what is left aside and old is any server's to sweep at its start."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "card.json").touch()
    os.utime(tmp_path / "model", (1, 1))
    rmtree, swept = shutil.rmtree, []

    def meanwhile(path: Path) -> None:
        monkeypatch.setattr(shutil, "rmtree", rmtree)
        swept.append(disk.sweep(tmp_path))
        rmtree(path)

    monkeypatch.setattr(shutil, "rmtree", meanwhile)
    disk.delete_folder(tmp_path / "model")
    assert swept == [1]
    assert list(tmp_path.iterdir()) == []


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_what_killed_writers_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    old, future = time.time() - 2 * 86_400, time.time() + 30 * 86_400
    run = tmp_path / "runs" / "one"
    (run / ".result.aside").mkdir(parents=True)
    left = [
        run / ".state.json.12-0a1b2c3d.aside",
        tmp_path / ".card.json.aside",
        run / ".result.aside",
        tmp_path / "runs" / ".two.deleted",
        tmp_path / ".upload-0a1b2c3d.zip",
        tmp_path / "runs" / ".import-0a1b2c3d",
    ]
    kept = [run / "state.json", run / ".lock", run / ".hidden", run / ".young.json.1-00000000.aside"]
    for path in (*left, *kept):
        path.touch() if not path.exists() else None
    for path, at in zip(left, (old, old, future, old, old, old), strict=True):
        os.utime(path, (at, at))
    os.utime(run / ".hidden", (old, old))
    (tmp_path / "link").symlink_to(run)
    assert disk.sweep(tmp_path) == len(left)
    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in left)
    assert disk.sweep(tmp_path / "nothing") == 0
