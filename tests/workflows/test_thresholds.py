import numpy as np
import pytest

from medcls.core.evaluation import CaseTable
from medcls.core.model import ModelCard
from medcls.core.scan import Scan
from medcls.errors import BadData, BadModel
from medcls.evaluation.costs import cost_of
from medcls.models import store
from medcls.models.opening import open_model
from medcls.workflows.thresholds import (
    describe_point,
    forget_threshold,
    save_threshold,
    suggest_thresholds,
    try_threshold,
)


@pytest.fixture
def table() -> CaseTable:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 200)
    p = np.clip(0.3 + 0.4 * truth + 0.2 * rng.normal(size=200), 0.01, 0.99)
    names = np.arange(200).astype(str)
    return CaseTable(names, names, truth, np.stack([1 - p, p], 1), ("benign", "malignant"), {})


def test_a_threshold_is_tried_and_kept_on_the_card(table: CaseTable, tiny_model: ModelCard) -> None:
    point = try_threshold(table, "malignant", 0.5, 0.02)
    called, sick = table.prob[:, 1] >= 0.5, table.truth == 1
    assert point.sensitivity.value == pytest.approx(called[sick].mean())
    assert point.missed_per_1000 == pytest.approx(20 * (1 - called[sick].mean()))
    note = describe_point(point, table, "busi")
    assert (note.params["n"], note.params["where"], note.params["prevalence"]) == (200, "busi", 0.02)
    save_threshold(tiny_model.id, "screening", "malignant", 0.3)
    save_threshold(tiny_model.id, " screening ", "malignant", 0.5, note)
    card = save_threshold(tiny_model.id, "clinic", "benign", 0.7)
    assert [(t.name, t.label, t.prob) for t in card.thresholds] == [
        ("screening", "malignant", 0.5),
        ("clinic", "benign", 0.7),
    ]
    assert store.read_card(tiny_model.id).thresholds == card.thresholds
    assert store.verify(store.folder(tiny_model.id)) == card, "the model's files are still the published ones"


def test_kept_points_are_told_with_every_answer(tiny_model: ModelCard) -> None:
    scan = Scan(np.random.default_rng(0).random((64, 64), dtype=np.float32), "0" * 64)
    plain = open_model(tiny_model.id).predict(scan)
    least, most = float(plain.prob.min()), float(plain.prob.max())
    last = tiny_model.task.label_ids[int(plain.prob.argmin())]
    save_threshold(tiny_model.id, "rule in", plain.top, most - 0.01)
    save_threshold(tiny_model.id, "rule out", last, least + 0.01)
    points = {note.params["name"]: note for note in open_model(tiny_model.id).predict(scan).points}
    names = {label.id: label.name for label in tiny_model.task.labels}
    assert points["rule in"].code == "core.point-called"
    assert points["rule in"].params["label"] == names[plain.top]
    assert points["rule out"].code == "core.point-not-called"
    assert points["rule out"].params["label"] == names[last]
    assert forget_threshold(tiny_model.id, "rule in", plain.top).thresholds[0].name == "rule out"
    assert forget_threshold(tiny_model.id, "rule out", last).thresholds == ()
    assert open_model(tiny_model.id).predict(scan).notes == plain.notes


def test_suggestions_reach_their_goal(table: CaseTable) -> None:
    found = {s.goal: s for s in suggest_thresholds(table, "malignant", (0.9,))}
    at = found["sensitivity at least 0.9"].threshold
    assert try_threshold(table, "malignant", at, 0.1).sensitivity.value >= 0.9
    at = found["specificity at least 0.9"].threshold
    point = try_threshold(table, "malignant", at, 0.1)
    assert point.specificity.value >= 0.9
    assert found["specificity at least 0.9"].reached.value == pytest.approx(point.sensitivity.value)


def test_impossible_points_are_refused(table: CaseTable, tiny_model: ModelCard) -> None:
    with pytest.raises(BadData, match="prevalence"):
        try_threshold(table, "malignant", 0.5, 1.0)
    with pytest.raises(BadData, match="no such label"):
        try_threshold(table, "idc", 0.5, 0.1)
    for name, label, prob in (
        ("", "malignant", 0.5),
        ("x" * 61, "malignant", 0.5),
        ("a", "idc", 0.5),
        ("a", "malignant", 1.0),
    ):
        with pytest.raises(BadModel):
            save_threshold(tiny_model.id, name, label, prob)
    assert store.read_card(tiny_model.id).thresholds == ()


def test_costs_are_what_lies_on_disk(tiny_model: ModelCard) -> None:
    from medcls.models.opening import open_model

    cost = cost_of(tiny_model, None)
    assert cost.file_bytes == (store.folder(tiny_model.id) / store.WEIGHTS).stat().st_size
    assert cost.n_parameters == tiny_model.n_parameters
    assert cost.scan_ms is None
    measured = cost_of(tiny_model, None, open_model(tiny_model.id)).scan_ms
    assert measured is not None
    assert measured > 0
