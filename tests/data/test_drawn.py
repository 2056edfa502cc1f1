"""Texts of one picture each, of LabelMe, YOLO and Pascal VOC: the one class of a picture is its label, several are told."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from medcls.data.collections import make_plan
from medcls.data.drawn import read_drawn
from medcls.data.plan import prepare
from medcls.errors import BadData
from tests.data.test_plan import NAMES, counts, scan, sick, sums_up

YAMLS = {
    "list": "nc: 2\nnames: ['benign', 'malignant']\n",
    "bare list": "names: [benign, malignant]",
    "mapping": "names: {0: benign, 1: malignant}",
    "block": "names:\n- benign\n- malignant\nnc: 2\n",
    "numbers": "path: .\nnames:\n  0: benign  # first\n  1: 'malignant'\n\nnc: 2\n",
}


def flags(_i: int, said: tuple[str, ...]) -> str:
    return json.dumps({"version": "5.0.1", "flags": {name: name in said for name in NAMES}, "shapes": []})


def shapes(i: int, said: tuple[str, ...]) -> str:
    drawn = [{"label": name, "points": [[1, 2], [3, 4]], "shape_type": "polygon"} for name in said * 2]
    return json.dumps({"version": "5.0.1", "flags": {}, "shapes": drawn, "imagePath": f"..\\img\\{i}.png"})


def boxes(_i: int, said: tuple[str, ...]) -> str:
    return "".join(f"{NAMES.index(name)} 0.5 0.5 0.25 0.125\n" for name in said)


def outlines(_i: int, said: tuple[str, ...]) -> str:
    return "".join(f"{NAMES.index(name)} 0.5 0.5 0.25 0.125 0.1 0.2\n" for name in said)


def voc(i: int, said: tuple[str, ...]) -> str:
    objects = "".join(f"<object><name>{name}</name><bndbox><xmin>1</xmin></bndbox></object>" for name in said)
    return f"<annotation><filename>{i}.png</filename><owner><name>n</name></owner>{objects}</annotation>"


KINDS = {
    "flags": (flags, "json"),
    "shapes": (shapes, "json"),
    "boxes": (boxes, "txt"),
    "outlines": (outlines, "txt"),
    "voc": (voc, "xml"),
}


def drawn(root: Path, write: Callable[[int, tuple[str, ...]], str], ending: str, said: list[tuple[str, ...]]) -> Path:
    (root / "texts").mkdir()
    for i, names in enumerate(said):
        scan(root / "img" / f"{i}.png")
        (root / "texts" / f"{i}.{ending}").write_text(write(i, names))
    (root / "data.yaml").write_text(YAMLS["list"])
    return root


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [8, 24])
def test_the_one_class_of_a_picture_is_its_label(kind: str, n: int, tmp_path: Path) -> None:
    plan = make_plan(drawn(tmp_path, *KINDS[kind], [NAMES[i % 2 : i % 2 + 1] for i in range(n)]))
    assert (counts(plan), sick(plan)) == (dict.fromkeys(NAMES, n // 2), ["malignant"])
    assert (plan.questions, sums_up(plan)) == ((), True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_of_several_classes_has_no_label_and_one_of_none_is_unlabelled(kind: str, tmp_path: Path) -> None:
    found = prepare(drawn(tmp_path, *KINDS[kind], [*(NAMES[i % 2 : i % 2 + 1] for i in range(8)), NAMES, ()]))
    assert counts(found.plan) == dict.fromkeys(NAMES, 4)
    assert (found.left["img/8.png"].code, found.plan.n_unlabelled) == ("data.two-labels", 1)
    assert "data.drawn-several" in {note.code for table in found.plan.tables for note in table.notes}
    assert sums_up(found.plan)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("said", "why"), [(NAMES, "Several classes"), (("benign",), "One class alone")])
def test_classes_that_tell_nothing_apart_are_refused_with_the_reason(
    kind: str, said: tuple[str, ...], why: str, tmp_path: Path
) -> None:
    with pytest.raises(BadData) as refused:
        make_plan(drawn(tmp_path, *KINDS[kind], [said] * 8))
    assert refused.value.code == "data.nothing-recognised"
    assert why in str(refused.value)


@pytest.mark.parametrize("text", YAMLS.values(), ids=list(YAMLS))
def test_names_of_classes_are_read_as_yolo_writes_them(text: str, tmp_path: Path) -> None:
    drawn(tmp_path, boxes, "txt", [NAMES[i % 2 : i % 2 + 1] for i in range(8)])
    (tmp_path / "data.yaml").write_text(text)
    assert counts(make_plan(tmp_path)) == dict.fromkeys(NAMES, 4)


def test_numbers_without_names_are_no_labels(tmp_path: Path) -> None:
    drawn(tmp_path, boxes, "txt", [NAMES[i % 2 : i % 2 + 1] for i in range(8)])
    (tmp_path / "data.yaml").unlink()
    with pytest.raises(BadData) as refused:
        make_plan(tmp_path)
    assert "classes.txt" in str(refused.value)
    (tmp_path / "texts" / "classes.txt").write_text("benign\nmalignant\n")
    assert counts(make_plan(tmp_path)) == dict.fromkeys(NAMES, 4)


def test_a_mere_outline_in_folders_of_labels_changes_no_label(tmp_path: Path) -> None:
    for i in range(24):
        scan(tmp_path / NAMES[i % 2] / f"{i}.png")
        (tmp_path / NAMES[i % 2] / f"{i}.json").write_text(shapes(i, ("lesion",)))
    plan = make_plan(tmp_path)
    assert (plan.layout, counts(plan), plan.questions) == ("folders", dict.fromkeys(NAMES, 12), ())
    assert [(row.n, row.reason.code) for row in plan.not_taken] == [(12, "data.beside-a-picture")] * 2


def test_parts_above_pictures_and_texts_of_one_name_are_kept(tmp_path: Path) -> None:
    for part in ("train", "valid"):
        for i in range(6):
            scan(tmp_path / part / "images" / f"{i}.png")
            (tmp_path / part / "labels").mkdir(exist_ok=True)
            (tmp_path / part / "labels" / f"{i}.txt").write_text(boxes(i, NAMES[i % 2 : i % 2 + 1]))
    (tmp_path / "data.yaml").write_text(YAMLS["list"])
    plan = make_plan(tmp_path)
    assert (plan.count_by("part"), counts(plan)) == ({"train": 6, "validate": 6}, dict.fromkeys(NAMES, 6))


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_is_of_the_picture_of_its_own_folders(kind: str, tmp_path: Path) -> None:
    write, ending = KINDS[kind]
    for i in range(16):
        scan(tmp_path / "ab"[i // 8] / "images" / f"{i % 8}.png")
        (tmp_path / "ab"[i // 8] / "texts").mkdir(exist_ok=True)
        (tmp_path / "ab"[i // 8] / "texts" / f"{i % 8}.{ending}").write_text(write(i, (NAMES[(i + i // 8) % 2],)))
    (tmp_path / "data.yaml").write_text(YAMLS["list"])
    labels = {entry.id: entry.label for entry in prepare(tmp_path).entries}
    assert labels == {f"{'ab'[i // 8]}/images/{i % 8}.png": NAMES[(i + i // 8) % 2] for i in range(16)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_that_fits_pictures_of_several_folders_labels_none_and_is_told(kind: str, tmp_path: Path) -> None:
    write, ending = KINDS[kind]
    drawn(tmp_path, write, ending, [NAMES[i % 2 : i % 2 + 1] for i in range(8)])
    (tmp_path / "img" / "0.png").rename(tmp_path / "0.png")
    scan(tmp_path / "other" / "0.png")
    found = prepare(tmp_path)
    assert len(found.entries) == 7
    assert found.left[f"texts/0.{ending}"].code == "data.table-names-several"
    assert sums_up(found.plan)


@pytest.mark.parametrize("line", ["0 0.5 0.5 0.25 0.125\n", "<object>", "1 2 3 4 5 6 7 8\n"])
def test_long_texts_of_another_kind_are_read_in_time_in_step_with_their_length(line: str, tmp_path: Path) -> None:
    for name, first in (("0.txt", ""), ("0.xml", "<annotation>")):
        (tmp_path / name).write_text(f"{first}{line * 20_000}x")
    began = time.process_time()
    assert read_drawn(tmp_path, ["0.txt", "0.xml"], ["0.png"]) == []
    assert time.process_time() - began < 2
