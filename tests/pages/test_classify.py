"""The Classify page as a reader uses it, with a real model."""

import csv
import dataclasses
import io
import json
import re
import zipfile
from collections import Counter
from hashlib import sha256
from itertools import starmap

import numpy as np
import pytest
import streamlit as st

from medcls import audit
from medcls.core.note import Note
from medcls.core.outcome import Outcome
from medcls.core.prediction import Prediction
from medcls.errors import BadScan
from medcls.imaging.phantom import phantom
from medcls.models.network import Network
from medcls.words import say
from medcls.workflows import case_report, classify, scans, site_figures
from medcls.workflows.case_report import send_out
from pages._ui import state
from pages._ui.classify import card as answer_card
from pages._ui.classify import cases, exports, loops, opinions, room, worth
from pages._ui.classify.answers import Row
from pages._ui.widgets import header, notices, palette, viewer
from tests.e2e.test_cine import DAMAGED, loop
from tests.pages.conftest import assert_sound, component, shown, words
from tests.tiny import install, recast, spoil

TASK = "breast-ultrasound"


def drop(app, *files: tuple[str, bytes]):
    """Drop files on the page and let it run until every scan is answered and the map drawn."""
    app.file_uploader[0].set_value([(name, data, "application/octet-stream") for name, data in files])
    return app.run()


def answered(app) -> list[Row]:
    """The rows the session holds for the drop and model shown."""
    (reading,) = app.session_state[state.READING][1].values()
    return reading.rows


def lines(app) -> list[dict]:
    """The lines of the worklist."""
    return component(app, "medcls_worklist")["rows"]


def png(label: str = "malignant", seed: int = 7) -> bytes:
    """A synthetic scan."""
    return phantom(TASK, label, seed)


def test_no_model_says_what_to_do(open_app) -> None:
    """Without a model there is no drop, and a first step is named."""
    app = open_app()
    assert "There is no model yet" in words(app)
    assert not app.file_uploader


def test_answers_can_be_saved_once_all_are_there(open_app, tiny_model, monkeypatch: pytest.MonkeyPatch) -> None:
    """While scans are still read no file is offered: one with some of the answers would say nothing of the rest."""
    with monkeypatch.context() as halted:
        halted.setattr(room.answers, "go_on", lambda reading: st.stop())
        app = drop(open_app(), ("a.png", png()), ("b.png", png("benign")))
        assert (len(answered(app)), app.button(key=room._SAVE_WAITS).disabled) == (0, True)
        assert not app.get("download_button")
    app.run()
    assert len(answered(app)) == 2
    assert app.get("download_button")
    assert room._SAVE_WAITS not in {button.key for button in app.button}


def test_one_scan_gets_its_answer(open_app, tiny_model) -> None:
    """The answer is the model's own, with what it was worth, and the notice."""
    from medcls.workflows.classify import classify_one, open_model
    from medcls.workflows.scans import read

    app = drop(open_app(), ("scan.png", png()))
    assert_sound(app)
    told, expected = words(app), classify_one(read(png()), open_model(tiny_model.id))
    assert expected.decided is not None
    assert palette.label_word(tiny_model.task, expected.decided) in told
    (site,) = site_figures.figures_of(tiny_model)
    (said, *_) = site.track_record(tiny_model.task, expected.decided)
    assert f"{said.params['right']}/{said.params['said']}" in told
    assert "Research use, not a medical device" in told
    rows = answered(app)
    assert np.array_equal(rows[0].prediction.prob, expected.prob)


