"""The protocol of a run's folder, without any worker."""

import json
import math
from pathlib import Path

import pytest

from medcls import home
from medcls.core.data_seen import DataSeen
from medcls.core.note import Note
from medcls.core.run import EpochResult, RunSpec, RunState
from medcls.disk import write_atomically
from medcls.errors import BadSpec, Conflict
from medcls.runs import folder as folders
from medcls.runs.folder import list_runs, make_run, open_run
from medcls.runs.writer import RunWriter


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDCLS_HOME", str(tmp_path))


def result(epoch: int) -> EpochResult:
    return EpochResult(epoch, 1.5 * epoch, 1e-3, {"loss": 0.5}, {"loss": math.nan, "auroc": 0.75}, best=epoch == 1)


def test_a_run_that_was_made_is_queued_and_listed() -> None:
    run = make_run(RunSpec.of(name="first"))
    assert list_runs() == (run,)
    assert run.spec() == RunSpec.of(name="first")
    assert run.state().status == "queued"
    assert run.metrics() == ()
    assert run.log_tail() == ""
    assert run.data_seen() is None
    assert not [p for p in home.runs().iterdir() if p.name.startswith(".")], "nothing half-made is left"


def test_a_state_that_is_not_at_rest_and_unlocked_is_died() -> None:
    run = make_run(RunSpec())
    writer = RunWriter.begin(run, epochs=5)
    writer.say("running", Note("runs.epoch", epoch=3), epoch=2, step=4)
    state = run.state()
    assert state.status == "died"
    assert state.message == Note("runs.died", epoch=3)
    assert json.loads((run.path / "state.json").read_text())["status"] == "running", "died is never written"


@pytest.mark.parametrize("status", folders.AT_REST)
def test_a_state_at_rest_is_believed(status: str) -> None:
    run = make_run(RunSpec())
    RunWriter.begin(run, epochs=5).say(status, Note("runs.interrupted"))
    assert (run.state().status, run.state().message) == (status, Note("runs.interrupted"))


def test_what_is_not_given_stays_from_one_word_to_the_next() -> None:
    run = make_run(RunSpec())
    RunWriter.begin(run, epochs=5).say("running", epoch=2, best_epoch=1, best_score=0.8, elapsed_s=3.5)
    RunWriter.begin(run, epochs=5).say("preparing", Note("runs.starts"))
    said = RunState.from_json((run.path / "state.json").read_bytes())
    assert (said.epoch, said.best_epoch, said.best_score, said.elapsed_s, said.epochs) == (2, 1, 0.8, 3.5, 5)


def test_epochs_come_back_with_nan_and_a_half_line_is_left_for_later() -> None:
    run = make_run(RunSpec())
    writer = RunWriter.begin(run, epochs=5)
    writer.append(result(1))
    writer.append(result(2))
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 3, "elaps')
    seen = run.metrics()
    assert [r.epoch for r in seen] == [1, 2]
    assert math.isnan(seen[0].validate["loss"])
    writer.rewrite([result(1)])
    assert [r.epoch for r in run.metrics()] == [1]


def test_a_failed_replacement_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    write_atomically(target, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_name_changes_and_the_spec_does_not() -> None:
    run = make_run(RunSpec.of(name="first"))
    before = (run.path / "spec.json").read_bytes()
    assert run.name() == "first"
    run.rename("  Größe 224, Lauf zwei ")
    assert run.name() == "Größe 224, Lauf zwei"
    assert (run.path / "spec.json").read_bytes() == before
    run.rename("")
    assert run.name() == "first"
    assert make_run(RunSpec.of(backbone="vgg16", collections=("a", "b"))).name() == "vgg16 on a, b"
    for bad in ("a\nb", "x" * 201, "nul\0"):
        with pytest.raises(BadSpec):
            run.rename(bad)


def test_a_run_opens_by_the_beginning_of_its_id() -> None:
    runs = [make_run(RunSpec()) for _ in range(3)]
    assert open_run(runs[0].id) == runs[0]
    only = runs[1].id
    if sum(r.id.startswith(only[:-1]) for r in runs) == 1:
        assert open_run(only[:-1]) == runs[1]
    with pytest.raises(BadSpec, match="Several"):
        open_run(runs[0].id[:4])
    for bad in ("", "../x", "nothing", "/", ".", "x" * 300):
        with pytest.raises(BadSpec):
            open_run(bad)


def test_deleting_takes_the_whole_folder() -> None:
    run = make_run(RunSpec())
    (run.path / "checkpoint").mkdir()
    (run.path / "checkpoint" / "x").write_bytes(b"1")
    run.delete()
    assert list_runs() == ()
    assert list(home.runs().iterdir()) == []


def test_a_foreign_or_broken_folder_is_no_run() -> None:
    (home.runs() / "notes").mkdir(parents=True)
    (home.runs() / ".hidden").mkdir()
    assert list_runs() == ()
    run = make_run(RunSpec())
    (run.path / "spec.json").write_text('{"backbone": 3}')
    with pytest.raises(BadSpec, match=run.id):
        run.spec()
    (run.path / "state.json").write_text("{")
    assert run.state().status == "died", "a state that cannot be read locks nothing"
    assert run.state().message.code == "runs.state-unreadable"
    assert run.state().message.params["error"].code == "core.no-json"


def test_a_state_of_schema_1_is_read_with_its_sentence() -> None:
    plain = RunState("stopped").to_dict() | {"schema": 1}
    assert str(RunState.from_dict(plain | {"message": "as asked"}).message) == "as asked"
    assert RunState.from_dict(plain | {"message": ""}).message is None


def test_data_seen_of_schema_1_is_read_with_its_sentence() -> None:
    plain = DataSeen({"a": "f"}, (), {"train": 3}, "t", ("x", "y")).to_dict() | {
        "schema": 1,
        "split": "a split by group",
    }
    seen = DataSeen.from_dict(plain)
    assert ([str(note) for note in seen.split], seen.schema) == (["a split by group"], 2)
    assert DataSeen.from_dict(seen.to_dict()) == seen


def test_a_home_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("MEDCLS_HOME", str(blocked))
    with pytest.raises(Conflict, match="MEDCLS_HOME"):
        make_run(RunSpec())
    assert list_runs() == ()


def test_log_tail_gives_the_end_and_survives_broken_text() -> None:
    run = make_run(RunSpec())
    (run.path / "log.txt").write_bytes(b"\xff\xfe" + b"".join(b"line %d\n" % i for i in range(10_000)))
    assert run.log_tail(2) == "line 9998\nline 9999"
