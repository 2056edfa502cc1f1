"""A scan dropped once is there on every page of the session, until it is put away or another is dropped."""

import io
import zipfile

import pytest
from streamlit.delta_generator import DeltaGenerator

from medcls.core.outcome import Outcome
from medcls.imaging.phantom import phantom
from medcls.tasks import list_tasks
from medcls.words import say
from pages._ui import state
from pages._ui.widgets import drops
from tests.pages.conftest import assert_sound, words

TASK = "breast-ultrasound"
AWAY = "Put away"


def drop(app, *names: str):
    """Drop synthetic scans on the page and let it run."""
    files = [(name, phantom(TASK, "malignant", i), "image/png") for i, name in enumerate(names)]
    app.file_uploader[0].set_value(files)
    return app.run()


def buttons(app) -> list[str]:
    """What the page's buttons say."""
    return [button.label for button in app.button]


def turn(app, page: str):
    """Turn to another page, which takes the widgets of this one away as a browser does."""
    app.switch_page(page).run()
    assert_sound(app)
    return app


def test_a_scan_dropped_once_is_read_on_every_page(open_app, tiny_model) -> None:
    app = drop(open_app(), "malignant.png")
    assert "malignant.png" in words(app).replace("\\", "")
    (entry,) = app.session_state[state.DROP].entries
    for page, told in (("../heatmaps.py", "answers"), ("../classify.py", "it is right in")):
        turn(app, page)
        assert told in words(app)
        assert AWAY in buttons(app)
        assert app.session_state[state.DROP].entries == (entry,)


def test_the_scan_looked_at_is_the_one_that_the_next_page_begins_with(open_app, tiny_model) -> None:
    app = drop(open_app(), "first.png", "second.png")
    app.session_state[state.CHOSEN] = 1
    assert turn(app, "../heatmaps.py").selectbox(key="heatmaps.scan").value == 1


def test_of_another_drop_the_first_scan_comes_first(open_app, tiny_model) -> None:
    app = drop(open_app(), "first.png", "second.png")
    app.session_state[state.CHOSEN] = 1
    turn(app, "../heatmaps.py").button(key="heatmaps.away").click().run()
    assert drop(app, "third.png", "fourth.png").selectbox(key="heatmaps.scan").value == 0


def test_what_is_put_away_is_gone_from_every_page(open_app, tiny_model) -> None:
    app = turn(drop(open_app(), "malignant.png"), "../heatmaps.py")
    app.button(key="heatmaps.away").click().run()
    assert_sound(app)
    assert "Drop a scan to see" in words(app)
    assert state.DROP not in app.session_state
    assert "it is right in" not in words(turn(app, "../classify.py"))


def test_another_drop_takes_its_place(open_app, tiny_model) -> None:
    app = turn(drop(open_app(), "malignant.png"), "../heatmaps.py")
    drop(app, "other.png", "third.png")
    assert [entry.name for entry in app.session_state[state.DROP].entries] == ["other.png", "third.png"]
    turn(app, "../classify.py")
    assert "2 files" in words(app)


def test_taking_the_files_out_of_the_widget_forgets_them(open_app, tiny_model) -> None:
    app = drop(open_app(), "malignant.png")
    drop(app)
    assert_sound(app)
    assert state.DROP not in app.session_state
    assert "it is right in" not in words(app)


def test_a_drop_takes_the_place_of_an_example(open_app, tiny_model) -> None:
    app = open_app()
    app.button(key=f"example.{TASK}.0").click().run()
    assert "It shows nobody" in words(app)
    drop(app, "malignant.png")
    assert "It shows nobody" not in words(app)
    assert [entry.name for entry in app.session_state[state.DROP].entries] == ["malignant.png"]


def test_a_large_archive_is_opened_on_the_page_and_counted(
    open_app, tiny_model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is drawn before the page, which would move its parts; what comes out is counted in the widget's place."""
    told = []
    caption = DeltaGenerator.caption
    monkeypatch.setattr(
        DeltaGenerator, "caption", lambda at, text, **how: (told.append(text), caption(at, text, **how))[1]
    )
    monkeypatch.setattr(drops, "_QUICK_BYTES", 0)
    monkeypatch.setattr(drops, "_SIGN_S", 0.0)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for i in range(3):
            archive.writestr(f"{i}.png", phantom(TASK, "malignant", i))
    app = open_app()
    app.file_uploader[0].set_value([("many.zip", held.getvalue(), "application/zip")])
    app.run()
    assert_sound(app)
    assert len(app.session_state[state.DROP].entries) == 3
    assert {say("pages.drop-unpacking", {"n": n}) for n in range(3)} <= set(told)


def test_an_example_belongs_to_its_task() -> None:
    ultrasound, skin = (list_tasks()[name] for name in (TASK, "skin-melanoma"))
    held = drops.Drop((Outcome("Synthetic example 1, drawn as benign", b""),), task_id=ultrasound.id)
    assert drops.belongs(held, ultrasound)
    assert not drops.belongs(held, skin)
    assert drops.belongs(drops.Drop(held.entries), skin)
    assert not drops.belongs(None, skin)


@pytest.mark.parametrize(
    ("names", "title"),
    [(["a.png"], "a.png"), (["x" * 60], f"{'x' * 39}…"), (["a.png", "b.png"], "2 files"), ([], "0 files")],
)
def test_what_a_drop_is_called(names: list[str], title: str) -> None:
    assert drops.Drop(tuple(Outcome(name, b"") for name in names)).title == title
