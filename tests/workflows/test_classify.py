"""Answering a drop: every file gets an answer or a sentence, in order."""

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medcls import audit
from medcls.core.outcome import Outcome
from medcls.errors import BadModel, BadScan, Conflict
from medcls.imaging.phantom import phantom
from medcls.models import store
from medcls.tasks import list_tasks, recommended
from medcls.workflows.classify import choose_model, classify_many, classify_one, open_model, other_tasks
from medcls.workflows.scans import read, unpack

ROOT = Path(__file__).resolve().parent.parent.parent


def _png(shape=(40, 60)) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, shape, np.uint8)).save(out, "PNG")
    return out.getvalue()


def _flat_png(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (width, height), 90).save(out, "PNG", compress_level=1)
    return out.getvalue()


def test_a_broken_file_gets_a_sentence_and_the_others_their_answers(tiny_model):
    good = phantom("breast-ultrasound", "benign", 1)
    files = [Outcome(f"{i}.png", good if i % 5 else b"not a scan") for i in range(23)]
    files.append(Outcome("worse.png", error=BadScan("Encrypted")))
    answers = list(classify_many(files, open_model(tiny_model.id)))
    assert [a.name for a in answers] == [file.name for file in files]
    assert [not a.prediction.ok for a in answers] == [i % 5 == 0 for i in range(23)] + [True]
    assert len({tuple(a.prediction.get().prob.round(5)) for a in answers if a.prediction.ok}) == 1


@pytest.mark.parametrize(
    ("asked", "drawn", "expected"),
    [
        ("breast-ultrasound", ("skin-melanoma", "melanoma"), ["skin-melanoma", "breast-histology-idc"]),
        ("breast-ultrasound", ("skin-melanoma", "not-melanoma"), ["skin-melanoma", "breast-histology-idc"]),
        ("breast-ultrasound", ("breast-histology-idc", "idc"), ["breast-histology-idc", "skin-melanoma"]),
        ("breast-ultrasound", ("breast-histology-idc", "no-idc"), ["breast-histology-idc", "skin-melanoma"]),
        ("skin-melanoma", ("breast-histology-idc", "idc"), ["breast-histology-idc"]),
        ("skin-melanoma", ("breast-ultrasound", "benign"), ["breast-ultrasound"]),
    ],
)
def test_the_task_of_the_kind_a_scan_looks_like_is_offered_first(asked, drawn, expected, monkeypatch):
    monkeypatch.setenv("MEDCLS_SHIPPED_WEIGHTS", str(ROOT / "weights"))
    assert [task.id for task in other_tasks(read(phantom(*drawn, 3)), asked)] == expected


def test_the_name_of_a_file_does_not_change_its_answer(tiny_model):
    data, classifier = _png(), open_model(tiny_model.id)
    one, other = (
        a.prediction.get() for a in classify_many([Outcome("a.png", data), Outcome("b.dcm", data)], classifier)
    )
    assert one.sha256 == other.sha256
    assert (one.prob == other.prob).all()


def test_the_same_bytes_get_the_same_answer_wherever_they_stand_in_a_drop(tiny_model):
    files = [Outcome(f"{i}.png", phantom("breast-ultrasound", "benign", 7 if i % 6 == 0 else i)) for i in range(19)]
    answers = [a.prediction.get() for a in classify_many(files, open_model(tiny_model.id))]
    same = [p for i, p in enumerate(answers) if i % 6 in (0, 1) and p.sha256 == answers[0].sha256]
    assert len(same) == 5  # in three different batches
    assert len({(*p.prob.tolist(), p.unfamiliarity) for p in same}) == 1


def test_a_zip_answers_like_its_files(tiny_model):
    data = _png()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("in/a.png", data)
        z.writestr("in/broken.png", b"\x89PNG\r\n\x1a\n")
    entries = list(unpack([("drop.zip", archive.getvalue())]))
    answers = list(classify_many(entries, open_model(tiny_model.id)))
    assert [a.prediction.ok for a in answers] == [True, False]
    np.testing.assert_allclose(
        answers[0].prediction.get().prob, classify_one(read(data), open_model(tiny_model.id)).prob, atol=1e-6
    )


