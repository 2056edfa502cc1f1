"""An ensemble: measured from its members' stored answers, and answering what that promises."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from medcls.core.evaluation import CaseTable
from medcls.core.note import Note
from medcls.errors import BadModel
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.models import publishing, store
from medcls.models.opening import open_model
from medcls.workflows import exchange
from medcls.workflows.ensemble import make_ensemble
from tests.tiny import install, write_tiny


@pytest.fixture
def members(home, tiny_model, tmp_path):
    write_tiny(tmp_path / "other", seed=1)
    return tiny_model, install(tmp_path / "other", home / "weights", "other")


def test_it_is_the_mean_of_its_members_on_disk_and_live(members):
    card = make_ensemble([m.id for m in members], "Both")
    tables = [store.read_cases(m.id) for m in members]
    by_case = [dict(zip(t.case.tolist(), t.prob, strict=True)) for t in tables]
    found = store.read_cases(card.id)
    assert len(found) == len(tables[0]) > 0
    names = [case.removeprefix("phantoms/") for case in found.case.tolist()]
    np.testing.assert_allclose(found.prob, [np.mean([p[c] for p in by_case], axis=0) for c in names], rtol=1e-12)
    scan = read_scan(phantom("breast-ultrasound", "benign", 3))
    live = np.mean([open_model(m.id).predict(scan).prob for m in members], axis=0)
    loaded: list[tuple[int, int]] = []
    opened = open_model(card.id, lambda done, total, stage="": loaded.append((done, total)))
    np.testing.assert_allclose(opened.predict(scan).prob, live, rtol=1e-9)
    assert loaded == [(0, 2), (1, 2)]
    evaluation = store.read_evaluation(card.id)
    assert evaluation.scores["auroc"].n > 0
    assert evaluation.notes[-1] == Note("evaluation.from-stored", models=[m.id for m in members])
    assert card.id in {c.id for c in store.list_cards()}


def test_its_card_tells_how_to_ask_it_and_nothing_that_is_not_so(members, tmp_path, monkeypatch):
    card = make_ensemble([m.id for m in members], "Both")
    text = store.readme(card.id)
    assert "local-dir" not in text
    assert "Run unknown" not in text
    assert f"Made of {members[0].id}, {members[1].id}." in text
    (tmp_path / "scan.png").write_bytes(phantom("breast-ultrasound", "benign", 3))
    monkeypatch.chdir(tmp_path)
    code = text.split("```python\n")[1].split("```")[0]
    told: dict = {}
    exec(code, told)
    assert told["answer"].model == card.id


def test_scans_of_two_places_under_one_name_are_not_averaged(members):
    path = store.folder(members[1].id)
    evaluation, cases = store.read_evaluation(path), store.read_cases(path)
    store.write_evaluation(path, replace(evaluation, collection="elsewhere"), cases)
    store.seal(path, store.read_card(path))
    card = make_ensemble([m.id for m in members], "Both")
    assert store.read_evaluation(card.id) is None
    assert store.read_cases(card.id) is None


def test_it_names_the_collections_of_the_cases_it_was_measured_on(members):
    """One member was measured on two collections, the other on one of them."""
    path = store.folder(members[0].id)
    evaluation, cases = store.read_evaluation(path), store.read_cases(path)
    where = np.array(["phantoms"] * (len(cases) - 3) + ["elsewhere"] * 3)
    case, group = (np.char.add(np.char.add(where, "/"), ids) for ids in (cases.case, cases.group))
    both = CaseTable(case, group, cases.truth, cases.prob, cases.labels, cases.attributes | {"collection": where})
    store.write_evaluation(path, replace(evaluation, collection="phantoms, elsewhere"), both)
    store.seal(path, store.read_card(path))
    found = store.read_evaluation(make_ensemble([m.id for m in members], "Both").id)
    assert (found.collection, found.n_cases) == ("phantoms", len(cases) - 3)


def test_one_scan_with_two_truths_is_not_averaged(members):
    path = store.folder(members[1].id)
    cases = store.read_cases(path)
    other = CaseTable(cases.case, cases.group, (cases.truth + 1) % 3, cases.prob, cases.labels, cases.attributes)
    store.write_evaluation(path, store.read_evaluation(path), other)
    store.seal(path, store.read_card(path))
    assert store.read_evaluation(make_ensemble([m.id for m in members], "Both").id) is None


def test_a_limit_of_some_members_says_whose_it_is(members):
    store.update_card(members[1].id, limits=("Never saw a patient.", "Half of its alarms are false."))
    card = make_ensemble([m.id for m in members], "Both")
    assert card.limits == ("Never saw a patient.", f"{members[1].id}: Half of its alarms are false.")


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


def test_a_member_replaced_by_another_network_is_found_out(members, home, tmp_path):
    card = make_ensemble([m.id for m in members], "Both")
    open_model(card.id)
    shutil.rmtree(store.folder(members[1].id))
    write_tiny(tmp_path / "third", seed=2)
    install(tmp_path / "third", home / "weights", members[1].id)
    with pytest.raises(BadModel, match="made with another model"):
        open_model(card.id)


def test_a_model_that_another_averages_cannot_be_removed(members):
    card = make_ensemble([m.id for m in members], "Both")
    for one in (members[1].id, card.id):
        store.update_card(one, retired="tired of it")
    with pytest.raises(BadModel, match=f"averaged by another: found {card.id}"):
        exchange.remove_model(members[1].id)
    exchange.remove_model(card.id)
    exchange.remove_model(members[1].id)


def test_what_members_were_trained_on_is_told_of_each(members):
    store.update_card(members[1].id, trained_on="Scans of elsewhere.")
    card = make_ensemble([m.id for m in members], "Both")
    assert card.trained_on == (f"{members[0].id}: {members[0].trained_on} {members[1].id}: Scans of elsewhere.")


def test_doubt_in_a_members_evaluation_is_doubt_in_the_means(members):
    path = store.folder(members[1].id)
    doubt = Note("evaluation.untold", models=members[1].id, n=1)
    store.write_evaluation(path, replace(store.read_evaluation(path), notes=(doubt,)), store.read_cases(path))
    store.seal(path, store.read_card(path))
    assert doubt in store.read_evaluation(make_ensemble([m.id for m in members], "Both").id).notes


def test_a_card_is_sealed_once_when_it_is_published(members, tiny_made, home, monkeypatch) -> None:
    sealed: list[str] = []
    original = publishing.seal

    def counted(path, card):
        sealed.append(card.id)
        return original(path, card)

    monkeypatch.setattr(publishing, "seal", counted)
    card = make_ensemble([m.id for m in members], "Both")
    assert sealed == [card.id]
    assert store.read_evaluation(card.id).model == card.id
    again = install(tiny_made, home / "weights", "breast-ultrasound--tiny--0009")
    assert sealed == [card.id, again.id]
