"""Reproducing the seed projects: every system a row, each run once, changes said."""

from pathlib import Path

import pytest

from medcls.data.collections import add_collection
from medcls.errors import BadData
from medcls.imaging.phantom import phantom
from medcls.workflows import runs
from medcls.workflows.reproduce import Means, adapt, describe_rows, forget, read_row, reproduce, systems

SMALL = "idc-cancernet-thinnest"
MEANS = Means(max_px=32, max_epochs=1)


@pytest.fixture
def patches(tmp_path):
    for label in ("no-idc", "idc"):
        folder = tmp_path / "patches" / label
        folder.mkdir(parents=True)
        for seed in range(12):
            (folder / f"{seed}.png").write_bytes(phantom("breast-histology-idc", label, seed))
    add_collection(tmp_path / "patches", "patches", task_id="breast-histology-idc")
    return {"breast-histology-idc": "patches"}


def test_a_system_runs_once_and_its_row_stays(patches):
    first = list(reproduce(patches, MEANS, [SMALL]))
    assert first[0].error == ""
    assert first[0].changes == ("32 px instead of 50", "at most 1 epochs instead of 40")
    assert (first[0].epochs, first[0].epochs_asked) == (1, 40)
    assert first[0].scores["accuracy"].n > 0
    again = list(reproduce(patches, MEANS, [SMALL]))
    assert again[0].to_json() == first[0].to_json()
    assert len(runs.list_runs()) == 1
    forget([SMALL])
    assert read_row(SMALL) is None


def test_a_row_lost_before_it_was_written_is_made_from_its_run(patches, home):
    first = next(reproduce(patches, MEANS, [SMALL]))
    (home / "reproduction" / f"{SMALL}.json").unlink()
    assert next(reproduce(patches, MEANS, [SMALL])).to_json() == first.to_json()
    assert len(runs.list_runs()) == 1


def test_the_table_leaves_no_system_out(patches):
    rows = list(reproduce(patches, MEANS, [SMALL]))
    text = describe_rows(rows)
    for name in systems():
        assert f"| {name} |" in text
    assert text.count("not run yet") == len(systems()) - 1
    assert len({line.count("|") for line in text.splitlines()}) == 1


def test_what_a_machine_cannot_afford_is_changed_and_said(tmp_path):
    (tmp_path / "vgg16.safetensors").touch()
    spec, changes = adapt("melanoma-vgg16-frozen", "skin", Means(max_px=128, max_epochs=5, imagenet=tmp_path))
    assert (spec.size_px, spec.epochs, Path(spec.initial).name, spec.freeze) == (
        128,
        5,
        "vgg16.safetensors",
        "backbone",
    )
    assert len(changes) == 3
    spec, changes = adapt("melanoma-densenet121-frozen", "skin", Means(imagenet=tmp_path))
    assert (spec.initial, spec.freeze) == ("none", "")
    assert any("nothing frozen" in change for change in changes)


def test_a_task_without_data_is_said():
    with pytest.raises(BadData, match="skin-melanoma"):
        next(reproduce({}, MEANS, ["melanoma-vgg16-frozen"]))
