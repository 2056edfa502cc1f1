"""Reproducing the seed projects: every system a row, each run once, changes said."""

import contextlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from medcls.core.note import Note
from medcls.core.run import EpochResult
from medcls.data.collections import add_collection, open_collection
from medcls.data.splits import read_split
from medcls.errors import BadData, BadModel
from medcls.imaging.phantom import phantom
from medcls.models import store
from medcls.reproduction.means import Clock, Means, adapt
from medcls.reproduction.recipes import RECIPES
from medcls.reproduction.reproduce import forget, reproduce
from medcls.reproduction.table import Row, describe_page, folder, read_row, read_rows, systems
from medcls.runs.folder import open_run
from medcls.runs.make import Follow
from medcls.workflows import run_results, runs
from medcls.workflows.search import list_searches, show_search
from medcls.workflows.train import train

SMALL = "idc-cancernet-thinnest"
MEANS = Means(max_px=32, max_epochs=1)


@pytest.fixture
def patches(tmp_path):
    """Patches for IDC, and the same kind of picture with other labels in the place of BreakHis."""
    for name, labels, task in (
        ("patches", {"no-idc": "no-idc", "idc": "idc"}, "breast-histology-idc"),
        ("fields", {"benign": "no-idc", "malignant": "idc"}, None),
    ):
        for label, looks in labels.items():
            (tmp_path / name / label).mkdir(parents=True)
            for seed in range(12):
                picture = phantom("breast-histology-idc", looks, seed + 100 * (name == "fields"))
                (tmp_path / name / label / f"{seed}.png").write_bytes(picture)
        add_collection(tmp_path / name, name, task_id=task)
    return {"breast-histology-idc": "patches", "breakhis": "fields"}


def test_a_system_runs_once_and_its_row_stays(patches):
    first = list(reproduce(patches, MEANS, [SMALL]))
    assert first[0].error is None
    assert first[0].changes == (
        Note("reproduction.smaller", size=32, asked=50),
        Note("reproduction.fewer-epochs", n=1),
    )
    assert (first[0].epochs, first[0].epochs_asked) == (1, 40)
    assert first[0].scores["accuracy"].n > 0
    again = list(reproduce(patches, MEANS, [SMALL]))
    assert again[0].to_json() == first[0].to_json()
    assert len(runs.list_runs()) == 1
    forget([SMALL])
    assert read_row(SMALL) is None


def test_a_row_lost_or_damaged_is_made_from_its_run(patches):
    first, path = next(reproduce(patches, MEANS, [SMALL])), folder() / f"{SMALL}.json"
    path.unlink()
    assert next(reproduce(patches, MEANS, [SMALL])).to_json() == first.to_json()
    path.write_bytes(path.read_bytes()[:40])
    assert next(reproduce(patches, MEANS, [SMALL])).to_json() == first.to_json()
    path.unlink()
    path.mkdir()
    assert next(reproduce(patches, MEANS, [SMALL])).to_json() == first.to_json()
    assert len(runs.list_runs()) == 1


def test_a_system_that_is_stopped_gets_no_row_and_is_gone_on_with(patches):
    epochs = []
    stop = Follow(should_stop=lambda: len(epochs) == 2, on_epoch=epochs.append)
    means = Means(max_px=32, max_epochs=4)
    assert list(reproduce(patches, means, [SMALL], stop)) == []
    assert read_row(SMALL) is None
    (row,) = reproduce(patches, means, [SMALL])
    assert row.epochs == 4
    assert len(runs.list_runs()) == 1


def test_time_stops_training_after_a_whole_epoch_and_never_counts_reading(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("medcls.reproduction.means.time.monotonic", lambda: now[0])
    clock = Clock(60.0, Follow())
    follow = clock.follow()
    now[0] += 500  # reading
    assert not follow.should_stop()
    follow.on_step(1, 2)
    now[0] += 61
    assert not follow.should_stop()
    follow.on_epoch(EpochResult(1, 61.0, 0.1, {}, {}, True))
    assert follow.should_stop()
    goes_on = Clock(60.0, Follow())
    goes_on.follow().on_epoch(EpochResult(3, 59.0, 0.1, {}, {}, True))  # of the checkpoint
    goes_on.follow().on_step(1, 2)
    now[0] += 2
    assert goes_on.follow().should_stop()


def test_time_that_is_up_is_said_in_the_row(patches):
    (row,) = reproduce(patches, Means(max_px=32, minutes=1e-6), [SMALL])
    assert row.epochs < 40
    assert Note("reproduction.stopped", spent=Note("reproduction.seconds", n=0)) in row.changes


def test_fewer_cases_teach_and_all_test(patches):
    whole = next(reproduce(patches, MEANS, [SMALL]))
    forget([SMALL])
    row = next(reproduce(patches, replace(MEANS, max_cases=8), [SMALL]))
    n_train = len(read_split(open_collection("patches"), "auto").parts["train"])
    assert Note("reproduction.fewer-cases", n=8, of=n_train) in row.changes
    assert row.n_cases == whole.n_cases
    assert open_run(row.run).data_seen().counts == {"train": 8, "validate": 2, "test": whole.n_cases}


def test_a_chain_carries_out_its_first_step(patches):
    (row,) = reproduce(patches, MEANS, ["idc-breakhis-first"])
    assert row.error is None
    assert Note("reproduction.starts-from", model="breakhis-cancernet") in row.changes
    first = read_row("breakhis-cancernet")
    assert first.collection == "fields"
    assert store.read_card("breakhis-cancernet").origin.run == first.run
    assert store.read_seen("breakhis-cancernet") < store.read_seen(open_run(row.run).result)


def test_a_chain_whose_first_step_failed_says_so(patches):
    broken = {**patches, "breakhis": "nowhere"}
    (row,) = reproduce(broken, MEANS, ["idc-breakhis-first"])
    assert row.error == Note("reproduction.no-model-to-start-from", recipe="breakhis-cancernet")
    assert read_row("breakhis-cancernet").error.params["found"] == "nowhere"
    assert "**failed**" in describe_page(read_rows())


@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if recipe.search])
def test_a_search_gives_its_best_trial(patches, name):
    (row,) = reproduce(patches, replace(MEANS, max_trials=2), [name])
    assert row.error is None
    assert [
        n.params["n"] for n in row.changes if n.code == "reproduction.best-trial" and "lr 0." in n.params["found"]
    ] == [2]
    assert open_run(row.run).spec().recipe == name
    made = len(runs.list_runs())
    (folder() / f"{name}.json").unlink()
    next(reproduce(patches, replace(MEANS, max_trials=2), [name]))
    assert len(runs.list_runs()) == made


