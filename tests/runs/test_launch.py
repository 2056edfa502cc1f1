"""Runs started as users start them: detached, watched by several, outliving whoever started them."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from medcls.core.note import Note
from medcls.core.run import RunSpec
from medcls.errors import BadData, BadModel, BadTask, Conflict, RunFailed
from medcls.runs import boot
from medcls.runs.folder import make_run
from medcls.runs.launch import launch
from medcls.runs.writer import RunWriter
from medcls.workflows import run_again, runs
from tests.runs.processes import PATIENCE_S, SPEC, held, wait_until

pytestmark = pytest.mark.usefixtures("phantoms")
SERVER = """
import sys, time
from medcls.runs.folder import open_run
from medcls.runs.launch import launch
launch(open_run(sys.argv[1]))
print("started", flush=True)
time.sleep(600)
"""


def server(run_id: str) -> subprocess.Popen:
    """A process as the web server is one: it starts a run, and stays."""
    return subprocess.Popen(
        [sys.executable, "-c", SERVER, run_id], stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def watcher(run_id: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "medcls", "runs", "watch", run_id, "--json", "--every", "0.05"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_two_starts_at_once_two_readers_and_both_servers_killed() -> None:
    run = make_run(SPEC)
    servers = [server(run.id) for _ in range(2)]
    readers = []
    try:
        assert [s.stdout.readline() for s in servers] == ["started\n"] * 2
        readers = [watcher(run.id) for _ in range(2)]
        for one in servers:
            os.killpg(one.pid, signal.SIGKILL)
            one.wait()
        seen = [[json.loads(line) for line in reader.stdout] for reader in readers]
        assert [reader.wait(PATIENCE_S) for reader in readers] == [0, 0]
    finally:
        for process in (*servers, *readers):
            process.kill()
    for rows in seen:
        assert rows[-1]["status"] == "finished"
        assert [row["epoch"] for row in rows] == sorted(row["epoch"] for row in rows)
        assert {row["run"] for row in rows} == {run.id}
    log = run.log_tail(200)
    assert log.count("Another worker has run") <= 1
    assert log.count("Computes on cpu.") == 1
    assert run.state().epoch == 3


def test_starting_a_run_that_is_held_does_nothing(tmp_path: Path) -> None:
    run = make_run(SPEC)
    with held(run):
        launch(run)
        assert not (run.path / "log.txt").exists()


def test_a_run_that_is_stopping_is_not_gone_on_with() -> None:
    """Its worker is about to go: that it were resumed would be believed, and nothing would happen."""
    run = make_run(SPEC)
    with held(run):
        RunWriter.begin(run, epochs=3).say("running", Note("runs.interrupted"))
        run.request_stop()
        with pytest.raises(Conflict) as refused:
            runs.resume_run(run.id)
        assert refused.value.code == "workflows.run-still-stopping"


@pytest.mark.parametrize("site", ["nowhere", "each", "phantoms"])
def test_a_site_that_cannot_be_left_out_is_refused_before_the_run(site: str) -> None:
    """With the sites there are; one alone cannot be left out, and `each` is for `train`."""
    with pytest.raises(BadData) as refused:
        runs.start_run(SPEC.having(leave_out=site))
    assert (refused.value.code, refused.value.allowed) == ("data.no-such-site", "phantoms")


def test_a_worker_that_has_said_its_last_word_is_not_taken_for_one_at_work() -> None:
    run = make_run(SPEC)
    code = "import sys; from pathlib import Path; from medcls.runs import lock\n"
    code += "with lock.hold(Path(sys.argv[1])):\n print('held', flush=True)\n sys.stdin.read()"
    going = subprocess.Popen(
        [sys.executable, "-c", code, str(run.path / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    going.stdout.readline()
    RunWriter.begin(run, epochs=3).say("stopped", Note("runs.interrupted"))
    with ThreadPoolExecutor(1) as pool:
        launching = pool.submit(launch, run)
        with pytest.raises(TimeoutError):
            launching.result(0.3)
        going.communicate("")
        launching.result(PATIENCE_S)
    wait_until(lambda: run.state().status == "finished", run)


def test_a_worker_that_cannot_come_up_is_told_with_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(SPEC)
    monkeypatch.setattr("medcls.runs.launch.worker_command", lambda run: ["-c", "raise SystemExit('no such luck')"])
    with pytest.raises(RunFailed) as caught:
        launch(run)
    assert (caught.value.code, caught.value.found) == ("runs.worker-ended", "no such luck")


def test_a_worker_that_dies_before_its_first_word_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(SPEC)
    code = "import os, signal, sys, time; from pathlib import Path; from medcls.runs import lock\n"
    code += "with lock.hold(Path(sys.argv[1])):\n time.sleep(1)\n os.kill(os.getpid(), signal.SIGKILL)"
    monkeypatch.setattr("medcls.runs.launch.worker_command", lambda run: ["-c", code, str(run.path / "lock")])
    with pytest.raises(RunFailed) as caught:
        launch(run)
    assert caught.value.code == "runs.worker-ended"


@pytest.mark.parametrize(
    ("knobs", "error"),
    [
        ({"collections": ()}, BadData),
        ({"collections": ("nothing",)}, BadData),
        ({"task": "nothing"}, BadTask),
        ({"initial": "no-such-model"}, BadModel),
        ({"initial": "/no/such/file.safetensors"}, BadModel),
    ],
)
def test_what_can_be_known_beforehand_is_said_before_a_run_is_made(knobs: dict, error: type[Exception]) -> None:
    before = [run.id for run in runs.list_runs()]
    with pytest.raises(error):
        runs.start_run(SPEC.having(**knobs))
    assert [run.id for run in runs.list_runs()] == before


def test_only_what_a_restart_cut_off_is_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("running", "waiting", "finished", "stopped", "failed", "paused")
    made = {name: make_run(SPEC.having(name=name)) for name in (*names, "queued", "young")}
    for name in names:
        RunWriter.begin(made[name], epochs=3).say(name)  # type: ignore[arg-type]
        os.utime(made[name].path / "state.json", (1e9, 1e9))
    RunWriter.begin(made["young"], epochs=3).say("running")
    assert boot.booted_at() < made["young"].path.joinpath("state.json").stat().st_mtime
    started = []
    monkeypatch.setattr(runs, "launch", started.append)
    ours = {run.id for run in made.values()}
    assert {i for i in runs.resume_interrupted() if i in ours} == {made["running"].id, made["waiting"].id}
    for run in made.values():
        run.delete()


def test_a_clone_changes_what_is_asked_and_nothing_else() -> None:
    run = make_run(SPEC)
    assert run_again.clone_spec(run.id, lr=0.5) == SPEC.having(lr=0.5)
    assert run_again.clone_spec(run.id) == SPEC
    assert isinstance(run_again.clone_spec(run.id), RunSpec)


def test_reproducing_needs_the_same_data(monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(SPEC)
    with pytest.raises(BadData) as caught:
        run_again.reproduce_run(run.id)
    assert caught.value.code == "workflows.run-without-data-seen"
    data = {"fingerprints": {"phantoms": "0" * 64}, "split": "", "counts": {}, "task": "t", "labels": []}
    (run.path / "data.json").write_text(json.dumps(data))
    with pytest.raises(BadData) as caught:
        run_again.reproduce_run(run.id)
    assert caught.value.code == "workflows.data-changed"


def test_a_finished_run_is_not_resumed() -> None:
    run = make_run(SPEC)
    RunWriter.begin(run, epochs=3).say("finished", epoch=3)
    with pytest.raises(Conflict, match="Clone it"):
        runs.resume_run(run.id)
