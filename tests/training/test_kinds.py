"""What a gate is taught with: made pictures, kept on disk; own ones out of focus; sheets of patches."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from medcls.core.scan import Preprocess, Scan
from medcls.data.batches import Part
from medcls.data.collections import add_collection
from medcls.imaging.contrast import MADE, make_foreign, side_by_side
from medcls.imaging.kind import kind_numbers
from medcls.imaging.phantom import phantom, phantom_scan
from medcls.imaging.prepare import place
from medcls.stats.gate import Gate
from medcls.tasks import list_tasks
from medcls.training import kinds
from medcls.training.inputs import TrainingData

PREPROCESS = Preprocess(32)
GREY = Preprocess(96, grey=True)
TASK, ULTRASOUND = (list_tasks()[name] for name in ("skin-melanoma", "breast-ultrasound"))


def taken() -> dict[str, np.ndarray]:
    """The numbers as a new process takes them."""
    kinds._made.cache_clear()
    return dict(kinds._made("breast-ultrasound", PREPROCESS, 3))


@pytest.mark.parametrize("spoil", [lambda b: b[:-1] + bytes([b[-1] ^ 1]), lambda b: b[:50], lambda b: b""])
def test_kept_numbers_are_those_that_were_made(home: Path, monkeypatch: pytest.MonkeyPatch, spoil) -> None:
    monkeypatch.setattr(kinds, "EACH", 2)
    first = taken()
    (kept,) = (home / "cache" / "kinds").iterdir()
    content = kept.read_bytes()
    kept.write_bytes(spoil(content))
    again = taken()
    assert kept.read_bytes() == content, "what is damaged is made again"
    monkeypatch.setattr(kinds, "make_foreign", None)  # nothing is drawn
    for numbers in (again, taken()):
        assert list(numbers) == list(first), "in the same order: a gate's sums depend on it"
        assert {"texture", "blank", "mask", "screenshot"} < set(first)
        assert all(np.array_equal(numbers[name], first[name]) for name in first)
    assert {name: len(rows) for name, rows in first.items() if len(rows) != 2} == {"texture": 6}


def test_own_pictures_out_of_focus_pass_the_gate(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "EACH", 12)
    drawn = [phantom_scan(ULTRASOUND.id, ULTRASOUND.label_ids[i % 3], i) for i in range(72)]
    squares = np.stack([place(scan, GREY).pixels for scan in drawn])
    parts = [Part(pixels, np.zeros(len(pixels), np.int64), ()) for pixels in (squares[:36], squares[36:48])]
    gate, limit = kinds.teach_gate(TrainingData(*parts, 3, GREY), ULTRASOUND, 5)
    assert (scores(gate, [out_of_focus(scan) for scan in drawn[48:]]) <= limit).mean() >= 0.95
    for name in MADE:
        assert (scores(gate, list(make_foreign(name, 24, 77))) > limit).mean() >= 0.8, name


def scores(gate: Gate, scans: list[Scan]) -> np.ndarray:
    return gate.score(np.stack([kind_numbers(place(scan, GREY).pixels) for scan in scans]))


def out_of_focus(scan: Scan) -> Scan:
    """Blurred by a fiftieth of its shorter side."""
    return replace(scan, pixels=cv2.GaussianBlur(scan.pixels, (0, 0), 0.02 * min(scan.pixels.shape[:2])))


@pytest.mark.parametrize(("each", "sheets"), [(16, True), (15, False)])
def test_patches_of_a_patient_are_foreign_side_by_side_too(home: Path, tmp_path: Path, each: int, sheets: bool) -> None:
    for patient in (10253, 10254):
        for i in range(each):
            name = f"{patient}_idx5_x{50 * i + 1}_y51_class{i % 2}.png"
            path = tmp_path / "patches" / str(patient) / str(i % 2) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(phantom("breast-histology-idc", ("no-idc", "idc")[i % 2], patient + i))
    add_collection(tmp_path / "patches", "patches")
    found = {name: scans for name, read in kinds._collections(TASK, 1) if (scans := list(read))}
    assert set(found) == ({"scans/patches", "sheets/patches"} if sheets else {"scans/patches"})
    for sheet in found.get("sheets/patches", ()):
        across = sheet.pixels.shape[0] // found["scans/patches"][0].pixels.shape[0]
        assert 2 <= across <= 5
        assert sheet.pixels.shape[0] == sheet.pixels.shape[1]


def test_side_by_side_keeps_every_picture_and_its_colours() -> None:
    grey, red = Scan(np.full((4, 6), 0.25, np.float32), "1" * 64), np.zeros((8, 12, 3), np.float32)
    red[..., 0] = 1
    made = side_by_side([grey, Scan(red, "2" * 64), grey], 2).pixels
    assert made.shape == (8, 12, 3)
    assert np.allclose(made[:4, :6], 0.25)
    assert np.allclose(made[:4, 6:], (1, 0, 0))
    assert np.allclose(made[4:], 0.25), "the third, and the first again"
