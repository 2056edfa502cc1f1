"""An address that names something damaged, retired or not here: the page stands, with that one in its place."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from medcls import audit
from medcls.cli import main
from medcls.core.run import RunSpec
from medcls.data import index
from medcls.data.collections import add_collection
from medcls.errors import Conflict
from medcls.evaluation.sites import make_site
from medcls.imaging.phantom import phantom
from medcls.models import store
from medcls.runs.folder import make_run
from medcls.words import say
from medcls.workflows import data_mend
from tests.pages.conftest import FILES, assert_sound
from tests.tiny import install

HOSTILE = (
    "\0",
    "x" * 10_000,
    "**b** :material/home: [l](http://a.example) <b>",
    "../../etc",
    ".",
    "\u202egnp",
    "\x1b[31m",
)
NAMES = {
    "classify": ("task", "model", "site"),
    "worklist": ("source",),
    "heatmaps": ("task", "model", "site", "by", "label", "method", "layer"),
    "compare": ("mode", "models", "view", "site"),
    "site": ("site", "model", "task"),
    "data": ("collection", "section", "kind"),
    "train": ("from", "data"),
    "runs": ("run", "of", "show", "search"),
    "models": ("card", "for"),
}


@pytest.fixture
def collections(home: Path, tmp_path: Path) -> Path:
    """Folder of two labelled collections, `bad` and `good`."""
    for name in ("bad", "good"):
        for label in ("normal", "benign", "malignant"):
            (tmp_path / name / label).mkdir(parents=True)
            for seed in range(4):
                scan = phantom("breast-ultrasound", label, 100 * len(name) + seed, size_px=64)
                (tmp_path / name / label / f"{seed}.png").write_bytes(scan)
        add_collection(tmp_path / name, name, task_id="breast-ultrasound")
    return home / "datasets"


def spoil_index(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "index.sqlite")) as db:
        db.execute("DROP TABLE cases")
        db.commit()


def spoil_record(folder: Path) -> None:
    (folder / "record.json").write_bytes(b'{"schema": "1"}')


def chosen(app) -> list[str]:
    return next(w for w in app.multiselect if w.key and w.key.endswith(".collections")).value


def start_is_offered(app) -> bool:
    return any(b.label == say("pages.train-start") and not b.disabled for b in app.button)


def in_place_of_the_page(app) -> bool:
    """True where an error is all there is: nothing of the page's own stands below its head."""
    return bool(app.error) and not app.subheader


@pytest.mark.parametrize("spoil", [spoil_index, spoil_record])
def test_train_with_a_damaged_collection_stands_with_it_in_its_place(spoil, open_app, collections: Path) -> None:
    spoil(collections / "bad")
    app = open_app("../train.py", data="bad")
    assert_sound(app)
    assert not in_place_of_the_page(app)
    assert any("bad" in error.value for error in app.error)
    assert chosen(app) == (["bad"] if spoil is spoil_index else [])
    assert not start_is_offered(app)
    next(w for w in app.multiselect if w.key.endswith(".collections")).set_value(["good"]).run()
    assert_sound(app)
    assert start_is_offered(app)


def test_train_on_a_whole_and_a_damaged_collection_draws_the_form_and_does_not_start(open_app, collections) -> None:
    spoil_index(collections / "bad")
    app = open_app("../train.py", data="good")
    next(w for w in app.multiselect if w.key.endswith(".collections")).set_value(["good", "bad"]).run()
    assert_sound(app)
    assert any("bad" in error.value for error in app.error)
    assert len(app.dataframe) == 1
    assert not start_is_offered(app)


def test_train_follows_a_link_to_other_data_than_the_form_held(open_app, collections: Path) -> None:
    app = open_app("../train.py", data="good")
    assert chosen(app) == ["good"]
    app.switch_page("../models.py").run()
    app.query_params["data"] = "bad"
    app.switch_page("../train.py").run()
    assert_sound(app)
    assert chosen(app) == ["bad"]


def test_data_tells_of_a_damaged_collection_once(open_app, collections: Path) -> None:
    spoil_record(collections / "bad")
    app = open_app("../data.py", collection="bad")
    assert_sound(app)
    assert sum("bad" in error.value for error in app.error) == 1
    assert not app.warning
    assert not app.metric