@pytest.mark.parametrize("n", [1, 3])
def test_each_scan_is_decoded_once_and_run_once_for_answer_and_map(n: int, open_app, tiny_model, monkeypatch) -> None:
    """The maps shown are drawn from the pass that answered."""
    from medcls.imaging import decode
    from medcls.models.engine import OnnxEngine, TorchEngine
    from medcls.workflows import scans

    app, decoded, passes = open_app(), [], []
    read = decode.read_scan

    def counted_read(data, **named):
        decoded.append(data)
        return read(data, **named)

    def counted(run):
        return lambda self, batch: passes.append(len(batch)) or run(self, batch)

    monkeypatch.setattr(scans, "read_scan", counted_read)
    for engine in (OnnxEngine, TorchEngine):
        monkeypatch.setattr(engine, "run", counted(engine.run))
        monkeypatch.setattr(engine, "run_open", counted(engine.run_open))
    monkeypatch.setattr("medcls.models.marks.painted_over", lambda scan, step: np.zeros(scan.size_px, bool))
    drop(app, *((f"{i}.png", png(seed=i)) for i in range(n)))
    assert_sound(app)
    assert shown(app)["panes"][0]["maps"]
    for place in range(n):
        app.session_state[state.CHOSEN] = place
        app.run()
        assert shown(app)["panes"][0]["maps"]
    assert len(decoded) == n
    assert passes == [1] * n


def test_a_scan_its_answer_and_its_map_come_in_one_run_of_the_page(open_app, tiny_model, monkeypatch) -> None:
    """Twenty readers at once pay for each run; what a run showed is not drawn again for a map."""
    app, runs = open_app(), []
    open_page = header.open_page
    monkeypatch.setattr(header, "open_page", lambda title: runs.append(title) or open_page(title))
    app.file_uploader[0].set_value([("scan.png", png(), "image/png")]).run()
    assert_sound(app)
    assert len(runs) == 1
    first = shown(app)
    assert first["panes"][0]["maps"]
    app.run()
    assert shown(app) == first, "the next run gives scan and maps together"
    assert component(app, "medcls_viewer")["panes"][0]["maps"]


@pytest.mark.parametrize("n", [1, 8])
def test_how_a_scan_was_read_says_in_how_many_orientations(n: int, open_app, tiny_model) -> None:
    recast(tiny_model.id, preprocess=dataclasses.replace(tiny_model.preprocess, orientations=n))
    app = drop(open_app(), ("scan.png", png()))
    app.button(key=f"sheet.{say('pages.sheet-how')}").click().run()
    assert_sound(app)
    assert (notices.escape(say("pages.how-orientations", {"n": n})) in words(app)) == (n > 1)


@pytest.mark.parametrize("n", [2, 10])
def test_a_dropped_scan_is_decoded_once_for_every_page_and_the_report(
    n: int, open_app, tiny_model, tiny_made, home, monkeypatch
) -> None:
    """Classify, Heatmaps, Compare and the report of a drop read each file once, and ask each network once or twice."""
    install(tiny_made, home / "weights", "breast-ultrasound--tiny--0002")
    decoded, answered_by = Counter(), Counter()
    for reader in (scans, classify, case_report):

        def counted(data, read=reader.read_scan, **named):
            decoded[data] += 1
            return read(data, **named)

        monkeypatch.setattr(reader, "read_scan", counted)
    answer = Network.answer

    def asked(self, scans, *given):
        answered_by.update((self.card.id, scan.sha256) for scan in scans)
        return answer(self, scans, *given)

    monkeypatch.setattr(Network, "answer", asked)
    monkeypatch.setattr("medcls.models.marks.painted_over", lambda scan, step: np.zeros(scan.size_px, bool))
    files = [png(seed=500 + i) for i in range(n)]  # none of the page's own examples
    app = drop(open_app(), *((f"{i}.png", data) for i, data in enumerate(files)))
    while len(answered(app)) < n:
        app.run()
    for page in ("../heatmaps.py", "../compare.py", "../classify.py"):
        app.switch_page(page).run()
        assert_sound(app)
    app.button(key="report").click().run()
    app.button(key="report.make").click().run()
    assert_sound(app)
    assert not app.error, [e.value for e in app.error]
    assert [decoded[data] for data in files] == [1] * n
    batched = n > 8  # answered by the batch, which keeps no pass to draw maps from: the one scan shown runs once more
    first = next(iter(answered(app))).prediction.sha256
    assert answered_by.pop((tiny_model.id, first)) == 1 + batched
    assert {answered_by[tiny_model.id, sha256(data).hexdigest()] for data in files[1:]} == {1}
    assert answered_by["breast-ultrasound--tiny--0002", first] == 1, "Compare's answer and its map are one pass"


