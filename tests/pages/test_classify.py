"""The Classify page as a reader uses it, with a real model."""

import csv
import io
import json
import zipfile

import numpy as np
import pytest

from medcls.errors import BadScan
from medcls.imaging.phantom import phantom
from medcls.workflows.scans import Entry
from pages._ui.classify import table
from pages._ui.classify.answers import Row
from pages._ui.widgets import downloads, notices, palette
from tests.pages.conftest import assert_sound, words
from tests.tiny import spoil

TASK = "breast-ultrasound"


def drop(app, *files: tuple[str, bytes]):
    """Drop files on the page and let it run."""
    app.file_uploader[0].set_value([(name, data, "application/octet-stream") for name, data in files])
    return app.run()


def answered(app) -> list[Row]:
    """The rows the session holds for the drop and model shown."""
    (rows,) = app.session_state["answers"][1].values()
    return rows


def png(label: str = "malignant", seed: int = 7) -> bytes:
    """A synthetic scan."""
    return phantom(TASK, label, seed)


def test_no_model_says_what_to_do(open_app) -> None:
    """Without a model there is no drop, and a first step is named."""
    app = open_app()
    assert "There is no model yet" in words(app)
    assert not app.file_uploader


def test_one_scan_gets_its_answer(open_app, tiny_model) -> None:
    """The answer is the model's own, with its figures, what it learned from, and the notice."""
    from medcls.workflows.classify import classify_one, open_model
    from medcls.workflows.scans import read

    app = drop(open_app(), ("scan.png", png()))
    assert_sound(app)
    told, expected = words(app), classify_one(read(png()), open_model(tiny_model.id))
    assert expected.decided is not None
    assert palette.label_word(tiny_model.task, expected.decided) in told
    assert "Trained on: Synthetic scans made by medcls" in told.replace("\\", "")
    assert "In 12 scans it never saw" in told.replace("\\", "")
    assert "Never saw a patient" in told
    assert "Research use, not a medical device" in told
    assert "PNG, 480 x 360 pixels" in told.replace("\\", "")
    rows = answered(app)
    assert np.array_equal(rows[0].prediction.prob, expected.prob)


def test_example_is_marked_synthetic_and_changes(open_app, tiny_model) -> None:
    """The example says that it shows nobody; pressing again gives another; a drop takes its place."""
    app = open_app()
    app.button(key="classify.try").click().run()
    first = words(app)
    assert "Synthetic example 1" in first
    assert "It shows nobody" in first
    app.button(key="classify.try").click().run()
    assert "Synthetic example 2" in words(app)
    drop(app, ("scan.png", png()))
    assert "Synthetic example" not in words(app)
    assert_sound(app)


