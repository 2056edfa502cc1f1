"""The Compare page as a user drives it."""

import dataclasses
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from medcls.core.note import Note
from medcls.data.collections import add_collection
from medcls.imaging.phantom import phantom
from medcls.models import store
from medcls.words import say
from medcls.workflows import compare, thresholds
from pages._ui.compare import one_scan
from pages._ui.compare.test_set import names_of
from pages._ui.widgets import notices
from tests import tiny
from tests.compared import LABELS, cases, publish, publish_three
from tests.pages.conftest import assert_sound, component, words

PAGE = "../compare.py"


@pytest.fixture
def three(tiny_made: Path, home: Path) -> tuple[str, ...]:
    return publish_three(tiny_made, home)


def show(app: AppTest, section: str) -> AppTest:
    """Choose a section of the test-set view."""
    control = next(c for c in app.get("button_group") if c.key == "part.view")
    control.set_value(section).run()
    assert_sound(app)
    return app


def test_one_model_is_not_enough(open_app, tiny_model) -> None:
    assert "two models of one task" in words(open_app(PAGE))


def test_models_chosen_at_first_share_their_test_cases(open_app, three: tuple[str, ...], tiny_made, home: Path) -> None:
    """A model of one's own, measured on other cases, leaves the page its comparison."""
    publish(tiny_made, home, "bad-of-my-own", table := cases(1.0))
    path = home / "weights" / "bad-of-my-own"
    store.write_evaluation(path, dataclasses.replace(store.read_evaluation(path), collection="own"), table)
    publish(tiny_made, home, "last", cases(1.0))
    app = open_app(PAGE)
    chosen = next(m for m in app.multiselect if str(m.key).startswith("compare.models")).value
    assert len(chosen) == 4
    assert "bad-of-my-own" not in chosen


def test_one_scan_goes_to_every_model(open_app, three: tuple[str, ...]) -> None:
    app = open_app(PAGE)
    scan = phantom("breast-ultrasound", "malignant", 4)
    app.file_uploader[0].set_value([("scan.png", scan, "image/png")]).run()
    assert_sound(app)
    text = words(app)
    assert "All 3 networks" in text or "The networks disagree" in text
    assert "Mean of 3 models" in text
    found = app.session_state["compare.answers"][1]
    decided = [a.prediction.decided is not None for a in found.answers]
    assert len(component(app, "medcls_viewer")["panes"]) == 1 + sum(decided)
    shown = sum(decided) + sum(e.prediction.decided is not None for e in found.ensembles)
    assert text.count("Probabilities: normal") == shown
    app.file_uploader[0].set_value([("broken.png", scan[:40], "image/png")]).run()
    assert_sound(app)
    assert app.error, "a broken file is told of where the scan would have stood"


def test_a_broken_model_leaves_the_others_their_answers(open_app, three: tuple[str, ...], home: Path) -> None:
    tiny.spoil(home / "weights", "bad")
    app = open_app(PAGE)
    app.file_uploader[0].set_value([("scan.png", phantom("breast-ultrasound", "benign", 1), "image/png")]).run()
    assert_sound(app)
    text = words(app)
    assert "Mean of 2 models" in text
    assert any("not the file that was published" in e.value.replace("\\", "") for e in app.error)


def test_test_set_shows_scores_verdicts_and_keeps_a_threshold(open_app, three: tuple[str, ...]) -> None:
    app = open_app(PAGE, mode="set")
    assert_sound(app)
    assert "150 cases of 75 patients or look-alike groups" in words(app).replace("\\", "")
    table = app.dataframe[1].value
    assert list(table["model"]) == sorted(three), "models of one name are told apart by their ids"
    assert float(str(table["AUROC"][1])[:4]) > float(str(table["AUROC"][0])[:4])

    show(app, "Which is better")
    text = words(app).replace("\\", "")
    assert "bad against good: **good** is better by" in text
    assert "good against twin" not in text, "a difference that may be chance is said when its cell is clicked"
    matrix = component(app, "medcls_matrix")
    assert [[bool(cell) for cell in row] for row in matrix["rows"]] == [[i != j for j in range(3)] for i in range(3)]
    bad, good = sorted(matrix["names"].index(name) for name in ("bad", "good"))
    (value, interval, sure), (turned, _, _) = matrix["rows"][bad][good], matrix["rows"][good][bad]
    assert value[0] == "\N{MINUS SIGN}"
    assert turned == value.replace("\N{MINUS SIGN}", "+")
    assert sure
    assert " to " in interval

    show(app, "Curves")
    assert len(app.get("plotly_chart")) == 3 + len(three)
    show(app, "Disagreements")
    assert "widest spread" in words(app)
    show(app, "Subgroups")
    assert list(app.dataframe[0].value["device"]) == ["GE", "Philips"]
    assert list(app.dataframe[0].value["cases"]) == [50, 100]
    show(app, "Ablation")
    assert "no two finished ones yet" in words(app)

    show(app, "Operating point")
    assert "Missed per 1,000" in words(app)
    next(s for s in app.selectbox if s.label == "Model").set_value("good").run()
    app.slider[0].set_value(0.3).run()
    next(t for t in app.text_input if t.label.startswith("Name")).set_value("screening")
    next(b for b in app.button if b.label.startswith("Keep it")).click().run()
    assert_sound(app)
    (kept,) = store.read_card("good").thresholds
    assert (kept.name, kept.label, kept.prob) == ("screening", "malignant", 0.3)
    assert kept.note.params["n"] == 150
    assert app.success
    assert not app.warning, "a value is given to each widget in one place only"


