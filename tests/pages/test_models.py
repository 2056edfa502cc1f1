"""The Models page as a user drives it."""

from pathlib import Path

import pytest

from medcls.core.evaluation import Estimate
from medcls.core.note import UNSAID
from medcls.core.pointing import PointingRow, PointingStudy
from medcls.core.shifts import shifts_for
from medcls.data.collections import add_collection
from medcls.imaging.phantom import phantom
from medcls.models import store
from medcls.words import say
from medcls.workflows import doubt, exchange, models, stress
from pages._ui import state
from pages._ui.models import table
from pages._ui.widgets import notices
from tests import tiny
from tests.pages.conftest import assert_sound, words

PAGE = "../models.py"


def test_the_card_reads_well(open_app, tiny_model) -> None:
    app = open_app(PAGE)
    assert_sound(app)
    text = words(app).replace("\\", "")
    for said in (
        tiny_model.task.question,
        "Synthetic scans made by medcls",
        "Never saw a patient",
        "How far to trust",
        "How good it is",
        "Licence",
    ):
        assert said in text
    row = app.dataframe[0].value.iloc[0]
    assert "phantoms" in row[say("pages.models-by-site")]
    assert row[say("pages.models-test-cases")] == store.read_evaluation(tiny_model.id).n_cases


def test_a_name_is_read_whole_and_says_what_the_model_is(open_app, tiny_model) -> None:
    """The state stands before the name, which is as wide as its longest."""
    row = open_app(PAGE).dataframe[0].value.iloc[0]
    assert row[say("pages.head-model")].startswith(say("pages.recommended", {"name": ""}))
    names = ("EfficientNet-Lite0, CLAHE, marks painted over", "short", "")
    rows = [{say("pages.head-model"): name, say("pages.models-by-site"): ""} for name in names]
    width = table._columns(rows)[say("pages.head-model")]["width"]
    assert width >= 303 + 16, "what Chromium takes for it, and the cell's margins"
    assert table._columns(rows[1:])[say("pages.head-model")]["width"] < 80


def test_retired_models_leave_the_list_and_come_back(open_app, tiny_model) -> None:
    """Retiring asks by name in a dialog; a retired model is shown on request and can be offered again."""
    app = open_app(PAGE)
    next(b for b in app.button if b.label == "Retire …").click().run()
    assert_sound(app)
    assert any(t.label.startswith("Why") for t in app.text_input)
    assert tiny_model.name in words(app).replace("\\", "")
    models.retire(tiny_model.id, "superseded")
    app.run()
    assert "There is none yet" in words(app)
    app.toggle[0].set_value(True).run()
    assert "superseded" in words(app)
    next(b for b in app.button if b.label == "Offer it again").click().run()
    assert store.read_card(tiny_model.id).retired == ""


def test_what_was_retired_last_can_be_undone(open_app, tiny_model) -> None:
    app = open_app(PAGE)
    models.retire(tiny_model.id, "by mistake")
    app.session_state[state.MODEL_RETIRED] = tiny_model.id
    app.run()
    app.button(key="models.undo").click().run()
    assert_sound(app)
    assert store.read_card(tiny_model.id).retired == ""
    assert not [b for b in app.button if str(b.key).startswith("models.undo")]


def test_what_was_retired_last_is_read_again_after_undo(open_app, tiny_made, home) -> None:
    for n in (1, 2):
        tiny.install(tiny_made, home / "weights", f"breast-ultrasound--tiny--000{n}")
    app = open_app(PAGE)
    models.retire("breast-ultrasound--tiny--0002", "by mistake")
    app.session_state[state.MODEL_RETIRED] = "breast-ultrasound--tiny--0002"
    app.run()
    app.button(key="models.undo").click().run()
    assert_sound(app)
    assert store.read_card("breast-ultrasound--tiny--0002").retired == ""
    assert app.session_state["choice.card"] == "breast-ultrasound--tiny--0002"
    assert not [b for b in app.button if str(b.key).startswith("models.undo")]


def test_a_model_is_measured_on_labelled_scans(open_app, tiny_model, tmp_path: Path) -> None:
    app = open_app(PAGE)
    assert "No labelled scans of this machine" in words(app)
    for label in ("benign", "malignant"):
        (tmp_path / "scans" / label).mkdir(parents=True)
        for seed in range(3):
            data = phantom("breast-ultrasound", label, 900 + seed, size_px=(64, 80))
            (tmp_path / "scans" / label / f"{seed}.png").write_bytes(data)
    add_collection(tmp_path / "scans", "phantoms", task_id="breast-ultrasound")
    app = open_app(PAGE)
    next(s for s in app.selectbox if s.label == "Part").set_value("all").run()
    next(b for b in app.button if b.label == "Measure").click().run()
    assert_sound(app)
    assert "6 cases of 6 patients or look-alike groups, phantoms" in words(app).replace("\\", "")
    assert len(app.get("download_button")) >= 3


