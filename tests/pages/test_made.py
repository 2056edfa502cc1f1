"""Translators in the app: their curves and samples on Runs, marked as made; the way from them to a run."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medcls.core.made import MADE_MARK
from medcls.runs.folder import make_run
from tests.pages.conftest import assert_sound, words
from tests.runs.processes import add_phantoms, finish
from tests.runs.test_translate import GAN


@pytest.fixture(scope="module")
def translated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home with labelled phantoms and a translator that has finished two epochs; the run's id."""
    folder = tmp_path_factory.mktemp("translated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDCLS_HOME", str(folder / "home"))
        add_phantoms(folder / "scans")
        run = make_run(GAN.having(name="benign to malignant"))
        assert finish(run) == 0, run.log_tail()
    return folder / "home", run.id


@pytest.fixture
def run_id(translated: tuple[Path, str], home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MEDCLS_HOME", str(translated[0]))
    return translated[1]


def test_the_losses_of_a_translator_have_curves(open_app, run_id) -> None:
    app = open_app("../runs.py", run=run_id)
    assert_sound(app)
    assert not app.error, [e.value for e in app.error]
    assert len(app.get("plotly_chart")) == 5
    assert [b.label for b in app.button if b.label == "Publish"] == [], "it has no model"


def test_samples_are_shown_by_epoch_with_their_mark_and_nowhere_else(open_app, run_id) -> None:
    app = open_app("../runs.py", run=run_id, of="Samples")
    assert_sound(app)
    assert "Made by program, not scans" in words(app)
    assert not app.error, [e.value for e in app.error]
    assert app.get("image"), "the sheet of the last epoch"
    assert app.select_slider[0].value == 2
    app.select_slider[0].set_value(1).run()
    assert_sound(app)
    assert "7 made scans of malignant" in words(app) or "8 made scans of malignant" in words(app)


def test_a_sheet_bears_the_mark_to_the_eye_and_in_the_file(run_id) -> None:
    from medcls.workflows.made import list_sheets, read_sheet

    assert list_sheets(run_id) == (1, 2)
    with Image.open(io.BytesIO(read_sheet(run_id, 2))) as sheet:
        assert sheet.info["medcls"] == MADE_MARK
        strip = np.asarray(sheet.convert("RGB"))[22:42]
    red = (strip == (0xB0, 0x00, 0x20)).all(axis=2)
    assert not red[:, :120].any(), "not over the scans"
    assert red[:, 140:].mean() > 0.5, "but over all that was made"


def test_learning_from_them_opens_train_with_the_same_scans(open_app, run_id) -> None:
    app = open_app("../runs.py", run=run_id, of="Samples")
    next(b for b in app.button if b.label == "Learn from them").click().run()
    asked = app.session_state["train.draft"]
    assert (asked.data.made_from, asked.data.size_px, asked.data.collections) == (run_id, 32, ("phantoms",))
    app = app.switch_page("../train.py").run()
    assert_sound(app)
    assert not app.error, [e.value for e in app.error]
    assert next(w for w in app.selectbox if w.label == "Made from").value == run_id


def test_train_offers_the_recipe_and_asks_for_labels_instead_of_a_network(open_app, run_id) -> None:
    app = open_app("../train.py")
    recipe = next(w for w in app.selectbox if w.label == "Recipe")
    assert any(option.startswith("cyclegan") for option in recipe.options)
    recipe.set_value("cyclegan").run()
    assert_sound(app)
    assert not app.error, [e.value for e in app.error]
    assert not [w for w in app.selectbox if w.label in ("Network", "Start from")]
    label = next(w for w in app.selectbox if w.label == "To label")
    assert "malignant" in label.options
    label.set_value("malignant").run()
    assert_sound(app)
    asked = app.session_state["train.last"]
    assert (asked.kind, asked.translation.to_label, asked.data.size_px) == ("translator", "malignant", 128)


def test_pictures_that_would_leak_block_the_start(open_app, run_id) -> None:
    from medcls.core.run import RunSpec
    from medcls.workflows.preflight import survey

    spec = RunSpec.of(collections=("phantoms",), made_from=run_id)
    assert not survey(spec).blockers
    (blocker,) = survey(spec.having(fit="crop")).blockers
    assert blocker.code == "data.made-otherwise-ready"
