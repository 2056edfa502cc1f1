"""Tables and names of rarer kinds: columns of a yes or no, old encodings, a row for each patient, patches told by their names."""

import io
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from medcls.core.plan import Plan
from medcls.data.collections import add_collection, make_plan, open_collection
from medcls.data.column_names import role_of
from medcls.data.layouts import patient_tables
from medcls.data.plan import prepare
from medcls.data.tables import Table
from medcls.data.tree import walk
from medcls.data.vocabulary import part_of
from medcls.imaging.drop import open_drop
from tests.data import trees
from tests.data.test_plan import counts, scan, sick, sums_up, table


def whose(i: int) -> str:
    return f"P{i // 2}"


PATIENT_COLUMNS = """
sub, ptid, UHID, HN, Hospital Number, hosp_no, NHS number, historia clinica, Prontuário, ασθενής,
ผู้ป่วย, owner, Owner ID, owner_id, client, MRN, medical record no, patient_code, pid, 病历号, 患者ID,
номер пациента, pseudonym, Personennummer, Aktenzeichen, IPP, NHC, expediente, Nº Processo, מספר
מטופל, รหัสผู้ป่วย, mã bệnh nhân, surname, name, 姓名, 이름, ФИО
"""


@pytest.mark.parametrize("column", [word.strip() for word in PATIENT_COLUMNS.split(",")])
def test_a_patient_by_other_words_is_kept_together(column: str, tmp_path: Path) -> None:
    plan = make_plan(table(tmp_path, ("file", "label", column), lambda i: (f"{i}.jpg", ("a", "b")[i % 2], whose(i))))
    assert (plan.n_patients, plan.n_owned) == (4, 8)
    assert role_of("hospital") == "site"
    assert role_of("hospital name") == "site"


