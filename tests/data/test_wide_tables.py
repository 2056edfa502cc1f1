"""Tables that name several pictures in a row: a column for each label or part, or several views of one case."""

from pathlib import Path

import pytest

from medcls.core.plan import Plan, PlanChoices
from medcls.data.audit import run_audit
from medcls.data.collections import add_collection, make_plan
from medcls.data.overview import overview_of
from tests.data import trees
from tests.data.test_plan import counts, sick, sums_up
from tests.data.test_told_sets import codes, put

FILES = [f"img/{i}.png" for i in range(12)]


def plan_of(root: Path, *rows: str, paths: list[str] = FILES, choices: PlanChoices | None = None) -> Plan:
    put(root, *paths)
    (root / "labels.csv").write_text("\n".join(rows))
    return make_plan(root, choices)


# ---- a column for each label
@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("benign,malignant", "img/{}.png"),
        ("benign,malignant", "{}.png"),
        ("양성,악성", "{}.png"),
        ("gutartig;bösartig", "{}"),
        ("no tumor\ttumor", r"C:\study\img\{}.png"),
    ],
)
def test_a_column_for_each_label_names_its_files(header: str, cell: str, tmp_path: Path) -> None:
    separator = next(c for c in header if c in ",;\t")
    rows = [separator.join((cell.format(i), cell.format(i + 6))) for i in range(6)]
    plan = plan_of(tmp_path, header, *rows)
    assert (sorted(counts(plan).values()), len(sick(plan)), plan.n_unlabelled) == ([6, 6], 1, 0)
    assert (plan.n_not_taken, plan.questions) == (0, ())
    assert "data.columns-are-labels" in codes(plan)
    assert sums_up(plan)


def test_columns_of_labels_may_be_of_any_length_and_beside_a_running_number(tmp_path: Path) -> None:
    rows = [f"{i + 1},{i}.png,{f'{i + 8}.png' if i < 4 else ''}" for i in range(8)]
    plan = plan_of(tmp_path, "no,benign,malignant", *rows)
    assert (counts(plan), plan.n_patients, plan.n_not_taken) == ({"benign": 8, "malignant": 4}, 0, 0)


def test_a_file_in_two_columns_of_labels_has_none(tmp_path: Path) -> None:
    rows = [f"{i}.png,{i + 6}.png" for i in range(5)]
    plan = plan_of(tmp_path, "benign,malignant", *rows, "5.png,5.png")
    assert counts(plan) == {"benign": 5, "malignant": 5}
    assert {row.reason.code for row in plan.not_taken} == {"data.two-labels", "data.no-row"}
    assert sums_up(plan)


def test_columns_whose_names_do_not_say_disease_are_labels_and_asked_about(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "class A,class B", *(f"{i}.png,{i + 6}.png" for i in range(6)))
    assert counts(plan) == {"class A": 6, "class B": 6}
    assert [question.option for question in plan.questions] == ["--disease"]


def test_a_column_for_each_part_names_its_files(tmp_path: Path) -> None:
    paths = [f"{label}/{label}{i}.png" for label in ("benign", "malignant") for i in range(6)]
    plan = plan_of(tmp_path, "train,test", *(f"{paths[i]},{paths[11 - i]}" for i in range(6)), paths=paths)
    assert (plan.count_by("part"), counts(plan)) == ({"train": 6, "test": 6}, {"benign": 6, "malignant": 6})


# ---- several pictures of one case
@pytest.mark.parametrize("header", ["left,right,label", "clinic,derm,label", "image1,image2,label"])
def test_several_pictures_of_a_row_have_its_label_and_stay_together(header: str, tmp_path: Path) -> None:
    rows = [f"{i}.png,{i + 6}.png,{('benign', 'malignant')[i % 2]}" for i in range(6)]
    plan = plan_of(tmp_path, header, *rows)
    assert (counts(plan), plan.n_not_taken, plan.n_owned) == ({"benign": 6, "malignant": 6}, 0, 12)
    assert plan.n_patients == 6
    assert "data.several-pictures" in codes(plan)


