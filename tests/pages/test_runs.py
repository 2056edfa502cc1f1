"""Train and Runs in the app: a run goes from the form to a published model, in a process of its own."""

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from medcls.core.note import Note
from medcls.core.run import RunSpec, settings
from medcls.data.collections import add_collection
from medcls.imaging.phantom import phantom
from medcls.models import store
from medcls.reproduction.recipes import RECIPES
from medcls.runs.folder import make_run, open_run
from medcls.runs.writer import RunWriter
from medcls.tasks import list_tasks
from medcls.words import say
from medcls.workflows import fold_results, folds, run_results, runs
from medcls.workflows.data_split import split_collection
from tests.pages.conftest import assert_sound, component
from tests.pages.conftest import words as escaped_words
from tests.runs.processes import SPEC, add_phantoms, finish
from tests.tiny import install, recast


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with labelled phantoms and one finished run of a network that learned little."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDCLS_HOME", str(folder / "home"))
        add_phantoms(folder / "scans")
        run = make_run(SPEC.having(name="first try", lr=1e-6))
        assert finish(run) == 0, run.log_tail()
    return folder / "home"


@pytest.fixture
def at_home(trained: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEDCLS_HOME", str(trained))
    return trained


def words(app) -> str:
    """What a reader sees, without the marks that keep markdown from reading it."""
    return escaped_words(app).replace("\\", "")


def widget(app, kind: str, label: str):
    return next(w for w in app.get(kind) if w.label == label)


def test_without_data_the_train_page_says_what_to_do(open_app) -> None:
    app = open_app("../train.py")
    assert_sound(app)
    assert say("pages.train-add-a-data-set") in words(app)


def test_without_runs_the_runs_page_says_what_to_do(open_app) -> None:
    app = open_app("../runs.py")
    assert_sound(app)
    assert "there is none yet" in words(app)


def test_every_knob_stands_in_the_form_with_its_help(open_app, at_home) -> None:
    app = open_app("../train.py")
    assert_sound(app)
    kinds = ("selectbox", "multiselect", "number_input", "text_input", "toggle")
    keys = {
        w.key.split(".")[-1].split(":")[0]: w
        for kind in kinds
        for w in app.get(kind)
        if w.key and w.key.startswith("train.")
    }
    by_hand = {"task", "name", "recipe", "backbone", "initial", "collections", "label_map", "size_px"}
    for name, place in settings().items():
        if name in by_hand:
            continue
        assert name in keys, name
        assert keys[name].help == str(place.setting.help)
    assert any(key.startswith("size_px") for key in keys)


def test_a_model_of_the_task_is_the_first_to_start_from(open_app, tiny_made, home) -> None:
    """Other tasks' models come after it, whatever they are called."""
    add_phantoms(home / "scans")
    for model_id in ("a", "b"):
        card = install(tiny_made, home / "weights", model_id)
        task = replace(card.task, id="own-other") if model_id == "a" else card.task
        recast(model_id, name=f"Model {model_id}", backbone="resnet18", task=task)
    app = open_app("../train.py")
    offered = widget(app, "selectbox", "Start from").options
    assert [one[-1] for one in offered if "Model" in one] == ["b", "a"]


def test_labels_that_differ_are_refused_in_step_1_and_mapped_there(open_app, home, tmp_path) -> None:
    for name, labels in {"here": ("good", "tumour"), "there": ("good", "krebs", "odd")}.items():
        for k, label in enumerate(labels):
            for i in range(8):
                path = tmp_path / name / label / f"s{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(phantom("breast-ultrasound", "benign", 100 * len(name) + 10 * k + i, size_px=64))
        add_collection(tmp_path / name, name)
    app = open_app("../train.py")
    widget(app, "number_input", "Epochs").set_value(3).run()
    widget(app, "multiselect", "Labelled scans").set_value(["here", "there"]).run()
    assert_sound(app)
    assert "tumour" in app.error[0].value
    assert [one.value for one in app.subheader] == ["1 · Data"]
    widget(app, "selectbox", "tumour of here is").set_value("krebs").run()
    assert_sound(app)
    assert not app.error, [e.value for e in app.error]
    assert {"good", "krebs", "odd"} < set(app.dataframe[0].value.columns)
    asked = app.session_state["train.last"]
    assert (asked.data.label_map, asked.optimisation.epochs) == ({"here/tumour": "krebs"}, 3)


def test_counts_findings_and_recipes_of_the_task_are_shown(open_app, at_home) -> None:
    app = open_app("../train.py")
    counts = app.dataframe[0].value
    assert counts["all"].sum() == 36
    assert list_tasks()["breast-ultrasound"].title in words(app)
    recipes = widget(app, "selectbox", "Recipe").options
    assert any(option.startswith("ultrasound-a-xception") for option in recipes)
    assert not any(option.startswith("melanoma") for option in recipes)


def test_a_recipe_sets_the_form_and_a_change_survives(open_app, at_home) -> None:
    app = open_app("../train.py")
    recipe = widget(app, "selectbox", "Recipe")
    recipe.set_value("head-only").run()
    assert_sound(app)
    assert widget(app, "text_input", "Freeze").value == "backbone"
    assert widget(app, "number_input", "Epochs").value == RECIPES["head-only"].settings["epochs"]
    widget(app, "number_input", "Epochs").set_value(7).run()
    assert widget(app, "number_input", "Epochs").value == 7
    assert widget(app, "text_input", "Freeze").value == "backbone"


def test_a_chain_and_a_search_say_what_to_do_beside_start(open_app, home, tmp_path) -> None:
    for label in ("no-idc", "idc"):
        (tmp_path / "patches" / label).mkdir(parents=True)
        for seed in range(12):
            (tmp_path / "patches" / label / f"{seed}.png").write_bytes(phantom("breast-histology-idc", label, seed))
    add_collection(tmp_path / "patches", "patches", task_id="breast-histology-idc")
    app = open_app("../train.py")
    widget(app, "selectbox", "Recipe").set_value("idc-breakhis-search").run()
    assert_sound(app)
    assert "train recipe `breakhis-cancernet` on the set breakhis" in words(app)
    assert "This recipe is a search" in words(app)
    assert widget(app, "selectbox", "Start from").value == "breakhis-cancernet"
    assert widget(app, "selectbox", "What to vary").value == "recipe"
    widget(app, "button", "Start the search").click().run()
    assert "train --recipe breakhis-cancernet --data breakhis" in words(app)


def test_a_wrong_value_is_said_and_starts_nothing(open_app, at_home) -> None:
    app = open_app("../train.py")
    widget(app, "text_input", "Learning rate").set_value("fast").run()
    assert_sound(app)
    assert "is no number" in words(app)
    widget(app, "text_input", "Learning rate").set_value("99").run()
    assert "out of range" in words(app)
    widget(app, "number_input", "Epochs").set_value(20_000).run()
    assert_sound(app)
    assert "20000 is out of range: 1 to 10000" in words(app)
    assert "Correct these fields first: Epochs, Learning rate." in words(app)
    assert widget(app, "button", "Start").disabled
    assert widget(app, "button", "Preflight").disabled
    widget(app, "number_input", "Epochs").set_value(2)
    widget(app, "text_input", "Learning rate").set_value("0.01").run()
    assert "Correct these fields" not in words(app)
    assert not widget(app, "button", "Start").disabled


def test_the_form_is_as_it_was_after_a_look_at_another_page(open_app, at_home) -> None:
    app = open_app("../train.py")
    widget(app, "selectbox", "Network").set_value("simple_cnn").run()
    widget(app, "number_input", "Epochs").set_value(7)
    widget(app, "text_input", "Learning rate").set_value("0.02").run()
    app.switch_page("../data.py").run()
    app.switch_page("../train.py").run()
    assert_sound(app)
    assert widget(app, "selectbox", "Network").value == "simple_cnn"
    assert widget(app, "number_input", "Epochs").value == 7
    assert widget(app, "text_input", "Learning rate").value == "0.02"
    widget(app, "selectbox", "Recipe").set_value("").run()
    assert widget(app, "number_input", "Epochs").value == RunSpec().optimisation.epochs, "choosing a recipe begins anew"


@pytest.mark.slow
def test_from_the_form_to_a_published_model(open_app, at_home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDCLS_HOME", str(at_home))
    before = {view.id for view in runs.list_runs()}
    app = open_app("../train.py")
    widget(app, "selectbox", "Recipe").set_value("").run()
    widget(app, "selectbox", "Network").set_value("simple_cnn").run()
    widget(app, "selectbox", "Start from").set_value("none").run()
    widget(app, "number_input", "Size (px)").set_value(32)
    widget(app, "number_input", "Epochs").set_value(2)
    widget(app, "number_input", "Batch size").set_value(8)
    widget(app, "text_input", "Name of the run").set_value("from the page").run()
    app.session_state["choice.run"] = sorted(before)[0]  # another run was looked at before
    widget(app, "button", "Start").click().run()
    assert_sound(app)
    (made,) = {view.id for view in runs.list_runs()} - before
    assert runs.show_run(made).spec.optimisation.epochs == 2
    assert app.session_state["choice.run"] == made
    assert "from the page" in words(app)
    until = time.monotonic() + 300
    while runs.show_run(made).moves:
        assert time.monotonic() < until, runs.read_log(made)
        time.sleep(0.2)
    assert runs.show_run(made).state.status == "finished", runs.read_log(made)
    card = run_results.publish_run(made, "Published from the page")
    assert card.id in {c.id for c in store.list_cards()}
    runs.delete_run(made)


def test_a_finished_run_shows_every_section(open_app, at_home) -> None:
    (view,) = [v for v in runs.list_runs() if v.name == "first try"]
    app = open_app("../runs.py", run=view.id)
    assert_sound(app)
    assert "first try" in words(app)
    for section in ("Report", "Wrong cases", "Log", "Settings", "Curves"):
        widget(app, "button_group", "Show").set_value(section).run()
        assert_sound(app)
        if section == "Report":
            assert "95 % interval" in words(app)
            labels = app.dataframe[0].value
            assert (
                list(labels["cases"]) == [2, 2, 2]
                or labels["cases"].sum() == run_results.read_report(view.id)[1].n_cases
            )
        if section == "Wrong cases":
            assert "wrong answers" in words(app)
            wrong = run_results.wrong_cases(view.id)
            rows = component(app, "medcls_gallery")["rows"]
            assert sum(bool(row["src"]) for row in rows) == min(24, len(wrong)) > 0
            unsure = sum(case.unsure for case in wrong)
            assert (f"On {unsure} of them the model says that it cannot tell" in words(app)) == bool(unsure)
            told = [line for row in rows for line in row["told"]]
            assert sum("cannot tell" in line for line in told) == sum(c.unsure for c in wrong[:24])
        if section == "Log":
            assert "Computes on cpu." in app.code[0].value
        if section == "Settings":
            assert set(app.dataframe[0].value["setting"]) == set(settings())


@pytest.mark.parametrize(
    "status", ["queued", "waiting", "preparing", "running", "paused", "finished", "stopped", "failed"]
)
def test_a_run_in_any_state_is_shown(open_app, at_home, status: str) -> None:
    run = make_run(RunSpec.of(name=f"a *{status}* run", collections=("phantoms",)))
    if status != "queued":
        RunWriter.begin(run, epochs=5).say(status, Note("words.said", text="a [sentence](x)"), epoch=2)
    try:
        app = open_app("../runs.py", run=run.id)
        assert_sound(app)
        assert app.query_params["run"] in (run.id, [run.id])
        assert "0 ms" not in [metric.value for metric in app.metric], "what was not measured is no number"
        listed = open_app("../runs.py")
        assert_sound(listed)
    finally:
        open_run(run.id).delete()


def test_a_run_that_is_gone_or_broken_takes_nothing_down(open_app, at_home) -> None:
    app = open_app("../runs.py", run="20200101T0000Z-dead")
    assert_sound(app)
    assert "There is no such run" in words(app)
    run = make_run(RunSpec())
    (run.path / "spec.json").write_text("{")
    try:
        app = open_app("../runs.py")
        assert_sound(app)
        assert "cannot be read" in words(app)
        widget(app, "button", f"Delete {run.id}").click().run()
        assert_sound(app)
        assert "cannot be read" not in words(app)
        assert not run.path.exists()
    finally:
        if run.path.exists():
            run.delete()


@pytest.fixture(scope="module")
def by_folds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a split in three folds and a finished run of two of them."""
    folder = tmp_path_factory.mktemp("folds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDCLS_HOME", str(folder / "home"))
        add_phantoms(folder / "scans")
        split_collection("phantoms", "three-folds", folds=3)
        for fold in range(2):
            finish_fold(fold)
    return folder / "home"


def finish_fold(fold: int) -> str:
    run = make_run(SPEC.having(name=f"cross, fold {fold}", split="three-folds", fold=fold, epochs=1))
    assert finish(run) == 0, run.log_tail()
    return run.id


def test_all_folds_are_started_from_the_form(open_app, by_folds, home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDCLS_HOME", str(by_folds))
    started = []
    monkeypatch.setattr(folds, "start_run", lambda spec: started.append(spec) or runs.list_runs()[0])
    app = open_app("../train.py")
    split = widget(app, "selectbox", "Split")
    assert split.options == ["auto", "three-folds (3 folds)"]
    assert not any(b.label.startswith("Start all") for b in app.button)
    split.set_value("three-folds").run()
    assert_sound(app)
    widget(app, "button", "Start all 3 folds").click().run()
    assert_sound(app)
    assert [(spec.data.fold, spec.data.split) for spec in started] == [(k, "three-folds") for k in range(3)]


def test_folds_are_pooled_and_published_when_all_are_there(
    open_app, by_folds, home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDCLS_HOME", str(by_folds))
    (first,) = [v for v in runs.list_runs() if v.name == "cross, fold 0"]
    app = open_app("../runs.py", run=first.id)
    widget(app, "button_group", "Show").set_value("Report").run()
    widget(app, "button_group", "Cases").set_value("All folds, pooled").run()
    assert_sound(app)
    assert "2 of 3 folds finished; missing: 2" in words(app)
    last = finish_fold(2)
    app = open_app("../runs.py", run=first.id)
    widget(app, "button_group", "Show").set_value("Report").run()
    widget(app, "button_group", "Cases").set_value("All folds, pooled").run()
    assert_sound(app)
    assert "36 cases of 36 patients or look-alike groups" in words(app)
    assert app.dataframe[0].value["cases"].sum() == 36
    widget(app, "button", "Publish").click().run()
    assert widget(app, "toggle", "The mean of all folds' networks").value
    assert widget(app, "text_input", "Name").value == "cross"
    card = fold_results.publish_folds(folds.find_folds(last), "cross")
    assert store.list_cards() == (card,)


def test_cloning_opens_the_form_with_the_runs_settings(open_app, at_home) -> None:
    (view,) = [v for v in runs.list_runs() if v.name == "first try"]
    app = open_app("../train.py", **{"from": view.id})
    assert_sound(app)
    assert widget(app, "number_input", "Epochs").value == SPEC.optimisation.epochs
    assert widget(app, "text_input", "Learning rate").value == "1e-06"
    assert widget(app, "text_input", "Backbone args").value == '{"width": 4}'


def test_a_published_run_leads_to_classify_first(open_app, at_home, monkeypatch: pytest.MonkeyPatch) -> None:
    """One primary button: Publish before, Open in Classify ever after; it leads to the model that was published."""
    (view,) = [v for v in runs.list_runs() if v.name == "first try"]
    app = open_app("../runs.py", run=view.id)
    assert primary(app) == [say("pages.path-publish")]
    card = run_results.publish_run(view.id, "of the first try")
    try:
        app.run()
        assert primary(app) == [say("pages.run-open")]
        widget(app, "button", say("pages.run-open")).click().run()
        assert_sound(app)
        assert app.session_state["choice.model"] == card.id
    finally:
        shutil.rmtree(at_home / "weights" / card.id)


def primary(app) -> list[str]:
    """The labels of the page's primary buttons."""
    return [button.label for button in app.button if button.proto.type == "primary"]


@pytest.mark.parametrize(
    ("note", "first"),
    [
        (Note("training.loss-not-finite", loss="nan", epoch=1, step=2, lr=1.0), "pages.run-change"),
        (Note("data.scan-gone", name="phantoms"), "pages.run-data"),
    ],
)
def test_a_failed_run_offers_what_helps_first(open_app, at_home, note: Note, first: str) -> None:
    """Other settings where the loss was no number; the data where a scan is gone. Never *Resume*."""
    run = make_run(SPEC.having(name="failed"))
    RunWriter.begin(run, SPEC.optimisation.epochs).say("failed", note)
    app = open_app("../runs.py", run=run.id)
    assert_sound(app)
    assert primary(app) == [say(first)]
    assert say("pages.run-resume") not in {button.label for button in app.button}
    runs.delete_run(run.id)