def test_broken_file_gets_its_sentence_and_the_others_their_answers(open_app, tiny_model) -> None:
    """One broken file in a drop and one inside a ZIP spoil nothing."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("in/good.png", png("benign"))
        z.writestr("in/bad.png", png("benign")[:500])
    app = drop(open_app(), ("bad.png", b"<html>"), ("good.png", png()), ("several.zip", archive.getvalue()))
    assert_sound(app)
    rows = answered(app)
    assert [r.prediction is not None for r in rows] == [False, True, True, False]
    frame = app.dataframe[0].value
    assert frame["answer"].iloc[0] == table.NO_ANSWER
    assert all(str(rows[i].error) in list(frame["what to know"]) for i in (0, 3))
    assert "The 4 files of this drop" in words(app)


def test_all_broken_shows_the_sentence_where_the_scan_would_stand(open_app, tiny_model) -> None:
    """A single broken file is told of with its name."""
    app = drop(open_app(), ("bad.png", b""))
    assert_sound(app)
    assert len(app.error) == 1
    assert "bad.png" in app.error[0].value.replace("\\", "")


def test_changed_weights_are_refused_before_anything_is_dropped(open_app, tiny_model, home) -> None:
    """A model whose bytes are not those published is told of at once, and again where an answer would stand."""
    spoil(home / "weights", tiny_model.id)
    app = open_app()
    assert_sound(app)
    assert "is not the file that was published" in words(app).replace("\\", "")
    drop(app, ("scan.png", png()))
    assert_sound(app)
    assert "is not the file that was published" in words(app).replace("\\", "")
    assert not app.get("html")


def test_answers_are_not_asked_twice(open_app, tiny_model) -> None:
    """A rerun keeps the answers it has."""
    app = drop(open_app(), ("a.png", png()), ("b.png", png("normal")))
    before = answered(app)
    app.run()
    after = answered(app)
    assert [row.prediction for row in before] == [row.prediction for row in after]
    assert all(x.prediction is y.prediction for x, y in zip(before, after, strict=True))


def test_last_choice_stays(open_app, tiny_model, tiny_made, home) -> None:
    """The model chosen is chosen again in a session opened from the address."""
    from tests.tiny import install

    install(tiny_made, home / "weights", "breast-ultrasound--tiny--0002")
    app = open_app()
    assert app.selectbox[1].value == "breast-ultrasound--tiny--0001"
    app.selectbox[1].set_value("breast-ultrasound--tiny--0002").run()
    assert app.query_params["model"] in ("breast-ultrasound--tiny--0002", ["breast-ultrasound--tiny--0002"])
    again = open_app(model="breast-ultrasound--tiny--0002")
    assert again.selectbox[1].value == "breast-ultrasound--tiny--0002"


def test_best_measured_model_is_offered_first_and_can_be_changed(open_app, tiny_model, tiny_made, home) -> None:
    """A new session starts with the model the command line would take, wherever it stands in the list."""
    from medcls.core.evaluation import Evaluation
    from medcls.workflows.classify import choose_model
    from tests.tiny import install

    path = (
        home / "weights" / install(tiny_made, home / "weights", "breast-ultrasound--tiny--0002").id / "evaluation.json"
    )
    better = Evaluation.from_json(path.read_text()).to_dict()
    better["scores"]["auroc"] |= {"value": 0.999, "high": 1.0}
    path.write_text(Evaluation.from_dict(better).to_json())
    app = open_app()
    assert app.selectbox[1].value == choose_model(tiny_model.task.id).id == "breast-ultrasound--tiny--0002"
    app.selectbox[1].set_value("breast-ultrasound--tiny--0001").run()
    assert app.selectbox[1].value == "breast-ultrasound--tiny--0001"


def test_frame_of_a_file_with_several_can_be_chosen(open_app, tiny_model) -> None:
    """Choosing another page of a TIFF answers that page."""
    from PIL import Image

    pages = [Image.open(io.BytesIO(png(label, 3))) for label in ("normal", "malignant")]
    data = io.BytesIO()
    pages[0].save(data, "TIFF", save_all=True, append_images=pages[1:])
    app = drop(open_app(), ("pages.tif", data.getvalue()))
    first = answered(app)[0].prediction.prob
    app.number_input[0].set_value(2).run()
    assert_sound(app)
    second = answered(app)[0]
    assert second.frame == 1
    assert not np.array_equal(first, second.prediction.prob)


def row(name: str, error: str = "") -> Row:
    """A row without an answer."""
    return Row(Entry(name, None, None), None, BadScan(error or "This file is broken"))


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", '=HYPERLINK("http://x")', "＝1"]
)
def test_csv_holds_no_formula(name: str, tiny_model) -> None:
    """No cell of the CSV starts a formula, whatever the file is called or the error says."""
    columns = ["file", "model", "decided", "notes", "error"]
    text = downloads.to_csv([table.flat(row(name, name), tiny_model)], columns).decode("utf-8-sig")
    for cell in list(csv.reader(io.StringIO(text, newline="")))[1]:
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝")), cell


def test_record_is_the_command_lines_object(open_app, tiny_model) -> None:
    """The JSON of the page and of `classify --json` are the same, for an answer and for an error."""
    from medcls.cli.classify import answer_row
    from medcls.workflows.classify import classify_many, open_model

    files = [("scan.png", png()), ("bad.png", b"\x00")]
    app = drop(open_app(), *files)
    page = json.loads(downloads.to_json([table.record(r, tiny_model) for r in answered(app)]))
    command = [answer_row(answer, tiny_model) for answer in classify_many(files, open_model(tiny_model.id))]
    assert page[0] | {"prob": None} == command[0] | {"prob": None}
    assert page[0]["prob"] == pytest.approx(command[0]["prob"], abs=1e-6)
    assert page[1] == command[1]
    assert list(page[1]) == ["file", "model", "error", "code"]


def test_names_are_shown_as_they_are() -> None:
    """Markdown and HTML in a file's name are text."""
    assert notices.escape("<img onerror=a> **b** [c](d)") == r"\<img onerror=a\> \*\*b\*\* \[c\]\(d\)"


@pytest.mark.parametrize(("sizes", "kept"), [([1] * 40, 32), ([30_000_000] * 5, 2), ([200_000_000], 1), ([], 0)])
def test_a_session_keeps_few_scans_and_fewer_large_ones(sizes: list[int], kept: int) -> None:
    """The newest stay, whatever their size."""
    from pages._ui.state import make_room

    held = dict(enumerate(sizes))
    make_room(held, lambda size: size)
    assert list(held) == list(range(len(sizes)))[len(sizes) - kept :]


def test_probabilities_that_mean_nothing_are_not_shown(open_app, tiny_model, home) -> None:
    """A scan unlike those learned from is refused however sure the network seems: its row has no bars."""
    import dataclasses

    from medcls.models import store

    limits = dataclasses.replace(tiny_model.abstention, min_prob=0.0)
    store.update_card(tiny_model.id, abstention=limits)
    app = drop(open_app(), ("grey.png", png()), ("colour.png", phantom("skin-melanoma", "melanoma", 1)))
    frame = app.dataframe[0].value
    assert list(frame["answer"])[1] == table.CANNOT_TELL
    assert frame["malignant"].notna().tolist() == [True, False]


def test_reasons_stand_below_the_table_too(open_app, tiny_model) -> None:
    app = drop(open_app(), ("a.png", png()), *((f"bad {i}.png", b"no picture") for i in range(6)))
    told = words(app).replace("\\", "")
    assert [f"No answer for bad {i}.png" in told for i in range(6)] == [True] * 4 + [False] * 2
    assert "Nor for 2 files more" in told


def test_names_in_the_table_are_as_short_as_tells_them_apart() -> None:
    names = ["scans.zip/a/one.png", "scans.zip/b/one.png", "scans.zip/a/two.png", "three.png"]
    assert table.short_names(names) == [*names[:2], "two.png", "three.png"]
