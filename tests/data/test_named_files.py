"""From what tables say of files to the files, and rows as programs write them; tables that only together say it all."""

import json
from pathlib import Path

import pytest

from medcls.data.collections import make_plan
from medcls.data.plan import prepare
from tests.data import trees
from tests.data.test_plan import NAMES, counts, labels, scan, sick, sums_up
from tests.data.test_told_sets import put

BOTH = {"benign": 4, "malignant": 4}


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path.parent


def pictures(root: Path, form: str = "img/{i}.jpg", n: int = 8) -> Path:
    return put(root, *(form.format(i=i) for i in range(n)))


@pytest.mark.parametrize(
    ("lies", "said"),
    [
        ("{i}.png", "{i}.svs"),
        ("a {i}.jpg", "a_{i}.jpg"),
        ("a ({i}).jpg", "a({i}).jpg"),
        ("a {i}.jpg", "a+{i}.jpg"),
        ("{i}.jpg", "['{i}.jpg']"),
        ("{i}.jpg", "b'{i}.jpg'"),
        ("{i}.jpg", "![]({i}.jpg)"),
        ("{i}.jpg", '<img src="img/{i}.jpg">'),
        ("{i}.jpg", "PosixPath('img/{i}.jpg')"),
        ("{i}.jpg", "“{i}.jpg”"),
        ("{i}.jpg", '="{i}.jpg"'),
    ],
)
def test_paths_as_programs_and_people_write_them(lies: str, said: str, tmp_path: Path) -> None:
    pictures(tmp_path, f"img/{lies}")
    write(tmp_path / "t.tsv", "file\tlabel", *(f"{said.format(i=i)}\t{NAMES[i % 2]}" for i in range(8)))
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_not_taken) == (BOTH, 0)


@pytest.mark.parametrize("said", ["A.jpg a.jpg B.jpg b.jpg", "img/A.jpg img/a.jpg img/B.jpg img/b.jpg", "A a B b"])
def test_files_that_differ_in_capitals_alone_are_told_apart(said: str, tmp_path: Path) -> None:
    put(tmp_path, *(f"img/{name}.jpg" for name in "AaBb"))
    write(tmp_path / "t.csv", "file,label", *(f"{name},{NAMES[i % 2]}" for i, name in enumerate(said.split())))
    found = {entry.id[-5]: entry.label for entry in prepare(tmp_path).entries}
    assert found == {"A": "benign", "a": "malignant", "B": "benign", "b": "malignant"}


def test_a_table_means_the_pictures_beside_it_where_sites_use_the_same_names(tmp_path: Path) -> None:
    for site in "AB":
        pictures(tmp_path / f"site{site}")
        rows = (f"{i}.jpg,{NAMES[(i + (site == 'B')) % 2]}" for i in range(8))
        write(tmp_path / f"site{site}" / "labels.csv", "file,label", *rows)
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_not_taken) == ({"benign": 8, "malignant": 8}, 0)
    assert plan.count_by("site") == {"siteA": 8, "siteB": 8}
    told = {e.id: e.label for e in prepare(tmp_path).entries}
    assert told["siteA/img/0.jpg"] != told["siteB/img/0.jpg"]


@pytest.mark.parametrize("name", ["{part}.csv", "{part}_labels.csv", "labels-{part}.csv"])
def test_a_table_of_a_part_means_the_pictures_of_that_part(name: str, tmp_path: Path) -> None:
    for part, n in (("train", 8), ("test", 4)):
        pictures(tmp_path, f"{part}_images/{{i}}.jpg", n)
        write(tmp_path / name.format(part=part), "id,label", *(f"{i},{NAMES[i % 2]}" for i in range(n)))
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.count_by("part")) == ({"benign": 6, "malignant": 6}, {"train": 8, "test": 4})
    assert plan.n_not_taken == 0


@pytest.mark.parametrize("zeros", [False, True])
def test_numbers_of_patients_are_no_names_of_pictures_where_another_table_joins(zeros: bool, tmp_path: Path) -> None:
    pictures(tmp_path)
    form = "{:03d}" if zeros else "{}"
    write(tmp_path / "images.csv", "image_id,patient_id", *(f"{i}.jpg,{form.format(i // 2)}" for i in range(8)))
    write(tmp_path / "patients.csv", "patient_id,diagnosis", *(f"{p},{NAMES[p % 2]}" for p in range(4)))
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_patients, plan.n_not_taken) == (BOTH, 4, 0)


