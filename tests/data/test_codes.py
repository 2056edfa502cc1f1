"""Numbers that stand for labels: what a legend says they mean, and codes that say that nothing is known."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import Workbook

from medcls.core.plan import PlanChoices
from medcls.data.collections import add_collection, make_plan
from medcls.data.labels import diseases_by_name
from tests.data.test_named_files import pictures, write
from tests.data.test_plan import counts, labels, sick, sums_up, table

NAMED = {"benign": 4, "malignant": 4}
LEGENDS: dict[str, Callable[[Path], object]] = {
    "a table": lambda root: write(root / "classes.csv", "code;meaning", "0;malignant", "1;benign"),
    "names first": lambda root: write(root / "legend.csv", "meaning,code,remark", "malignant,0,", "benign,1,see paper"),
    "a list": lambda root: write(root / "classes.txt", "malignant", "benign"),
    "a numbered list": lambda root: write(root / "readme" / "labels.txt", "0 malignant", "1 benign"),
    "YOLO": lambda root: write(root / "obj.names", "malignant", "benign"),
    "JSON": lambda root: write(root / "label_map.json", json.dumps({"0": "malignant", "1": "benign"})),
    "JSON by name": lambda root: write(root / "class_to_idx.json", json.dumps({"malignant": 0, "benign": 1})),
}


@pytest.mark.parametrize("kind", LEGENDS)
@pytest.mark.parametrize("place", ["table", "folders"])
def test_a_legend_says_what_numbers_mean(kind: str, place: str, tmp_path: Path) -> None:
    if place == "table":
        table(tmp_path, ("file", "class"), lambda i: (f"{i}.jpg", str(i % 2)))
    else:
        labels(tmp_path, ("0", "1"), 4)
    LEGENDS[kind](tmp_path)
    plan = make_plan(tmp_path)
    assert (counts(plan), sick(plan)) == (NAMED, ["malignant"])
    assert [label.written for label in plan.labels if label.positive] == [("0",)]
    assert (plan.n_not_taken, plan.open_questions) == (0, ())
    assert "data.legend" in [note.code for one in plan.tables for note in one.notes]
    assert sums_up(plan)
    assert add_collection(tmp_path, "codes").labels == ("benign", "malignant")


def test_a_legend_in_a_sheet_of_its_own(tmp_path: Path) -> None:
    pictures(tmp_path)
    book = Workbook()
    book.active.title = "data"
    for row in (("file", "class"), *((f"{i}.jpg", 1 + i % 2) for i in range(8))):
        book.active.append(row)
    sheet = book.create_sheet("codes")
    for row in (("code", "diagnosis"), (1, "악성"), (2, "양성")):
        sheet.append(row)
    book.save(tmp_path / "t.xlsx")
    plan = make_plan(tmp_path)
    assert (counts(plan), sick(plan)) == ({"악성": 4, "양성": 4}, ["악성"])


@pytest.mark.parametrize("lines", [["0,benign", "1,malignant", "0,other"], ["a,benign", "b,malignant"], ["0,1", "1,0"]])
def test_what_does_not_name_each_number_once_is_no_legend(lines: list[str], tmp_path: Path) -> None:
    table(tmp_path, ("file", "class"), lambda i: (f"{i}.jpg", str(i % 2)))
    write(tmp_path / "codes.csv", "code,meaning", *lines)
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_not_taken) == ({"0": 4, "1": 4}, 1)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("patients.csv", ["id,name", "1,Anna", "2,Berta", "3,Carla", "4,Dora"]),
        ("people.csv", ["id,surname", "1,Kim", "2,Lee"]),
        ("sites.csv", ["id,hospital", "1,Seoul", "2,Busan"]),
        ("list.csv", ["id,scan", "1,a.jpg", "2,b.jpg"]),
        ("patients.csv", ["patient,diagnosis", "1,cyst", "2,fibroadenoma", "3,carcinoma"]),
        ("names.txt", ["Anna", "Berta", "Carla", "Dora"]),
    ],
)
def test_a_list_of_people_places_or_files_is_no_legend(name: str, lines: list[str], tmp_path: Path) -> None:
    table(tmp_path, ("file", "class"), lambda i: (f"{i}.jpg", str(1 + i % 2)))
    write(tmp_path / name, *lines)
    assert counts(make_plan(tmp_path)) == {"1": 4, "2": 4}


def test_two_legends_that_differ_say_nothing(tmp_path: Path) -> None:
    table(tmp_path, ("file", "class"), lambda i: (f"{i}.jpg", str(1 + i % 2)))
    write(tmp_path / "a.csv", "code,meaning", "1,benign", "2,malignant")
    write(tmp_path / "b.csv", "code,meaning", "1,malignant", "2,benign")
    plan = make_plan(tmp_path)
    assert (counts(plan), [q.option for q in plan.open_questions]) == ({"1": 4, "2": 4}, ["--disease"])


@pytest.mark.parametrize("code", ["9", "99", "-1", "-9", "888"])
@pytest.mark.parametrize("column", ["malignant", "label"])
def test_a_code_beside_no_and_yes_is_asked_about(code: str, column: str, tmp_path: Path) -> None:
    table(tmp_path, ("file", column), lambda i: (f"{i}.jpg", code if i > 5 else str(i % 2)))
    plan = make_plan(tmp_path)
    assert [q.option for q in plan.open_questions] == ["--label-name"]
    assert plan.open_questions[0].allowed == (f"{code}=NA", f"{code}={code}")
    known = make_plan(tmp_path, PlanChoices(names={code: "NA"}))
    assert (counts(known), sick(known), known.n_unlabelled) == ({"0": 3, "1": 3}, ["1"], 2)
    assert not known.open_questions
    kept = make_plan(tmp_path, PlanChoices(names={code: code}))
    assert [q.option for q in kept.open_questions] == ["--disease"]


def test_a_number_below_zero_is_not_its_opposite() -> None:
    assert diseases_by_name({"a": "0", "b": "1", "c": "-1"}) == {"a": None, "b": None, "c": None}


@pytest.mark.parametrize("missing", ["SYSMIS", ".a", ".", "غير معروف"])
def test_what_is_written_for_nothing_is_no_label(missing: str, tmp_path: Path) -> None:
    plan = make_plan(table(tmp_path, ("file", "cancer"), lambda i: (f"{i}.jpg", missing if i > 5 else str(i % 2))))
    assert (counts(plan), plan.n_unlabelled) == ({"0": 3, "1": 3}, 2)


@pytest.mark.parametrize(
    ("one", "other"), [("7", "007"), ("P1", "Ｐ１"), ("p-1", "P-1"), ("0", "000"), ("007", "'007"), ("007", '="007"')]
)
def test_a_patient_written_in_two_ways_is_one(one: str, other: str, tmp_path: Path) -> None:
    rows = lambda i: (f"{i}.jpg", ("benign", "malignant")[i % 2], (one, other)[i % 2] if i < 4 else "X9")  # noqa: E731
    assert make_plan(table(tmp_path, ("file", "label", "patient"), rows)).n_patients == 2


def test_patients_of_folders_and_tables_are_one_whatever_their_zeros(tmp_path: Path) -> None:
    for part, form in (("train", "{:03d}"), ("test", "{}")):
        for name in ("benign", "malignant"):
            for p in range(1, 4):
                labels(tmp_path / part / name, [form.format(p)], 1)
    plan = make_plan(tmp_path)
    assert (plan.n_patients, "data.split-cuts-patients" in [note.code for note in plan.notes]) == (3, True)


def test_a_number_behind_a_label_is_no_part_of_it(tmp_path: Path) -> None:
    pictures(tmp_path)
    write(tmp_path / "t.csv", "file,label", *(f"{i}.jpg,{i % 2},{40 + i}" for i in range(8)))
    assert counts(make_plan(tmp_path)) == {"0": 4, "1": 4}
