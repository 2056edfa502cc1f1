"""The plan: each kind of set as people keep it gives what it is, and everything else is told as not taken."""

import csv
import io
import unicodedata
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medcls.core.plan import Plan, PlanChoices
from medcls.data.collections import add_collection, make_plan
from medcls.data.plan import prepare
from medcls.data.splits import make_split
from medcls.errors import BadData
from medcls.workflows import data_plan
from tests.data import trees

NAMES = ("benign", "malignant")


def scan(path: Path, kind: str = "PNG") -> None:
    """A small picture, different for each path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(map(ord, path.as_posix()))
    rng = np.random.default_rng([seed, len(path.as_posix())])
    Image.fromarray(rng.integers(0, 255, (32, 32), np.uint8)).save(path, kind)


def labels(root: Path, names: Iterable[str] = NAMES, n: int = 3) -> Path:
    for name in names:
        for i in range(n):
            scan(root / name / f"{i}.png")
    return root


def table(root: Path, header: tuple[str, ...], row: Callable[[int], tuple], n: int = 8, **how: str) -> Path:
    """Eight pictures in `img`, and a table of them."""
    for i in range(n):
        scan(root / "img" / f"{i}.jpg", "JPEG")
    out = io.StringIO()
    writer = csv.writer(out, delimiter=how.get("separator", ","), lineterminator="\n")
    writer.writerows([header, *map(row, range(n))])
    (root / how.get("name", "labels.csv")).write_bytes(out.getvalue().encode(how.get("encoding", "utf-8")))
    return root


def sums_up(plan: Plan) -> bool:
    return plan.n_scans + plan.n_masks + plan.n_tables + plan.n_not_taken == plan.n_files


def counts(plan: Plan) -> dict[str, int]:
    return {label.name: label.n for label in plan.labels if label.n}


def sick(plan: Plan) -> list[str]:
    return [label.name for label in plan.labels if label.positive]


@pytest.mark.parametrize(
    "names",
    [
        ("train", "val", "test"),
        ("Training_Set", "ValidSet", "test-images"),
        ("훈련", "검증", "시험"),
        ("x_train", "x_val", "x_test"),
    ],
    ids=["plain", "sets", "korean", "shared word"],
)
def test_parts_are_taken_whole_and_what_stands_beside_them_is_told(names: tuple[str, ...], tmp_path: Path) -> None:
    for name in names:
        labels(tmp_path / name)
    scan(tmp_path / "models" / "figure.png")
    plan = make_plan(tmp_path)
    assert counts(plan) == {"benign": 9, "malignant": 9}
    assert plan.count_by("part") == {"train": 6, "validate": 6, "test": 6}
    assert [row.names for row in plan.not_taken] == [("models/figure.png",)]
    assert plan.split == "part"
    assert sums_up(plan)


@pytest.mark.parametrize(
    "names", [("siteA", "siteB"), ("Seoul", "Busan"), ("서울병원", "부산병원"), ("Cancer Center 1", "Cancer Center 2")]
)
def test_sites_are_no_labels_and_every_case_knows_its_own(names: tuple[str, str], tmp_path: Path) -> None:
    for name in names:
        labels(tmp_path / "set" / name)
    collection = add_collection(tmp_path / "set", "set")
    assert collection.record.sites == dict.fromkeys(sorted(names), 6)
    assert set(collection.labels) == set(NAMES)
    assert {case.site for case in collection.cases} == set(names)


def test_folds_and_parts_inside_labels_are_read(tmp_path: Path) -> None:
    for k in range(3):
        labels(tmp_path / "folds" / f"fold{k}")
    assert make_plan(tmp_path / "folds").count_by("part") == {f"fold-{k}": 6 for k in range(3)}
    for name in NAMES:
        labels(tmp_path / "inside" / name, ("train", "test"))
    assert make_plan(tmp_path / "inside").count_by("part") == {"train": 6, "test": 6}


@pytest.mark.parametrize("tree", [trees.busi, trees.idc], ids=["busi", "idc"])
def test_a_published_set_that_was_cut_into_parts_is_taken_whole(tree: Callable, tmp_path: Path) -> None:
    whole = make_plan(tree(tmp_path / "whole"))
    for part in ("train", "test"):
        tree(tmp_path / "cut" / part)
    plan = make_plan(tmp_path / "cut")
    assert plan.layout == whole.layout
    assert plan.n_scans == 2 * whole.n_scans
    assert plan.count_by("part") == {"train": whole.n_scans, "test": whole.n_scans}


@pytest.mark.parametrize(
    ("harmless", "disease"),
    [
        ("양성", "악성"),
        ("良性", "恶性"),
        ("حميد", "خبيث"),
        ("доброкачественная", "злокачественная"),
        ("gutartig", "bösartig"),
        ("정상", "비정상"),
        ("음성", "양성"),
    ],
)
def test_labels_of_any_script_keep_their_names_and_say_what_they_mean(
    harmless: str, disease: str, tmp_path: Path
) -> None:
    plan = make_plan(labels(tmp_path, (unicodedata.normalize("NFD", harmless), unicodedata.normalize("NFD", disease))))
    assert set(counts(plan)) == {harmless, disease}
    assert sick(plan) == [disease]
    assert {label.id for label in plan.labels} == {harmless, disease}


def test_what_no_name_tells_is_asked_and_a_saved_answer_serves_again(tmp_path: Path) -> None:
    plan = make_plan(labels(tmp_path / "one", ("A", "B")))
    assert [question.option for question in plan.open_questions] == ["--disease"]
    with pytest.raises(BadData) as refused:
        data_plan.add_planned(tmp_path / "one", plan, "one")
    assert refused.value.code == "workflows.plan-asks"
    told = make_plan(tmp_path / "one", PlanChoices(disease=("B",), names={"A": "fine"}))
    assert Plan.from_json(told.to_json()) == told
    (tmp_path / "plan.json").write_text(told.to_json())
    again = make_plan(labels(tmp_path / "two", ("A", "B")), data_plan.read_plan(tmp_path / "plan.json"))
    assert not again.questions
    assert (sorted(counts(again)), sick(again)) == (["B", "fine"], ["B"])


def test_which_folders_are_labels_is_asked_where_two_levels_could_be(tmp_path: Path) -> None:
    for name in ("Seoul", "Busan"):
        labels(tmp_path / name, ("left", "right"))
    plan = make_plan(tmp_path)
    (asked,) = [question for question in plan.open_questions if question.option == "--folders"]
    assert asked.allowed == ("label/other", "site/label")
    told = make_plan(tmp_path, PlanChoices(folders="site/label", disease=("right",)))
    assert (set(counts(told)), set(told.count_by("site"))) == ({"left", "right"}, {"Seoul", "Busan"})


@pytest.mark.parametrize(
    "column",
    [
        "patient id",
        "Patient_Number",
        "Case No",
        "subject",
        "환자번호",
        "PatientID",
        "Pat-Nr.",
        "患者编号",
        "Номер пациента",
        "hashed_patient_id",
        "차트번호",
    ],
)
def test_patients_are_kept_together_whatever_their_column_is_called(column: str, tmp_path: Path) -> None:
    root = table(tmp_path / "t", ("path", "label", column), lambda i: (f"img/{i}.jpg", NAMES[i // 4], f"Q{i // 2}"))
    collection = add_collection(root, "t")
    groups = collection.column("grp")
    assert [len(set(groups[k : k + 2])) for k in range(0, 8, 2)] == [1, 1, 1, 1]
    assert len(set(groups)) == 4


def test_patient_folders_inside_labels_and_ids_in_dicom_files_keep_patients_together(tmp_path: Path) -> None:
    for k, name in enumerate(NAMES):
        for i in range(3):
            for j in range(2):
                scan(tmp_path / "folders" / name / f"P{k}{i}" / f"{j}.png")
    plan = make_plan(tmp_path / "folders")
    assert (plan.n_patients, plan.folders) == (6, "label/patient")
    trees.dicom(tmp_path / "mixed", 3)
    for name in NAMES:
        for i in range(4):
            scan(tmp_path / "mixed" / name / f"{i}.png")
    mixed = make_plan(tmp_path / "mixed")
    assert (mixed.n_scans, mixed.n_patients, mixed.n_owned) == (14, 2, 6)
    assert "SECRET" not in mixed.to_json()


def test_files_are_known_by_content(tmp_path: Path) -> None:
    labels(tmp_path, n=2)
    for name, kind in (("a.jfif", "JPEG"), ("b.JPE", "JPEG"), ("scan7", "PNG"), ("c.dat", "BMP")):
        scan(tmp_path / "benign" / name, kind)
    (tmp_path / "malignant" / "notes.dcm").write_text("no picture at all")
    (tmp_path / "malignant" / "page.png").write_text("<html></html>")
    (tmp_path / "malignant" / "link.png").symlink_to("/etc/hostname")
    prepared = prepare(tmp_path)
    assert prepared.plan.n_scans == 8
    told = {path.rpartition("/")[2]: why.code for path, why in prepared.left.items()}
    assert told == {"notes.dcm": "data.no-picture", "page.png": "data.no-picture", "link.png": "data.a-link"}


@pytest.mark.parametrize(
    ("separator", "encoding", "words"),
    [
        (";", "utf-8-sig", NAMES),
        ("\t", "utf-16", ("양성", "악성")),
        ("|", "utf-8", NAMES),
        (",", "cp949", ("양성", "악성")),
        (",", "cp1252", ("gutartig", "bösartig")),
        (",", "gb18030", ("良性", "恶性")),
        (",", "cp1251", ("доброкачественная", "злокачественная")),
        (";", "utf-16-le", NAMES),
        (",", "cp932", ("良性", "悪性")),
    ],
)
def test_tables_of_any_separator_and_encoding(
    separator: str, encoding: str, words: tuple[str, str], tmp_path: Path
) -> None:
    root = table(
        tmp_path,
        ("path", "label", "patient"),
        lambda i: (f"img/{i}.jpg", words[i // 4], i // 2),
        separator=separator,
        encoding=encoding,
    )
    plan = make_plan(root)
    assert counts(plan) == dict.fromkeys(words, 4)
    assert (sick(plan), plan.n_patients) == ([words[1]], 4)


@pytest.mark.parametrize(
    "form",
    [
        "img\\{}.jpg",
        "C:\\Users\\me\\img\\{}.jpg",
        "/mnt/set/img/{}.jpg",
        "{}.jpg",
        "img/{}",
        "{}",
        "img/{}.png",
        "IMG/{}.JPG",
    ],
)
def test_paths_as_other_machines_write_them(form: str, tmp_path: Path) -> None:
    plan = make_plan(table(tmp_path, ("file", "diagnosis"), lambda i: (form.format(i), NAMES[i % 2])))
    assert counts(plan) == {"benign": 4, "malignant": 4}
    assert not plan.n_not_taken


def test_rows_that_are_missing_repeated_unlabelled_or_contradictory_are_told(tmp_path: Path) -> None:
    said = ("benign", "malignant", "benign", "malignant", "NA", "", "benign", "malignant")
    root = table(tmp_path, ("path", "label"), lambda i: (f"img/{i}.jpg", said[i]))
    (root / "img" / "0.jpg").unlink()
    with (root / "labels.csv").open("a") as file:
        file.write("img/1.jpg,malignant\nimg/2.jpg,malignant\n")
    scan(root / "img" / "unlisted.jpg", "JPEG")
    prepared = prepare(root)
    assert {path: why.code for path, why in prepared.left.items()} == {
        "img/0.jpg": "data.row-missing",
        "img/2.jpg": "data.two-labels",
        "img/unlisted.jpg": "data.no-row",
    }
    assert (prepared.plan.n_scans, prepared.plan.n_unlabelled) == (6, 2)
    assert [note.code for table in prepared.plan.tables for note in table.notes] == ["data.rows-again"]
    assert sums_up(prepared.plan)


def test_numbers_and_columns_of_ones_are_labels(tmp_path: Path) -> None:
    numbers = make_plan(
        table(tmp_path / "n", ("path", "target"), lambda i: (f"img/{i}.jpg", ("0", "1", "1.0", "0.0")[i % 4]))
    )
    assert (counts(numbers), sick(numbers)) == ({"0": 4, "1": 4}, ["1"])
    hot = make_plan(table(tmp_path / "h", ("image", *NAMES), lambda i: (i, float(i % 2 == 0), float(i % 2))))
    assert (counts(hot), sick(hot)) == ({"benign": 4, "malignant": 4}, ["malignant"])


def test_an_excel_file_with_a_title_and_a_second_sheet(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["Study of 2020"])
    sheet = book.create_sheet("labels")
    sheet.append(["file", "diagnosis", "patient"])
    for i in range(8):
        scan(tmp_path / "img" / f"{i}.jpg", "JPEG")
        sheet.append([i, NAMES[i // 4], i // 2])
    book.save(tmp_path / "labels.xlsx")
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_patients) == ({"benign": 4, "malignant": 4}, 4)


ISIC = [f"ISIC_{9000000 + i}" for i in range(8)]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (("image_id", "melanoma", "seborrheic_keratosis"), lambda i: (ISIC[i], float(i < 3), float(i == 5))),
        (
            ("image", "MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"),
            lambda i: (ISIC[i], *[float(k == (0 if i < 3 else 1 + i % 6)) for k in range(7)]),
        ),
        (
            ("image_name", "patient_id", "diagnosis", "benign_malignant", "target"),
            lambda i: (ISIC[i], "IP_1", "unknown", "benign", int(i < 3)),
        ),
        (
            ("isic_id", "diagnosis_1", "diagnosis_3", "lesion_id"),
            lambda i: (ISIC[i], "Malignant" if i < 5 else "Benign", "Melanoma, NOS" if i < 3 else "Nevus", "L"),
        ),
        (
            ("isic_id", "benign_malignant", "diagnosis"),
            lambda i: (ISIC[i], "malignant" if i < 3 else "benign", "melanoma" if i < 3 else "nevus"),
        ),
    ],
    ids=["2017", "2018", "2020", "archive", "archive of before"],
)
def test_tables_of_isic_as_published(header: tuple[str, ...], row: Callable[[int], tuple], tmp_path: Path) -> None:
    for key in ISIC:
        scan(tmp_path / "images" / f"{key}.jpg", "JPEG")
    out = io.StringIO()
    csv.writer(out).writerows([header, *map(row, range(8))])
    (tmp_path / "truth.csv").write_text(out.getvalue())
    plan = make_plan(tmp_path)
    assert plan.task_id == "skin-melanoma"
    assert {label.id: label.n for label in plan.labels} == {"melanoma": 3, "not-melanoma": 5}


def test_where_nobody_knows_whose_scans_are_the_split_s_proof_says_so_first(tmp_path: Path) -> None:
    collection = add_collection(labels(tmp_path / "set", n=8), "set")
    proof = make_split(collection).proof
    assert proof is not None
    assert next(iter(proof.to_dict())) == "caution"
    assert proof.caution is not None
    assert proof.caution.params == {"n": 16, "of": 16}
    known = add_collection(trees.bus_bra(tmp_path / "known", 12), "known")
    assert make_split(known).proof.caution is None


@pytest.mark.parametrize(
    ("encoding", "words"),
    [("cp949", ("양성", "악성")), ("cp866", ("доброкачественная", "злокачественная")), ("utf-8", ("良性", "恶性"))],
)
def test_names_in_archives_are_those_their_maker_saw(encoding: str, words: tuple[str, str], tmp_path: Path) -> None:
    names = {
        f"{i:05d}".rjust(len(raw), "Q").encode(): raw
        for i, raw in enumerate(f"{w}\\{i}.png".encode(encoding) for w in words for i in range(3))
    }
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as made:
        for key in names:
            scan(tmp_path / "one.png")
            made.writestr(key.decode(), (tmp_path / "one.png").read_bytes())
    data = path.read_bytes()
    for key, raw in names.items():
        data = data.replace(key, raw)
    path.write_bytes(data)
    plan = make_plan(path)
    assert set(counts(plan)) == set(words)
    assert ("data.names-guessed" in [note.code for note in plan.notes]) == (encoding != "utf-8")
