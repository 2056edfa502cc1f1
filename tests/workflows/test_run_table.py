"""Runs as a table: what differs, what belongs together, what was said of them."""

import os

import pytest

from medcls import audit
from medcls.core.data_seen import DataSeen
from medcls.core.note import Note
from medcls.core.run import RunSpec
from medcls.errors import BadSpec
from medcls.runs.about import read_about, write_about
from medcls.runs.folder import RunFolder, make_run
from medcls.runs.search_spec import SearchSpec, parse_range, write_search
from medcls.runs.writer import RunWriter
from medcls.workflows import run_table, runs


def make(**values: object) -> RunFolder:
    return make_run(RunSpec.of(collections=("phantoms",), **values))


def test_only_settings_that_differ_are_named(home) -> None:
    make(name="a", lr=0.1)
    make(name="b", lr=0.01, dropout=0.5)
    views = [line.view for line in run_table.list_lines()]
    assert run_table.differing(views) == ("dropout", "lr")
    assert run_table.differing(views[:1]) == ()


def test_folds_of_one_split_stand_together_and_others_apart(home) -> None:
    seen = DataSeen(
        {"phantoms": "f"}, (Note("data.split-by-group", name="phantoms"),), {"train": 3}, "t", ("a", "b"), {}, 3
    )
    for fold in range(3):
        RunWriter.begin(make(name=f"cross, fold {fold}", split="three", fold=fold), 1).saw(seen)
    alone = make(name="alone")
    grouped = run_table.groups(run_table.list_lines(), "folds")
    assert {title: len(some) for title, some in grouped.items()} == {"cross": 3, "": 1}
    assert grouped[""][0].view.id == alone.id
    assert list(run_table.groups(run_table.list_lines(), "")) == [""]


def test_a_trial_is_known_by_its_search(home) -> None:
    base = RunSpec.of(collections=("phantoms",))
    write_search(SearchSpec("hunt", base, dict([parse_range("lr=1e-4..1e-1:log")])))
    make(name="hunt 3", lr=0.02)
    make(name="hunt 4", lr=0.02, dropout=0.7)  # named alike, but no variation of the search's base
    grouped = run_table.groups(run_table.list_lines(), "search")
    assert [line.view.name for line in grouped["hunt"]] == ["hunt 3"]
    assert [line.view.name for line in grouped[""]] == ["hunt 4"]


def test_tags_and_a_note_are_kept_and_bounded(home) -> None:
    run = make(name="a")
    run_table.describe_run(run.id, (" good ", "", "good", "paper"), " as in the text ")
    (line,) = run_table.list_lines()
    assert (line.about.tags, line.about.note) == (("good", "paper"), "as in the text")
    with pytest.raises(BadSpec) as error:
        write_about(run, tuple(map(str, range(21))), "")
    assert error.value.code == "runs.wrong-tags"
    with pytest.raises(BadSpec) as error:
        write_about(run, (), "x" * 2001)
    assert error.value.code == "runs.long-note"
    (run.path / "about.json").write_text("{")
    assert read_about(run).tags == ()


def test_a_run_without_a_result_has_no_score(home) -> None:
    make(name="a")
    (line,) = run_table.list_lines()
    assert line.tested is None
    assert line.curve == ()
    assert line.began.tzinfo is not None


def test_a_run_deleted_meanwhile_is_left_out(home, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, gone = make(name="kept"), make(name="gone")
    views = runs.list_runs()
    runs.delete_run(gone.id)
    monkeypatch.setattr(run_table, "list_runs", lambda: views)
    assert [line.view.id for line in run_table.list_lines()] == [kept.id]


def test_a_run_whose_name_tells_no_time_began_when_its_spec_was_written(home) -> None:
    run = make(name="a")
    moved = run.path.rename(run.path.with_name("from-elsewhere"))
    os.utime(moved / "spec.json", (1_700_000_000, 1_700_000_000))
    (line,) = run_table.list_lines()
    assert (line.view.id, line.began.timestamp()) == ("from-elsewhere", 1_700_000_000)


def test_describing_a_run_is_written_to_the_trail_without_what_was_said(home) -> None:
    run = make(name="a")
    run_table.describe_run(run.id, ("paper",), "of Kim Minsu")
    (line,) = audit.lines()
    assert (line.what, line.outcome, line.facts) == ("run.describe", "done", {"run_id": run.id})