def test_maps_are_drawn_and_tested(patches, tmp_path):
    (row,) = reproduce(patches, replace(MEANS, imagenet=tmp_path), ["idc-activation-maps"])
    assert row.error is None
    pictures = list((folder() / "idc-activation-maps").glob("*.png"))
    assert pictures
    assert [note.params["n"] for note in row.notes if note.code == "reproduction.drawn"] == [len(pictures)]


def test_what_another_process_works_on_is_left_to_it(patches):
    held = folder() / f"{SMALL}.lock"
    held.parent.mkdir(parents=True)
    code = "import sys; from pathlib import Path; from medcls.runs import lock\nwith lock.hold(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    with contextlib.ExitStack() as stack:
        other = subprocess.Popen(
            [sys.executable, "-c", code, held], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        stack.callback(other.kill)
        assert other.stdout.readline() == "held\n"
        rows = reproduce(patches, MEANS, [SMALL, "idc-cancernet-kernel5"])
        assert next(rows).recipe == "idc-cancernet-kernel5"
        other.communicate("")
        assert next(rows).recipe == SMALL  # given up by the other, so done here


def test_the_page_leaves_no_system_out(patches):
    list(reproduce(patches, MEANS, [SMALL]))
    text = describe_page(read_rows())
    for name in systems():
        assert f"| `{name}`: " in text
    assert text.count("not run yet") == len(systems()) - 1
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1


def test_the_best_model_of_today_stands_under_its_rivals(patches):
    (row,) = reproduce(patches, MEANS, [SMALL])
    assert row.best is None
    run_results.publish_run(row.run, model_id="todays-best")
    (again,) = read_rows()
    assert again.best.model == "todays-best"
    assert again.best.scores["auroc"] == row.scores["auroc"]
    assert "| **best of today: `todays-best`** |" in describe_page([again])


def test_what_a_machine_cannot_afford_is_changed_and_said(tmp_path):
    (tmp_path / "vgg16.safetensors").touch()
    spec, changes = adapt("melanoma-vgg16-frozen", "skin", Means(max_px=128, max_epochs=5, imagenet=tmp_path))
    assert (spec.data.size_px, spec.optimisation.epochs, Path(spec.network.initial).name, spec.network.freeze) == (
        128,
        5,
        "vgg16.safetensors",
        "backbone",
    )
    assert [note.code for note in changes] == ["reproduction.smaller", "reproduction.fewer-epochs"]
    spec, changes = adapt("melanoma-densenet121-frozen", "skin", Means(imagenet=tmp_path))
    assert (spec.network.initial, spec.network.freeze) == ("none", "")
    assert Note("reproduction.nothing-frozen") in changes
    spec, changes = adapt("idc-inception-smoothed", "idc", Means(max_px=50))
    assert (spec.data.size_px, changes) == (75, ())


def test_a_task_without_data_is_said():
    with pytest.raises(BadData, match="skin-melanoma"):
        next(reproduce({}, MEANS, ["melanoma-vgg16-frozen"]))
    with pytest.raises(BadData, match="breakhis=COLLECTION"):
        next(reproduce({}, MEANS, ["breakhis-mobilenet"]))


def test_train_says_which_model_a_chain_lacks_and_then_starts_from_it(patches):
    spec = adapt("idc-breakhis-first", "patches", MEANS)[0].having(name="")
    with pytest.raises(
        BadModel, match="train --recipe breakhis-cancernet --data breakhis --publish breakhis-cancernet"
    ):
        train(spec)
    first, _ = train(adapt("breakhis-cancernet", "fields", MEANS)[0])
    run_results.publish_run(first, model_id="breakhis-cancernet")
    _, card = train(spec)
    assert Note("nets.initial-of-model", model="breakhis-cancernet") in card.origin.initial.params["told"]


def test_train_carries_out_a_recipe_that_is_a_search(patches, monkeypatch):
    monkeypatch.setattr("medcls.workflows.train._TRIALS", 2)
    run, card = train(adapt("idc-cancernet-search-adagrad", "patches", MEANS)[0])
    assert len(runs.list_runs()) == 2
    assert card.origin.run == run
    (name,) = list_searches()
    assert show_search(name).best.run == run


def test_a_row_of_schema_1_is_read():
    old = {
        "recipe": SMALL,
        "reported": "",
        "run": "r",
        "changes": ["half the epochs"],
        "notes": [],
        "error": "",
        "schema": 1,
    }
    row = Row.from_dict(old)
    assert (row.error, [note.params["text"] for note in row.changes]) == (None, ["half the epochs"])
    failed = Row.from_dict(old | {"error": "no disk"})
    assert Row.from_dict(failed.to_dict()).error.params["text"] == "no disk"
