"""Measuring a model never counts a scan it was trained on, whatever split, name or path it comes back under."""

import json
import shutil

import numpy as np
import pytest

from medcls.cli import main
from medcls.core.evaluation import CaseTable
from medcls.core.model import Abstention
from medcls.core.note import Note
from medcls.core.run import RunSpec
from medcls.data.collections import add_collection, open_collection
from medcls.errors import BadData
from medcls.evaluation.scoring import describe_cases
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.models import store
from medcls.models.opening import open_model
from medcls.workflows.ensemble import make_ensemble
from medcls.workflows.evaluate import evaluate
from medcls.workflows.run_results import publish_run
from medcls.workflows.train import train
from tests.tiny import recast


@pytest.fixture
def folder(tmp_path):
    for label in ("no-idc", "idc"):
        inside = tmp_path / "patches" / label
        inside.mkdir(parents=True)
        for seed in range(20):
            (inside / f"{seed}.png").write_bytes(phantom("breast-histology-idc", label, seed))
    add_collection(tmp_path / "patches", "patches", task_id="breast-histology-idc")
    return tmp_path / "patches"


@pytest.fixture
def model(folder):
    spec = RunSpec.of(
        backbone="simple_cnn", initial="none", collections=("patches",), size_px=32, epochs=1, batch_size=8
    )
    run, _ = train(spec)
    steps: list[tuple[int, int]] = []
    made = publish_run(run, model_id="mine", progress=lambda done, total, stage="": steps.append((done, total)))
    assert steps == [(1, 3), (2, 3), (3, 3)]
    return made


def test_evaluate_gives_the_published_evaluation_again(model, tmp_path, capsys):
    assert main(["evaluate", "--model", "mine", "--data", "patches", "--out", str(tmp_path / "out"), "--json"]) == 0
    again, published = json.loads(capsys.readouterr().out), store.read_evaluation("mine")
    spoken = {
        name: score.to_dict() | {"how": str(score.how), "how_code": score.how.code}
        for name, score in published.scores.items()
    }
    assert again["scores"] == json.loads(json.dumps(spoken))
    assert (tmp_path / "out" / "cases.csv").read_text() == (store.folder("mine") / "cases.csv").read_text()


def test_it_says_on_how_many_cases_the_model_stands_by_no_answer(model):
    silent = recast("mine", abstention=Abstention(min_prob=1.0))
    evaluation, _ = evaluate(silent.id, ("patches",))
    n = evaluation.n_cases
    assert Note("evaluation.undecided", silent=n, n=n) in evaluation.notes
    assert Note("evaluation.perhaps-other-kind") in evaluation.notes
    recast("mine", abstention=Abstention())
    assert "evaluation.undecided" not in [note.code for note in evaluate("mine", ("patches",))[0].notes]


def test_scans_it_has_seen_are_left_out_under_another_name(model, folder, tmp_path):
    for old in folder.rglob("*.png"):
        new = tmp_path / "renamed" / old.parent.name / f"x{old.name}"
        new.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(old, new)
    add_collection(tmp_path / "renamed", "renamed", task_id="breast-histology-idc")
    evaluation, cases = evaluate("mine", ("renamed",))
    assert evaluation.n_cases == store.read_evaluation("mine").n_cases
    assert {case.replace("/x", "/") for case in cases.case} == set(store.read_cases("mine").case)
    assert evaluation.notes[-1].code == "evaluation.left-out"
    everything, _ = evaluate("mine", ("renamed",), "all")
    assert everything.n_cases == 40
    assert everything.notes[-1].code == "evaluation.learned-from"


def test_a_scan_it_was_trained_on_is_said_to_be_one(model, folder):
    classifier, held_out = open_model("mine"), set(store.read_cases("mine").case)
    for path in folder.rglob("*.png"):
        cautions = classifier.predict(read_scan(path.read_bytes())).cautions
        seen = path.relative_to(folder).as_posix() not in held_out
        assert (Note("models.seen") in cautions) is seen


def test_a_model_started_from_another_counts_what_that_one_saw(model):
    spec = RunSpec.of(
        backbone="simple_cnn", initial="mine", collections=("patches",), size_px=32, epochs=1, batch_size=8
    )
    run, _ = train(spec)
    publish_run(run, model_id="second")
    assert store.read_seen("mine") <= store.read_seen("second")


def test_a_part_nothing_is_left_of_is_said(model):
    path = store.folder("mine")
    store.write_seen(path, [case.sha256 for case in open_collection("patches").cases])
    store.seal(path, store.read_card(path))
    with pytest.raises(BadData, match="all of which"):
        evaluate("mine", ("patches",))


def test_a_model_or_a_member_that_does_not_say_what_it_has_seen_is_told_of(model):
    assert not any(note.code == "evaluation.untold" for note in evaluate("mine", ("patches",))[0].notes)
    silent = store.publish(store.folder("mine"), model_id="silent")
    (store.folder("silent") / store.SEEN).unlink()
    store.seal(store.folder("silent"), silent)
    make_ensemble(["mine", "silent"], "Both", "both")
    for part in ("unseen", "all"):
        for name in ("silent", "both"):
            notes = evaluate(name, ("patches",), part)[0].notes
            assert notes.count(Note("evaluation.untold", models="silent", n=1)) == 1, (name, part)
    assert (open_model("mine").without_record, open_model("both").without_record) == ((), ("silent",))


def test_few_groups_and_a_model_with_one_answer_are_told_of(tiny_model):
    def notes_of(n_groups: int) -> tuple[Note, ...]:
        rng, n, labels = np.random.default_rng(0), 80, tiny_model.task.label_ids
        prob = rng.dirichlet(np.ones(len(labels)), n)
        prob[:, 0] += 1
        groups = np.array([str(i % n_groups) for i in range(n)])
        table = CaseTable(np.arange(n).astype(str), groups, np.arange(n) % len(labels), prob / 2, labels, {})
        return describe_cases(table, tiny_model, "some", "0" * 64, "all").notes

    one = Note("evaluation.one-answer", label=tiny_model.task.label_ids[0])
    assert notes_of(4) == (one, Note("evaluation.few-groups", n=4))
    assert notes_of(40) == (one,)