def test_the_viewer_has_the_scan_and_a_map_for_every_label(open_app, tiny_model) -> None:
    app = drop(open_app(), ("scan.png", png()))
    told = shown(app)
    assert told["size"] == [360, 480]
    assert told["label"] == answered(app)[0].prediction.decided
    (pane,) = told["panes"]
    assert pane["picture"] in told["pictures"]
    assert {m["label"] for m in pane["maps"]} <= set(tiny_model.task.label_ids)
    assert pane["maps"]


def test_examples_are_marked_and_answered(open_app, tiny_model) -> None:
    """An example says that it shows nobody; a drop takes its place."""
    app = open_app()
    app.button(key=f"example.{TASK}.1").click().run()
    assert "It shows nobody" in words(app)
    assert len(answered(app)) == 1
    drop(app, ("scan.png", png()))
    assert "It shows nobody" not in words(app)
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
    by_place = {line["place"]: line for line in lines(app)}
    assert len(by_place) == 4
    assert [by_place[i]["word"] == exports.NO_ANSWER for i in range(4)] == [True, False, False, True]
    assert all(by_place[i]["caution"] == str(rows[i].answer.error) for i in (0, 3))


def test_all_broken_shows_the_sentence_where_the_scan_would_stand(open_app, tiny_model) -> None:
    """A single broken file is told of with its name."""
    app = drop(open_app(), ("bad.png", b""))
    assert_sound(app)
    assert len(app.error) == 1
    assert "bad.png" in app.error[0].value.replace("\\", "")
    app.button(key="unread.other").click().run()
    assert_sound(app)
    assert not app.error
    assert app.file_uploader


def test_what_an_answer_was_worth_is_a_column_per_place(tiny_model) -> None:
    """Published collections by their titles; what one place does not tell is a dash there."""
    counts = ((5, 1, 1), (0, 6, 2), (1, 3, 9))
    places = (
        site_figures.SiteFigures("bus-bra", "measured", {}, counts, 3),
        site_figures.SiteFigures("Ward 3", "here", {}, counts, 0),
    )
    rows = [(one.title, one.track_record(tiny_model.task, "malignant", 0.1)) for one in places]
    lines = re.findall("<tr>(.*?)</tr>", worth.table(rows, "malignant"))
    head, *found = [re.findall("<t[hd][^>]*>(.*?)</t", line) for line in lines]
    assert head[1:] == [one.title for one in places]
    assert "BUS-BRA" in head[1]
    assert [cells[1:] for cells in found] == [
        ["9/12", "9/12"],
        ["4/13", "4/13"],
        ["28 (13–53)", "28 (13–53)"],
        ["3/31", "–"],
    ]
    among = worth.table([(one.title, one.track_record(tiny_model.task, "benign")) for one in places], "benign")
    assert ">6/10<" in among
    assert ">3<" in among


def test_changed_weights_are_refused_before_anything_is_dropped(open_app, tiny_model, home) -> None:
    """A model whose bytes are not those published is told of at once, and again where an answer would stand."""
    spoil(home / "weights", tiny_model.id)
    app = open_app()
    assert_sound(app)
    assert "is not the file that was published" in words(app).replace("\\", "")
    drop(app, ("scan.png", png()))
    for _ in range(3):  # however often the page runs again
        assert_sound(app)
        assert "is not the file that was published" in words(app).replace("\\", "")
        app.run()


def test_answers_are_not_asked_twice(open_app, tiny_model) -> None:
    """A rerun keeps the answers it has."""
    app = drop(open_app(), ("a.png", png()), ("b.png", png("normal")))
    before = list(answered(app))
    app.run()
    assert all(x.prediction is y.prediction for x, y in zip(before, answered(app), strict=True))


