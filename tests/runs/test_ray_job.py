"""A run handed to a Ray cluster: a real local one, where Ray is installed."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from medcls.core.note import Note
from medcls.errors import RunFailed
from medcls.runs.folder import make_run
from medcls.runs.writer import RunWriter
from medcls.workflows import runs
from tests.runs.processes import PATIENCE_S, SPEC, wait_until

pytestmark = pytest.mark.usefixtures("phantoms")


def test_without_ray_or_a_cluster_the_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDCLS_RAY_ADDRESS", "http://127.0.0.1:1")
    run = make_run(SPEC)
    with pytest.raises(RunFailed, match=r"Ray is not installed|did not take the run"):
        runs.resume_run(run.id)
    assert runs.show_run(run.id).state.status == "queued"
    assert not runs.show_run(run.id).moves


def test_a_run_handed_over_is_queued_until_the_cluster_begins() -> None:
    run = make_run(SPEC)
    (run.path / "job.txt").write_text("raysubmit_1")
    view = runs.show_run(run.id)
    assert (view.state.status, view.moves) == ("queued", True)
    assert view.state.message == Note("runs.handed-over")
    assert runs.stop_run(run.id).state.status == "stopped"


def test_a_hand_over_of_a_clock_that_was_set_hides_no_state() -> None:
    run = make_run(SPEC)
    writer = RunWriter.begin(run, 3)
    writer.say("finished", Note("runs.ended", done=3, epochs=3, best=2, warning=""), epoch=3)
    (run.path / "job.txt").write_text("raysubmit_1")
    written = run.state_written_ns() / 1e9
    for ahead_s, status in ((-5.0, "finished"), (5.0, "queued"), (86_400.0, "finished")):
        os.utime(run.path / "job.txt", (written + ahead_s,) * 2)
        assert run.state().status == status, ahead_s


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Address of a Ray cluster of one processor on this machine, which ends with the test."""
    pytest.importorskip("ray.job_submission", reason="Ray is optional: pip install 'ray[default]' to run this test")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    begin = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--port=0", "--num-cpus=1"]
    begin += ["--include-dashboard=true", f"--dashboard-port={port}", "--disable-usage-stats"]
    with tempfile.TemporaryDirectory(prefix="ray") as place:  # a longer path would be too long for Ray's sockets
        log = Path(place) / "said.txt"
        head = subprocess.Popen([*begin, f"--temp-dir={place}"], stdout=log.open("wb"), stderr=subprocess.STDOUT)
        try:
            wait_until_it_takes_jobs(f"http://127.0.0.1:{port}", head, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            head.terminate()  # and takes all that it started with it
            head.wait(PATIENCE_S)


def wait_until_it_takes_jobs(address: str, head: subprocess.Popen, log: Path) -> None:
    from ray.job_submission import JobSubmissionClient

    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            JobSubmissionClient(address).submit_job(entrypoint="true")
            return
        except (ConnectionError, RuntimeError):  # it answers some seconds before it has somebody to do the work
            assert head.poll() is None, log.read_text()
            time.sleep(0.5)
    raise AssertionError(log.read_text())


@pytest.mark.slow
def test_a_real_local_ray_carries_a_run_out(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDCLS_RAY_ADDRESS", cluster)
    run = make_run(SPEC)
    runs.resume_run(run.id)
    assert runs.show_run(run.id).moves, "handed over, and watched from the shared folder"
    wait_until(lambda: not runs.show_run(run.id).moves, run)
    assert run.state().status == "finished", run.log_tail()
    assert len(run.metrics()) == SPEC.optimisation.epochs


@pytest.mark.slow
def test_a_run_on_a_cluster_stops_and_goes_on_like_any_other(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDCLS_RAY_ADDRESS", cluster)
    run = make_run(SPEC.having(epochs=10_000, schedule="constant"))
    runs.resume_run(run.id)
    wait_until(lambda: len(run.metrics()) >= 2, run)
    runs.stop_run(run.id)
    wait_until(lambda: not runs.show_run(run.id).moves, run)
    assert run.state().status == "stopped", run.log_tail()
    reached = run.state().epoch
    view = runs.resume_run(run.id)
    assert view.moves, "handed over again"
    wait_until(lambda: len(run.metrics()) > reached, run)
    runs.stop_run(run.id)
    wait_until(lambda: not runs.show_run(run.id).moves, run)
    assert [r.epoch for r in run.metrics()] == list(range(1, run.state().epoch + 1))