@pytest.mark.parametrize("column", ["name", "owner", "patient", "姓名"])
def test_the_name_of_a_person_is_no_id_to_show(column: str, tmp_path: Path) -> None:
    people = ("Kim, Chul-Soo", "Anna Maria Weber", "O'Neil Jane", "Иванов Пётр")
    found = prepare(
        table(tmp_path, ("file", "label", column), lambda i: (f"{i}.jpg", ("a", "b")[i % 2], people[i // 2]))
    )
    assert {entry.patient for entry in found.entries} == {f"person-{i}" for i in (1, 2, 3, 4)}


@pytest.mark.parametrize("ending", [".dat", ".data", ".asc", ".psv", ".lst", ".CSV", ".list.txt", ""])
def test_a_table_is_one_whatever_its_ending(ending: str, tmp_path: Path) -> None:
    made = table(tmp_path, ("file", "label", "patient"), lambda i: (f"{i}.jpg", ("a", "b")[i % 2], whose(i)))
    next(made.glob("*.csv")).rename(made / f"labels{ending}")
    plan = make_plan(made)
    assert (counts(plan), plan.n_patients, plan.n_not_taken) == ({"a": 4, "b": 4}, 4, 0)


def test_many_texts_about_one_picture_each_are_no_tables(tmp_path: Path) -> None:
    for i in range(30):
        scan(tmp_path / ("benign", "malignant")[i % 2] / f"{i}.png")
        (tmp_path / "boxes").mkdir(exist_ok=True)
        (tmp_path / "boxes" / f"{i}.txt").write_text(f"{i % 2} 0.5 0.5 0.1 0.2\n")
    plan = make_plan(tmp_path)
    assert (counts(plan), len(plan.tables)) == ({"benign": 15, "malignant": 15}, 0)
    assert [(row.n, row.reason.code) for row in plan.not_taken] == [(30, "data.beside-a-picture")]


@pytest.mark.parametrize(
    ("column", "said", "disease"),
    [
        ("malignant", ("0", "1"), "1"),
        ("malignant", ("0.0", "1.0"), "1"),
        ("malignant", ("False", "True"), "True"),
        ("cancer", ("N", "Y"), "Y"),
        ("is_melanoma", ("no", "yes"), "yes"),
        ("악성", ("0", "1"), "1"),
    ],
)
def test_a_column_of_a_disease_that_says_yes_or_no_is_the_label(
    column: str, said: tuple[str, str], disease: str, tmp_path: Path
) -> None:
    plan = make_plan(table(tmp_path, ("file", column, "age"), lambda i: (f"{i}.jpg", said[i % 2], 40 + i)))
    assert sorted(counts(plan).values()) == [4, 4]
    assert sick(plan) == [disease]


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("mac_roman", ("gutartig", "bösartig")),
        ("cp850", ("gutartig", "bösartig")),
        ("euc_jp", ("良性", "悪性")),
        ("koi8_r", ("доброкачественная", "злокачественная")),
        ("utf-32", ("양성", "악성")),
        ("cp1252", ("gutartig", "bösartig")),
    ],
)
def test_encodings_of_other_machines(encoding: str, words: tuple[str, str], tmp_path: Path) -> None:
    plan = make_plan(
        table(
            tmp_path,
            ("file", "label", "patient"),
            lambda i: (f"{i}.jpg", words[i // 2 % 2], whose(i)),
            encoding=encoding,
            separator=";",
        )
    )
    assert counts(plan) == dict.fromkeys(words, 4)
    assert sick(plan) == [words[1]]
    assert plan.tables[0].notes, "a guess is told"


def test_columns_parted_by_blanks(tmp_path: Path) -> None:
    plan = make_plan(table(tmp_path, ("file", "label"), lambda i: (f"img/{i}.jpg", ("a", "b")[i % 2]), separator=" "))
    assert counts(plan) == {"a": 4, "b": 4}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("split1", "fold-1"),
        ("Split 2", "fold-2"),
        ("Fold B", "fold-2"),
        ("ISIC-2017_Test_v2_Data", ""),
        ("Test_v2", "test"),
        ("fold", ""),
        ("split", ""),
        ("Folder B", ""),
    ],
)
def test_parts_and_folds_by_other_words(name: str, part: str) -> None:
    assert part_of(name) == part


@pytest.mark.parametrize("place", ["train/{k}", "{k}", "all", "fold1/{patient}/{k}"])
def test_patches_are_told_by_their_names_however_they_lie(place: str, tmp_path: Path) -> None:
    for patient in (8863, 8864, 8865):
        for k in "01":
            for x in (1, 51):
                folder = tmp_path / place.format(k=k, patient=patient)
                scan(folder / f"{patient}_idx5_x{x}_y{patient}_class{k}.png")
    plan = make_plan(tmp_path)
    assert (plan.layout, counts(plan), plan.n_patients) == ("idc", {"no IDC": 6, "IDC": 6}, 3)
    assert sums_up(plan)


def by_folder(root: Path) -> None:
    for i in range(8):
        scan(root / whose(i) / f"{i}.png")


def by_dicom(root: Path) -> None:
    for i in range(8):
        path = root / "files" / f"IM{i}"
        path.parent.mkdir(parents=True, exist_ok=True)
        trees.write_dicom(path, np.random.default_rng(i).integers(0, 255, (32, 32), np.uint8), whose(i))


@pytest.mark.parametrize("lie", [by_folder, by_dicom])
def test_a_table_with_a_row_for_each_patient_tells_all_their_scans(lie: Callable[[Path], None], tmp_path: Path) -> None:
    lie(tmp_path)
    rows = [f"P{p},{('benign', 'malignant')[p % 2]},{40 + p}" for p in range(4)]
    (tmp_path / "labels.csv").write_text("\n".join(["patient,diagnosis,age", *rows]))
    plan = make_plan(tmp_path)
    assert counts(plan) == {"benign": 4, "malignant": 4}
    assert (plan.n_patients, plan.n_scans, plan.n_tables, plan.n_not_taken) == (4, 8, 1, 0)
    assert sums_up(plan)


@pytest.mark.parametrize("lie", [by_folder, by_dicom])
def test_a_patient_of_whom_nothing_is_there_is_told(lie: Callable[[Path], None], tmp_path: Path) -> None:
    lie(tmp_path)
    rows = [f"P{p},{('benign', 'malignant')[p % 2]}" for p in range(5)]
    (tmp_path / "labels.csv").write_text("\n".join(["patient,diagnosis", *rows]))
    plan = make_plan(tmp_path)
    assert (plan.n_patients, plan.n_scans) == (4, 8)
    assert [(row.names, row.reason.code) for row in plan.not_taken] == [(("P4/*",), "data.row-missing")]


def test_a_person_of_whom_nothing_is_there_is_told_by_a_number(tmp_path: Path) -> None:
    people = ("Kim Minsu", "Lee Jiwoo", "Park Seojun", "Choi Yuna", "Han Sora")
    for person in people[:4]:
        for i in range(2):
            scan(tmp_path / person / f"{i}.png")
    rows = [f"{person},{('benign', 'malignant')[p % 2]}" for p, person in enumerate(people)]
    (tmp_path / "labels.csv").write_text("\n".join(["patient,diagnosis", *rows]))
    assert [row.names for row in make_plan(tmp_path).not_taken] == [("person-5/*",)]


def test_a_table_means_the_patients_of_its_own_folder(tmp_path: Path) -> None:
    """Two sites number their patients alike, and call the same number differently."""
    for k, site in enumerate(("north", "south")):
        by_folder(tmp_path / site)
        rows = [f"P{p},{('benign', 'malignant')[(p + k) % 2]}" for p in range(4)]
        (tmp_path / site / "labels.csv").write_text("\n".join(["patient,diagnosis", *rows]))
    plan = make_plan(tmp_path)
    assert counts(plan) == {"benign": 8, "malignant": 8}
    assert plan.n_not_taken == 0


def test_headers_are_read_once_and_only_for_a_table_that_may_be_of_patients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    read_names = patient_tables.read_names
    monkeypatch.setattr(patient_tables, "read_names", lambda path: read.append(path) or read_names(path))
    by_dicom(tmp_path)
    tree = walk(tmp_path)
    patients = patient_tables.Owned(tree, tree.pictures)
    same = Table("a.csv", ("site", "label"), [["x", "a"], ["x", "a"]])
    assert patient_tables.by_picture(same, patients) is None
    assert read == []
    told = Table("b.csv", ("patient",), [[f"P{p}"] for p in range(4)])
    for _ in range(2):
        found = patient_tables.by_picture(told, patients)
        assert found is not None
        assert len(found[0].rows) == 8
    assert len(read) == 8


def test_numbers_of_a_split_are_no_folds(tmp_path: Path) -> None:
    for word, fold in (("split", None), ("fold", "1")):
        root = tmp_path / word
        root.mkdir()
        header = ("file", "label", word)
        add_collection(table(root, header, lambda i: (f"{i}.jpg", ("a", "b")[i % 2], i % 2)), word)
        case = open_collection(word).cases[1]
        assert case.attributes.get("fold") == fold


def test_a_list_of_the_labels_is_no_table_of_patients(tmp_path: Path) -> None:
    for name in ("A1", "A2", "A3", "A4"):
        for i in range(2):
            scan(tmp_path / name / f"{i}.png")
    (tmp_path / "classes.csv").write_text("code,name\nA1,benign\nA2,malignant\nA3,normal\nA4,other\n")
    plan = make_plan(tmp_path)
    assert counts(plan) == dict.fromkeys(("A1", "A2", "A3", "A4"), 2)
    assert plan.n_patients == 0


@pytest.fixture
def misflagged() -> bytes:
    """An archive whose names say that they are UTF-8 and are cp949, but for one."""
    out = io.BytesIO()
    held: list[str] = []
    with zipfile.ZipFile(out, "w") as made:
        for label in ("양성", "악성"):
            for i in range(3):
                held.append(f"{label}/{i}.png")
                made.writestr(held[-1], trees_png(len(held)))
    data = out.getvalue()
    for name in held[1:]:
        raw = name.encode("cp949")
        data = data.replace(name.encode(), raw + b"." * (len(name.encode()) - len(raw)))
    return b"MZ self-extracting" + data


def trees_png(seed: int) -> bytes:
    out = io.BytesIO()
    trees.picture("benign", seed).save(out, "PNG")
    return out.getvalue()


def test_names_that_say_utf_8_and_are_not_are_read_by_the_code_page(misflagged: bytes, tmp_path: Path) -> None:
    path = tmp_path / "set.zip"
    path.write_bytes(misflagged)
    plan: Plan = make_plan(path)
    assert counts(plan) == {"양성": 3, "악성": 3}
    dropped = list(open_drop([("set.zip", misflagged[len(b"MZ self-extracting") :])]))
    assert [one.error for one in dropped] == [None] * 6
    assert dropped[3].name.startswith("set.zip/악성/0.png")
    assert path.read_bytes() == misflagged, "the archive itself is not touched"


def test_a_table_in_each_patients_folder_keeps_patients_together(tmp_path: Path) -> None:
    for patient in ("P01", "P02", "P03", "P04"):
        for i in range(3):
            scan(tmp_path / patient / f"s{i}.png")
        (tmp_path / patient / "info.csv").write_text("image,label\ns0.png,benign\ns1.png,malignant\ns2.png,benign\n")
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_patients, plan.n_owned) == ({"benign": 8, "malignant": 4}, 4, 12)


@pytest.mark.parametrize("folders", ["ab", ("batch_1", "batch_2", "batch_3", "batch_4"), ("1", "2", "3", "4")])
def test_folders_that_number_something_else_are_no_patients(folders: Iterable[str], tmp_path: Path) -> None:
    """Batches; and a folder for each label."""
    lines = ["image,diagnosis"]
    for k, folder in enumerate(folders):
        for i in range(3):
            scan(tmp_path / folder / f"{folder}-{i}.png")
            lines.append(f"{folder}-{i}.png,{('nevus', 'melanoma', 'keratosis', 'carcinoma')[k]}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    plan = make_plan(tmp_path)
    assert (plan.layout, plan.n_owned) == ("table", 0)


@pytest.mark.parametrize("place", ["{what}/{label}", "{label}/{what}", "set/{what}/all/{label}"])
def test_masks_in_folders_of_the_same_shape_belong_to_their_scans(place: str, tmp_path: Path) -> None:
    for label in ("benign", "malignant"):
        for i in range(3):
            for what in ("images", "masks"):
                scan(tmp_path / place.format(what=what, label=label) / f"{i}.png")
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_masks, plan.n_not_taken) == ({"benign": 3, "malignant": 3}, 6, 0)
