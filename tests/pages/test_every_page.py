"""One body over the table of pages: each opens with no model, with one, and with a broken one."""

import shutil
from pathlib import Path

import pytest

from pages._ui.contents import PAGES
from tests.pages.conftest import FILES, assert_sound, words
from tests.tiny import spoil


def test_table_is_sound() -> None:
    """Every row names a file that exists, once, and an address of its own."""
    folder = Path(__file__).resolve().parents[2] / "pages"
    addresses = [page.address for page in PAGES]
    assert len(set(addresses)) == len(addresses)
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == set(addresses)


@pytest.mark.parametrize("page", FILES)
def test_opens_without_a_model(page: str, open_app) -> None:
    """An empty page says what to do."""
    app = open_app(page)
    assert_sound(app)
    assert "Research use, not a medical device" in words(app)


@pytest.mark.parametrize("page", FILES)
def test_opens_with_a_model(page: str, open_app, tiny_model) -> None:
    """With one model each page is usable."""
    assert_sound(open_app(page))


@pytest.mark.parametrize("page", FILES)
@pytest.mark.parametrize("fault", ["no card", "cut card", "no weights", "changed weights", "cut evaluation"])
def test_opens_with_a_broken_model(page: str, fault: str, open_app, tiny_model, home: Path) -> None:
    """A broken model is told of in a sentence or left out; it never takes a page down."""
    folder = home / "weights" / tiny_model.id
    shutil.copytree(folder, home / "weights" / "breast-ultrasound--tiny--0002")
    break_model(home / "weights", tiny_model.id, fault)
    app = open_app(page)
    assert_sound(app)
    if page == "../classify.py":  # the whole model beside it can still be asked
        assert app.file_uploader


def break_model(weights: Path, model_id: str, fault: str) -> None:
    """Damage a published model in a named way."""
    folder = weights / model_id
    if fault == "changed weights":
        spoil(weights, model_id)
    elif fault.startswith("no "):
        (folder / {"no card": "card.json", "no weights": "model.safetensors"}[fault]).unlink()
    else:
        path = folder / {"cut card": "card.json", "cut evaluation": "evaluation.json"}[fault]
        path.write_bytes(path.read_bytes()[:200])
