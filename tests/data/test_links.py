"""What ties scans over several tables: lists of duplicates, lesions of patients, two ids of one patient."""

from pathlib import Path

import pytest

from medcls.data.collections import make_plan
from medcls.data.plan import prepare
from tests.data.test_plan import NAMES, counts, labels, sums_up, table


def write(path: Path, *lines: str) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_two_lists_of_duplicates_that_share_a_picture_keep_all_together(tmp_path: Path) -> None:
    labels(tmp_path, n=8)
    for name in NAMES:
        for i in range(8):
            (tmp_path / name / f"{i}.png").rename(tmp_path / name / f"{name[0]}{i}.png")
    write(tmp_path / "a.csv", "image1,image2", "b0.png,b1.png", "b2.png,b3.png")
    write(tmp_path / "b.csv", "image1,image2", "m0.png,m1.png", "b1.png,m4.png")
    groups = {entry.id.rpartition("/")[2][:2]: entry.group for entry in prepare(tmp_path).entries}
    assert groups["b0"] == groups["b1"] == groups["m4"]
    assert len({groups[name] for name in ("b0", "b2", "m0")}) == 3


def test_rows_of_two_tables_of_views_are_of_different_cases(tmp_path: Path) -> None:
    table(tmp_path, ("x",), lambda i: (i,), n=16, name="none.csv")
    (tmp_path / "none.csv").unlink()
    for k, name in enumerate("ab"):
        rows = [f"img/{8 * k + 2 * i}.jpg,img/{8 * k + 2 * i + 1}.jpg,{NAMES[i % 2]}" for i in range(4)]
        write(tmp_path / f"{name}.csv", "left,right,label", *rows)
    assert make_plan(tmp_path).n_patients == 8


