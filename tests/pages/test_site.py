"""The Site page as a user drives it: from a labelled collection to a verdict, settings, and back."""

import shutil
from pathlib import Path

import pytest

from medcls.core.site import Aim, SiteSettings
from medcls.data.collections import add_collection
from medcls.evaluation.site_answer import weights_of
from medcls.evaluation.site_watch import Week
from medcls.evaluation.sites import make_site
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.models import store
from medcls.models.opening import open_model
from medcls.words import say
from medcls.workflows import compare_scan, site
from pages._ui import state
from pages._ui.site import charts_site
from pages._ui.site.label import label_of
from tests.pages.conftest import assert_sound, words
from tests.tiny import install, write_tiny

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
    app.button_group(key="site.source").set_value("collection").run()
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


def dropped(app, ward, labelled: bool):
    """Drop scans whose names tell what they show, or do not."""
    files = [
        (f"{label if labelled else 'scan'} {i}.png", phantom("breast-ultrasound", label, 200 + i), "image/png")
        for label in ward.task.label_ids
        for i in range(4)
    ]
    app.file_uploader(key="site.files").set_value(files)
    return app.run()


def test_scans_that_are_dropped_are_checked_by_the_labels_in_their_names(open_app, ward) -> None:
    app = open_app(PAGE)
    app.text_input(key="site.new").set_value("Ward 3").run()
    app = dropped(app, ward, labelled=True)
    app.number_input(key="site.prevalence..breast-ultrasound").set_value(0.25).run()
    app.button(key="site.check.dropped").click().run()
    assert_sound(app)
    check = site.site_folder("Ward 3").checks()[0].get()
    assert (check.n_cases, check.aim.prevalence) == (12, 0.25)
    assert app.session_state[state.SITE_CHECKED].check == check
    assert "12 scans" in words(app)


def test_a_table_that_is_dropped_is_told_where_tables_are_read(open_app, ward) -> None:
    """It is no picture, but neither is it a mistake."""
    app = open_app(PAGE)
    picture = phantom("breast-ultrasound", "benign", 3)
    app.file_uploader(key="site.files").set_value(
        [("a.png", picture, "image/png"), ("labels.CSV", b"file,label\na,benign\n", "text/csv")]
    )
    app.run()
    assert_sound(app)
    (failed,) = app.session_state[state.SITE_ROWS][3]
    assert (failed.name, failed.error.code) == ("labels.CSV", "pages.site-table-dropped")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("malignant (3).png", "malignant"),
        ("ward.zip/Benign/12.png", "benign"),
        ("benign12.png", "benign"),
        ("abnormal 1.png", None),
        ("nonmalignant.png", None),
        ("non-malignant 4.png", None),
        ("not_malignant.png", None),
        ("benign or malignant.png", None),
        ("scan 1.png", None),
        ("NORMAL_2.PNG", "normal"),
    ],
)
def test_a_label_is_read_from_a_name_only_where_it_stands_as_a_word(name: str, label: str | None) -> None:
    """A wrong guess among hundreds of scans is seen by nobody."""
    assert label_of(name, ("normal", "benign", "malignant")) == label


def test_a_label_that_denies_another_is_read_as_itself() -> None:
    """By the longer of two names; by neither where both stand there."""
    names = ("not melanoma", "melanoma")
    told = [label_of(name, names) for name in ("not-melanoma/1.jpg", "melanoma/1.jpg", "melanoma not_melanoma.jpg")]
    assert told == ["not melanoma", "melanoma", None]


def test_without_labels_there_is_a_look_and_no_check(open_app, ward) -> None:
    app = open_app(PAGE)
    app.text_input(key="site.new").set_value("Ward 3").run()
    app = dropped(app, ward, labelled=False)
    assert app.button(key="site.check.dropped").disabled
    app.button(key="site.look").click().run()
    assert_sound(app)
    model, look, told = app.session_state[state.SITE_LOOKED]
    assert (model, look.n_cases) == (ward.id, 12)
    assert all(str(note) in words(app).replace("\\", "") for note in told)


def test_an_evaluation_that_cannot_be_read_hides_no_other_part(open_app, tiny_model, home) -> None:
    """Beside another site's card it is told; the watch can still be agreed to."""
    drop = [
        (phantom("breast-ultrasound", label, seed), label, f"{label} {seed}")
        for label in tiny_model.task.label_ids
        for seed in range(320, 326)
    ]
    site.write_letter("Far", site.check_dropped("Far", tiny_model.id, drop, Aim(0.5)).check, home / "card.json")
    shutil.rmtree(make_site("Far").path)
    site.import_letter((home / "card.json").read_bytes())
    ward = make_site("Ward 3")
    (home / "weights" / tiny_model.id / "evaluation.json").write_text("{")
    app = open_app(PAGE, site=ward.id, model=tiny_model.id)
    assert_sound(app)
    assert "evaluation" in app.error[0].value
    assert app.toggle(key=f"site.watch.{ward.site.name}")


