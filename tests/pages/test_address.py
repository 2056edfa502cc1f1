"""What the address says is shown: links are followed, what is not here is told, a choice that is taken back is gone."""

from urllib.parse import parse_qsl

from medcls.imaging.phantom import phantom
from medcls.runs.folder import make_run
from medcls.words import say
from tests.pages.conftest import assert_sound, component, words
from tests.runs.processes import SPEC
from tests.tiny import install, write_tiny


def told(app) -> str:
    """What a reader sees, without the marks that keep markdown from reading it."""
    return words(app).replace("\\", "")


def test_a_link_to_a_model_alone_opens_its_task(open_app, tiny_model, home, tmp_path) -> None:
    write_tiny(tmp_path / "made", "skin-melanoma")
    install(tmp_path / "made", home / "weights", "skin-melanoma--tiny--0001")
    app = open_app(model="skin-melanoma--tiny--0001")
    assert_sound(app)
    assert app.session_state["choice.task"] == "skin-melanoma"
    assert not app.warning


def test_a_link_to_a_model_of_another_task_is_told_and_nothing_takes_its_place(
    open_app, tiny_model, home, tmp_path
) -> None:
    write_tiny(tmp_path / "made", "skin-melanoma")
    install(tmp_path / "made", home / "weights", "skin-melanoma--tiny--0001")
    app = open_app(task="breast-ultrasound", model="skin-melanoma--tiny--0001")
    assert_sound(app)
    assert "another task" in told(app)
    assert not app.file_uploader
    next(s for s in app.selectbox if s.label == "Model").set_value(tiny_model.id).run()
    assert "another task" not in told(app)
    assert app.file_uploader


def test_an_unknown_collection_is_told_and_nothing_takes_its_place(open_app, home, tmp_path) -> None:
    from medcls.data.collections import add_collection

    for label in ("benign", "malignant"):
        (tmp_path / "set" / label).mkdir(parents=True)
        (tmp_path / "set" / label / "1.png").write_bytes(phantom("breast-ultrasound", label, 1))
    add_collection(tmp_path / "set", "mine", task_id="breast-ultrasound")
    app = open_app("../data.py", collection="gone")
    app.query_params["collection"] = "gone"
    app.run()
    assert_sound(app)
    assert "gone" in told(app)
    assert not any(metric.label == "Cases" for metric in app.metric)
    next(s for s in app.selectbox if s.label == "Collection").set_value("mine").run()
    assert any(metric.label == "Cases" for metric in app.metric)


def test_back_takes_a_choice_back(open_app, home, tmp_path) -> None:
    """The address before the choice: the choice is gone from the session too, and another page's choices are not touched."""
    run = make_run(SPEC.having(name="looked at"))
    app = open_app("../runs.py")
    app.query_params["run"] = run.id
    app.run()
    assert_sound(app)
    assert run.id in told(app)
    del app.query_params["run"]
    app.run()
    assert_sound(app)
    assert app.session_state["choice.run"] is None
    assert run.id not in told(app)


def test_a_choice_comes_along_to_another_page(open_app, tiny_model, home, tmp_path) -> None:
    write_tiny(tmp_path / "made", "skin-melanoma")
    install(tmp_path / "made", home / "weights", "skin-melanoma--tiny--0001")
    app = open_app(task="skin-melanoma")
    app.query_params.clear()
    app.switch_page("../heatmaps.py").run()
    assert_sound(app)
    assert app.session_state["choice.task"] == "skin-melanoma"


def test_the_models_of_one_task_stand_in_the_address(open_app, tiny_model, home, tmp_path) -> None:
    write_tiny(tmp_path / "made", "skin-melanoma")
    install(tmp_path / "made", home / "weights", "skin-melanoma--tiny--0001")
    app = open_app("../models.py")
    app.query_params["for"] = "skin-melanoma"
    app.run()
    assert_sound(app)
    assert list(app.dataframe[0].value["id"]) == ["skin-melanoma--tiny--0001"]
    del app.query_params["for"]
    app.run()
    assert len(app.dataframe[0].value) == 2
    app.query_params["for"] = "gone"
    app.run()
    assert "gone" in told(app)
    assert len(app.dataframe[0].value) == 2


def test_another_task_takes_its_own_model_though_the_address_still_names_the_last(
    open_app, tiny_model, home, tmp_path
) -> None:
    write_tiny(tmp_path / "made", "skin-melanoma")
    install(tmp_path / "made", home / "weights", "skin-melanoma--tiny--0001")
    app = open_app(task="breast-ultrasound", model=tiny_model.id)
    for task, model in (("skin-melanoma", "skin-melanoma--tiny--0001"), ("breast-ultrasound", tiny_model.id)):
        app.button_group[0].set_value(task).run()
        assert_sound(app)
        assert (app.session_state["choice.task"], app.session_state["choice.model"]) == (task, model)
        assert not app.warning
        assert app.file_uploader


def address(app) -> dict[str, str]:
    """What the browser's address holds once the page stands."""
    told = component(app, "medcls_address")["query"]
    return dict(parse_qsl(told.removeprefix("?")))


def test_the_address_holds_what_is_shown_and_nothing_of_other_pages(open_app, tiny_model) -> None:
    """Keys of other pages, by a link or chosen there before, stand in no address."""
    app = open_app("../heatmaps.py", run="r", section="Split", collection="c", method="layercam", stray="1")
    assert_sound(app)
    assert set(address(app)) == {"task", "model", "method"}
    app = open_app("../models.py", card=tiny_model.id, task="breast-ultrasound")
    assert set(address(app)) == {"card"}


def test_a_runs_part_is_in_no_address_of_the_list(open_app, home) -> None:
    run = make_run(SPEC.having(name="looked at"))
    app = open_app("../runs.py", run=run.id, of="Log", show="runs", search="s")
    assert_sound(app)
    assert address(app) == {"run": run.id, "of": "Log"}
    next(b for b in app.button if b.label == say("pages.runs-all-runs")).click().run()
    assert app.query_params == {"show": "runs"}
