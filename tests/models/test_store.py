"""Models on disk: published whole, verified on load, listed even beside broken ones."""

import json
import multiprocessing
import os
import shutil
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from medcls.core.evaluation import Evaluation
from medcls.core.model import ModelCard, Threshold
from medcls.core.note import SAID, Note
from medcls.errors import BadModel, Conflict
from medcls.models import changes, publishing, store
from medcls.models.opening import open_model
from medcls.stats.familiarity import TrainingReference
from medcls.workflows.thresholds import save_threshold
from tests.models.saving import save_points
from tests.tiny import install, spoil, write_tiny


def test_publishing_gives_the_next_free_id(home, tiny_made):
    first, second = store.publish(tiny_made), store.publish(tiny_made, name="Again")
    assert [card.id for card in store.list_cards()] == [first.id, second.id]
    assert (first.id, second.id) == ("breast-ultrasound--cancernet--0001", "breast-ultrasound--cancernet--0002")
    assert store.read_card(second.id).name == "Again"
    assert store.read_evaluation(second.id).model == second.id
    assert "Again" in store.readme(second.id)


def test_an_id_that_is_taken_is_refused_and_nothing_is_left_behind(home, tiny_made):
    store.publish(tiny_made, model_id="mine")
    with pytest.raises(Conflict, match="already"):
        store.publish(tiny_made, model_id="mine")
    with pytest.raises(BadModel, match="id"):
        store.publish(tiny_made, model_id="../outside")
    assert [p.name for p in (home / "weights").iterdir()] == ["mine"]


def test_a_changed_file_is_found_before_anything_is_loaded(home, tiny_model):
    spoil(home / "weights", tiny_model.id)
    with pytest.raises(BadModel, match="not the file that was published"):
        store.verify(store.folder(tiny_model.id))


@pytest.mark.parametrize("name", ["model.safetensors", "cases.csv", "evaluation.json", "config.json"])
def test_a_missing_file_is_said(home, tiny_model, name):
    (store.folder(tiny_model.id) / name).unlink()
    with pytest.raises(BadModel, match=r"incomplete|no weights"):
        store.verify(store.folder(tiny_model.id))


def test_a_card_cannot_point_outside_its_folder(home, tiny_model):
    path = store.folder(tiny_model.id) / store.CARD
    card = json.loads(path.read_text())
    card["files"] |= {"../../secret": "0" * 64}
    path.write_text(json.dumps(card))
    with pytest.raises(BadModel, match="outside"):
        store.verify(path.parent)


def test_broken_models_are_listed_apart(home, tiny_model):
    for name, content in (("empty", None), ("garbage", "{"), ("newer", None)):
        (home / "weights" / name).mkdir()
        if content:
            (home / "weights" / name / store.CARD).write_text(content)
    newer = json.loads((store.folder(tiny_model.id) / store.CARD).read_text()) | {"schema": 99}
    (home / "weights" / "newer" / store.CARD).write_text(json.dumps(newer))
    assert [card.id for card in store.list_cards()] == [tiny_model.id]
    assert {o.name for o in store.list_models() if not o.ok} == {"empty", "garbage", "newer"}
    assert [o.name for o in store.list_models()] == sorted(["empty", "garbage", "newer", tiny_model.id])
    assert "newer medcls" in str(next(o.error for o in store.list_models() if o.name == "newer"))


def test_an_id_that_ships_is_taken_too_and_so_is_an_own_one_for_shipping(home, tiny_made, tmp_path):
    install(tiny_made, tmp_path / "shipped", "same")
    with pytest.raises(Conflict, match="already a model same"):
        store.publish(tiny_made, model_id="same", name="Mine")
    assert not store.list_cards()[0].name.startswith("Mine")
    assert list((home / "weights").iterdir()) == []
    store.publish(tiny_made, model_id="mine")
    with pytest.raises(Conflict, match="already a model mine"):
        install(tiny_made, tmp_path / "shipped", "mine")
    install(tiny_made, tmp_path / "shipped", "new")
    assert [card.id for card in store.list_cards()] == ["mine", "new", "same"]


