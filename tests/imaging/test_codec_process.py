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


@pytest.mark.parametrize(("job", "error"), [("spin", BadScan), ("crash", BadScan), ("fill", TooLarge)])
def test_what_hangs_crashes_or_grows_is_ended(job, error, monkeypatch, tmp_path):
    """The three faults, each really happening in the process."""
    (tmp_path / "sitecustomize.py").write_text(FAULTS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(codec_process, "_idle", [])
    with pytest.raises(error):
        run_apart(job, b"")
    assert np.array_equal(decoded(), ramp())
    codec_process._end_all()


def test_a_forked_child_takes_no_process_of_its_parent():
    decoded()
    before = len(idle())
    child = os.fork()
    if child == 0:
        os._exit(len(idle()))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(idle()) == before > 0


FAULTS = """
import ctypes, sys

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
        frame.f_globals["JOBS"] = {**frame.f_globals["JOBS"], "spin": spin, "crash": crash, "fill": fill}
        sys.setprofile(None)

sys.setprofile(watch)
"""
