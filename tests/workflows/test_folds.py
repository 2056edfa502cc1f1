"""Cross-validation: every case answered by the one network that never saw it, pooled, published and measured again."""

import json
import shutil

import numpy as np
import pytest

from medcls.cli import main
from medcls.core.note import Note
from medcls.core.run import RunSpec
from medcls.data.collections import add_collection, open_collection, remove_collection
from medcls.data.splits import read_split
from medcls.errors import BadData, BadSplit, Conflict
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.models import store
from medcls.models.opening import open_model
from medcls.runs.folder import list_runs, make_run, open_run
from medcls.runs.make import Follow
from medcls.runs.worker import work
from medcls.workflows import compare, exchange, fold_results, folds
from medcls.workflows.ablation import ablate
from medcls.workflows.data_split import list_shared_splits, split_collection, take_split
from medcls.workflows.evaluate import evaluate
from medcls.workflows.train import train

SPEC = RunSpec.of(
    name="three",
    backbone="simple_cnn",
    initial="none",
    collections=("patches",),
    split="three-folds",
    size_px=32,
    epochs=1,
    batch_size=8,
)


@pytest.fixture(scope="module")
def split_home(tmp_path_factory):
    """A home with 24 patches, split into three folds."""
    place = tmp_path_factory.mktemp("folds")
    for label in ("no-idc", "idc"):
        inside = place / "patches" / label
        inside.mkdir(parents=True)
        for seed in range(12):
            (inside / f"{seed}.png").write_bytes(phantom("breast-histology-idc", label, seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDCLS_HOME", str(place / "home"))
        add_collection(place / "patches", "patches", task_id="breast-histology-idc")
        split_collection("patches", "three-folds", folds=3)
    return place / "home"


@pytest.fixture(scope="module")
def trained_home(split_home):
    """The same with a network for each fold."""
    trained = split_home.with_name("trained")
    shutil.copytree(split_home, trained)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDCLS_HOME", str(trained))
        folds.train_folds(SPEC)
    return trained


@pytest.fixture
def patches(home, split_home):
    """The collection, in a home of the test's own."""
    shutil.copytree(split_home, home)
    return open_collection("patches")


@pytest.fixture
def found(patches, home, trained_home):
    """Its cross-validation, there too: nothing is left to train."""
    shutil.copytree(trained_home, home, dirs_exist_ok=True)
    return folds.train_folds(SPEC, Follow(on_epoch=lambda result: pytest.fail("a fold was trained again")))


def test_every_case_is_answered_by_the_network_that_never_saw_it(found, patches):
    assert found.missing == ()
    evaluation, cases = fold_results.pool_folds(found)
    assert sorted(cases.case.tolist()) == sorted(case.id for case in patches.cases)
    split = read_split(patches, "three-folds")
    for fold, run in found.runs.items():
        own = store.read_cases(open_run(run).result)
        assert set(own.case.tolist()) == set(split.parts[f"fold-{fold}"])
        rows = cases.take(cases.attributes["cv_fold"] == str(fold))
        assert rows.case.tolist() == own.case.tolist()
        np.testing.assert_array_equal(rows.prob, own.prob)
    right = float((cases.prob.argmax(1) == cases.truth).mean())
    assert evaluation.scores["accuracy"].value == pytest.approx(right)
    assert evaluation.n_cases == len(patches.cases)


def test_notes_of_the_folds_are_said_once(found):
    cards = [store.read_card(open_run(run).result) for run in found.runs.values()]
    evaluation, cases = fold_results.pool_folds(found)
    limit = {card.abstention.min_prob for card in cards}
    assert len(limit) == 1
    unsure = int((cases.prob.max(axis=1) < limit.pop()).sum())
    assert not any(note.code == "evaluation.undecided" for note in evaluation.notes)
    told = [note for note in evaluation.notes if note.code == "evaluation.too-unsure"]
    assert [note.params["silent"] for note in told] == ([unsure] if unsure else [])
    assert len(evaluation.notes) == len(set(evaluation.notes))


def test_it_goes_on_where_it_stopped(patches):
    spec, epochs = SPEC.having(epochs=2), []
    part = folds.train_folds(spec, Follow(should_stop=lambda: len(epochs) == 1, on_epoch=epochs.append))
    assert part.missing == (0, 1, 2)  # stopped in the first fold's second epoch
    assert list(part.runs) == [0]
    with pytest.raises(BadData, match="cannot be pooled yet"):
        fold_results.pool_folds(part)
    open_run(part.runs[0]).request_stop()  # as a press of Stop on the page leaves it
    whole = folds.train_folds(spec)
    assert whole.missing == ()
    assert whole.runs[0] == part.runs[0]
    assert len(list_runs()) == 3
    again = folds.train_folds(spec.having(name="another name"))
    assert again.runs == whole.runs
    assert len(list_runs()) == 3
    assert folds.find_folds(whole.runs[1]).runs == whole.runs


def test_a_stop_from_elsewhere_ends_it_with_the_fold_it_is_in(patches):
    spec, asked = SPEC.having(epochs=3), []

    def on_epoch(result):
        if not asked:
            (run,) = list_runs()
            run.request_stop()
            asked.append(run.id)

    part = folds.train_folds(spec, Follow(on_epoch=on_epoch))
    assert (part.missing, part.runs) == ((0, 1, 2), {0: asked[0]})


def test_in_the_background_only_what_is_left_is_started(patches, monkeypatch):
    asked = []
    monkeypatch.setattr(folds, "start_run", lambda spec: asked.append(("start", spec.data.fold)))
    monkeypatch.setattr(folds, "resume_run", lambda run: asked.append(("resume", open_run(run).spec().data.fold)))
    train(SPEC.having(fold=1))
    make_run(SPEC.having(fold=2))  # made, and its worker never came up
    steps = []
    folds.start_folds(SPEC, lambda done, total, stage="": steps.append((done, total)))
    assert asked == [("start", 0), ("resume", 2)]
    assert steps == [(0, 2), (1, 2)]
    folds.train_folds(SPEC)
    with pytest.raises(Conflict, match="3 of 3 folds finished"):
        folds.start_folds(SPEC)


def test_runs_of_other_knobs_contents_or_splits_do_not_belong(found, split_home, tmp_path):
    other = folds.train_folds(SPEC.having(seed=1))
    assert not set(other.runs.values()) & set(found.runs.values())
    split_collection("patches", "three-folds", folds=3, seed=5)  # another split of the same name
    anew = folds.train_folds(SPEC)
    assert not set(anew.runs.values()) & set(found.runs.values())
    shutil.copytree(split_home.with_name("patches"), tmp_path / "patches")
    (tmp_path / "patches" / "idc" / "new.png").write_bytes(phantom("breast-histology-idc", "idc", 99))
    remove_collection("patches")
    add_collection(tmp_path / "patches", "patches", task_id="breast-histology-idc")
    split_collection("patches", "three-folds", folds=3)
    assert folds.train_folds(SPEC).runs.keys() == {0, 1, 2}
    assert len(list_runs()) == 12
    assert folds.find_folds(found.runs[0]).runs == found.runs  # what was done together stays together
    assert fold_results.pool_folds(found)[0].n_cases == 24


def test_of_two_runs_of_a_fold_the_one_asked_about_counts(found):
    again = make_run(open_run(found.runs[1]).spec())
    work(again, Follow())
    for run in (found.runs[1], again.id):
        assert folds.find_folds(run).runs[1] == run


def test_two_collections_keep_their_cases_apart(patches, tmp_path):
    for label in ("no-idc", "idc"):
        inside = tmp_path / "more" / label
        inside.mkdir(parents=True)
        for seed in range(9):
            (inside / f"{seed}.png").write_bytes(phantom("breast-histology-idc", label, 100 + seed))
    add_collection(tmp_path / "more", "idc", task_id="breast-histology-idc")  # called as one of its folders
    with pytest.raises(BadSplit):
        folds.train_folds(SPEC.having(collections=("patches", "idc")))
    split_collection("idc", "three-folds", folds=3)
    both = folds.train_folds(SPEC.having(collections=("patches", "idc")))
    evaluation, cases = fold_results.pool_folds(both)
    assert evaluation.n_cases == 24 + 18
    assert {case.split("/", 1)[0] for case in cases.case.tolist()} == {"patches", "idc"}
    assert "idc/idc/1.png" in cases.case.tolist()
    card = fold_results.publish_folds(both)
    again = evaluate(card.id, ("patches", "idc"))[1]
    order = {case: i for i, case in enumerate(cases.case.tolist())}
    np.testing.assert_allclose(again.prob, cases.prob[[order[c] for c in again.case.tolist()]], atol=1e-5)


def test_folds_named_otherwise_are_numbered(patches):
    parts = read_split(patches, "three-folds").parts
    told = {f"fold-{letter}": list(ids) for letter, ids in zip("ABC", parts.values(), strict=True)}
    assert take_split("patches", "letters", json.dumps(told).encode()).folds == ("fold-0", "fold-1", "fold-2")
    assert list_shared_splits(("patches",)) == {"auto": 0, "letters": 3, "three-folds": 3}


def test_cross_validations_that_differ_in_one_knob_are_one_ablation(found):
    folds.train_folds(SPEC.having(hflip=True))
    (row,) = ablate("accuracy", resamples=50)
    assert row.setting == "hflip"
    assert row.score_before.n == fold_results.pool_folds(found)[0].scores["accuracy"].n
    assert row.difference.n_cases == 24


def test_the_mean_is_published_with_what_the_folds_give_and_evaluates_to_it_again(found, tmp_path):
    steps: list[tuple[int, int]] = []
    card = fold_results.publish_folds(
        found, "Patches, three folds", progress=lambda done, total, stage="": steps.append((done, total))
    )
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert (card.folds, len(card.members)) == (3, 3)
    assert [c.id for c in store.list_cards()] == [card.id]  # the networks of the folds are not offered one by one
    pooled = fold_results.pool_folds(found)[1]
    assert store.read_cases(card.id).case.tolist() == pooled.case.tolist()
    evaluation, cases = evaluate(card.id, ("patches",))
    order = {case: i for i, case in enumerate(pooled.case.tolist())}
    rows = [order[case] for case in cases.case.tolist()]
    assert sorted(rows) == list(range(len(pooled)))
    np.testing.assert_allclose(cases.prob, pooled.prob[rows], atol=1e-5)
    assert Note("evaluation.by-fold", folds=3) in evaluation.notes
    assert evaluation.scores["auroc"].value == pytest.approx(store.read_evaluation(card.id).scores["auroc"].value)
    scan = read_scan(phantom("breast-histology-idc", "idc", 500))
    each = [open_model(member).predict(scan).prob for member in card.members]
    np.testing.assert_allclose(open_model(card.id).predict(scan).prob, np.mean(each, axis=0), rtol=1e-9)
    whole, _ = evaluate(card.id, ("patches",), "all")
    assert Note("evaluation.learned-from", n=len(pooled)) in whole.notes
    assert str(tmp_path) not in card.to_json()


def test_two_cross_validations_are_compared_on_every_case(found):
    first = fold_results.publish_folds(found, "Seed 0")
    second = fold_results.publish_folds(folds.train_folds(SPEC.having(seed=1)), "Seed 1")
    comparison = compare.compare_stored([first.id, second.id], resamples=50)
    assert len(comparison.first) == 24


def test_what_cannot_be_published_leaves_nothing_behind(found, monkeypatch):
    fold_results.publish_folds(found, "Taken", "taken")
    before = {card.id for card in store.list_cards(retired=True)}
    assert before == {"taken", "taken-0", "taken-1", "taken-2"}
    with pytest.raises(Conflict, match="taken"):
        fold_results.publish_folds(found, "Taken", "taken")

    def full(*_, **__):
        raise Conflict("The disk is full")

    monkeypatch.setattr(fold_results, "publish_mean", full)
    with pytest.raises(Conflict, match="full"):
        fold_results.publish_folds(found, "Another")
    assert {card.id for card in store.list_cards(retired=True)} == before


def test_a_split_without_folds_is_refused(patches):
    for spec in (SPEC.having(split="auto"), SPEC.having(split="gone")):
        with pytest.raises(BadSplit):
            folds.train_folds(spec)
    run, _ = train(SPEC.having(split="auto"))
    assert folds.find_folds(run) is None


def test_the_command_line_trains_pools_and_publishes(patches, tmp_path, capsys):
    knobs = [
        "--backbone",
        "simple_cnn",
        "--initial",
        "none",
        "--split",
        "three-folds",
        "--size-px",
        "32",
        "--epochs",
        "1",
        "--batch-size",
        "8",
    ]
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
    card = fold_results.publish_folds(found, "Folds", "folds")
    archive = tmp_path / "folds.zip"
    exchange.export_model(card.id, archive)
    monkeypatch.setenv("MEDCLS_HOME", str(tmp_path / "elsewhere"))
    exchange.import_model(archive)
    assert [(c.id, c.folds) for c in store.list_cards()] == [("folds", 3)]
    assert len(store.list_cards(retired=True)) == 4
    scan = read_scan(phantom("breast-histology-idc", "idc", 500))
    assert len(open_model("folds").predict(scan).prob) == 2
