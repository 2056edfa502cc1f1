"""Whose a scan is: a patient written in several ways is one, in one table or in several, by name or by DICOM id."""

from pathlib import Path

import numpy as np
import pytest

from medcls.data.plan import prepare
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
