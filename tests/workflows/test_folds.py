"""Cross-validation: every case answered by the one network that never saw it, pooled, published and measured again."""

import json
from dataclasses import replace

import numpy as np
import pytest

from medcls import store
from medcls.classifier import Classifier
from medcls.cli import main
from medcls.core.run import RunSpec
from medcls.data.collections import add_collection, open_collection, remove_collection
from medcls.data.splits import read_split
from medcls.errors import BadData, BadSplit, Conflict
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.runs.folder import list_runs, make_run, open_run
from medcls.runs.make import Follow
from medcls.workflows import compare, exchange, folds
from medcls.workflows.data_split import split_collection
from medcls.workflows.evaluate import evaluate
from medcls.workflows.train import train

SPEC = RunSpec(
    name="three", backbone="simple_cnn", initial="none", collections=("patches",), split="three-folds", size_px=32,
    epochs=1, batch_size=8,
)  # fmt: skip


@pytest.fixture
def patches(tmp_path):
    for label in ("no-idc", "idc"):
        inside = tmp_path / "patches" / label
        inside.mkdir(parents=True)
        for seed in range(12):
            (inside / f"{seed}.png").write_bytes(phantom("breast-histology-idc", label, seed))
    add_collection(tmp_path / "patches", "patches", task_id="breast-histology-idc")
    split_collection("patches", "three-folds", folds=3)
    return open_collection("patches")


@pytest.fixture
def found(patches):
    return folds.train_folds(SPEC)


def test_every_case_is_answered_by_the_network_that_never_saw_it(found, patches):
    assert found.missing == ()
    evaluation, cases = folds.pool_folds(found)
    assert sorted(cases.case.tolist()) == sorted(f"patches/{case.id}" for case in patches.cases)
    split = read_split(patches, "three-folds")
    for fold, run in found.runs.items():
        mine = {f"patches/{i}" for i in split.parts[f"fold-{fold}"]}
        own = store.read_cases(open_run(run).result)
        said = dict(zip(cases.case.tolist(), cases.prob, strict=True))
        assert {f"patches/{case}" for case in own.case.tolist()} == mine
        np.testing.assert_array_equal([said[f"patches/{case}"] for case in own.case.tolist()], own.prob)
    right = float((cases.prob.argmax(1) == cases.truth).mean())
    assert evaluation.scores["accuracy"].value == pytest.approx(right)
    assert evaluation.n_cases == len(patches.cases)


def test_it_goes_on_where_it_stopped(patches):
    stopped = False

    def on_epoch(result):
        nonlocal stopped
        stopped = True

    part = folds.train_folds(SPEC, Follow(should_stop=lambda: stopped, on_epoch=on_epoch))
    assert len(part.missing) in (2, 3)  # asked to stop after the first fold's only epoch
    with pytest.raises(BadData, match="cannot be pooled yet"):
        folds.pool_folds(part)
    before = {run.id for run in list_runs()}
    whole = folds.train_folds(SPEC)
    assert whole.missing == ()
    assert before <= set(whole.runs.values())
    assert len(list_runs()) == 3
    again = folds.train_folds(replace(SPEC, name="another name"))
    assert again.runs == whole.runs
    assert len(list_runs()) == 3
    assert folds.find_folds(whole.runs[1]).runs == whole.runs


def test_in_the_background_only_what_is_left_is_started(patches, monkeypatch):
    asked = []
    monkeypatch.setattr(folds, "start_run", lambda spec: asked.append(("start", spec.fold)))
    monkeypatch.setattr(folds, "resume_run", lambda run: asked.append(("resume", open_run(run).spec().fold)))
    train(replace(SPEC, fold=1))
    make_run(replace(SPEC, fold=2))  # made, and its worker never came up
    folds.start_folds(SPEC)
    assert asked == [("start", 0), ("resume", 2)]
    folds.train_folds(SPEC)
    with pytest.raises(Conflict, match="3 of 3 folds finished"):
        folds.start_folds(SPEC)


def test_runs_of_other_knobs_or_of_other_contents_do_not_belong(found, patches, tmp_path):
    other = folds.train_folds(replace(SPEC, seed=1))
    assert not set(other.runs.values()) & set(found.runs.values())
    (tmp_path / "patches" / "idc" / "new.png").write_bytes(phantom("breast-histology-idc", "idc", 99))
    remove_collection("patches")
    add_collection(tmp_path / "patches", "patches", task_id="breast-histology-idc")
    split_collection("patches", "three-folds", folds=3)
    assert folds.find_folds(found.runs[0]).missing == (0, 1, 2)


