"""What a spec's initial weights mean, and which scans they bring along."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from medcls.core.model import ModelCard
from medcls.core.run import RunSpec
from medcls.errors import BadModel
from medcls.models import store
from medcls.models.opening import open_model
from medcls.training.build import find_initial
from medcls.training.result import _seen
from tests import tiny


def test_a_model_whose_id_has_a_dot_is_no_file(home: Path, tiny_made: Path) -> None:
    card = tiny.install(tiny_made, home / "weights", "breast-ultrasound--resnet18.a1_in1k--0001")
    assert find_initial(card.id) == store.folder(card.id)
    with pytest.raises(BadModel, match="no such model"):
        find_initial("breast-ultrasound--resnet18.a1_in1k--0002")


def test_words_and_files_are_themselves(tmp_path: Path) -> None:
    assert (find_initial("imagenet"), find_initial("none")) == ("imagenet", "none")
    missing = tmp_path / "start.safetensors"
    assert find_initial(str(missing)) == missing  # opening it says that it is not there
    other = tmp_path / "start.pth"
    other.touch()
    assert find_initial(str(other)) == other  # opening it says what is wrong with it


def test_what_a_model_has_seen_comes_along_by_id_and_by_file(tiny_model: ModelCard, tmp_path: Path) -> None:
    folder = store.folder(tiny_model.id)
    store.write_seen(folder, ["a" * 64])
    new = SimpleNamespace(cases=(SimpleNamespace(sha256="b" * 64),))
    fitted: Any = SimpleNamespace(data=SimpleNamespace(train=new, validate=new), made=None)
    for initial in (tiny_model.id, str(folder / store.WEIGHTS)):
        assert _seen(fitted, RunSpec.of(initial=initial)) == {"b" * 64, "a" * 16}
    alone = tmp_path / store.WEIGHTS
    alone.write_bytes((folder / store.WEIGHTS).read_bytes())
    for initial in (str(alone), "none", "imagenet"):
        assert _seen(fitted, RunSpec.of(initial=initial)) == {"b" * 64}


def test_a_child_of_a_model_that_does_not_say_does_not_say_either(tiny_model: ModelCard) -> None:
    """What the parent saw may be among anything the child is asked of: more scans seen do not make that known."""
    new = SimpleNamespace(cases=(SimpleNamespace(sha256="b" * 64),))
    fitted: Any = SimpleNamespace(data=SimpleNamespace(train=new, validate=new), made=None)
    folder = store.folder(tiny_model.id)
    assert open_model(folder).without_record == (tiny_model.id,)
    store.write_seen(folder, _seen(fitted, RunSpec.of(initial=tiny_model.id)))
    child = open_model(folder)
    assert child.seen == {"b" * 16, store.NO_RECORD}
    assert child.without_record == (tiny_model.id,)
    assert store.NO_RECORD in _seen(fitted, RunSpec.of(initial=tiny_model.id))  # and so on to its children