def test_a_damaged_site_stands_beside_the_others(open_app, ward, home) -> None:
    for name in ("a", "b"):
        made = make_site(name)
    (made.path / "site.json").write_bytes(b'{"schema": "1"}')
    app = open_app(PAGE)
    assert not app.exception
    assert app.error
    assert "a" in app.selectbox[0].options


def test_where_no_model_of_a_task_is_approved_those_are_offered_that_are_not_retired(
    open_app, tiny_model, home, tmp_path: Path
) -> None:
    """A model approved for another task changes nothing for this one; all stand under *All models*."""
    write_tiny(tmp_path / "other", seed=1)
    install(tmp_path / "other", home / "weights", "breast-ultrasound--tiny--0002")
    write_tiny(tmp_path / "skin", "skin-melanoma")
    install(tmp_path / "skin", home / "weights", "skin-melanoma--tiny--0001")
    folder = make_site("Ward 3")
    site.set_state("Ward 3", tiny_model.id, "retired", why="scanner changed")
    site.set_state("Ward 3", "skin-melanoma--tiny--0001", "approved", why="looked at by hand")
    app = open_app("../classify.py", site=folder.id, task="breast-ultrasound")
    assert_sound(app)
    (picked,) = [box for box in app.selectbox if box.key.startswith("pick.model")]
    assert picked.key == "pick.model.breast-ultrasound.breast-ultrasound--tiny--0002"
    assert picked.options == [store.read_card("breast-ultrasound--tiny--0002").name], "nobody recommends it"
    app.toggle(key=state.ALL_MODELS).set_value(True).run()
    (both,) = [box.key for box in app.selectbox if box.key.startswith("pick.model")]
    assert tiny_model.id in both
    assert say("pages.model-draft-here", {"site": "Ward 3"}) in words(app).replace("\\", "")
    for page in ("../classify.py", "../heatmaps.py"):
        app = open_app(page, site=folder.id, task="breast-ultrasound", model=tiny_model.id)
        told = words(app).replace("\\", "")
        assert say("pages.model-retired-here", {"site": "Ward 3"}) in told, "an address leads to any model"
    told = words(open_app("../compare.py", site=folder.id, task="breast-ultrasound")).replace("\\", "")
    names = {card.id: card.name for card in store.list_cards()}
    for code, one in (("retired", tiny_model.id), ("draft", "breast-ultrasound--tiny--0002")):
        assert say(f"pages.models-{code}-here", {"site": "Ward 3", "names": names[one]}) in told


def test_a_scan_reads_alike_on_every_page(open_app, tiny_model, home, tmp_path: Path) -> None:
    """The threshold of the site turns the answer: Heatmaps and Compare say what Classify says."""
    data, folder = phantom("breast-ultrasound", "malignant", 7), make_site("Ward 3")
    scan = read_scan(data)
    plain = open_model(tiny_model.id).predict(scan)
    disease = float(plain.prob[list(tiny_model.task.positive)].sum())
    is_disease = plain.labels.index(plain.decided) in tiny_model.task.positive
    turned = min(1.0, disease + 0.01) if is_disease else 0.0
    site.apply_settings(SiteSettings("Ward 3", tiny_model.id, weights_of(tiny_model), threshold=turned, n_cases=40))
    read = site.read_at("Ward 3", plain, tiny_model)
    assert read.decided != plain.decided

    write_tiny(tmp_path / "other", seed=1)
    install(tmp_path / "other", home / "weights", "breast-ultrasound--tiny--0002")
    app = open_app("../heatmaps.py", site=folder.id)
    app.file_uploader[0].set_value([("scan.png", data, "image/png")]).run()
    assert_sound(app)
    word = next(label.name for label in tiny_model.task.labels if label.id == read.decided)
    assert f"{word} (" in words(app).replace("\\", "")
    app.switch_page("../compare.py").run()
    assert_sound(app)
    found = app.session_state[state.COMPARE_ANSWERS][1]
    here = compare_scan.read_at_site(found, "Ward 3")
    assert [a.prediction.decided for a in here.answers if a.model == tiny_model.id] == [read.decided]
    assert str(read.points[-1]) in words(app).replace("\\", "")


def test_the_chart_marks_where_another_model_or_other_settings_begin() -> None:
    """A dotted line with why; two bases of one week are two points."""
    weeks = [
        Week(f"2026-W{n}", "m", 1, basis=basis) for n, basis in ((46, "a-x"), (47, "a-x"), (47, "a-y"), (48, "b-y"))
    ]
    assert charts_site.baselines(weeks) == [(2, "pages.site-watch-new-settings"), (3, "pages.site-watch-new-model")]
    assert charts_site.baselines([Week("2026-W45", "m", 1), weeks[0]]) == [(1, "pages.site-watch-untold")]
    figure = charts_site.watch(weeks)
    assert len(figure.layout.annotations) == len(figure.layout.shapes) == 2
    assert len(set(figure.data[0].x)) == 4
