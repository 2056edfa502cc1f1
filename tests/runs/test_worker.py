"""Workers as processes: to the end, stopped, killed anywhere, without room, waiting for a device."""

import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from medcls.core.note import Note
from medcls.core.run import EpochResult
from medcls.core.scan import Scan
from medcls.errors import BadSpec, Conflict
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.models import store
from medcls.models.opening import open_model
from medcls.runs import device, lock
from medcls.runs.folder import RunFolder, make_run
from medcls.workflows import run_results, runs
from tests.runs.processes import PATIENCE_S, SPEC, add_phantoms, finish, held, start, wait_until

pytestmark = pytest.mark.usefixtures("phantoms")
SEEN_LABELS = ("normal", "benign", "malignant")
WAITS = Note("runs.waits", devices=["cpu"], runs=["20260101T0000Z-abcd"])
_MADE = (store.WEIGHTS, store.FEATURES, store.CASES)
KILLS = int(os.environ.get("MEDCLS_KILLS", "8"))  # at random moments of one training; 100 take half an hour


def made(run: RunFolder) -> dict[str, str]:
    return {name: store.digest(run.result / name) for name in _MADE}


def epochs(run: RunFolder) -> list[EpochResult]:
    return [dataclasses.replace(r, elapsed_s=0.0) for r in run.metrics()]