def test_labels_of_examinations_reach_their_pictures_and_patients(tmp_path: Path) -> None:
    pictures(tmp_path)
    write(tmp_path / "images.csv", "image_id,study_id", *(f"{i}.jpg,S{i // 2}" for i in range(8)))
    rows = (f"S{s},P{s // 2},{NAMES[s % 2]}" for s in range(4))
    write(tmp_path / "studies.csv", "study_id,patient_id,diagnosis", *rows)
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_patients, plan.n_not_taken) == (BOTH, 2, 0)


LINES = {
    "R": ('"file" "label" "patient"', '"{n}" "{i}.jpg" "{label}" "P{p}"'),
    "R with commas": ("file,label,patient", "{n},{i}.jpg,{label},P{p}"),
    "decimal comma": ("file,label,size,patient", "{i}.jpg,{label},1,{i},P{p}"),
    "lines in quotes": ('"file,label,patient"', '"{i}.jpg,{label},P{p}"'),
    "typographic quotes": ("“file”,“label”,“patient”", "“{i}.jpg”,“{label}”,“P{p}”"),
    "marked as text": ("file,label,patient", '="{i}.jpg",{label},="00{p}"'),
    "aligned": ("file  label   patient", "{i}.jpg  {label}   P{p}"),
}


@pytest.mark.parametrize("kind", LINES)
def test_rows_as_other_programs_write_them(kind: str, tmp_path: Path) -> None:
    pictures(tmp_path)
    header, line = LINES[kind]
    lines = (line.format(n=i + 1, i=i, label=NAMES[i % 2], p=i // 2) for i in range(8))
    write(tmp_path / "t.csv", header, *lines)
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_patients, plan.n_not_taken) == (BOTH, 4, 0)


def test_rows_of_another_separator_are_read(tmp_path: Path) -> None:
    pictures(tmp_path)
    lines = ("{i}.jpg;{label};P{p}", "{i}.jpg,{label},P{p}")
    rows = (lines[i % 2].format(i=i, label=NAMES[i % 2], p=i // 2) for i in range(8))
    write(tmp_path / "t.csv", "file;label;patient", *rows)
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_patients, plan.n_not_taken) == (BOTH, 4, 0)


@pytest.mark.parametrize("form", ["{i}.jpg: {label}", "{i}.jpg={label}", "{i}.jpg = {label}", "{i}.jpg:{label}"])
def test_lists_of_a_file_and_its_label(form: str, tmp_path: Path) -> None:
    pictures(tmp_path)
    write(tmp_path / "labels.txt", *(form.format(i=i, label=NAMES[i % 2]) for i in range(8)))
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_not_taken) == (BOTH, 0)


def test_two_places_for_a_decimal_comma_are_not_chosen_between(tmp_path: Path) -> None:
    pictures(tmp_path)
    write(tmp_path / "t.csv", "file,label,size,patient", *(f"{i}.jpg,{NAMES[i % 2]},1,{i},{i // 2}" for i in range(8)))
    assert "data.rows-too-long" in [note.code for note in make_plan(tmp_path).tables[0].notes]


ROWS = [{"file": f"{i}.jpg", "label": NAMES[i % 2], "patient": f"P{i // 2}"} for i in range(8)]
COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}
JSONS: dict[str, object] = {
    "columns": COLUMNS,
    "columns of pandas": {name: {str(i): v for i, v in enumerate(cells)} for name, cells in COLUMNS.items()},
    "split of pandas": {"columns": [*COLUMNS], "index": [*range(8)], "data": [list(row.values()) for row in ROWS]},
    "objects inside": [
        {"image": {"path": row["file"]}, "label": {"name": row["label"]}, "meta": {"patient_id": row["patient"]}}
        for row in ROWS
    ],
    "pairs": {"labels": [[row["file"], row["label"]] for row in ROWS]},
    "numbers and names": {
        "labels": {row["file"]: 1 - i % 2 for i, row in enumerate(ROWS)},
        "class_names": ["malignant", "benign"],
    },
    "regions": {
        "_via_img_metadata": {
            row["file"]: {"filename": row["file"], "regions": [{"region_attributes": {"label": row["label"]}}] * 2}
            for row in ROWS
        }
    },
}


