"""Tables as people hand them out: cells merged once, tables over tables, grades, sides of a body, tools of annotation."""

import json
from pathlib import Path

import numpy as np
import pytest

from medcls.core.plan import PlanChoices
from medcls.data.collections import make_plan
from medcls.data.plan import prepare
from medcls.errors import BadData
from tests.data.test_plan import NAMES, counts, scan, sums_up
from tests.data.test_sites import write


def pictures(root: Path, names: list[str]) -> None:
    for name in names:
        scan(root / name)


def test_cells_left_empty_below_a_patient_s_first_row_are_filled(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{i}.png" for i in range(12)])
    rows = [
        {"Patient": f"P{i // 3}" * (i % 3 == 0), "Diagnosis": NAMES[i // 3 % 2] * (i % 3 == 0), "Image": f"{i}.png"}
        for i in range(12)
    ]
    write(tmp_path / "list.csv", rows)
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_patients, plan.n_owned) == ({"benign": 6, "malignant": 6}, 4, 12)
    assert "data.filled-down" in {note.code for note in plan.tables[0].notes}


def test_patients_that_are_unknown_in_some_rows_are_not_filled(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{i}.png" for i in range(12)])
    rows = [{"Patient": f"P{i % 4}" * (i % 3 > 0), "Diagnosis": NAMES[i % 2], "Image": f"{i}.png"} for i in range(12)]
    write(tmp_path / "list.csv", rows)
    assert make_plan(tmp_path).n_owned == 8


def test_patients_known_in_some_rows_alone_are_not_filled(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{i}.png" for i in range(10)])
    rows = [{"file": f"{i}.png", "patient": f"P{i}" * (i < 6), "label": NAMES[i % 2]} for i in range(10)]
    write(tmp_path / "x.csv", rows)
    assert make_plan(tmp_path).n_owned == 6


def test_lesions_that_only_some_pictures_have_are_not_filled(tmp_path: Path) -> None:
    pictures(tmp_path, [f"I{i}.png" for i in range(12)])
    rows = [
        {"isic": f"I{i}", "patient_id": f"IP{i // 3}", "lesion_id": f"IL{i}" * (i % 4 == 0), "label": NAMES[i % 2]}
        for i in range(12)
    ]
    write(tmp_path / "x.csv", rows)
    assert sum(bool(entry.group) for entry in prepare(tmp_path).entries) == 3


def test_a_table_of_patients_is_reached_over_one_of_examinations(tmp_path: Path) -> None:
    pictures(tmp_path, [f"images/us{i:03d}.png" for i in range(12)])
    write(tmp_path / "labels.csv", [{"image_id": f"us{i:03d}", "label": NAMES[i // 3 % 2]} for i in range(12)])
    write(tmp_path / "images.csv", [{"image_id": f"us{i:03d}", "exam_id": f"E{i // 3}"} for i in range(12)])
    write(tmp_path / "exams.csv", [{"exam_id": f"E{i}", "patient_id": f"P{i // 2}"} for i in range(4)])
    write(tmp_path / "split.csv", [{"patient_id": f"P{i}", "split": ("train", "test")[i]} for i in range(2)])
    plan = make_plan(tmp_path)
    assert (plan.count_by("part"), plan.n_patients, plan.n_not_taken) == ({"train": 6, "test": 6}, 2, 0)


def test_a_table_of_patients_parts_those_whom_the_table_of_labels_names(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{i}.png" for i in range(12)])
    write(tmp_path / "a.csv", [{"f": f"{i}.png", "label": NAMES[i % 2], "patient": f"K{i // 3}"} for i in range(12)])
    write(tmp_path / "split.csv", [{"patient": f"K{i}", "split": ("train", "test")[i % 2]} for i in range(4)])
    plan = make_plan(tmp_path)
    assert (plan.count_by("part"), plan.n_patients) == ({"train": 6, "test": 6}, 4)


def test_paths_whose_folder_alone_is_here_mean_what_is_in_it(tmp_path: Path) -> None:
    for part, first in (("train", 0), ("test", 50)):
        rows = []
        for i in range(6):
            folder = f"Mass-{part}_P_{first + i // 2:05d}_{('LEFT', 'RIGHT')[i % 2]}_CC"
            scan(tmp_path / "jpeg" / folder / f"1-{i:03d}.jpg", "JPEG")
            path = f"{folder}/1.3.6.1.{i}/1.3.6.2.{i}/000000.dcm"
            rows.append({"patient_id": f"P_{first + i // 2:05d}", "pathology": NAMES[i % 2], "image file path": path})
        write(tmp_path / f"mass_case_description_{part}_set.csv", rows)
    plan = make_plan(tmp_path)
    assert (plan.n_scans, plan.n_patients, plan.n_not_taken) == (12, 6, 0)
    assert plan.count_by("part") == {"train": 6, "test": 6}


def test_an_id_that_is_a_picture_s_name_too_stays_the_patient_s(tmp_path: Path) -> None:
    pictures(tmp_path, [f"b{i}.jpg" for i in range(8)])
    rows = [{"No": str(i), "Patient ID": f"b{i // 2}", "Image": f"b{i}.jpg", "dx": NAMES[i // 2 % 2]} for i in range(8)]
    write(tmp_path / "cases.csv", rows)
    plan = make_plan(tmp_path)
    assert (plan.n_patients, plan.n_owned, counts(plan)) == (4, 8, {"benign": 4, "malignant": 4})


def test_labels_by_the_folder_of_a_case_in_json(tmp_path: Path) -> None:
    pictures(tmp_path, [f"cases/c{i // 3}/v{i % 3}.png" for i in range(12)])
    (tmp_path / "labels.json").write_text(json.dumps({f"c{k}": {"label": NAMES[k % 2], "age": 40} for k in range(4)}))
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_patients) == ({"benign": 6, "malignant": 6}, 4)


@pytest.mark.parametrize("column", ["BI-RADS", "birads_category", "histologic grade", "tumour stage"])
def test_grades_are_labels_where_nothing_else_is_and_which_mean_disease_is_asked(column: str, tmp_path: Path) -> None:
    pictures(tmp_path, [f"{i}.png" for i in range(18)])
    write(tmp_path / "x.csv", [{"file": f"{i}.png", column: str(1 + i % 3), "age": str(40 + i)} for i in range(18)])
    prepared = prepare(tmp_path)
    plan = prepared.plan
    assert counts(plan) == {"1": 6, "2": 6, "3": 6}
    assert not any(column in entry.attributes for entry in prepared.entries)
    assert [question.option for question in plan.open_questions] == ["--disease"]


def test_grades_beside_labels_of_folders_stay_what_they_are(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{NAMES[i % 2]}/{i}.png" for i in range(12)])
    rows = [{"file": f"{i}.png", "BI-RADS": str(2 + i % 3), "patient": f"P{i // 2}"} for i in range(12)]
    write(tmp_path / "x.csv", rows)
    prepared = prepare(tmp_path)
    assert (set(counts(prepared.plan)), prepared.plan.n_patients) == (set(NAMES), 6)
    assert {entry.attributes["BI-RADS"] for entry in prepared.entries} == {"2", "3", "4"}
    assert [note.code for note in prepared.plan.tables[0].notes] == []


@pytest.mark.parametrize("cells", [("raw", "done"), ("0", "1")])
def test_a_stage_of_work_and_a_yes_or_no_are_no_grades(cells: tuple[str, str], tmp_path: Path) -> None:
    pictures(tmp_path, [f"{i}.png" for i in range(12)])
    write(tmp_path / "x.csv", [{"file": f"{i}.png", "stage": cells[i % 2], "n": str(i)} for i in range(12)])
    with pytest.raises(BadData):
        make_plan(tmp_path)


def test_grades_stand_back_behind_labels(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{i}.png" for i in range(12)])
    rows = [{"file": f"{i}.png", "BI-RADS": str(2 + i % 3), "pathology": NAMES[i % 2]} for i in range(12)]
    write(tmp_path / "x.csv", rows)
    assert set(counts(make_plan(tmp_path))) == set(NAMES)


def test_where_on_a_body_a_lesion_is_is_no_site(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{i}.png" for i in range(16)])
    places = ("back", "upper arm", "face", "lower leg")
    rows = [
        {"file": f"{i}.png", "patient": str(i // 4 + 1), "site": places[i % 4], "dx": ("nevus", "melanoma")[i % 2]}
        for i in range(16)
    ]
    write(tmp_path / "x.csv", rows)
    plan = make_plan(tmp_path)
    assert (plan.count_by("site"), plan.questions, plan.n_patients) == ({}, (), 4)


def test_sides_in_names_are_no_labels(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{100 + i}_{'RL'[i % 2]}_CC.png" for i in range(8)])
    with pytest.raises(BadData):
        make_plan(tmp_path)


def test_tasks_of_label_studio_are_a_table(tmp_path: Path) -> None:
    pictures(tmp_path, [f"upload/1/ab{i}-{i}.png" for i in range(8)])
    tasks = [
        {
            "id": i,
            "data": {"image": f"/data/upload/1/ab{i}-{i}.png", "patient": f"P{i // 2}"},
            "annotations": [{"result": [{"value": {"choices": [NAMES[i // 2 % 2]]}, "type": "choices"}]}],
        }
        for i in range(8)
    ]
    (tmp_path / "project-1.json").write_text(json.dumps(tasks))
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_patients) == ({"benign": 4, "malignant": 4}, 4)


CHANGED = [
    "{l} ({i})_aug_{k}.png",
    "{l} ({i})-rot{k}0.png",
    "{l} ({i})_flip_{k}.png",
    "{l} ({i}) - Copy ({k}).png",
    "aug_original_{l} ({i}).png_0a1b2c3d-0000-4000-8000-00000000000{k}.png",
]


@pytest.mark.parametrize("name", CHANGED)
def test_changed_copies_stay_with_their_original(name: str, tmp_path: Path) -> None:
    for i in range(6):
        label = NAMES[i % 2]
        scan(tmp_path / "original" / label / f"{label} ({i}).png")
        for k in range(3):
            scan(tmp_path / "augmented" / label / name.format(l=label, i=i, k=k))
    prepared = prepare(tmp_path, PlanChoices(beginnings="nothing"))
    together: dict[str | None, int] = {}
    for entry in prepared.entries:
        together[entry.group] = together.get(entry.group, 0) + 1
    assert sorted(together.values()) == [4] * 6
    assert (prepared.plan.n_owned, prepared.plan.count_by("site")) == (0, {})


def test_arrays_in_one_file_are_named_with_what_to_do(tmp_path: Path) -> None:
    for i in range(6):
        scan(tmp_path / NAMES[i % 2] / f"{i}.png")
    np.savez(tmp_path / "breastmnist.npz", train_images=np.zeros((2, 8, 8), np.uint8), train_labels=np.zeros(2))
    plan = make_plan(tmp_path)
    assert [row.reason.code for row in plan.not_taken] == ["data.npz"]
    assert sums_up(plan)