def test_the_mean_is_published_with_what_the_folds_give_and_evaluates_to_it_again(found, tmp_path):
    card = folds.publish_folds(found, "Patches, three folds")
    assert (card.folds, len(card.members)) == (3, 3)
    assert [c.id for c in store.list_cards()] == [card.id]  # the networks of the folds are not offered one by one
    pooled = folds.pool_folds(found)[1]
    assert store.read_cases(card.id).case.tolist() == pooled.case.tolist()
    evaluation, cases = evaluate(card.id, ("patches",))
    order = {case: i for i, case in enumerate(pooled.case.tolist())}
    rows = [order[f"patches/{case}"] for case in cases.case.tolist()]
    assert sorted(rows) == list(range(len(pooled)))
    np.testing.assert_allclose(cases.prob, pooled.prob[rows], atol=1e-5)
    assert any("answered by those of the 3 networks that never saw it" in note for note in evaluation.notes)
    assert evaluation.scores["auroc"].value == pytest.approx(store.read_evaluation(card.id).scores["auroc"].value)
    scan = read_scan(phantom("breast-histology-idc", "idc", 500))
    each = [Classifier.open(member).predict(scan).prob for member in card.members]
    np.testing.assert_allclose(Classifier.open(card.id).predict(scan).prob, np.mean(each, axis=0), rtol=1e-9)
    whole, _ = evaluate(card.id, ("patches",), "all")
    assert any("these scores flatter it" in note for note in whole.notes) or whole.n_cases == len(pooled)


def test_two_cross_validations_are_compared_on_every_case(found):
    first = folds.publish_folds(found, "Seed 0")
    second = folds.publish_folds(folds.train_folds(replace(SPEC, seed=1)), "Seed 1")
    comparison = compare.compare_stored([first.id, second.id], resamples=50)
    assert len(comparison.first) == 24


def test_what_cannot_be_published_leaves_nothing_behind(found, monkeypatch):
    folds.publish_folds(found, "Taken", "taken")
    before = {card.id for card in store.list_cards(retired=True)}
    assert before == {"taken", "taken-0", "taken-1", "taken-2"}
    with pytest.raises(Conflict, match="taken"):
        folds.publish_folds(found, "Taken", "taken")

    def full(*_, **__):
        raise Conflict("The disk is full")

    monkeypatch.setattr(folds, "publish_mean", full)
    with pytest.raises(Conflict, match="full"):
        folds.publish_folds(found, "Another")
    assert {card.id for card in store.list_cards(retired=True)} == before


def test_a_split_without_folds_is_refused(patches):
    for spec in (replace(SPEC, split="auto"), replace(SPEC, split="gone")):
        with pytest.raises(BadSplit):
            folds.train_folds(spec)
    run, _ = train(replace(SPEC, split="auto"))
    assert folds.find_folds(run) is None


def test_the_command_line_trains_pools_and_publishes(patches, tmp_path, capsys):
    knobs = ["--backbone", "simple_cnn", "--initial", "none", "--split", "three-folds", "--size-px", "32",
             "--epochs", "1", "--batch-size", "8"]  # fmt: skip
    assert main(["train", "--data", "patches", "--all-folds", "--publish", "pooled", "--json", *knobs]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["n_cases"] == 24
    run = list_runs()[0].id
    assert main(["runs", "pool", run, "--out", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scores"] == told["scores"]
    assert (tmp_path / "out" / "cases.csv").is_file()
    assert main(["runs", "publish", run, "--all-folds", "--name", "Again", "--json"]) == 0
    assert store.read_card(json.loads(capsys.readouterr().out)["model"]).folds == 3
    assert main(["train", "--data", "patches", "--all-folds", "--split", "auto"]) == 2
    assert "needs a split with folds" in capsys.readouterr().err


def test_it_travels_with_the_networks_of_its_folds(found, tmp_path, monkeypatch):
    card = folds.publish_folds(found, "Folds", "folds")
    archive = tmp_path / "folds.zip"
    exchange.export_model(card.id, archive)
    monkeypatch.setenv("MEDCLS_HOME", str(tmp_path / "elsewhere"))
    exchange.import_model(archive)
    assert [(c.id, c.folds) for c in store.list_cards()] == [("folds", 3)]
    assert len(store.list_cards(retired=True)) == 4
    scan = read_scan(phantom("breast-histology-idc", "idc", 500))
    assert len(Classifier.open("folds").predict(scan).prob) == 2
