"""The tissue map: each patch where it lies, with what the model says of it."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medcls import audit
from medcls.core.model import Origin
from medcls.core.outcome import Outcome
from medcls.core.task import Label, Task
from medcls.data.collections import add_collection
from medcls.errors import BadData, BadScan, BadTask
from medcls.imaging.decode import read_scan
from medcls.imaging.picture import to_png
from medcls.workflows import tissue
from tests.explain.planted import model, scan

RED, BLUE = to_png(scan(("red", 24, 24), radius_px=8).pixels), to_png(scan(("blue", 24, 24), radius_px=8).pixels)
# Two rows, three columns, steps of 50 px, the lower right one missing; the model answers "red" to red patches.
LAID = [(101, 51, RED), (151, 51, BLUE), (201, 51, BLUE), (101, 101, RED), (151, 101, RED)]


def patches(truth: bool | None = None) -> list[tissue.Patch]:
    return [tissue.Patch(x, y, data, truth if truth is None else data is RED) for x, y, data in LAID]


def around(asked, row: int, column: int) -> float:
    """By hand: the mean of the log probabilities of a patch and those beside it, made to sum to 1."""
    near = [d for x, y, d in LAID if abs((y - 51) // 50 - row) <= 1 and abs((x - 101) // 50 - column) <= 1]
    logs = np.log(np.clip([a.prob for a in asked.predict_many([read_scan(d) for d in near])], 1e-6, None)).mean(axis=0)
    return float((np.exp(logs) / np.exp(logs).sum())[asked.card.task.label_ids.index("red")])


def test_every_patch_lies_in_its_place_and_listens_to_those_around() -> None:
    asked = model()
    found = tissue.map_patches(asked, patches(True), 5)
    assert found.label == "red"
    assert found.prob.shape == (2, 3)
    for x, y, _ in LAID:
        row, column = (y - 51) // 50, (x - 101) // 50
        assert found.prob[row, column] == pytest.approx(around(asked, row, column), abs=1e-6)
    assert math.isnan(found.prob[1, 2])
    assert np.array_equal(np.nan_to_num(found.truth, nan=-1), [[1, 0, 0], [1, 1, -1]])
    assert found.agreement is not None
    assert found.agreement.low < found.agreement.value <= 1
    assert found.scan.size_px == (32, 48)
    assert found.scan.pixels[:16, :16, 0].max() > 0.9
    assert np.allclose(found.scan.pixels[16:, 32:], 0.5)


def test_order_does_not_matter_and_unread_are_counted() -> None:
    broken = tissue.Patch(201, 101, b"not a picture")
    one, two = (tissue.map_patches(model(), some, 6) for some in ([*patches(), broken], [broken, *patches()[::-1]]))
    assert np.array_equal(np.nan_to_num(one.prob), np.nan_to_num(two.prob))
    assert one.n_unread == two.n_unread == 1
    assert one.agreement is None


def test_every_answer_is_written_to_the_trail() -> None:
    asked = model()
    tissue.map_patches(asked, [*patches(), tissue.Patch(201, 101, b"not a picture")], 6)
    lines = list(audit.lines())
    assert {(line.what, line.facts["model"]) for line in lines} == {("classify", asked.card.id)}
    known = {asked_scan.sha256: p.decided or "cannot-tell" for asked_scan, p in answers(asked)}
    assert [line.facts["answer"] for line in lines[:5]] == [known[line.facts["scan_sha256"]] for line in lines[:5]]
    assert (len(lines), lines[5].outcome) == (6, "imaging.foreign-text")


def answers(asked):
    scans = [read_scan(data) for *_, data in LAID]
    return zip(scans, asked.predict_many(scans), strict=True)


def test_nothing_to_map_is_said() -> None:
    with pytest.raises(BadData, match="No patch"):
        tissue.map_patches(model(), [tissue.Patch(1, 1, b"")], 1)
    with pytest.raises(BadData, match="too many"):
        tissue.map_patches(model(), [], 10**6)
    with pytest.raises(BadTask):
        tissue.map_patches(model(), patches(), 5, "green")


def test_names_say_where_patches_lie() -> None:
    names = [f"drop.zip/8865/1/8865_idx5_x{x}_y{y}_class{int(data is RED)}.png" for x, y, data in LAID]
    found = tissue.placed_patches(
        [
            *(Outcome(name, data) for name, (*_, data) in zip(names, LAID, strict=True)),
            Outcome("other.png", RED),
            Outcome("9_idx5_x1_y1_class0.png", RED),
            Outcome("8865_idx5_x9_y9_class0.png", error=BadScan("imaging.no-such-file")),
        ]
    )
    assert list(found) == ["8865"]
    assert [(p.x, p.y, p.truth) for p in found["8865"]] == [(x, y, data is RED) for x, y, data in LAID]


def test_pictures_are_of_one_size() -> None:
    plain, prob, truth = tissue.pictures(tissue.map_patches(model(), patches(True), 5))
    assert truth is not None
    assert plain[16:24] == prob[16:24] == truth[16:24]  # width and height in the PNG's header
    assert tissue.pictures(tissue.map_patches(model(), patches(), 5))[2] is None


def test_patient_of_a_collection(tmp_path) -> None:
    _lay_idc(tmp_path / "idc")
    add_collection(tmp_path / "idc")
    found = tissue.tissue_map(_idc_model(), "idc", "42", "idc")
    assert np.array_equal(np.isfinite(found.prob), [[True, True, True], [True, True, False]])
    assert found.prob[0, 0] > 0.9
    assert found.prob[0, 2] < 0.1
    assert np.array_equal(np.nan_to_num(found.truth), [[1, 0, 0], [1, 1, 0]])
    with pytest.raises(BadData, match="no patch"):
        tissue.tissue_map(_idc_model(), "idc", "43")


def test_labels_of_a_patient_are_read_as_the_card_says(tmp_path) -> None:
    _lay_idc(tmp_path / "idc")
    add_collection(tmp_path / "idc")
    asked = model(task=Task("t", "Cancer?", (Label("ill", "Ill", True), Label("well", "Well"), Label("none", "None"))))
    label_map = {"idc/idc": "ill", "idc/no-idc": "well"}
    asked.card = replace(asked.card, origin=Origin(spec={"data": {"label_map": label_map}}))
    found = tissue.tissue_map(asked, "idc", "42")
    assert np.array_equal(np.nan_to_num(found.truth), [[1, 0, 0], [1, 1, 0]])
    assert found.agreement is not None


def _lay_idc(root: Path) -> None:
    for i, (x, y, data) in enumerate(LAID):
        folder = root / "42" / str(int(data is RED))
        folder.mkdir(parents=True, exist_ok=True)
        own = scan(("red" if data is RED else "blue", 16 + 8 * i, 24), radius_px=8)  # no two alike
        grain = np.random.default_rng(i).uniform(0, 0.25, own.pixels.shape).astype(np.float32)
        (folder / f"42_idx5_x{x}_y{y}_class{int(data is RED)}.png").write_bytes(to_png(np.maximum(own.pixels, grain)))


def _idc_model():
    """The planted network, its labels named as the collection's."""
    names = Task("t", "IDC?", (Label("idc", "IDC", True), Label("no-idc", "No IDC"), Label("none", "None")))
    return model(task=names)
