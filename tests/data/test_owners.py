"""Whose a scan is: a patient written in several ways is one, in one table or in several, by name or by DICOM id."""

from pathlib import Path

import numpy as np
import pytest

from medcls.data.plan import Prepared, prepare
from tests.data import trees

NAMES = {"KIM Minsu": "Kim Minsu", "kim^minsu": "Kim Minsu", "Kim, Minsu": "Kim Minsu", "Ｌｅｅ Jiwoo": "LEE JIWOO"}


@pytest.mark.parametrize("other", NAMES)
def test_a_person_written_in_two_ways_in_two_tables_is_one(other: str, tmp_path: Path) -> None:
    people = ["Park Yuna", "Choi Haneul", other, "Jung Minho", NAMES[other], "Oh Sora", "Park Yuna", "Han Areum"]
    for k, part in enumerate(("train", "test")):
        rows = [f'{part}/{i}.png,{i % 2},"{people[4 * k + i]}"' for i in range(4)]
        for i in range(4):
            trees.save(tmp_path / f"{part}/{i}.png", trees.picture(seed=8 * k + i))
        (tmp_path / f"{part}.csv").write_text("\n".join(["path,malignant,patient name", *rows]), encoding="utf-8")
    entries = prepare(tmp_path).entries
    owners = {entry.id: entry.patient for entry in entries}
    assert owners["train/0.png"] == owners["test/2.png"]
    assert owners["train/2.png"] == owners["test/0.png"]
    assert len(set(owners.values())) == 6
    assert all(str(owner).startswith("person-") for owner in owners.values())


def test_a_dicom_patient_written_in_two_ways_is_one(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (6, 32, 32), np.uint8)
    for i, patient in enumerate(("ab7", "AB7", "007", "7", "X1", "Y1")):
        trees.write_dicom(tmp_path / ("benign", "malignant")[i % 2] / f"{i}.dcm", pixels[i], patient)
    owners = [entry.patient for entry in sorted(prepare(tmp_path).entries, key=lambda e: e.id.rpartition("/")[2])]
    assert owners[0] == owners[1]
    assert owners[2] == owners[3]
    assert len(set(owners)) == 4


@pytest.mark.parametrize("column", ["patient name", "Hasta Adı", "환자 이름", "patient id"])
def test_capitals_part_no_patients_whatever_their_column_is_called(column: str, tmp_path: Path) -> None:
    rows = [f"{i}.png,{i % 2},{'pP'[i % 2]}{i // 2}" for i in range(8)]
    for i in range(8):
        trees.save(tmp_path / f"{i}.png", trees.picture(seed=i))
    (tmp_path / "labels.csv").write_text("\n".join([f"path,malignant,{column}", *rows]), encoding="utf-8")
    owners = {entry.id: entry.patient for entry in prepare(tmp_path).entries}
    assert [owners[f"{i}.png"] for i in range(0, 8, 2)] == [owners[f"{i}.png"] for i in range(1, 8, 2)]
    assert len(set(owners.values())) == 4


PEOPLE = ("Kim Minsu", "Lee Jiwoo", "Anna Weber", "Oh Sora")
WRITTEN = (
    PEOPLE,
    ("김민수", "이지우", "박유나", "정우"),
    ("Weber", "Nowak", "O'Neil", "Silva"),
    ("山田太郎", "王芳", "李小龍", "佐々木"),
)


