"""Sets as hospitals, archives and tools of annotation hand them out: dates, sides, lists of parts, CVAT, MONAI."""

import json
from pathlib import Path

import pytest

from medcls.core.plan import PlanChoices
from medcls.data.collections import make_plan
from medcls.data.plan import prepare
from medcls.data.vocabulary import part_of, parts_of
from medcls.errors import BadData
from tests.data.test_plan import NAMES, counts, scan, sums_up
from tests.data.test_sites import write


def test_months_and_days_below_years_are_no_patients(tmp_path: Path) -> None:
    for i in range(12):
        scan(
            tmp_path / "2021" / f"{1 + i % 3:02d}" / f"{10 + i % 3}" / f"P{i // 2:03d}" / NAMES[i // 2 % 2] / f"{i}.png"
        )
    prepared = prepare(tmp_path)
    assert (prepared.plan.folders.split("/")[-2:], prepared.plan.n_patients) == (["patient", "label"], 6)
    assert {entry.patient for entry in prepared.entries} == {f"P{i:03d}" for i in range(6)}


def test_months_and_days_inside_labels_are_no_patients(tmp_path: Path) -> None:
    for i in range(12):
        scan(tmp_path / NAMES[i % 2] / "2021" / f"{1 + i % 4:02d}" / f"{10 + i % 3}" / f"{i}.png")
    plan = make_plan(tmp_path)
    assert (plan.n_owned, counts(plan)) == (0, {"benign": 6, "malignant": 6})


def test_months_of_a_table_s_pictures_are_no_patients(tmp_path: Path) -> None:
    rows = [{"file": f"2021/{1 + i % 5:02d}/{i}.png", "label": NAMES[i // 2 % 2]} for i in range(20)]
    for row in rows:
        scan(tmp_path / row["file"])
    write(tmp_path / "labels.csv", rows)
    assert make_plan(tmp_path).n_owned == 0


@pytest.mark.parametrize("picture", ["patient{p}/{s}.png", "{s}/patient{p}/1.png", "P{p}/patient{p}_{s}.png"])
def test_columns_of_left_and_right_label_pictures_of_their_side(picture: str, tmp_path: Path) -> None:
    said = {}
    for p in range(4):
        for k, side in enumerate(("L", "R")):
            path = picture.format(p=p, s=side)
            scan(tmp_path / path)
            said[path] = NAMES[(p + k) % 2]
    key = "P{p}" if picture.startswith("P") else "patient{p}"
    rows = [{"patient": key.format(p=p), "left": NAMES[p % 2], "right": NAMES[(p + 1) % 2]} for p in range(4)]
    write(tmp_path / "labels.csv", rows)
    prepared = prepare(tmp_path)
    assert {entry.id: entry.label for entry in prepared.entries} == said
    assert (prepared.plan.questions, prepared.plan.n_patients) == ((), 4)


@pytest.mark.parametrize("second", [("left", "right"), ("L", "R"), ("1", "2"), ("CC", "MLO")])
def test_rows_of_a_patient_and_a_side_or_a_lesion_label_the_folders_inside(
    second: tuple[str, str], tmp_path: Path
) -> None:
    rows, said = [], {}
    for p in range(4):
        for k, name in enumerate(second):
            for i in range(2):
                scan(tmp_path / f"patient{p}" / name / f"{i}.png")
                said[f"patient{p}/{name}/{i}.png"] = NAMES[(p + k) % 2]
            cell = {"L": "left", "R": "right"}.get(name, name)
            rows.append({"patient": f"patient{p}", "which": cell, "diagnosis": NAMES[(p + k) % 2]})
    write(tmp_path / "labels.csv", rows)
    prepared = prepare(tmp_path)
    assert {entry.id: entry.label for entry in prepared.entries} == said
    assert (prepared.plan.questions, prepared.plan.n_patients) == ((), 4)


@pytest.mark.parametrize("names", [("left", "right"), ("L", "R"), ("transverse", "longitudinal")])
def test_sides_and_views_are_no_labels(names: tuple[str, ...], tmp_path: Path) -> None:
    for name in names:
        for p in range(4):
            scan(tmp_path / f"patient{p}" / name / "1.png")
    with pytest.raises(BadData):
        make_plan(tmp_path)


def test_yes_and_no_of_another_matter_are_no_labels(tmp_path: Path) -> None:
    kinds = ("NEV", "BCC", "ACK")
    rows = [
        {
            "img_id": f"{i}.png",
            "patient_id": f"PAT_{i // 2}",
            "diagnostic": kinds[i // 2 % 3],
            "biopsed": str(i % 2 == 0),
        }
        for i in range(18)
    ]
    for row in rows:
        scan(tmp_path / row["img_id"])
    write(tmp_path / "metadata.csv", rows)
    plan = make_plan(tmp_path)
    assert set(counts(plan)) == set(kinds)
    assert [question.option for question in plan.questions] == ["--disease"]


def test_what_trains_and_validates_in_one_is_for_training() -> None:
    assert (part_of("train_val"), part_of("trainval")) == ("train", "train")
    assert parts_of(["train_val_list", "test_list"]) == {"train_val_list": "train", "test_list": "test"}
    assert parts_of(["train", "val", "trainval", "test"]) == {"train": "train", "val": "validate", "test": "test"}


def test_lists_of_trainval_and_test_say_the_parts(tmp_path: Path) -> None:
    rows = [{"file": f"{i}.png", "label": NAMES[i // 2 % 2]} for i in range(12)]
    for row in rows:
        scan(tmp_path / row["file"])
    write(tmp_path / "labels.csv", rows)
    (tmp_path / "train_val_list.txt").write_text("".join(f"{i}.png\n" for i in range(8)))
    (tmp_path / "test_list.txt").write_text("".join(f"{i}.png\n" for i in range(8, 12)))
    assert make_plan(tmp_path).count_by("part") == {"train": 8, "test": 4}


@pytest.mark.parametrize("names", [{"0": "benign", "1": "malignant"}, {"benign": 0, "malignant": 1}])
def test_a_datalist_of_monai_gives_parts_and_names(names: dict, tmp_path: Path) -> None:
    items = [{"image": f"imgs/{i}.png", "label": i // 2 % 2, "subject": f"s{i // 2}"} for i in range(12)]
    for item in items:
        scan(tmp_path / str(item["image"]))
    whole = {"name": "x", "labels": names, "numTraining": 6, "training": items[:6], "validation": items[6:10]}
    text = json.dumps({**whole, "test": [item["image"] for item in items[10:]]})
    (tmp_path / "dataset.json").write_text(text)
    plan = make_plan(tmp_path)
    assert plan.count_by("part") == {"train": 6, "validate": 4, "test": 2}
    assert (counts(plan), plan.n_unlabelled, plan.n_patients) == ({"benign": 6, "malignant": 4}, 2, 5)


CVAT = {
    "boxes": '<box label="{label}" xtl="1"></box>',
    "tags": '<tag label="{label}" source="manual"/>',
    "attributes": '<polygon label="lesion" points="1"><attribute name="diagnosis">{label}</attribute></polygon>',
}


@pytest.mark.parametrize("drawn", CVAT.values(), ids=CVAT)
def test_cvat_s_xml_of_a_set_is_a_table(drawn: str, tmp_path: Path) -> None:
    for i in range(8):
        scan(tmp_path / "images" / f"{i}.png")
    images = "".join(f'<image id="{i}" name="{i}.png">{drawn.format(label=NAMES[i % 2])}</image>' for i in range(8))
    (tmp_path / "annotations.xml").write_text(f'<?xml version="1.0"?><annotations><meta/>{images}</annotations>')
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_tables, plan.n_not_taken) == ({"benign": 4, "malignant": 4}, 1, 0)
    assert sums_up(plan)


def test_copies_of_roboflow_stay_with_their_original(tmp_path: Path) -> None:
    for i in range(6):
        for copy in range(3):
            name = f"scan-{NAMES[i % 2]}-x{i}y_png.rf.{i * 7 + copy:032x}.jpg"
            scan(tmp_path / "train" / NAMES[i % 2] / name, "JPEG")
    prepared = prepare(tmp_path, PlanChoices(beginnings="nothing"))
    assert len({entry.group for entry in prepared.entries}) == 6
    assert prepared.plan.n_owned == 0


def test_names_that_say_disease_count_where_folders_say_none(tmp_path: Path) -> None:
    for i in range(8):
        scan(tmp_path / ("alpha", "beta")[i % 2] / f"{NAMES[i // 2 % 2]}_{i}.png")
    plan = make_plan(tmp_path)
    assert counts(plan) == {"benign": 4, "malignant": 4}
    assert [question.option for question in plan.questions] == ["--layout"]
    assert "folders" in plan.questions[0].allowed
    assert set(counts(make_plan(tmp_path, PlanChoices(layout="folders")))) == {"alpha", "beta"}