def test_several_pictures_of_a_row_belong_to_its_patient(tmp_path: Path) -> None:
    rows = [f"P{i // 2},{i}.png,{i + 6}.png,{('benign', 'malignant')[i // 2 % 2]}" for i in range(6)]
    plan = plan_of(tmp_path, "patient,left,right,label", *rows)
    assert (plan.n_patients, plan.n_owned, plan.n_scans) == (3, 12, 12)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("id,image,label", "{i},{i}.png,{label}"),
        ("image,cropped image,label", "{i}.png,{j}.png,{label}"),
        ("image,mask,label", "{i}.png,{j}.png,{label}"),
        ("image_id,image_path,label", "{i},img/{i}.png,{label}"),
    ],
)
def test_other_columns_of_names_are_no_second_picture(header: str, row: str, tmp_path: Path) -> None:
    rows = [row.format(i=i, j=i + 6, label=("benign", "malignant")[i % 2]) for i in range(6)]
    plan = plan_of(tmp_path, header, *rows)
    assert counts(plan) == {"benign": 3, "malignant": 3}
    assert not codes(plan) & {"data.several-pictures", "data.columns-are-labels"}


def test_a_person_who_names_the_column_of_the_files_has_that_one_alone(tmp_path: Path) -> None:
    rows = [f"{i}.png,{i + 6}.png,{('benign', 'malignant')[i % 2]}" for i in range(6)]
    plan = plan_of(tmp_path, "clinic,derm,label", *rows, choices=PlanChoices(columns={"path": "derm"}))
    assert (plan.n_scans, {row.reason.code for row in plan.not_taken}) == (6, {"data.no-row"})


@pytest.mark.parametrize("column", ["roi", "gt", "lesion", "truth", "target"])
def test_a_column_of_masks_is_no_view_whatever_it_is_called(column: str, tmp_path: Path) -> None:
    for i in range(12):
        trees.save(tmp_path / f"second/{i}.png", trees.mask())
    rows = [f"img/{i}.png,second/{i}.png,{('benign', 'malignant')[i % 2]}" for i in range(12)]
    plan = plan_of(tmp_path, f"image,{column},label", *rows)
    assert (counts(plan), plan.n_masks, plan.n_not_taken) == ({"benign": 6, "malignant": 6}, 12, 0)
    assert "data.several-pictures" not in codes(plan)
    assert sums_up(plan)


# ---- a list of pairs
PAIRS = {
    "pairs": ("image1,image2", [(0, 1), (4, 5), (7, 10)], 3),
    "with a score": ("image1,image2,similarity", [(0, 1), (4, 5), (7, 10)], 3),
    "a chain": ("img_a,img_b", [(0, 1), (1, 2), (4, 5), (9, 4)], 2),
    "copies of one": ("original,duplicate", [(0, 1), (0, 2), (0, 3), (7, 10)], 2),
}


@pytest.mark.parametrize("case", PAIRS)
def test_a_list_of_duplicates_keeps_them_together_and_says_of_nobody_whose_they_are(case: str, tmp_path: Path) -> None:
    header, pairs, n_sets = PAIRS[case]
    files = [f"{label}/{label}{i}.png" for label in ("benign", "malignant") for i in range(6)]
    put(tmp_path, *files)
    rows = [",".join([files[a], files[b], *["0.9"] * header.count("similarity")]) for a, b in pairs]
    (tmp_path / "duplicates.csv").write_text("\n".join([header, *rows]))
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_owned, plan.n_patients) == ({"benign": 6, "malignant": 6}, 0, 0)
    assert (plan.patients_from, plan.questions, plan.n_not_taken) == ((), (), 0)
    assert {"data.listed-together", "data.owners-unknown"} <= codes(plan)
    assert sums_up(plan)
    made = add_collection(tmp_path, "set")
    groups = dict(zip(made.column("id"), made.column("grp"), strict=True))
    assert all(groups[files[a]] == groups[files[b]] for a, b in pairs)
    assert len({groups[files[i]] for pair in pairs for i in pair}) == n_sets
    assert (overview_of(made).whose, run_audit("set").findings[-1].kind) == ("", "patients")


def test_rows_of_several_pictures_say_whose_they_are_not_a_column_that_is_none(tmp_path: Path) -> None:
    rows = [f"{i}.png,{i + 6}.png,{('benign', 'malignant')[i % 2]}" for i in range(6)]
    plan = plan_of(tmp_path, "left,right,label", *rows)
    assert [note.code for note in plan.patients_from] == ["data.from-rows"]


def test_two_columns_that_name_the_same_file_are_no_pairs(tmp_path: Path) -> None:
    files = [f"{label}/{label}{i}.png" for label in ("benign", "malignant") for i in range(6)]
    put(tmp_path, *files)
    rows = [f"{path.rpartition('/')[2]},{path}" for path in files]
    (tmp_path / "list.csv").write_text("\n".join(["image_id,image_path", *rows]))
    assert "data.listed-together" not in codes(make_plan(tmp_path))