def test_files_are_read_only_a_little_ahead(tiny_model):
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield Outcome(f"{taken}.png", b"")

    answers = classify_many(endless(), open_model(tiny_model.id))
    next(answers)
    assert taken < 50
    answers.close()


def test_large_scans_are_decoded_one_or_two_ahead(tiny_model):
    """Sixteen pictures of 20 megapixels would hold more than a gigabyte."""
    data, taken = _flat_png(5000, 4000), 0

    def many():
        nonlocal taken
        for taken in range(1, 9):
            yield Outcome(f"{taken}.png", data)

    answers = classify_many(many(), open_model(tiny_model.id))
    next(answers)
    assert taken <= 3
    answers.close()


def test_the_model_is_chosen_where_it_is_clear(home, tiny_model, tiny_made):
    assert choose_model().id == tiny_model.id
    assert choose_model("breast-ultrasound").id == tiny_model.id
    with pytest.raises(BadModel, match="another task"):
        choose_model("skin-melanoma", tiny_model.id)
    with pytest.raises(BadModel, match="no model"):
        choose_model("skin-melanoma")
    store.update_card(tiny_model.id, retired="so")
    with pytest.raises(BadModel, match="no model"):
        choose_model()


def test_publishing_changes_no_default_and_the_task_names_the_model(home, tiny_model, tiny_made):
    store.publish(tiny_made, model_id="breast-ultrasound--tiny--0002")
    assert choose_model().id == tiny_model.id, "the one that was there first, whatever its figures"
    named = list_tasks()["breast-ultrasound"].id
    store.publish(tiny_made, model_id=recommended(named))
    assert choose_model().id == recommended(named)
    store.update_card(recommended(named), retired="so")
    assert choose_model().id == tiny_model.id


def test_every_shipped_task_recommends_a_model_that_ships():
    shipped = {path.name for path in (ROOT / "weights").iterdir()}
    assert {recommended(task_id) for task_id in list_tasks()} <= shipped


def test_every_answer_is_written_to_the_trail(tiny_model):
    """Model and scan by their digests, what was answered, why not; no name of a file."""
    model, good = open_model(tiny_model.id), phantom("breast-ultrasound", "benign", 1)
    list(classify_many([Outcome("kim.png", good), Outcome("lee.png", b"no scan")], model))
    classify_one(read(good), model)
    first, second, third = audit.lines()
    assert {line.what for line in (first, second, third)} == {"classify"}
    assert first.facts["scan_sha256"] == third.facts["scan_sha256"] == hashlib.sha256(good).hexdigest()
    assert first.facts["model_sha256"] == tiny_model.files["model.safetensors"]
    assert first.facts["answer"] == third.facts["answer"]
    assert (second.outcome, "answer" in second.facts) != ("done", True)
    assert "kim" not in audit.files()[0].read_text()


def test_a_trail_that_cannot_be_written_stops_answers_only_if_the_site_says_so(tiny_model, home: Path, monkeypatch):
    """No folder for it can be made here: by default answered all the same, with MEDCLS_AUDIT_STRICT not."""
    model, scan = open_model(tiny_model.id), read(phantom("breast-ultrasound", "benign", 1))
    (home / "audit").write_text("in the way")
    assert classify_one(scan, model).model == tiny_model.id
    monkeypatch.setenv("MEDCLS_AUDIT_STRICT", "1")
    for ask in (
        lambda: classify_one(scan, model),
        lambda: list(classify_many([Outcome("a", phantom("breast-ultrasound", "benign", 1))], model)),
    ):
        with pytest.raises(Conflict) as refused:
            ask()
        assert refused.value.code == "audit.cannot-write"