def test_the_card_of_an_own_model_hides_a_shipped_one_that_came_later(home, tiny_made, tmp_path):
    store.publish(tiny_made, model_id="same", name="Mine")
    (home / "weights").rename(tmp_path / "kept")
    install(tiny_made, tmp_path / "shipped", "same")
    (tmp_path / "kept").rename(home / "weights")
    assert [card.name for card in store.list_cards()] == ["Mine"]


def test_a_threshold_can_be_saved_and_a_model_retired(home, tiny_model):
    store.update_card(tiny_model.id, thresholds=(Threshold("screening", "malignant", 0.2, Note(SAID, text="so")),))
    store.verify(store.folder(tiny_model.id))
    assert store.read_card(tiny_model.id).thresholds[0].prob == 0.2
    assert "screening" in store.readme(tiny_model.id)
    store.update_card(tiny_model.id, retired="better ones exist")
    assert store.list_cards() == ()
    assert len(store.list_cards(retired=True)) == 1


def test_writers_at_once_leave_a_whole_card_and_nothing_aside(home, tiny_model):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: store.update_card(tiny_model.id, name=f"Name {i}"), range(80)))
    assert store.verify(store.folder(tiny_model.id)).name.startswith("Name ")
    assert not list(store.folder(tiny_model.id).glob(".*"))
    assert {p.name for p in changes.changes_folder(tiny_model.id).iterdir()} <= {"card.json", ".lock"}


def test_eight_processes_that_save_points_lose_none(home, tiny_model):
    each = int(os.environ.get("MEDCLS_CHANGES", "25"))
    before = {p.name: store.digest(p) for p in store.folder(tiny_model.id).iterdir()}
    with ProcessPoolExecutor(8, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(save_points, [tiny_model.id] * 8, range(8), [each] * 8))
    kept = {t.name for t in store.read_card(tiny_model.id).thresholds}
    assert kept == {f"{who}-{i}" for who in range(8) for i in range(each)}
    assert {p.name: store.digest(p) for p in store.folder(tiny_model.id).iterdir()} == before


def test_what_users_change_on_a_shipped_model_leaves_its_folder_alone(home, tiny_made, tmp_path):
    card = install(tiny_made, tmp_path / "shipped", "ships")
    before = {p.name: store.digest(p) for p in (tmp_path / "shipped" / "ships").iterdir()}
    save_threshold("ships", "screening", "malignant", 0.3)
    store.update_card("ships", retired="so")
    assert {p.name: store.digest(p) for p in (tmp_path / "shipped" / "ships").iterdir()} == before
    assert store.list_cards() == ()
    assert store.read_card("ships").thresholds[0].name == "screening"
    store.update_card("ships", retired="", thresholds=())
    assert store.list_cards() == (card,)


def test_changes_belong_to_the_very_model_they_were_made_on(home, tiny_made, tmp_path):
    install(tiny_made, home / "weights", "one")
    save_threshold("one", "screening", "malignant", 0.3)
    again = store.publish(store.folder("one"), model_id="again")
    assert again.thresholds[0].name == "screening", "a copy takes over what was changed"
    shutil.rmtree(home / "weights" / "one")
    write_tiny(tmp_path / "other", seed=3)
    install(tmp_path / "other", home / "weights", "one")
    assert store.read_card("one").thresholds == ()


def test_damaged_changes_make_a_bad_entry_of_that_model_only(home, tiny_model, tiny_made):
    install(tiny_made, home / "weights", "other")
    store.update_card("other", name="Other")
    (changes.changes_folder("other") / "card.json").write_text("{")
    assert [(o.name, o.ok) for o in store.list_models()] == [(tiny_model.id, True), ("other", False)]
    assert store.list_models()[1].error.code == "models.changes-unreadable"


def test_fields_that_make_the_model_what_it_is_cannot_be_changed(home, tiny_model):
    with pytest.raises(BadModel) as caught:
        store.update_card(tiny_model.id, members=("other",))
    assert caught.value.code == "models.not-changeable"