@pytest.mark.parametrize("kind", JSONS)
def test_labels_in_other_shapes_of_json(kind: str, tmp_path: Path) -> None:
    pictures(tmp_path)
    write(tmp_path / "labels.json", json.dumps(JSONS[kind]))
    plan = make_plan(tmp_path)
    assert (counts(plan), sick(plan), plan.n_not_taken) == (BOTH, ["malignant"], 0)
    assert plan.n_patients == (4 if "patient" in json.dumps(JSONS[kind]) else 0)


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp1250", "żółć{i}.jpg"),
        ("big5", "影像檔{i}.jpg"),
        ("cp1253", "εικόνα{i}.jpg"),
        ("cp1255", "צילום{i}.jpg"),
        ("cp1254", "görüntüş{i}.jpg"),
    ],
)
def test_names_of_the_files_that_are_there_speak_for_an_encoding(encoding: str, name: str, tmp_path: Path) -> None:
    pictures(tmp_path, f"img/{name}")
    lines = ["file,label", *(f"{name.format(i=i)},{NAMES[i % 2]}" for i in range(8))]
    (tmp_path / "t.csv").write_bytes("\n".join(lines).encode(encoding))
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_not_taken) == (BOTH, 0)


def test_drawings_over_scans_in_folders_beside_masks_are_no_site(tmp_path: Path) -> None:
    for kind in ("images", "overlays"):
        labels(tmp_path / kind)
    for name in NAMES:
        for i in range(3):
            trees.save(tmp_path / "masks" / name / f"{i}.png", trees.mask())
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_masks, plan.n_not_taken) == ({"benign": 3, "malignant": 3}, 6, 6)
    assert not plan.count_by("site")
    assert sums_up(plan)


@pytest.mark.parametrize("folder", ["$RECYCLE.BIN", "@eaDir", "#recycle", "System Volume Information"])
def test_housekeeping_of_disks_is_no_scan(folder: str, tmp_path: Path) -> None:
    labels(tmp_path)
    scan(tmp_path / folder / "old.png")
    scan(tmp_path / "benign" / folder / "thumb.png")
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_not_taken) == ({"benign": 3, "malignant": 3}, 2)
    assert {row.reason.code for row in plan.not_taken} == {"data.housekeeping"}


@pytest.mark.parametrize("folder", ["maski", "маски", "mặt nạ", "מסכות", "máscaras", "maskeler", "drawn by hand", "B"])
@pytest.mark.parametrize("inner", [True, False])
def test_masks_in_folders_of_any_name_are_no_scans(folder: str, inner: bool, tmp_path: Path) -> None:
    for name in NAMES:
        for i in range(4):
            place = f"{name}/{{}}" if inner else f"{{}}/{name}"
            scan(tmp_path / place.format("A") / f"{i}.png")
            trees.save(tmp_path / place.format(folder) / f"{i}.png", trees.mask())
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_masks, plan.n_not_taken) == (BOTH, 8, 0)
    assert not plan.count_by("site")


def test_scans_of_two_values_alone_are_no_masks(tmp_path: Path) -> None:
    for name in NAMES:
        for i in range(4):
            trees.save(tmp_path / name / f"{name}{i}.png", trees.mask())
            scan(tmp_path / name / "more" / f"{i}.png")
    assert make_plan(tmp_path).n_masks == 0


@pytest.mark.parametrize("drawn", ["malignant", "test"])
def test_folders_of_labels_and_of_parts_hold_scans_whatever_their_pictures(drawn: str, tmp_path: Path) -> None:
    for part in ("train", "test"):
        labels(tmp_path / part, NAMES, 2)
    for path in tmp_path.glob(f"**/{drawn}/**/*.png"):
        trees.save(path, trees.mask())
    assert (counts(plan := make_plan(tmp_path)), plan.n_masks) == (BOTH, 0)
