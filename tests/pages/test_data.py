"""The Data page as a user drives it."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from medcls.data.collections import add_collection, open_collection
from tests.data import trees
from tests.pages.conftest import assert_sound, words

PAGE = "../data.py"


def show(app: AppTest, section: str) -> AppTest:
    control = next(c for c in app.get("button_group") if c.key == "data.section")
    control.set_value(section).run()
    assert_sound(app)
    return app


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert_sound(app)
    return app


def test_an_empty_page_offers_the_first_step_and_adds_a_folder(open_app, tmp_path: Path) -> None:
    app = open_app(PAGE)
    assert "Add the folder of a data set" in words(app)
    app.text_input(key="data.add.path").set_value(str(trees.busi(tmp_path / "busi"))).run()
    press(app, "Add")
    assert open_collection("busi").record.n_cases == 12
    assert {m.label: m.value for m in app.metric}["Cases"] == "12"


def test_a_wrong_path_is_a_sentence(open_app, tmp_path: Path) -> None:
    app = open_app(PAGE)
    app.text_input(key="data.add.path").set_value(str(tmp_path / "missing")).run()
    press(app, "Add")
    assert any("nothing at this path" in e.value for e in app.error)


def test_every_section_of_patches_with_places(open_app, tmp_path: Path) -> None:
    add_collection(trees.idc(tmp_path / "idc"), "idc")
    app = open_app(PAGE)
    assert_sound(app)
    assert len(app.get("plotly_chart")) == 2
    assert words(show(app, "Samples")).count("<img") == 6, "one of each patient and label"
    show(app, "Patients")
    assert len(app.get("plotly_chart")) == 3, "histogram, shares and the tissue"
    show(app, "Shortcuts")
    press(app, "Probe for shortcuts")
    assert any("needs more cases" in e.value for e in app.error)


def test_findings_are_settled_and_a_split_is_made(open_app, tmp_path: Path) -> None:
    root = trees.busi(tmp_path / "busi", n=6)
    trees.save(root / "Dataset_BUSI_with_GT" / "normal" / "normal (9).png", trees.picture("benign", 2))
    add_collection(root, "busi")
    app = show(open_app(PAGE), "Findings")
    press(app, "Audit this collection")
    assert "One picture" in words(app)
    assert words(app).count("<img") == 2
    box = next(box for box in app.selectbox if box.label.startswith("Decision"))
    assert box.value == "drop"
    box.select("keep").run()
    assert_sound(app)
    assert open_collection("busi").record.n_cases == 19
    show(app, "Split")
    press(app, "Make the split")
    assert any("Proof: 0 groups" in e.value for e in app.success)


@pytest.mark.parametrize("section", ["Overview", "Samples", "Patients", "Findings", "Shortcuts", "Split"])
def test_names_from_outside_are_shown_as_they_are(section: str, open_app, tmp_path: Path) -> None:
    add_collection(trees.folders(tmp_path / "f"), "f")
    app = show(open_app(PAGE), section)
    assert "<img onerror" not in words(app)
