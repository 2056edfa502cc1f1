"""Texts that each hold a record of one picture are read as a table, whatever they are written in."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from medcls.core.plan import Plan
from medcls.data.collections import make_plan
from medcls.data.plan import prepare
from tests.data.test_plan import NAMES, counts, labels, scan, sick, sums_up


def deep(label: str, patient: str) -> str:
    clinical = {"clinical": {"benign_malignant": label, "patient_id": patient}, "acquisition": {"pixels_x": 600}}
    return json.dumps({"_id": "5436e3ab", "_modelType": "image", "meta": clinical, "name": "x"})


KINDS: dict[str, Callable[[str, str], str]] = {
    "{i}.json": lambda label, patient: json.dumps({"label": label, "patient": patient, "age": 40}),
    "{i}.png.json": lambda label, patient: json.dumps([{"diagnosis": {"name": label}, "patient": {"id": patient}}]),
    "meta/{i}.json": deep,
    "{i}.xml": lambda label, patient: f"<scan><patient>{patient}</patient><diagnosis>{label}</diagnosis></scan>",
    "{i}.csv": lambda label, patient: f"patient,label\n{patient},{label}\n",
    "{i}.txt": lambda label, patient: f"Patient ID: {patient}\nDiagnosis: {label}\n",
    "{i}.yml": lambda label, patient: f"image: x\npatient:\n  id: {patient}\ndiagnosis:\n  name: {label}\n  by: me\n",
    "{i}.yaml": lambda label, patient: f"---\nlabel: {label}\nsubject: '{patient}'\n",
}


def written(root: Path, name: str, write: Callable[[str, str], str], n: int = 6) -> Plan:
    for i in range(n):
        scan(root / f"{i}.png")
        text = root / name.format(i=i)
        text.parent.mkdir(exist_ok=True)
        text.write_text(write(NAMES[i // 2 % 2], f"P{i // 2}"), encoding="utf-8")
    return make_plan(root)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("n", [4, 26])
def test_a_record_for_each_picture_says_its_label_and_whose_it_is(name: str, n: int, tmp_path: Path) -> None:
    plan = written(tmp_path, name, KINDS[name], n)
    assert (plan.n_scans, plan.n_tables, plan.n_not_taken, plan.n_patients) == (n, n, 0, n // 2)
    assert (set(counts(plan)), sick(plan), plan.n_owned) == (set(NAMES), ["malignant"], n)


def test_a_word_beside_each_picture_is_its_label(tmp_path: Path) -> None:
    plan = written(tmp_path, "{i}.txt", lambda label, _: label)
    assert (counts(plan), plan.n_not_taken) == ({"benign": 4, "malignant": 2}, 0)


def test_records_add_patients_to_labels_of_folders(tmp_path: Path) -> None:
    labels(tmp_path)
    for i, path in enumerate(sorted(tmp_path.rglob("*.png"))):
        path.with_suffix(".json").write_text(json.dumps({"patient": f"P{i // 2}"}))
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_patients, plan.n_owned) == ({"benign": 3, "malignant": 3}, 3, 6)


def test_reports_and_notes_beside_pictures_are_no_records(tmp_path: Path) -> None:
    labels(tmp_path)
    for i, path in enumerate(sorted(tmp_path.rglob("*.png"))):
        path.with_suffix(".txt").write_text(f"A mass of {i} mm was seen in the left breast.")
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_not_taken, sums_up(plan)) == ({"benign": 3, "malignant": 3}, 6, True)


def test_records_whose_picture_is_not_clear_label_none_and_are_told(tmp_path: Path) -> None:
    for i in range(4):
        for place in ("a", "b"):
            scan(tmp_path / place / f"{i}.png")
        (tmp_path / f"{i}.json").write_text(json.dumps({"label": NAMES[i % 2]}))
    for i in range(4, 14):
        scan(tmp_path / "a" / f"{i}.png")
        (tmp_path / f"{i}.json").write_text(json.dumps({"label": NAMES[i % 2]}))
    found = prepare(tmp_path)
    assert {e.id for e in found.entries if e.label} == {f"a/{i}.png" for i in range(4, 14)}
    assert "data.table-names-several" in {note.code for note in found.left.values()}
    assert sums_up(found.plan)


def test_tags_and_objects_of_supervisely_are_labels(tmp_path: Path) -> None:
    for i in range(6):
        scan(tmp_path / "ds" / "img" / f"{i}.png")
        (tmp_path / "ds" / "ann").mkdir(exist_ok=True)
        said = {"tags": [{"name": NAMES[i % 2]}], "objects": []}
        if i > 3:
            said = {"tags": [], "objects": [{"classTitle": NAMES[i % 2], "points": {"exterior": [[1, 2]]}}]}
        (tmp_path / "ds" / "ann" / f"{i}.png.json").write_text(json.dumps({"description": "", "size": {}, **said}))
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_not_taken) == ({"benign": 3, "malignant": 3}, 0)
