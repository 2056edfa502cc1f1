"""Models on disk: published whole, verified on load, listed even beside broken ones."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from medcls.core.model import Threshold
from medcls.errors import BadModel, Conflict
from medcls.models import publishing, store
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
    card["files"] = {"../../secret": "0" * 64}
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
    assert {broken.id for broken in store.list_broken()} == {"empty", "garbage", "newer"}
    assert "newer medcls" in str(next(b.error for b in store.list_broken() if b.id == "newer"))


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
    store.update_card(tiny_model.id, thresholds=(Threshold("screening", "malignant", 0.2, "so"),))
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
    monkeypatch.setattr(publishing, "is_taken", lambda *asked: False)  # the other session was a moment later
    with pytest.raises(Conflict, match="already a model"):
        store.publish(tiny_made, model_id=taken)