def test_a_collection_that_another_process_holds_is_told(open_app, collections: Path, monkeypatch) -> None:
    monkeypatch.setattr(index, "_WAIT_S", 0.05)
    with closing(sqlite3.connect(collections / "bad" / "index.sqlite")) as other:
        other.execute("BEGIN EXCLUSIVE")
        for page, name in (("../data.py", "collection"), ("../train.py", "data")):
            app = open_app(page, **{name: "bad"})
            assert_sound(app)
            assert len(app.error) == 1
            assert app.selectbox or app.multiselect
        assert main(["data", "show", "bad"]) == 2


def test_what_the_disk_refuses_is_told(open_app, collections: Path) -> None:
    """Neither a place that cannot be written nor one that cannot be read ends a page without a sentence."""
    (collections / "bad" / "splits").write_bytes(b"no folder")
    app = open_app("../train.py", data="bad")
    assert_sound(app)
    assert app.error
    (collections.parent / "runs").symlink_to("runs")
    shutil.rmtree(collections)
    collections.symlink_to("datasets")
    for page in FILES:
        assert_sound(open_app(page))


def test_a_log_that_cannot_be_read_takes_its_part_of_a_run_away_not_the_page(open_app, home: Path) -> None:
    """What is drawn anew every two seconds tells of the disk like the page around it."""
    run = make_run(RunSpec.of(name="first", collections=("phantoms",)))
    (run.path / "log.txt").mkdir()
    app = open_app("../runs.py", run=run.id, of="Log")
    assert_sound(app)
    assert app.error


def test_a_change_that_the_disk_refuses_is_told_and_written_down(collections: Path) -> None:
    (collections / "bad" / ".lock").unlink(missing_ok=True)
    (collections / "bad" / ".lock").mkdir()
    with pytest.raises(Conflict) as told:
        data_mend.change("bad", {})
    assert told.value.code == "core.file-trouble"
    assert [(line.what, line.outcome) for line in audit.lines()][-1] == ("data.change", told.value.code)


@pytest.mark.parametrize("ward", ["gone", "ward-3"])
@pytest.mark.parametrize("page", ["site", "classify"])
def test_no_other_site_takes_the_place_of_one_that_cannot_be_read(ward: str, page: str, open_app, tiny_model) -> None:
    make_site("Ward 1")
    (make_site("Ward 3").path / "site.json").write_bytes(b"[")
    app = open_app(f"../{page}.py" if page != "classify" else "", site=ward)
    assert_sound(app)
    assert any(ward.replace("-", "") in told.value.replace("\\-", "") for told in (*app.warning, *app.error))
    assert next(s for s in app.selectbox if s.label == say("pages.site")).value in (None, "")


@pytest.mark.parametrize(("page", "name"), [("", "model"), ("../site.py", "model"), ("../models.py", "card")])
def test_a_link_to_a_retired_model_says_so(page: str, name: str, open_app, tiny_made: Path, home: Path) -> None:
    for model_id in ("breast-ultrasound--old--0001", "breast-ultrasound--tiny--0001"):
        install(tiny_made, home / "weights", model_id)
    store.update_card("breast-ultrasound--old--0001", retired="superseded")
    app = open_app(page, **{name: "breast-ultrasound--old--0001"})
    assert_sound(app)
    retired = say("pages.retired-linked", {"wanted": "breast-ultrasound--old--0001"})
    assert [told.value.replace("\\", "") for told in app.warning] == [retired]
    shutil.rmtree(home / "weights" / "breast-ultrasound--old--0001")
    assert retired not in [told.value.replace("\\", "") for told in open_app(page, **{name: "gone"}).warning]


@pytest.mark.parametrize("page", FILES)
def test_nothing_that_an_address_can_hold_takes_a_page_down(page: str, open_app, tiny_made: Path, home: Path) -> None:
    for model_id in ("breast-ultrasound--good--0001", "breast-ultrasound--tiny--0001"):
        install(tiny_made, home / "weights", model_id)
    make_site("Ward 1")
    names = NAMES[page[3:-3]]
    for value in HOSTILE:
        app = open_app(page if page != FILES[0] else "", **dict.fromkeys(names, value))
        assert_sound(app)
        for told in (*app.warning, *app.error):
            assert len(told.value) < 2000
            assert "\x1b" not in told.value
            assert ":material" not in told.value.replace("\\:", "")