@pytest.fixture(scope="session")
def whole(shared_home: Path) -> tuple[RunFolder, int]:
    """A run that nothing disturbed, and how many writes to disk it made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDCLS_HOME", str(shared_home))
        assert finish(make_run(SPEC)) == 0  # the network's engine is made once a home; its writes are not counted
        run = make_run(SPEC)
        assert finish(run, count_into=shared_home / "count") == 0, run.log_tail()
    return run, int((shared_home / "count").read_text())


def wait_for(run: RunFolder, status: str) -> None:
    wait_until(lambda: run.state().status == status, run)


def test_a_run_ends_with_an_evaluated_model(whole: tuple[RunFolder, int]) -> None:
    run, _ = whole
    state = run.state()
    assert (state.status, state.epoch, state.epochs, state.left_s) == ("finished", 3, 3, 0.0)
    assert [r.epoch for r in run.metrics()] == [1, 2, 3]
    assert state.best_epoch == max(r.epoch for r in run.metrics() if r.best)
    seen = run.data_seen()
    assert seen.labels == SEEN_LABELS
    assert sum(seen.counts.values()) == 36
    card = store.verify(run.result)
    assert (card.origin.run, card.origin.epochs) == (run.id, 3)
    assert store.read_evaluation(run.result).n_cases == seen.counts["test"]
    assert not list(run.path.glob(".*")), "nothing half-made is left"
    assert not (run.path / "checkpoint").exists(), "nor what nobody needs any more"
    assert finish(run) == 0, "starting a finished run does nothing"
    assert run.state() == state


def test_the_model_of_a_run_knows_the_like_of_what_it_learned(whole: tuple[RunFolder, int]) -> None:
    model = open_model(whole[0].result)
    assert model.card.abstention.max_appearance > 0
    like = [
        read_scan(phantom("breast-ultrasound", label, 900 + i, size_px=64)) for i, label in enumerate(SEEN_LABELS * 5)
    ]
    familiar = [p.unfamiliarity for p in model.predict_many(like)]
    assert np.median(familiar) < 1
    noise = Scan(np.random.default_rng(0).random((200, 200), np.float32), "0" * 64)
    strange = model.predict(noise)
    assert strange.unfamiliarity > max(familiar)
    assert strange.decided is None
    assert strange.foreign


@pytest.mark.parametrize("share", [i / 13 for i in range(1, 13)])
def test_kill_minus_9_anywhere_and_resume_is_bit_identical(whole: tuple[RunFolder, int], share: float) -> None:
    undisturbed, writes = whole
    run = make_run(SPEC)
    assert finish(run, kill_at=max(1, round(writes * share))) == -signal.SIGKILL
    assert run.state().status in ("died", "queued")
    view = runs.show_run(run.id)
    assert not view.moves
    assert finish(run) == 0, run.log_tail()
    assert run.state().status == "finished"
    assert epochs(run) == epochs(undisturbed)
    assert made(run) == made(undisturbed)


@pytest.mark.parametrize("left", [lambda told: told[:-40], lambda told: b"{" + told, lambda told: b"\0" * len(told)])
def test_epochs_that_a_power_cut_left_half_told_are_whole_once_it_is_resumed(whole, left) -> None:
    run = make_run(SPEC)
    assert finish(run, kill_at=2 * whole[1] // 3) == -signal.SIGKILL
    told = (run.path / "metrics.jsonl").read_bytes()
    assert told
    (run.path / "metrics.jsonl").write_bytes(left(told))
    assert finish(run) == 0, run.log_tail()
    assert (made(run), epochs(run)) == (made(whole[0]), epochs(whole[0]))


def test_a_run_killed_again_and_again_still_comes_to_the_same_end(whole: tuple[RunFolder, int]) -> None:
    undisturbed, writes = whole
    run = make_run(SPEC)
    for share in (0.4, 0.5, 0.3, 0.6, 0.2):
        assert finish(run, kill_at=round(writes * share)) == -signal.SIGKILL
    assert finish(run) == 0
    assert run.state().status == "finished"
    assert (epochs(run), made(run)) == (epochs(undisturbed), made(undisturbed))


@pytest.mark.slow
def test_kill_minus_9_at_random_moments_of_training_loses_the_running_epoch_at_most(phantoms) -> None:
    spec, rng, killed = SPEC.having(epochs=5 * KILLS), random.Random(9), 0
    alone, run = make_run(spec), make_run(spec)
    assert finish(alone) == 0, alone.log_tail()
    for _ in range(KILLS):
        known = len(run.metrics())
        worker = start(run)
        # it trains, and no longer starts, once it has told of an epoch that was not known
        wait_until(lambda w=worker, n=known: not w.is_alive() or len(run.metrics()) > n, run)
        time.sleep(rng.uniform(0, 0.2))
        worker.kill()
        worker.join()
        killed += worker.exitcode == -signal.SIGKILL
        assert epochs(run) == epochs(alone)[: len(run.metrics())], "what was told stays true"
        assert len(run.metrics()) >= known, "no epoch that was told of is lost"
        assert run.state().status in ("died", "finished", "queued")
    assert finish(run) == 0, run.log_tail()
    assert killed > KILLS // 2, f"{killed} of {KILLS} died while training: there were too few epochs"
    assert (made(run), epochs(run)) == (made(alone), epochs(alone))


def test_a_stop_keeps_the_best_epoch_and_resume_goes_on() -> None:
    run = make_run(SPEC.having(epochs=10_000, schedule="constant"))
    worker = start(run)
    wait_for(run, "running")
    wait_until(lambda: len(run.metrics()) >= 2, run)
    asked = runs.stop_run(run.id)
    assert asked.state.status in ("stopping", "stopped")
    worker.join(PATIENCE_S)
    state = run.state()
    assert (state.status, worker.exitcode) == ("stopped", 0)
    assert 2 <= state.epoch < 10_000
    best = max(r.epoch for r in run.metrics() if r.best)
    assert (state.message.code, state.message.params["best"]) == ("runs.ended", best)
    assert store.verify(run.result).origin.epochs == state.epoch
    with pytest.raises(Conflict, match="not running"):
        runs.stop_run(run.id)
    (run.path / "stop").unlink()  # what resuming does first
    short = SPEC.having(epochs=10_000, schedule="constant", patience=1)
    (run.path / "spec.json").write_text(short.to_json())
    assert finish(run) == 0
    assert run.state().status == "finished"
    assert run.state().message.code == "runs.ended-early"
    assert run.state().message.params["patience"] == 1


def test_a_stop_before_the_first_epoch_leaves_no_model() -> None:
    run = make_run(SPEC)
    run.request_stop()
    assert run.state().status == "stopped"
    assert finish(run) == 0
    assert run.state().status == "stopped"
    assert run.state().message.code == "runs.stopped-before-first"
    with pytest.raises(Conflict, match="no model yet"):
        run_results.publish_run(run.id)


def test_a_stop_before_a_resumed_run_goes_on_still_makes_its_best_epoch_a_model() -> None:
    run = make_run(SPEC.having(epochs=10_000, schedule="constant"))
    worker = start(run)
    wait_until(lambda: len(run.metrics()) >= 2, run)
    worker.kill()
    worker.join(PATIENCE_S)
    assert not run.result.exists()
    told = len(run.metrics())
    run.request_stop()
    assert finish(run) == 0, run.log_tail()
    reached = run.state().epoch
    assert reached in (told, told + 1), "an epoch killed between its checkpoint and its line in the metrics counts"
    assert (run.state().status, len(run.metrics())) == ("stopped", reached)
    assert store.verify(run.result).origin.epochs == reached
    with device.hold_device("cpu", "20260101T0000Z-abcd", print):
        assert finish(run) == 0
    assert run.state().status == "stopped"
    assert run.state().message == Note("runs.stopped-before-more", epoch=reached)


def test_the_second_worker_of_a_run_leaves_at_once() -> None:
    run = make_run(SPEC.having(epochs=10_000))
    first = start(run)
    wait_for(run, "running")
    second = start(run)
    second.join(PATIENCE_S)
    assert second.exitcode == 0
    assert "Another worker" in run.log_tail()
    assert first.is_alive()
    with pytest.raises(Conflict, match="Stop it first"):
        runs.delete_run(run.id)
    first.kill()
    first.join()
    runs.delete_run(run.id)
    with pytest.raises(BadSpec):
        runs.show_run(run.id)


def test_a_worker_waits_for_its_device_and_says_for_whom(whole: tuple[RunFolder, int]) -> None:
    run, stopped = make_run(SPEC), make_run(SPEC)
    with device.hold_device("cpu", "20260101T0000Z-abcd", print):
        workers = start(run), start(stopped)
        wait_for(run, "waiting")
        wait_for(stopped, "waiting")
        assert run.state().message == WAITS
        stopped.request_stop()
        workers[1].join(PATIENCE_S)
        assert stopped.state().status == "stopped"
        assert run.state().status == "waiting"
    workers[0].join(PATIENCE_S)
    assert run.state().status == "finished"
    assert made(run) == made(whole[0])
    assert (run.path / "log.txt").read_text().count(str(WAITS)) == 1, "once, not at every look"


def test_a_run_in_the_foreground_says_that_it_waits(phantoms) -> None:
    asked = [
        "train",
        "--data",
        *SPEC.data.collections,
        "--backbone",
        "simple_cnn",
        "--initial",
        "none",
        "--size-px",
        "32",
    ]
    with (
        device.hold_device("cpu", "20260101T0000Z-abcd", print),
        subprocess.Popen(
            [sys.executable, "-m", "medcls", *asked, "--device", "cpu"], stderr=subprocess.PIPE, text=True
        ) as run,
    ):
        said = any(str(WAITS) in line for line in run.stderr)
        run.kill()
    assert said


def test_as_many_runs_share_the_processor_as_are_let(monkeypatch: pytest.MonkeyPatch) -> None:
    assert device.devices_for("cpu") == ("cpu",)
    monkeypatch.setenv("MEDCLS_CPU_RUNS", "3")
    assert device.devices_for("cpu") == ("cpu", "cpu:1", "cpu:2")
    monkeypatch.setenv("MEDCLS_CPU_RUNS", "many")
    with pytest.raises(Conflict, match="many"):
        device.devices_for("cpu")


def test_files_that_may_not_grow_pause_the_run_and_room_lets_it_go_on(whole: tuple[RunFolder, int]) -> None:
    killed, run = make_run(SPEC), make_run(SPEC)
    assert finish(killed, kill_at=round(0.9 * whole[1])) == -signal.SIGKILL
    size = (killed.path / "checkpoint" / "last.pt").stat().st_size
    assert finish(run, most_bytes=size - 1000) == 1
    state = run.state()
    assert state.status == "paused", run.log_tail()
    assert state.message.code == "runs.disk-full"
    assert finish(run) == 0
    assert (epochs(run), made(run)) == (epochs(whole[0]), made(whole[0]))


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A file system of 8 MB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], capture_output=True)
    if done.returncode:
        pytest.skip("this user may not mount a file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_pauses_the_run_with_its_last_checkpoint_whole(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDCLS_HOME", str(disk))
    add_phantoms(tmp_path / "scans")
    long = SPEC.having(epochs=5000, schedule="constant")
    run = make_run(long)
    worker = start(run)
    wait_until(lambda: len(run.metrics()) >= 2, run)
    fill(disk / "ballast")
    worker.join(PATIENCE_S)
    state = run.state()
    assert state.status == "paused", run.log_tail()
    assert state.message.code == "runs.disk-full"
    reached = len(run.metrics())
    assert 2 <= reached < 5000
    assert json.loads((run.path / "state.json").read_text())["status"] == "paused", "the last word found room"
    (disk / "ballast").unlink()
    (run.path / "spec.json").write_text(long.having(epochs=reached + 1).to_json())
    assert finish(run) == 0, run.log_tail()
    assert [r.epoch for r in run.metrics()] == list(range(1, reached + 2))
    fresh = make_run(long.having(epochs=reached + 1))
    assert finish(fresh) == 0
    assert (epochs(run), made(run)) == (epochs(fresh), made(fresh))


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def test_a_home_that_cannot_be_written_shows_its_runs_and_starts_none(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDCLS_HOME", str(disk))
    run = make_run(SPEC)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert [view.id for view in runs.list_runs()] == [run.id]
    assert runs.show_run(run.id).state.status == "queued"
    for attempt in (lambda: make_run(SPEC), lambda: runs.resume_run(run.id)):
        with pytest.raises(Conflict, match=r"Read-only file system.*MEDCLS_HOME"):
            attempt()


def test_what_cannot_be_is_failed_with_its_sentence() -> None:
    run = make_run(SPEC.having(freeze="no-such-layer"))
    assert finish(run) == 1
    state = run.state()
    assert state.status == "failed"
    assert state.message.code == "nets.unknown-freeze"
    gone = make_run(SPEC.having(collections=("gone",)))
    assert finish(gone) == 1
    assert gone.state().status == "failed"


def test_a_locked_run_that_says_nothing_may_hang(whole: tuple[RunFolder, int]) -> None:
    run = make_run(SPEC)
    with held(run):
        assert runs.show_run(run.id).state.status == "preparing"
        (run.path / "state.json").write_text(
            whole[0].path.joinpath("state.json").read_text().replace("finished", "running")
        )
        assert not runs.show_run(run.id).may_hang
        old = time.time() - 3600
        os.utime(run.path / "state.json", (old, old))
        assert runs.show_run(run.id).may_hang
    assert not lock.is_locked(run.path / "lock")
