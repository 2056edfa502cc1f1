"""A run handed to a Ray cluster: a real local one, where Ray is installed."""

import subprocess
import sys
from pathlib import Path

import pytest

from medcls.errors import RunFailed
from medcls.runs.folder import make_run
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
    assert "cluster" in view.state.message
    assert runs.stop_run(run.id).state.status == "stopped"


@pytest.mark.slow
def test_a_real_local_ray_carries_a_run_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray.job_submission", reason="Ray is optional: pip install 'ray[default]' to run this test")
    ray = [sys.executable, "-m", "ray.scripts.scripts"]
    port = "18265"
    begin = [
        *ray,
        "start",
        "--head",
        "--num-cpus=1",
        "--include-dashboard=true",
        f"--dashboard-port={port}",
        f"--temp-dir={tmp_path}",
    ]
    subprocess.run(begin, check=True, capture_output=True, timeout=PATIENCE_S)
    try:
        monkeypatch.setenv("MEDCLS_RAY_ADDRESS", f"http://127.0.0.1:{port}")
        run = make_run(SPEC)
        runs.resume_run(run.id)
        wait_until(lambda: not runs.show_run(run.id).moves, run)
        assert run.state().status == "finished", run.log_tail()
    finally:
        subprocess.run([*ray, "stop"], capture_output=True, timeout=PATIENCE_S)
