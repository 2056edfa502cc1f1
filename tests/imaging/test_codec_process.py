"""The process in which files are decoded that could end or hold up the server."""

import os

import imagecodecs
import numpy as np
import pytest

from medcls.errors import BadScan, TooLarge
from medcls.imaging import codec_process
from medcls.imaging.codec_process import run_apart
from tests.imaging.dicom_files import ramp


def decoded() -> np.ndarray:
    """Let a process decode a picture."""
    return run_apart("dicom-jpegls", imagecodecs.jpegls_encode(ramp()))[0]


def idle() -> list:
    return codec_process._idle


def test_one_process_answers_file_after_file():
    first = decoded()
    assert np.array_equal(first, ramp())
    process = idle()[-1]
    assert np.array_equal(decoded(), first)
    assert idle()[-1] is process


def test_a_refusal_crosses_over_and_leaves_the_process_alive():
    with pytest.raises(BadScan):
        run_apart("dicom-jpegls", b"junk" * 100)
    assert idle()[-1].alive()


@pytest.fixture
def with_faults(monkeypatch, tmp_path):
    """Processes that can be asked for faults, and may compute for a second."""
    (tmp_path / "sitecustomize.py").write_text(FAULTS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(codec_process, "_idle", [])
    yield
    codec_process._end_all()


@pytest.mark.parametrize(
    ("job", "error", "code"),
    [
        ("spin", BadScan, "imaging.too-slow"),
        ("crash", BadScan, "imaging.refused-by-decoder"),
        ("fill", TooLarge, "imaging.too-little-memory"),
    ],
)
def test_what_hangs_crashes_or_grows_is_ended(job, error, code, with_faults):
    """The three faults, each really happening in the process."""
    with pytest.raises(error) as caught:
        run_apart(job, b"")
    assert caught.value.code == code
    assert np.array_equal(decoded(), ramp())


def test_time_is_counted_in_computing_and_for_each_file_anew(with_faults):
    """What a busy machine makes a file wait is not its fault: one that only waits is answered, however long."""
    assert run_apart("wait", b"")[0].size == 1
    for _ in range(2):
        assert run_apart("compute", b"")[0].size == 1
    assert len(idle()) == 1, "one process answered them all"


def test_a_forked_child_takes_no_process_of_its_parent():
    decoded()
    before = len(idle())
    child = os.fork()
    if child == 0:
        os._exit(len(idle()))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(idle()) == before > 0


FAULTS = """
import ctypes, sys, time

def wait(data):
    import numpy as np
    time.sleep(1.2)
    return np.ones(1), {}

def compute(data):
    import numpy as np
    began = time.process_time()
    while time.process_time() < began + 0.6:
        pass
    return np.ones(1), {}

def spin(data):
    while True:
        pass

def crash(data):
    ctypes.string_at(0)

def fill(data):
    import numpy as np
    return np.ones(2**30, np.uint8), {}

def watch(frame, event, arg):
    if event == "call" and frame.f_code.co_name == "main" and "JOBS" in frame.f_globals:
        faults = {f.__name__: f for f in (wait, compute, spin, crash, fill)}
        frame.f_globals["JOBS"] = {**frame.f_globals["JOBS"], **faults}
        frame.f_globals["CPU_S"] = 1.0
        sys.setprofile(None)

sys.setprofile(watch)
"""
