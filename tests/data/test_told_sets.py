"""Sets in which one source refines, repeats or contradicts another: what wins is right, or said, or asked."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from medcls.core.note import Note
from medcls.core.plan import Plan, PlanChoices
from medcls.data.collections import add_collection, make_plan
from medcls.errors import BadData
from tests.data.test_plan import NAMES, counts, scan, sick, sums_up, table


def put(root: Path, *paths: str) -> Path:
    for path in paths:
        scan(root / path)
    return root


def codes(plan: Plan) -> set[str]:
    return {note.code for note in plan.notes} | {note.code for one in plan.tables for note in one.notes}


# ---- a list that refines the split
@pytest.mark.parametrize("name", ["val.txt", "validation.csv", "lists/dev_list.txt"])
@pytest.mark.parametrize("labelled", [False, True], ids=["folders", "table"])
def test_a_list_of_some_of_train_is_a_part_of_its_own(name: str, labelled: bool, tmp_path: Path) -> None:
    inner = [f"train/{label}/{label}{i}.png" for label in NAMES for i in (0, 1)]
    paths = [f"train/{label}/{label}{i}.png" for label in NAMES for i in range(6)]
    paths += [f"test/{label}/t{label}{i}.png" for label in NAMES for i in range(2)]
    put(tmp_path, *paths)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("\n".join(["file", *inner] if name.endswith(".csv") else inner) + "\n")
    if labelled:
        (tmp_path / "labels.csv").write_text("\n".join(["file,label", *(f"{p},{p.split('/')[1]}" for p in paths)]))
    plan = make_plan(tmp_path)
    assert plan.count_by("part") == {"train": 8, "validate": 4, "test": 4}
    assert ("data.part-inside" in codes(plan), "data.two-parts" in codes(plan)) == (not labelled, False)
    assert sums_up(plan)


def test_a_part_inside_the_folder_of_another_is_no_label(tmp_path: Path) -> None:
    for label in NAMES:
        put(tmp_path, *(f"train/{label}/{i}.png" for i in range(4)), *(f"train/val/{label}/v{i}.png" for i in range(2)))
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.count_by("part")) == ({"benign": 6, "malignant": 6}, {"train": 8, "validate": 4})


@pytest.mark.parametrize("order", [("train", "val"), ("a_val", "b_train")])
def test_of_two_lists_the_inner_one_counts(order: tuple[str, str], tmp_path: Path) -> None:
    put(tmp_path, *(f"{label}/{i}.png" for label in NAMES for i in range(6)))
    whole = [f"{label}/{i}.png" for label in NAMES for i in range(6)]
    for name in order:
        (tmp_path / f"{name}.txt").write_text("\n".join(whole if "train" in name else whole[::3]))
    plan = make_plan(tmp_path)
    assert plan.count_by("part") == {"train": 8, "validate": 4}


def test_lists_that_only_overlap_stay_a_contradiction(tmp_path: Path) -> None:
    put(tmp_path, *(f"{label}/{i}.png" for label in NAMES for i in range(6)))
    for name, chosen in (("train", range(4)), ("test", range(3, 6))):
        (tmp_path / f"{name}.txt").write_text("\n".join(f"{label}/{i}.png" for label in NAMES for i in chosen))
    plan = make_plan(tmp_path)
    assert plan.count_by("part") == {"train": 6, "test": 4}
    assert "data.two-parts" in codes(plan)


# ---- a column of unknown words beside folders of known ones
@pytest.mark.parametrize("column", ["label", "category", "분류", "target"])
@pytest.mark.parametrize("words", [("alpha", "beta"), ("dense", "fatty", "scattered"), ("4a", "4b", "5")])
def test_a_column_of_unknown_words_does_not_win_over_labels_in_folders(
    column: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    paths = [f"{label}/{label}{i}.png" for label in NAMES for i in range(6)]
    put(tmp_path, *paths)
    rows = [f"{path},{words[i % len(words)]}" for i, path in enumerate(paths)]
    (tmp_path / "meta.csv").write_text("\n".join([f"file,{column}", *rows]))
    plan = make_plan(tmp_path)
    assert (counts(plan), sick(plan)) == ({"benign": 6, "malignant": 6}, ["malignant"])
    assert "data.table-labels-unused" in codes(plan)
    assert counts(make_plan(tmp_path, PlanChoices(layout="table"))) != counts(plan)


def test_where_neither_table_nor_folders_say_disease_the_other_is_named(tmp_path: Path) -> None:
    paths = [f"{label}/{label}{i}.png" for label in ("gamma", "delta") for i in range(6)]
    put(tmp_path, *paths)
    rows = [f"{path},{('alpha', 'beta')[i % 2]}" for i, path in enumerate(paths)]
    (tmp_path / "meta.csv").write_text("\n".join(["file,label", *rows]))
    plan = make_plan(tmp_path)
    assert set(counts(plan)) == {"alpha", "beta"}
    assert "data.folders-other-labels" in codes(plan)
    assert {question.asks.code for question in plan.questions} == {"data.asks-disease"}
    assert set(counts(make_plan(tmp_path, PlanChoices(folders="label")))) == {"gamma", "delta"}


# ---- folders that name no labels
ALONE = [
    ("2019", "2020"),
    ("2020-01", "2020-02"),
    ("siteA", "siteB"),
    ("서울병원", "부산병원"),
    ("patient_1", "patient_2"),
    ("P001", "P002", "P003"),
    ("8863", "8864"),
    ("환자1", "환자2"),
    ("site1/2019", "site1/2020"),
]


@pytest.mark.parametrize("folders", ALONE, ids=[names[0] for names in ALONE])
def test_years_sites_and_patients_alone_are_no_labels(folders: tuple[str, ...], tmp_path: Path) -> None:
    put(tmp_path, *(f"{folder}/{i}.png" for folder in folders for i in range(4)))
    with pytest.raises(BadData) as caught:
        make_plan(tmp_path)
    assert caught.value.code == "data.nothing-recognised"
    roles = "other/label" if "/" in folders[0] else "label"
    assert make_plan(tmp_path, PlanChoices(folders=roles)).n_scans == 4 * len(folders)


@pytest.mark.parametrize("names", [("G1", "G2", "G3"), ("A", "B"), ("1", "2"), ("class 1", "class 2"), ("T1", "T2")])
def test_grades_and_classes_stay_labels(names: tuple[str, ...], tmp_path: Path) -> None:
    plan = make_plan(put(tmp_path, *(f"{name}/{i}.png" for name in names for i in range(4))))
    assert set(counts(plan)) == set(names)


# ---- parts and patients in names
@pytest.mark.parametrize(
    "form",
    [
        "{part}_{label}/{i}.png",
        "{label}-{part}/{i}.png",
        "{label}/{part}_{i}.png",
        "{label}/{i}_{part}.png",
        "{part} {label}/{i}.png",
    ],
)
def test_a_part_in_the_name_of_a_label_or_file_is_kept(form: str, tmp_path: Path) -> None:
    parts = ("train", "val", "test")
    put(tmp_path, *(form.format(part=p, label=label, i=i) for p in parts for label in NAMES for i in range(2)))
    plan = make_plan(tmp_path)
    assert (counts(plan), sick(plan)) == ({"benign": 6, "malignant": 6}, ["malignant"])
    assert plan.count_by("part") == {"train": 4, "validate": 4, "test": 4}


@pytest.mark.parametrize("form", ["patient{k}_{i}", "Pat-{k:03d}-{i}", "img_subject{k}_{i}", "환자{k}_{i}"])
def test_a_patient_in_the_names_of_files_is_kept_together(form: str, tmp_path: Path) -> None:
    put(tmp_path, *(f"{NAMES[k % 2]}/{form.format(k=k, i=i)}.png" for k in range(4) for i in range(3)))
    plan = make_plan(tmp_path)
    assert (plan.n_patients, plan.n_owned, plan.patients_from) == (4, 12, (Note("data.from-files"),))


# ---- tables of patients
@pytest.mark.parametrize("place", ["{k:03d}/{i}.jpg", "P{k}_{i}.jpg", "img/P{k}-L-{i}.jpg"])
def test_a_table_of_patients_tells_scans_by_folder_or_the_beginning_of_their_names(place: str, tmp_path: Path) -> None:
    put(tmp_path, *(place.format(k=k, i=i) for k in range(1, 5) for i in range(4 * k - 4, 4 * k)))
    named = [f"P{k}" if "P" in place else str(k) for k in range(1, 5)]
    rows = [f"{name},{NAMES[k % 2]}" for k, name in enumerate(named)]
    (tmp_path / "patients.csv").write_text("\n".join(["ID,diagnosis", *rows]))
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_patients) == ({"benign": 8, "malignant": 8}, 4)


def test_ids_in_a_column_without_a_name_keep_scans_together(tmp_path: Path) -> None:
    lines = [f"img/{i}.jpg,{NAMES[i % 2]},P{i // 4}" for i in range(16)]
    put(tmp_path, *(f"img/{i}.jpg" for i in range(16)))
    (tmp_path / "list.csv").write_text("\n".join(lines))
    assert make_plan(tmp_path).n_patients == 4


# ---- cells, paths and encodings
@pytest.mark.parametrize("odd", ["benign\u200b", "\ufeffbenign", "'benign'", '"benign"', "Benign.", "be\u00adnign"])
def test_what_cannot_be_seen_makes_no_label_of_its_own(odd: str, tmp_path: Path) -> None:
    root = table(
        tmp_path, ("path", "label"), lambda i: (f"img/{i}.jpg", ("benign", odd, "malignant", "malignant")[i % 4])
    )
    assert sorted(counts(make_plan(root)).values()) == [4, 4]


@pytest.mark.parametrize("form", ["img/a%20{i}.jpg", "img/a {i}.jpg.gz", "img%2Fa%20{i}.jpg"])
def test_paths_as_links_and_packed(form: str, tmp_path: Path) -> None:
    put(tmp_path, *(f"img/a {i}.jpg" for i in range(8)))
    rows = [f"{form.format(i=i)},{NAMES[i % 2]}" for i in range(8)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *rows]))
    assert counts(make_plan(tmp_path)) == {"benign": 4, "malignant": 4}


ENCODED = [
    ("iso2022_jp", ("良性", "悪性"), "診断"),
    ("iso8859_5", ("доброкачественная", "злокачественная"), "диагноз"),
    ("iso8859_6", ("حميد", "خبيث"), "تشخيص"),
    ("cp1255", ("שפיר", "ממאיר"), "label"),
    ("johab", ("양성", "악성"), "진단"),
]


@pytest.mark.parametrize(("encoding", "words", "column"), ENCODED, ids=[row[0] for row in ENCODED])
def test_rare_encodings_are_told_by_their_words(
    encoding: str, words: tuple[str, str], column: str, tmp_path: Path
) -> None:
    root = table(tmp_path, ("file", column), lambda i: (f"img/{i}.jpg", words[i % 2]), encoding=encoding)
    assert counts(make_plan(root)) == {words[0]: 4, words[1]: 4}


# ---- Excel and archives
def excel(path: Path, rows: list[list[object]]) -> None:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)


def test_links_that_no_program_has_computed_name_their_files_and_other_formulas_are_told(tmp_path: Path) -> None:
    put(tmp_path, *(f"img/{i}.jpg" for i in range(8)))
    rows = [[f'=HYPERLINK("img/{i}.jpg","open")', NAMES[i % 2], f"=A{i}&1"] for i in range(8)]
    excel(tmp_path / "labels.xlsx", [["path", "label", "note"], *rows])
    plan = make_plan(tmp_path)
    assert counts(plan) == {"benign": 4, "malignant": 4}
    assert [note.params["n"] for note in plan.tables[0].notes if note.code == "data.formulas-lost"] == [8]


def test_a_locked_excel_file_is_called_so(tmp_path: Path) -> None:
    put(tmp_path, "img/1.png")
    (tmp_path / "a.xlsx").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600) + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(BadData) as caught:
        make_plan(tmp_path)
    assert "password" in caught.value.found


PACKED: list[tuple[str, Callable[[], bytes]]] = [
    ("more.rar", lambda: b"Rar!\x1a\x07\x01\0" + bytes(60)),
    ("more.7z", lambda: b"7z\xbc\xaf\x27\x1c\0\x04" + bytes(60)),
    ("more.tar.gz", lambda: b"\x1f\x8b\x08\0" + bytes(60)),
    ("more", lambda: zipped({"benign/1.png": b"x"})),
]


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, data in members.items():
            made.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(("name", "make"), PACKED, ids=[row[0] for row in PACKED])
@pytest.mark.parametrize("inside_zip", [False, True])
def test_an_archive_inside_is_named_whatever_its_kind(
    name: str, make: Callable[[], bytes], inside_zip: bool, tmp_path: Path
) -> None:
    put(tmp_path / "set", *(f"{label}/{i}.png" for label in NAMES for i in range(2)))
    (tmp_path / "set" / name).write_bytes(make())
    target = tmp_path / "set"
    if inside_zip:
        files = {p.relative_to(target).as_posix(): p.read_bytes() for p in target.rglob("*") if p.is_file()}
        target = tmp_path / "set.zip"
        target.write_bytes(zipped(files))
    code = "data.zip-inside" if name == "more" else "data.archive-inside"
    assert [row.reason.code for row in make_plan(target).not_taken] == [code]


def test_two_files_of_one_name_in_an_archive_are_called_so(tmp_path: Path) -> None:
    put(tmp_path / "set", "benign/1.png")
    data = (tmp_path / "set/benign/1.png").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        made.writestr("benign/1.png", data)
        with pytest.warns(UserWarning, match="Duplicate name"):
            made.writestr("benign/1.png", data)
    with pytest.raises(BadData) as caught:
        add_collection(tmp_path / "a.zip", "a", copy=True)
    assert caught.value.code == "data.zip-twice"


# ---- two columns of labels
def graded(root: Path, header: str, row, choices: PlanChoices | None = None) -> Plan:
    paths = [f"img/{i}.png" for i in range(12)]
    put(root, *paths)
    (root / "labels.csv").write_text("\n".join([header, *(f"{path},{row(i)}" for i, path in enumerate(paths))]))
    return make_plan(root, choices)


def other(i: int, n: int) -> str:
    """Return the label of a scan as somebody writes it who differs on the first `n`."""
    return NAMES[(i + (i < n)) % 2]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("file,label_reader1,label_reader2", NAMES),
        ("file,reader A,reader B", NAMES),
        ("file,diagnosis,label", ("0", "1")),
        ("파일,판독1,판독2", NAMES),
    ],
)
def test_columns_of_labels_that_disagree_are_asked_about(header: str, words: tuple[str, ...], tmp_path: Path) -> None:
    _, first, second = header.split(",")
    plan = graded(tmp_path, header, lambda i: f"{NAMES[i % 2]},{words[NAMES.index(other(i, 3))]}")
    (asked,) = plan.questions
    assert (asked.option, asked.allowed, asked.default) == ("--label-column", (first, second), first)
    assert [note.params["n"] for note in plan.tables[0].notes if note.code == "data.column-differs"] == [3]
    answered = make_plan(tmp_path, PlanChoices(columns={"label": second}))
    assert (answered.questions, answered.tables[0].columns["label"]) == ((), second)


@pytest.mark.parametrize(
    ("header", "second", "told"),
    [
        ("file,diagnosis,label", lambda i: str(i % 2), False),
        ("file,diagnosis,class", lambda i: "AB"[i // 2 % 2], False),
        ("file,pathology,clinical diagnosis", lambda i: other(i, 3), True),
    ],
    ids=["agree", "of something else", "of lower rank"],
)
def test_columns_of_labels_that_agree_or_rank_behind_are_not_asked_about(header, second, told, tmp_path) -> None:
    plan = graded(tmp_path, header, lambda i: f"{NAMES[i % 2]},{second(i)}")
    assert (plan.questions, "data.column-differs" in codes(plan)) == ((), told)
    assert counts(plan) == {"benign": 6, "malignant": 6}


def test_columns_of_yes_and_no_about_something_else_are_not_asked_about(tmp_path: Path) -> None:
    plan = graded(
        tmp_path, "file,cancer,family history", lambda i: f"{('no', 'yes')[i % 2]},{('no', 'yes')[i // 2 % 2]}"
    )
    assert (plan.questions, plan.tables[0].columns["label"]) == ((), "cancer")