def model_picker(app):
    return next(s for s in app.selectbox if s.label == "Model")


def test_last_choice_stays(open_app, tiny_model, tiny_made, home) -> None:
    """The model chosen is chosen again in a session opened from the address."""
    install(tiny_made, home / "weights", "breast-ultrasound--tiny--0002")
    app = open_app()
    assert model_picker(app).value == "breast-ultrasound--tiny--0001"
    model_picker(app).set_value("breast-ultrasound--tiny--0002").run()
    assert app.query_params["model"] in ("breast-ultrasound--tiny--0002", ["breast-ultrasound--tiny--0002"])
    again = open_app(model="breast-ultrasound--tiny--0002")
    assert model_picker(again).value == "breast-ultrasound--tiny--0002"


def test_a_link_to_an_unknown_model_is_told_not_replaced(open_app, tiny_model) -> None:
    app = open_app(model="breast-ultrasound--gone--0009", task=TASK)
    assert_sound(app)
    assert "breast-ultrasound--gone--0009" in app.warning[0].value.replace("\\", "")
    assert model_picker(app).value is None
    assert not app.file_uploader
    model_picker(app).set_value(tiny_model.id).run()
    assert app.file_uploader
    assert not app.warning


def test_recommended_model_is_offered_first_and_can_be_changed(open_app, tiny_model, tiny_made, home) -> None:
    """A new session starts with the model the command line would take, wherever it stands in the list."""
    from medcls.tasks import recommended
    from medcls.workflows.classify import choose_model

    named = install(tiny_made, home / "weights", recommended(tiny_model.task.id)).id
    app = open_app()
    assert model_picker(app).value == choose_model(tiny_model.task.id).id == named
    assert model_picker(app).options[0].startswith("Recommended")
    model_picker(app).set_value("breast-ultrasound--tiny--0001").run()
    assert model_picker(app).value == "breast-ultrasound--tiny--0001"


def test_frame_of_a_file_with_several_can_be_answered(open_app, tiny_model) -> None:
    """The viewer has the frames of a TIFF; asking about another answers that one."""
    from PIL import Image

    pages = [Image.open(io.BytesIO(png(label, 3))) for label in ("normal", "malignant")]
    data = io.BytesIO()
    pages[0].save(data, "TIFF", save_all=True, append_images=pages[1:])
    app = drop(open_app(), ("pages.tif", data.getvalue()))
    assert component(app, "medcls_viewer")["frames"] == {"n": 2, "at": 0, "step": 1, "shown": []}
    first = answered(app)[0].prediction.prob
    (reading,) = app.session_state[state.READING][1].values()
    from pages._ui.classify.answers import answer_frame

    answer_frame(reading, 0, 1)
    app.run()
    assert_sound(app)
    second = answered(app)[0]
    assert second.frame == 1
    assert not np.array_equal(first, second.prediction.prob)
    assert component(app, "medcls_viewer")["frames"]["at"] == 1


def test_from_a_frame_that_cannot_be_read_there_is_a_way_back(open_app, tiny_model) -> None:
    app = drop(open_app(), ("loop.dcm", loop()))
    first = answered(app)[0].prediction.prob
    (reading,) = app.session_state[state.READING][1].values()
    from pages._ui.classify.answers import answer_frame

    answer_frame(reading, 0, DAMAGED)
    app.run()
    assert not answered(app)[0].answer.ok
    app.button(key="frame.first").click().run()
    assert_sound(app)
    back = answered(app)[0]
    assert not back.frame
    assert np.array_equal(back.prediction.prob, first)


