"""An ensemble: measured from its members' stored answers, and answering what that promises."""

import numpy as np
import pytest

from medcls import store
from medcls.classifier import Classifier
from medcls.errors import BadModel
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.workflows.ensemble import make_ensemble
from tests.tiny import install, write_tiny


@pytest.fixture
def members(home, tiny_model, tmp_path):
    write_tiny(tmp_path / "other", seed=1)
    return tiny_model, install(tmp_path / "other", home / "weights", "other")


def test_it_is_the_mean_of_its_members_on_disk_and_live(members):
    card = make_ensemble([m.id for m in members], "Both")
    tables = [store.read_cases(m.id) for m in members]
    order = [np.argsort(t.case) for t in tables]
    expected = np.mean([t.prob[o] for t, o in zip(tables, order, strict=True)], axis=0)
    np.testing.assert_allclose(store.read_cases(card.id).prob, expected, rtol=1e-12)
    scan = read_scan(phantom("breast-ultrasound", "benign", 3))
    live = np.mean([Classifier.open(m.id).predict(scan).prob for m in members], axis=0)
    np.testing.assert_allclose(Classifier.open(card.id).predict(scan).prob, live, rtol=1e-9)
    evaluation = store.read_evaluation(card.id)
    assert evaluation.scores["auroc"].n > 0
    assert evaluation.notes[-1] == f"Measured on the mean of the stored answers of {members[0].id}, {members[1].id}."
    assert card.id in {c.id for c in store.list_cards()}


def test_it_refuses_what_cannot_be_averaged(home, members, tmp_path):
    with pytest.raises(BadModel, match="several"):
        make_ensemble([members[0].id, members[0].id], "One")
    write_tiny(tmp_path / "skin", task_id="skin-melanoma")
    skin = install(tmp_path / "skin", home / "weights", "skin")
    with pytest.raises(BadModel, match="labels"):
        make_ensemble([members[0].id, skin.id], "Mixed")
    both = make_ensemble([m.id for m in members], "Both")
    with pytest.raises(BadModel, match="ensemble itself"):
        make_ensemble([both.id, members[0].id], "Nested")
