"""What a spec's initial weights mean, and which scans they bring along."""

from pathlib import Path

import pytest

from medcls import store
from medcls.errors import BadModel
from medcls.training.make import find_initial
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