def row(name: str, error: str = "", decided: str | None = None, prob: tuple[float, ...] = ()) -> Row:
    """A row without an answer, or with one."""
    if not prob:
        broken = BadScan(error or "This file is broken")
        return Row(Outcome(name, error=broken), Outcome(name, error=broken))
    labels = ("normal", "benign", "malignant")
    refusal = None if decided else Note("models.unsure", least=0.6)
    answer = Prediction("m", "0" * 64, labels, np.log(np.clip(prob, 1e-9, 1)), np.array(prob), refusal)
    assert answer.decided == decided
    return Row(Outcome(name, b""), Outcome(name, answer))


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", '=HYPERLINK("http://x")', "＝1"]
)
def test_csv_holds_no_formula(name: str, tiny_model) -> None:
    """No cell of the CSV starts a formula, whatever the file is called or the error says."""
    columns = ["file", "model", "decided", "notes", "error"]
    table = exports.table([exports.flat(row(name, name), tiny_model)], tiny_model, columns)
    text = send_out("table-csv", table, "record").data.decode("utf-8-sig")
    for cell in list(csv.reader(io.StringIO(text, newline="")))[1]:
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝")), cell


def test_networks_that_cannot_tell_are_counted_once_on_the_card() -> None:
    """In its head as soon as each network's answer is known, else among the cautions."""
    sure, unsure = (row("a", decided=d, prob=p) for d, p in (("benign", (0.1, 0.8, 0.1)), (None, (0.3, 0.4, 0.3))))
    other = Note("imaging.dicom-burned-in")
    answer = dataclasses.replace(sure.prediction, cautions=(Note("models.some-cannot-tell", n=1, of=2), other))
    assert answer_card.cautions(answer, ()) == list(answer.cautions)
    assert answer_card.cautions(answer, (sure.prediction, unsure.prediction)) == [other]


def test_csv_of_a_refusal_has_no_probabilities(tiny_model) -> None:
    """It says that it cannot tell, and how sure the network seemed stands nowhere."""
    told = exports.flat(row("a.png", prob=(0.1, 0.1, 0.8)), tiny_model)
    assert told["decided"] == exports.CANNOT_TELL
    assert not any(name.startswith("prob:") for name in told)
    assert "prob:malignant" in exports.flat(row("a.png", decided="malignant", prob=(0.1, 0.1, 0.8)), tiny_model)


def test_record_is_the_command_lines_object(open_app, tiny_model) -> None:
    """The JSON of the page and of `classify --json` are the same, for an answer and for an error."""
    from medcls.cli.classify import answer_row
    from medcls.workflows.classify import classify_many, open_model

    files = [("scan.png", png()), ("bad.png", b"\x00")]
    app = drop(open_app(), *files)
    table = exports.table([exports.record(r, tiny_model) for r in answered(app)], tiny_model, ["file"])
    page = json.loads(send_out("table-json", table, "record").data)
    command = [
        answer_row(answer, tiny_model) for answer in classify_many(starmap(Outcome, files), open_model(tiny_model.id))
    ]
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
    held = dict(enumerate(sizes))
    state.make_room(held, lambda size: size)
    assert list(held) == list(range(len(sizes)))[len(sizes) - kept :]


def test_a_refusal_shows_its_reason_and_next_step_and_no_numbers(open_app, tiny_model) -> None:
    """Grey card, no bars, no map; both only after `Show anyway`."""
    app = drop(open_app(), ("colour.png", phantom("skin-melanoma", "melanoma", 1)))
    assert_sound(app)
    assert answered(app)[0].prediction.decided is None
    assert "Probabilities:" not in words(app)
    assert not shown(app)["panes"][0]["maps"]
    assert any(str(b.key).startswith("next.") for b in app.button)
    kinds = [b.proto.type for b in app.button if str(b.key).startswith("next.")]
    assert kinds.count("primary") == 1, "one next step stands out"
    app.button(key="anyway.on").click().run()
    assert "Probabilities:" in words(app)
    app.button(key="anyway.off").click().run()
    assert "Probabilities:" not in words(app)