@pytest.mark.parametrize("header", ["lesion_id,patient_id", "patient_id,lesion_id", "lesion_id,patient name"])
def test_a_table_of_the_patients_of_lesions_is_read(header: str, tmp_path: Path) -> None:
    table(tmp_path, ("image", "lesion_id", "label"), lambda i: (f"{i}.jpg", f"L{i // 2}", NAMES[i // 2 % 2]), n=16)
    owners = ("Kim Minsu", "Lee Jiwoo", "Anna Weber", "Oh Sora") if "name" in header else ("P0", "P1", "P2", "P3")
    rows = [(f"L{i}", owners[i // 2]) for i in range(8)]
    write(tmp_path / "whose.csv", header, *(",".join(row if header[0] == "l" else row[::-1]) for row in rows))
    found = prepare(tmp_path)
    assert (found.plan.n_patients, found.plan.n_not_taken, sums_up(found.plan)) == (4, 0, True)
    assert "Kim Minsu" not in found.plan.to_json() + "".join(map(str, found.entries))


@pytest.mark.parametrize("header", ["hospital id,study id", "old patient id,new patient id", "H,S"])
def test_two_ids_of_one_patient_are_one(header: str, tmp_path: Path) -> None:
    whose = lambda i: f"H{i // 2}" if i < 8 else f"S{i // 2 - 4}"  # noqa: E731
    table(tmp_path, ("image", "patient_id", "label"), lambda i: (f"{i}.jpg", whose(i), NAMES[i // 2 % 2]), n=16)
    write(tmp_path / "ids.csv", header, *(f"H{i},S{i}" for i in range(4)))
    owners = {int(e.id.rpartition("/")[2][:-4]): e.patient for e in prepare(tmp_path).entries}
    assert all(owners[i] == owners[i + 8] for i in range(8))
    assert len(set(owners.values())) == 4


def owners(root: Path) -> dict[int, str | None]:
    return {int(e.id.rpartition("/")[2][:-4]): e.patient for e in prepare(root).entries}


def of_patients(root: Path, more: str, *rows: str) -> dict[int, str | None]:
    table(root, ("image", "patient_id", "label"), lambda i: (f"{i}.jpg", f"P{i // 2}", NAMES[i // 2 % 2]), n=16)
    write(root / "more.csv", more, *rows)
    return owners(root)


@pytest.mark.parametrize("column", ["group", "lesion", "exam_id", "study arm", "nodule"])
def test_what_parts_patients_into_kinds_or_numbers_is_no_id_of_theirs(column: str, tmp_path: Path) -> None:
    found = of_patients(tmp_path, f"patient_id,{column},age", *(f"P{i},{'ABC'[i % 3]},{40 + i}" for i in range(8)))
    assert found == {i: f"P{i // 2}" for i in range(16)}


def test_people_of_one_name_are_not_one_where_they_have_ids(tmp_path: Path) -> None:
    found = of_patients(tmp_path, "patient_id,patient name", *(f"P{i},Kim Minsu" for i in range(8)))
    assert found == {i: f"P{i // 2}" for i in range(16)}


def test_an_id_with_several_others_is_one_with_all(tmp_path: Path) -> None:
    found = of_patients(tmp_path, "patient_a,patient_b", "P0,P1", "P0,P2", "P5,P6", "P6,P7")
    assert len({found[i] for i in range(6)}) == 1
    assert len({found[i] for i in range(10, 16)}) == 1
    assert len(set(found.values())) == 4


def test_tables_link_over_one_another_in_any_order_and_show_no_family_name(tmp_path: Path) -> None:
    table(tmp_path, ("image", "lesion_id", "label"), lambda i: (f"{i}.jpg", f"L{i // 2}", NAMES[i // 2 % 2]), n=16)
    write(tmp_path / "a.csv", "patient_a,patient_b", "P0,P1", "P2,P3")
    write(tmp_path / "b.csv", "lesion_id,patient_id", *(f"L{i},P{i // 2}" for i in range(8)))
    assert len(set(owners(tmp_path).values())) == 2
    (tmp_path / "a.csv").unlink()
    names = ("Weber", "Nowak", "Silva", "Gomez")
    write(tmp_path / "b.csv", "lesion_id,patient", *(f"L{i},{names[i // 2]}" for i in range(8)))
    assert set(owners(tmp_path).values()) == {f"person-{n}" for n in (1, 2, 3, 4)}


def test_labels_by_file_below_parts_are_read_from_json(tmp_path: Path) -> None:
    table(tmp_path, ("x",), lambda i: (i,), n=8, name="none.csv")
    (tmp_path / "none.csv").unlink()
    said = [", ".join(f'"img/{i}.jpg": "{NAMES[i % 2]}"' for i in of) for of in (range(6), range(6, 8))]
    write(tmp_path / "labels.json", f'{{"train": {{{said[0]}}}, "test": {{{said[1]}}}}}')
    plan = make_plan(tmp_path)
    assert (plan.count_by("part"), counts(plan)) == ({"train": 6, "test": 2}, dict.fromkeys(NAMES, 4))


@pytest.mark.parametrize(
    ("header", "label"),
    [
        ((("file", "patient", "diagnosis", ""), ("", "", "benign", "malignant")), ("1,0", "0,1")),
        ((("Image", "Patient", "", "Result"), ("file", "id", "age", "label")), ("40,benign", "41,malignant")),
        ((("file", "Patient", "", "diagnosis"), ("file", "id", "age", "diagnosis")), ("40,benign", "41,malignant")),
    ],
)
def test_a_header_of_two_rows_is_read(header: tuple, label: tuple[str, str], tmp_path: Path) -> None:
    table(tmp_path, ("x",), lambda i: (i,), n=8, name="none.csv")
    (tmp_path / "none.csv").unlink()
    rows = [f"img/{i}.jpg,P{i // 2},{label[i % 2]}" for i in range(8)]
    write(tmp_path / "labels.csv", *map(",".join, header), *rows)
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_patients, plan.n_not_taken) == (dict.fromkeys(NAMES, 4), 4, 0)


def test_a_first_row_with_a_cell_below_no_name_is_no_header(tmp_path: Path) -> None:
    table(tmp_path, ("x",), lambda i: (i,), n=8, name="none.csv")
    (tmp_path / "none.csv").unlink()
    (tmp_path / "img" / "0.jpg").rename(tmp_path / "img" / "first.jpg")
    rows = [f"img/{i or 'first'}.jpg,{NAMES[i % 2]},{'' if i else 'look again'}" for i in range(8)]
    write(tmp_path / "labels.csv", "file,label,", *rows)
    assert counts(make_plan(tmp_path)) == dict.fromkeys(NAMES, 4)