def written(root: Path, header: str, names: tuple[str, ...], more: str = "") -> Path:
    for i in range(16):
        trees.save(root / f"{i}.png", trees.picture(seed=i))
    rows = [f"{i}.png,{('benign', 'malignant')[i % 2]},{names[i // 4]}{more.format(i // 4)}" for i in range(16)]
    (root / "labels.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    return root


def shown(found: Prepared) -> str:
    """All that is kept, and shown, of a set."""
    return found.plan.to_json() + "".join(map(str, found.entries)) + "".join(map(str, found.left.items()))


@pytest.mark.parametrize("column", ["patient", "환자", "Patient ID", "name"])
@pytest.mark.parametrize("names", WRITTEN, ids=lambda names: names[0])
def test_no_name_of_a_patient_is_kept_whatever_the_column_is_called(
    column: str, names: tuple[str, ...], tmp_path: Path
) -> None:
    found = prepare(written(tmp_path, f"file,label,{column}", names))
    assert {entry.patient for entry in found.entries} == {f"person-{n}" for n in (1, 2, 3, 4)}
    assert not any(name in shown(found) for name in names)


def test_names_without_a_header_are_of_patients(tmp_path: Path) -> None:
    written(tmp_path, "0.png,benign,Kim Minsu", PEOPLE)
    (tmp_path / "labels.csv").write_text((tmp_path / "labels.csv").read_text().partition("\n")[2])
    found = prepare(tmp_path)
    assert (found.plan.n_patients, any(name in shown(found) for name in PEOPLE)) == (4, False)


@pytest.mark.parametrize(
    "column", ["patient name", "Full name", "surname", "성명", "subject", "Name of patient", "姓名"]
)
def test_what_tells_who_a_patient_is_is_not_kept_beside_an_id(column: str, tmp_path: Path) -> None:
    found = prepare(written(tmp_path, f"file,label,{column},DOB,patient id,age", PEOPLE, ",1970-01-02,P{},50"))
    assert found.entries[0].attributes == {"age": "50"}
    assert not any(name in shown(found) for name in (*PEOPLE, "1970-01-02"))
    told = next(note for note in found.plan.tables[0].notes if note.code == "data.columns-personal")
    assert told.params["names"] == f"{column}, DOB"


def test_a_person_in_folders_of_two_labels_is_one_and_a_number(tmp_path: Path) -> None:
    for n in range(8):
        trees.save(tmp_path / ("benign", "malignant")[n % 2] / PEOPLE[n // 2] / f"{n}.png", trees.picture(seed=n))
    owners = {e.id: e.patient or e.group for e in prepare(tmp_path).entries}
    assert len(set(owners.values())) == 4
    assert all(str(owner).startswith("person-") for owner in owners.values())


def test_a_person_is_one_in_a_table_of_names_and_one_of_names_and_ids(tmp_path: Path) -> None:
    people = ["Kim Minsu", "Lee Jiwoo", "Anna Weber", "Oh Sora", "P5", "P6", "P7", "KIM, MINSU"]
    for k, part in enumerate(("train", "test")):
        for i in range(4):
            trees.save(tmp_path / f"{part}/{i}.png", trees.picture(seed=8 * k + i))
        rows = [f'{part}/{i}.png,{i % 2},"{people[4 * k + i]}"' for i in range(4)]
        (tmp_path / f"{part}.csv").write_text("\n".join(["path,malignant,patient", *rows]), encoding="utf-8")
    found = prepare(tmp_path)
    owners = {entry.id: entry.patient for entry in found.entries}
    assert owners["test/3.png"] == owners["train/0.png"] == "person-1"
    assert not any(name in shown(found) for name in ("Kim", "KIM", "Weber"))
    assert found.plan.notes[0].params == {"n": 2, "to": 1}
    assert [note.code for note in found.plan.notes] == ["data.owners-merged", "data.split-cuts-patients"]


@pytest.mark.parametrize(("ids", "n"), [(("001", "1"), 2), (("P1", "p1"), 2), (("7.0", "7"), 2), (("P1", "P2"), 0)])
def test_ids_that_became_one_are_counted(ids: tuple[str, str], n: int, tmp_path: Path) -> None:
    found = prepare(written(tmp_path, "file,label,patient", (*ids, "X8", "X9")))
    assert sum(int(note.params["n"]) for note in found.plan.notes if note.code == "data.owners-merged") == n
    assert found.plan.n_patients == (3 if n else 4)


def test_dicom_ids_that_became_one_are_counted_and_meet_those_of_a_table(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (6, 32, 32), np.uint8)
    for i, patient in enumerate(("ab7", "AB7", "007", "7", "X1", "Y1")):
        trees.write_dicom(tmp_path / ("benign", "malignant")[i % 2] / f"{i}.dcm", pixels[i], patient)
        trees.save(tmp_path / ("benign", "malignant")[i % 2] / f"{i + 10}.png", trees.picture(seed=i))
    rows = [
        f"{('benign', 'malignant')[i % 2]}/{i + 10}.png,{p}"
        for i, p in enumerate(("Ab7", "Z3", "Z3", "Z4", "x1", "Z5"))
    ]
    (tmp_path / "whose.csv").write_text("\n".join(["file,patient", *rows]))
    found = prepare(tmp_path)
    owners = {int(e.id.rpartition("/")[2].partition(".")[0]): e.patient for e in found.entries}
    assert owners[0] == owners[1] == owners[10]
    assert owners[4] == owners[14]
    assert {"n": 4, "to": 2} in [note.params for note in found.plan.notes if note.code == "data.owners-merged"]


@pytest.mark.parametrize(
    "names",
    [("b mode", "color doppler", "power doppler"), ("초음파", "탄성영상", "도플러"), ("超声", "弹性", "多普勒")],
)
def test_folders_of_what_a_picture_was_taken_with_are_no_people(names: tuple[str, ...], tmp_path: Path) -> None:
    for n in range(12):
        trees.save(tmp_path / ("benign", "malignant")[n % 2] / names[n // 2 % 3] / f"{n}.png", trees.picture(seed=n))
    found = prepare(tmp_path)
    assert (found.plan.n_owned, found.plan.questions) == (0, ())


def test_a_lesion_and_a_patient_of_one_number_are_not_told_as_one(tmp_path: Path) -> None:
    found = prepare(written(tmp_path, "file,label,patient,lesion", ("01", "02", "03", "04"), ",{}"))
    assert "data.owners-merged" not in [note.code for note in found.plan.notes]