def test_a_region_on_a_refusal_says_why_it_has_no_answer(open_app, tiny_model, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn is not answered in silence; asked for all the same, it is answered as on any scan."""
    drawn = viewer.Told({"kind": "box", "points": [[10, 10], [90, 90]]})
    monkeypatch.setattr(room.viewer, "show", lambda *_, **__: drawn)
    app = drop(open_app(), ("colour.png", phantom("skin-melanoma", "melanoma", 1)))
    assert_sound(app)
    assert [box.value for box in app.info] == [say("pages.region-refused")]
    app.button(key="anyway.on").click().run()
    assert_sound(app)
    (told,) = [box.value for box in app.info]
    assert told != say("pages.region-refused")


def test_own_reading_comes_first(open_app, tiny_model) -> None:
    """With the switch on nothing tells the answer until the person has read the scan; both are exported."""
    app = drop(open_app(), ("a.png", png()), ("b.png", png("normal")))
    next(t for t in app.toggle if t.key == "classify.own.first").set_value(True)
    app.run()
    assert {line["word"] for line in lines(app)} == {"read it first"}
    kinds = next(c for c in app.get("button_group") if c.key == state.FILTER)
    assert [option.content for option in kinds.proto.options] == ["All 2", "2 to be read"], "a count would tell"
    assert "Probabilities:" not in words(app)
    assert shown(app)["label"] is None
    assert shown(app)["bare"], "a map that was drawn before would tell"
    next(r for r in app.radio if r.label == "What do you see?").set_value("benign")
    next(b for b in app.button if b.label == "Show the network's answer").click()
    app.run()
    assert_sound(app)
    assert "Your own reading: benign, confidence 3 of 5" in words(app)
    assert not shown(app)["bare"]
    said = list(app.session_state[state.OPINIONS].values())
    assert said == [opinions.Opinion("benign", 3)]


def test_a_file_tells_no_answer_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    said = row("a.png", decided="benign", prob=(0.1, 0.8, 0.1))
    assert exports.as_saved(said) is said
    with monkeypatch.context() as patch:
        patch.setitem(st.session_state, state.OWN_FIRST, True)
        saved = exports.as_saved(said)
    assert saved.prediction is None
    assert saved.answer.error.code == "workflows.own-reading-waits"


@pytest.mark.parametrize(("n", "step"), [(2, 1), (120, 1), (121, 2), (300, 3)])
def test_a_long_loop_is_shown_from_end_to_end(n: int, step: int) -> None:
    """At most 120 frames of it, each under its own number."""
    assert loops.apart(n) == step
    shown = range(0, n, step)
    assert len(shown) <= 120
    assert shown[-1] + step >= n


@pytest.mark.parametrize("n", [2, 9])
def test_the_trail_says_when_an_answer_that_waited_was_shown(open_app, tiny_model, n: int) -> None:
    """One by one and by the batch: held at first, shown once the person has read that scan, and never twice."""
    files = [(f"{i}.png", png(seed=600 + i)) for i in range(n)]
    app = open_app()
    next(t for t in app.toggle if t.key == "landing.own.first").set_value(True).run()
    drop(app, *files)
    rows = answered(app)
    scans = {row.prediction.sha256 for row in rows}

    def told() -> list[tuple[str, str | None]]:
        return [(one.facts["scan_sha256"], one.facts.get("held")) for one in audit.lines() if one.what == "classify"]

    assert sorted(told()) == sorted((scan, "own-reading-first") for scan in scans)
    for page in ("../heatmaps.py", "../compare.py"):
        app.switch_page(page).run()
        assert_sound(app)
        assert "Probabilities:" not in words(app)
    assert len(told()) == n, "no other page shows it"
    app.switch_page("../classify.py").run()
    next(r for r in app.radio if r.label == "What do you see?").set_value("benign")
    next(b for b in app.button if b.label == "Show the network's answer").click()
    app.run().run()
    shown = [one for one in answered(app) if one.held is None]
    assert told()[n:] == [(one.prediction.sha256, None) for one in shown]
    assert len(shown) == 1
    next(t for t in app.toggle if t.key == "classify.own.first").set_value(False)
    app.run()
    assert {scan for scan, held in told() if held is None} == scans


def test_the_report_sheet_offers_every_way_out(open_app, tiny_model) -> None:
    """For the record at first; what is made of it is tested where the exits are."""
    from medcls.workflows.case_report import EXITS

    app = drop(open_app(), ("scan.png", png()))
    app.button(key="report").click().run()
    assert_sound(app)
    kinds = next(s for s in app.selectbox if s.key == "report.kind")
    assert kinds.options == [str(one.title) for one in EXITS.values()]
    assert next(r for r in app.radio if r.key == "report.mode").value == "record"
    assert any(b.label == "Make" for b in app.button)


def test_suspicion_puts_disease_first_and_refusals_before_the_rest(tiny_model) -> None:
    rows = [
        row("n", decided="normal", prob=(0.9, 0.05, 0.05)),
        row("u", prob=(0.4, 0.3, 0.3)),
        row("m", decided="malignant", prob=(0.1, 0.2, 0.7)),
        row("M", decided="malignant", prob=(0.0, 0.1, 0.9)),
        row("x"),
    ]
    order = sorted(rows, key=lambda r: room.suspicion(r, tiny_model), reverse=True)
    assert [r.entry.name for r in order] == ["M", "m", "u", "x", "n"]


@pytest.mark.parametrize(
    ("name", "how", "case"),
    [
        ("a/1.png", "folder", "a"),
        ("1.png", "folder", ""),
        ("anna_cc.png", "name", "anna"),
        ("a/anna-2.tif", "name", "a/anna"),
        ("one.png", "name", ""),
        ("anna 1", "name", "anna"),
        ("a/1.png", "alone", ""),
    ],
)
def test_cases_by_name(name: str, how: str, case: str) -> None:
    assert cases.case_of(name, how) == case


def test_views_of_a_case_get_one_answer(open_app, tiny_model) -> None:
    """The mean of the views and each of them; the CSV says which scans belong together."""
    from medcls.workflows.classify import combine_views

    app = drop(open_app(), ("anna_1.png", png()), ("anna_2.png", png("malignant", 9)), ("ben.png", png("normal")))
    next(r for r in app.radio if r.key == "classify.grouping.pick").set_value("name")
    app.run()
    assert_sound(app)
    assert "Case anna: 2 views" in words(app).replace("\\", "")
    mean = combine_views([r.prediction for r in answered(app)[:2]], tiny_model)
    assert mean is not None
    assert mean.prob == pytest.approx(np.mean([r.prediction.prob for r in answered(app)[:2]], 0))
    assert [line["case"] for line in sorted(lines(app), key=lambda line: line["place"])] == ["anna", "anna", ""]


def test_a_case_is_refused_where_half_of_its_views_are_strangers(tiny_model) -> None:
    from medcls.workflows.classify import combine_views

    sure, foreign = row("a", decided="malignant", prob=(0.0, 0.0, 1.0)), row("b", prob=(0.0, 0.1, 0.9)).prediction
    foreign = dataclasses.replace(foreign, refusal=Note("models.strangers", n=1, of=1), unfamiliarity=3.0)
    assert combine_views([], tiny_model) is None
    both = combine_views([dataclasses.replace(sure.prediction, unfamiliarity=0.5), foreign], tiny_model)
    assert both is not None
    assert both.decided is None
    many = [dataclasses.replace(sure.prediction, unfamiliarity=0.5)] * 3
    three = combine_views([*many, foreign], tiny_model)
    assert three is not None
    assert three.decided == "malignant"


def test_counts_filter_the_list(open_app, tiny_model) -> None:
    app = drop(open_app(), ("a.png", png()), ("bad.png", b"no picture"))
    pills = next(b for b in app.get("button_group") if b.key == "classify.filter")
    pills.set_value("no-answer")
    app.run()
    assert [line["place"] for line in lines(app)] == [1]


def test_names_in_the_list_are_as_short_as_tells_them_apart() -> None:
    names = ["scans.zip/a/one.png", "scans.zip/b/one.png", "scans.zip/a/two.png", "three.png"]
    assert exports.short_names(names) == [*names[:2], "two.png", "three.png"]