@pytest.mark.parametrize("schema", ["1", None, [1], {}, 1e400])
def test_a_schema_that_is_no_number_is_a_bad_card(home, tiny_model, schema):
    path = store.folder(tiny_model.id) / store.CARD
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": schema}))
    (outcome,) = store.list_models()
    assert outcome.error.code == "models.bad-card"


def test_a_card_without_hashes_is_not_opened(home, tiny_model):
    path = store.folder(tiny_model.id) / store.CARD
    path.write_text(json.dumps(json.loads(path.read_text()) | {"files": {}}))
    with pytest.raises(BadModel) as caught:
        open_model(tiny_model.id)
    assert caught.value.code == "models.no-hash"


@pytest.mark.parametrize(
    "values",
    [
        np.full((4, 8), np.nan),
        np.full((4, 8), np.inf),
        np.zeros((0, 8)),
        np.zeros((4, 0)),
        np.zeros(4),
        np.zeros((4, 8)),
    ],
)
def test_features_that_give_no_distance_are_refused(home, tiny_model, values):
    path = store.folder(tiny_model.id)
    store.write_reference(path, TrainingReference(values.astype(np.float32)))
    store.seal(path, store.read_card(tiny_model.id))
    with pytest.raises(BadModel) as caught:
        open_model(tiny_model.id)
    assert caught.value.code == "models.bad-features"


def test_weights_of_another_shape_or_count_are_found_before_they_take_memory(home, tiny_model, monkeypatch):
    path = store.folder(tiny_model.id)
    card = store.read_card(tiny_model.id)
    store.seal(path, replace(card, n_parameters=card.n_parameters + 1))
    monkeypatch.setattr("medcls.models.opening.load_file", None)  # it is not got as far as that
    with pytest.raises(BadModel) as caught:
        open_model(tiny_model.id)
    assert caught.value.code == "models.weights-do-not-fit"


def test_an_unknown_model_names_those_there_are(home, tiny_model):
    with pytest.raises(BadModel, match=tiny_model.id):
        store.folder("nothing")


def test_sessions_that_publish_at_once_each_get_their_own_model(home, tiny_made, tmp_path):
    """Threads of one process, as the sessions of a server are: every model whole, its weights under its own card."""
    write_tiny(tmp_path / "other", seed=1)
    results = {store.digest(made / store.WEIGHTS): made for made in (tiny_made, tmp_path / "other")}
    with ThreadPoolExecutor(8) as pool:
        cards = list(pool.map(store.publish, list(results.values()) * 6))
    assert len({card.id for card in cards}) == 12
    for card in cards:
        store.verify(store.folder(card.id))
        made = results[store.digest(store.folder(card.id) / store.WEIGHTS)]
        assert store.read_card(made).name == card.name
    assert not [path for path in (home / "weights").iterdir() if path.name.startswith(".")]


def test_an_id_that_appears_while_publishing_is_a_conflict(home, tiny_made, monkeypatch):
    taken = store.publish(tiny_made, model_id="one").id
    monkeypatch.setattr(publishing, "id_exists", lambda *asked: False)  # the other session was a moment later
    with pytest.raises(Conflict, match="already a model"):
        store.publish(tiny_made, model_id=taken)


def test_a_card_and_its_evaluation_are_parsed_once_and_anew_when_they_change(home, tiny_model, monkeypatch):
    """Every page lists the models several times: what did not change is not read through again."""
    parsed = []
    for kind in (ModelCard, Evaluation):
        real = kind.from_dict.__func__

        def counting(cls, data, where="", real=real):
            parsed.append(cls)
            return real(cls, data, where)

        monkeypatch.setattr(kind, "from_dict", classmethod(counting))
    folder = store.ModelFolder.find(tiny_model.id)
    first = folder.card(), folder.evaluation()
    parsed.clear()
    assert (folder.card(), folder.evaluation()) == first
    assert parsed == []
    text = (folder.path / "card.json").read_text()
    (folder.path / "card.json").write_text(text.replace(tiny_model.name, "Another name"))
    assert folder.card().name == "Another name"
    assert parsed == [ModelCard]
