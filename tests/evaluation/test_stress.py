"""What shifts do to answers: the same case asked twice changes nothing, a shift that blinds a model shows in every figure."""

from dataclasses import replace

import numpy as np
import pytest

from medcls.core.collection import Case, Selection
from medcls.core.shifts import STRENGTHS
from medcls.core.stress import StressRecord, stress_table
from medcls.data.collections import add_collection, open_collection
from medcls.evaluation import stress as stressing
from medcls.evaluation.asking import cases_for
from medcls.evaluation.stress import stress
from medcls.imaging.phantom import phantom
from medcls.models import store
from medcls.models.opening import open_model
from medcls.workflows import stress as workflow


@pytest.fixture
def study(tiny_model):
    cases = [
        Case(f"{label}-{i}", label, None, str(i), "", (1, 1)) for i in range(8) for label in tiny_model.task.label_ids
    ]
    asked = [(open_model(tiny_model.id), cases, lambda case: phantom(tiny_model.task.id, case.label, int(case.group)))]
    return stress(asked[0][0], asked, Selection(("phantoms",), "all"), shifts=("gain", "blur"))


def test_every_shift_has_a_row_at_every_strength_and_changes_are_paired(study):
    assert [(r.shift, r.strength) for r in study.rows] == [(s, x) for s in ("gain", "blur") for x in STRENGTHS]
    for row in study.rows:
        assert row.sensitivity_change.value == pytest.approx(row.sensitivity.value - study.sensitivity.value)
        assert row.auroc_change.low <= row.auroc_change.value <= row.auroc_change.high
        assert row.flipped.n == 8, "groups are resampled, not cases"
    assert 0 <= max(r.flipped.value for r in study.rows) <= 1
    worst = [note.params["after"] - note.params["before"] for note in study.worst_first() if "after" in note.params]
    assert worst == sorted(worst)
    assert stress_table(study).count("\n") == 2 + len(study.rows)


def test_shifts_that_change_no_answer_are_told_together(study):
    def as_if(row, flipped: float, after: float):
        return replace(
            row,
            flipped=replace(row.flipped, value=flipped),
            refused=study.refused,
            sensitivity=replace(row.sensitivity, value=after),
            sensitivity_change=replace(row.sensitivity_change, value=after - study.sensitivity.value),
        )

    before = study.sensitivity.value
    gain, blur = (next(r for r in study.rows if r.shift == name) for name in ("gain", "blur"))
    shifted = replace(study, rows=(as_if(gain, 0, before), as_if(blur, 0.2, before - 0.1)))
    assert [note.code for note in shifted.worst_first()] == ["core.stress-told", "core.stress-still"]
    assert shifted.worst_first()[1].params["shifts"] == "gain"
    steady = replace(study, rows=(as_if(gain, 0.2, before),))
    assert [note.code for note in steady.worst_first()] == ["core.stress-steady"]


def test_without_a_case_of_disease_no_figure_of_the_sensitivity_is_told(tiny_model):
    cases = [Case(f"benign-{i}", "benign", None, str(i), "", (1, 1)) for i in range(4)]
    model = open_model(tiny_model.id)
    asked = [(model, cases, lambda case: phantom(tiny_model.task.id, case.label, int(case.group)))]
    found = stress(model, asked, Selection(("phantoms",), "all"), shifts=("gain", "blur"))
    assert np.isnan(found.sensitivity.value)
    told = found.worst_first()
    assert {note.code for note in told} <= {"core.stress-told-answers", "core.stress-still"}
    flipped = [note.params["flipped"] for note in told if "flipped" in note.params]
    assert flipped == sorted(flipped, reverse=True)
    assert "nan" not in stress_table(found) + " ".join(map(str, told))


def test_a_shift_that_changes_nothing_moves_no_figure(tiny_model, monkeypatch):
    monkeypatch.setattr(stressing, "shift_scan", lambda scan, name, strength, seed: scan)
    cases = [
        Case(f"{label}-{i}", label, None, f"{label}-{i}", "", (1, 1))
        for i in range(3)
        for label in tiny_model.task.label_ids
    ]
    model = open_model(tiny_model.id)
    found = stress(
        model,
        [(model, cases, lambda c: phantom(tiny_model.task.id, c.label, int(c.id[-1])))],
        Selection(("p",), "all"),
        shifts=("gain",),
    )
    for row in found.rows:
        for change in (row.auroc_change, row.sensitivity_change, row.specificity_change):
            assert (change.value, change.low, change.high) == (0, 0, 0)
        assert row.flipped.value == 0


def test_a_study_is_kept_with_the_model_and_moves_along(home, tiny_model, study):
    before = {p.name: store.digest(p) for p in store.folder(tiny_model.id).iterdir()}
    for _ in range(2):
        workflow.keep(study)
    assert workflow.stress_of(tiny_model.id) == (study,)
    assert {p.name: store.digest(p) for p in store.folder(tiny_model.id).iterdir()} == before
    assert "How far its answers hold" in store.readme(tiny_model.id)
    again = store.publish(store.folder(tiny_model.id), model_id="again")
    assert workflow.stress_of("again") == StressRecord((study,)).named("again").studies
    assert again.files[store.STRESS] == store.digest(store.folder("again") / store.STRESS)


def test_share_is_over_cases_and_its_interval_over_groups():
    hit = np.array([1, 1, 0, 0, 0, 0], bool)
    groups = np.array(["a", "a", "b", "c", "d", "e"])
    share = stressing._share(hit, groups)
    assert share.value == pytest.approx(1 / 3)
    assert share.n == 5
    assert share.low == 0


def test_as_many_unseen_cases_are_drawn_as_were_asked_for(tiny_model, tmp_path):
    """However many of the collection the model has learned from."""
    for label in tiny_model.task.label_ids:
        (tmp_path / "scans" / label).mkdir(parents=True)
        for seed in range(4):
            (tmp_path / "scans" / label / f"{seed}.png").write_bytes(phantom(tiny_model.task.id, label, seed))
    add_collection(tmp_path / "scans", "phantoms", task_id=tiny_model.task.id)
    model = open_model(tiny_model.id)
    model.seen = frozenset(store.seen_key(case.sha256) for case in open_collection("phantoms").cases[:6])
    ((_, kept, _),) = cases_for(model, Selection(("phantoms",), most=4))
    assert len(kept) == 4
    assert not {store.seen_key(case.sha256) for case in kept} & model.seen