def test_import_checks_and_keeps(open_app, tiny_model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = exchange.export_bytes(tiny_model.id, "record")
    monkeypatch.setenv("MEDCLS_HOME", str(tmp_path / "elsewhere"))
    app = open_app(PAGE)
    app.file_uploader[0].set_value([("model.zip", archive[:-30], "application/zip")]).run()
    next(b for b in app.button if b.label == "Import").click().run()
    assert_sound(app)
    assert any("not an archive of a model" in e.value for e in app.error)
    app.file_uploader[0].set_value([("model.zip", archive, "application/zip")]).run()
    next(b for b in app.button if b.label == "Import").click().run()
    assert_sound(app)
    assert app.success
    assert store.read_card(tiny_model.id) == tiny_model


@pytest.mark.parametrize("mode", ["record", "others"])
def test_a_retired_model_that_is_imported_is_offered_back(mode: str, open_app, tiny_model) -> None:
    """The archive may hold it as it is, or cut for others: that one differs from the one here."""
    archive = exchange.export_bytes(tiny_model.id, mode)
    store.update_card(tiny_model.id, retired="worn out")
    app = open_app(PAGE)
    app.file_uploader[0].set_value([("model.zip", archive, "application/zip")]).run()
    next(b for b in app.button if b.label == "Import").click().run()
    assert_sound(app)
    assert any("worn out" in one.value for one in app.warning)
    assert not app.error, "what to do is said once: it is here, and Undo offers it"
    app.button(key="models.undo").click().run()
    assert not store.read_card(tiny_model.id).retired


def test_text_of_a_card_is_shown_and_not_obeyed(open_app, tiny_made: Path, home: Path) -> None:
    tiny.install(tiny_made, home / "weights", "evil")
    store.update_card("evil", name="<script>alert(1)</script>", trained_on="![x](http://tracker/p.png) **bold**")
    app = open_app(PAGE)
    assert_sound(app)
    shown = [m.value for m in app.markdown if "tracker" in m.value]
    assert shown
    told = notices.escape("![x](http://tracker/p.png)")
    assert all(told in text for text in shown), "shown as written, fetched by nobody"


def test_heatmaps_that_were_measured_are_told_with_their_controls(open_app, tiny_model) -> None:
    hits = Estimate(0.75, 0.5, 0.9, 0.95, 20, UNSAID)
    gain, low = Estimate(0.25, 0.05, 0.45, 0.95, 20, UNSAID), Estimate(0.5, 0.3, 0.7, 0.95, 20, UNSAID)
    row = PointingRow("gradcam", "Grad-CAM", False, hits, low, low, gain)
    centre = PointingRow("centre", "centred Gaussian", True, low, low, low, None)
    store.add_pointing(
        PointingStudy(tiny_model.id, "busi", "malignant", "layer4", 26, 20, 0.1, (row, centre), ("What it means.",))
    )
    app = open_app(PAGE)
    assert_sound(app)
    text = words(app).replace("\\", "")
    assert "Where its heatmaps point" in text
    assert "20 of 26 cases" in text
    assert "What it means." in text
    shown = next(t.value for t in app.dataframe if "points at the lesion" in t.value)
    assert list(shown["heatmap"]) == ["Grad-CAM", "control: centred Gaussian"]
    assert shown["above the centred Gaussian"][0] == "+0.250 (+0.050 to +0.450)"


def test_what_shifts_do_is_measured_and_kept_with_the_model(open_app, tiny_model, tmp_path: Path) -> None:
    for label in ("benign", "malignant"):
        (tmp_path / "scans" / label).mkdir(parents=True)
        for seed in range(2):
            data = phantom("breast-ultrasound", label, 700 + seed, size_px=(64, 80))
            (tmp_path / "scans" / label / f"{seed}.png").write_bytes(data)
    add_collection(tmp_path / "scans", "phantoms", task_id="breast-ultrasound")
    app = open_app(PAGE)
    app.button(key=f"models.stress-do.{tiny_model.id}").click().run()
    assert_sound(app)
    (study,) = stress.stress_of(tiny_model.id)
    assert (study.n_cases, study.collection) == (4, "phantoms")
    table = next(t.value for t in app.dataframe if "flipped" in t.value)
    assert list(table["shift"]) == [name.replace("-", " ") for name in shifts_for("ultrasound")]
    assert notices.escape(study.worst_first()[0]) in words(app)
    (one,) = doubt.doubts_of(tiny_model.id)
    assert notices.escape(one.note()) in words(app)
