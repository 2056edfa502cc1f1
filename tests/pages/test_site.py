"""The Site page as a user drives it: from a labelled collection to a verdict, settings, and back."""

from pathlib import Path

import pytest

from medcls.data.collections import add_collection
from medcls.evaluation.sites import make_site
from medcls.imaging.phantom import phantom
from medcls.workflows import site
from tests.pages.conftest import assert_sound, words

PAGE = "../site.py"


@pytest.fixture
def ward(tiny_model, tmp_path: Path):
    """A labelled collection of the model's labels."""
    for label in tiny_model.task.label_ids:
        folder = tmp_path / "ward" / label
        folder.mkdir(parents=True)
        for seed in range(100, 106):
            (folder / f"{seed}.png").write_bytes(phantom("breast-ultrasound", label, seed))
    add_collection(tmp_path / "ward", "ward", task_id="breast-ultrasound")
    return tiny_model


def test_without_a_model_it_says_what_it_is_for(open_app) -> None:
    app = open_app(PAGE)
    assert_sound(app)
    assert "no model yet" in words(app)


def test_from_a_collection_to_settings_and_back(open_app, ward) -> None:
    app = open_app(PAGE)
    app.text_input(key="site.new").set_value("Ward 3").run()
    app.button_group(key="site.source").set_value("A labelled collection").run()
    app.multiselect(key=f"site.on.{ward.id}").set_value(["ward"]).run()
    app.button(key="site.check").click().run()
    assert_sound(app)
    check = site.site_folder("Ward 3").checks()[0].get()
    assert check.n_cases == 18
    assert "18 scans" in words(app)
    apply = app.button(key="site.apply")
    if not apply.disabled:
        apply.click().run()
        assert_sound(app)
        assert site.site_folder("Ward 3").settings(ward.id) is not None


def test_a_damaged_site_stands_beside_the_others(open_app, ward, home) -> None:
    for name in ("a", "b"):
        made = make_site(name)
    (made.path / "site.json").write_bytes(b'{"schema": "1"}')
    app = open_app(PAGE)
    assert not app.exception
    assert app.error
    assert "a" in app.selectbox[0].options