def test_a_kept_threshold_is_looked_at_again_and_taken_off(open_app, three: tuple[str, ...]) -> None:
    thresholds.save_threshold("good", "rule out", "benign", 0.2, "as the ward wants it")
    app = show(open_app(PAGE, mode="set"), "Operating point")
    prevalence = next(n for n in app.number_input if str(n.key).startswith("compare.prevalence"))
    assert prevalence.value == 10, "as where answers are read"
    assert "rule out" not in words(app)
    next(s for s in app.selectbox if s.label == "Model").set_value("good").run()
    next(b for b in app.button if b.label == "Look at it").click().run()
    assert_sound(app)
    assert app.slider[0].value == 0.2
    assert next(s for s in app.selectbox if s.label == "Label called").value == "benign"
    assert not app.warning
    next(b for b in app.button if b.label == "Take it off the card").click().run()
    assert_sound(app)
    assert store.read_card("good").thresholds == ()
    assert "rule out" not in words(app)


def test_a_kept_threshold_does_not_throw_an_evaluation_away(
    open_app, three: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    real = compare.compare_stored
    monkeypatch.setattr(compare, "compare_stored", lambda *a, **k: made.append(1) or real(*a, **k))
    app = open_app(PAGE, mode="set")
    thresholds.save_threshold("good", "screening", "malignant", 0.2)
    show(app, "Which is better")
    assert len(made) == 1


def test_scores_on_cases_that_were_learned_from_are_cautioned_in_sight(
    open_app, three: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other notes stay behind their button."""
    said = [Note("evaluation.learned-from", n=35), Note("evaluation.undecided", silent=1, n=42)]
    found = tuple(Note("evaluation.of-models", models="good", note=note) for note in said)
    real = compare.compare_stored
    monkeypatch.setattr(compare, "compare_stored", lambda *a, **k: dataclasses.replace(real(*a, **k), notes=found))
    app = open_app(PAGE, mode="set")
    assert_sound(app)
    assert ["35 cases" in w.value for w in app.warning] == [True]
    assert say("pages.about-cases", {"n": 1}) in [b.label for b in app.button]


def test_disagreements_are_shown_as_pictures(open_app, three: tuple[str, ...], home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    truth = [LABELS[k] for k in cases(1.0).truth]
    drawn = {label: phantom("breast-ultrasound", label, 0, size_px=(64, 80)) for label in LABELS}
    for i, label in enumerate(truth):
        (folder / f"{i}.png").write_bytes(drawn[label])
    (folder / "labels.csv").write_text("path,label\n" + "".join(f"{i}.png,{label}\n" for i, label in enumerate(truth)))
    app = show(open_app(PAGE, mode="set"), "Disagreements")
    assert not [c for c in app.get("bidi_component") if c.proto.component_name == "medcls_gallery"]
    end = notices.escape(say("pages.pictures-to-add", {"n": 1, "names": "set"}).partition("set")[2])
    (told,) = [c.value for c in app.caption if c.value.endswith(end)]
    assert "set" in told
    add_collection(folder, "set", task_id="breast-ultrasound")
    app = show(open_app(PAGE, mode="set"), "Disagreements")
    assert told not in [c.value for c in app.caption]
    rows = component(app, "medcls_gallery")["rows"]
    assert rows
    assert all(row["src"].startswith("data:image/png") and row["name"].startswith("set/") for row in rows)
    assert all(len(row["told"]) == len(three) for row in rows)


def test_cost_is_measured_on_request(open_app, three: tuple[str, ...]) -> None:
    app = show(open_app(PAGE, mode="set"), "Cost")
    assert app.dataframe[0].value["ms per scan here"].isna().all()
    next(b for b in app.button if b.label.startswith("Measure")).click().run()
    assert_sound(app)
    assert (app.dataframe[0].value["ms per scan here"] > 0).all()


def test_models_without_shared_cases_are_told_so(open_app, tiny_made: Path, three: tuple[str, ...], home: Path) -> None:
    tiny.install(tiny_made, home / "weights", "other")
    app = open_app(PAGE, mode="set", models="good,other")
    assert_sound(app)
    assert any("no case in common" in e.value for e in app.error)


def test_what_all_names_begin_with_is_left_out(tiny_model) -> None:
    card = store.list_cards()[0]
    named = [
        dataclasses.replace(card, id=f"m{i}", name=f"Skin lesions, {name}")
        for i, name in enumerate(("MobileNetV2", "mean of two networks"))
    ]
    assert names_of(named) == {"m0": "MobileNetV2", "m1": "Mean of two networks"}
    other = dataclasses.replace(card, id="m2", name="Mine")
    assert names_of([*named, other])["m0"] == "Skin lesions, MobileNetV2"
    twice = dataclasses.replace(named[0], id="m3")
    assert names_of([*named, twice])["m3"] == "m3"
    commas = dataclasses.replace(card.task, name="Skin, melanoma")
    sizes = [
        dataclasses.replace(card, id=f"s{px}", name=f"Skin, melanoma, MobileNetV2, {px} px", task=commas)
        for px in (128, 160)
    ]
    assert names_of(sizes) == {"s128": "MobileNetV2, 128 px", "s160": "MobileNetV2, 160 px"}


def test_models_are_counted_as_they_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait of several models says which of how many."""
    told: list[tuple[str, dict]] = []
    monkeypatch.setattr(one_scan, "say", lambda code, values: told.append((code, values)) or code)
    asking = one_scan.Asking(["a", "b"], {"a": None, "b": None}.__getitem__)
    assert [asking.find(model) for model in asking.models] == [None, None]
    assert told == [("pages.asking", {"n": 2}), *(("pages.asking-of", {"i": i, "n": 2}) for i in (1, 2))]
