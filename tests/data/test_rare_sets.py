"""Rarer siblings of the sets that people keep: masks by any name, ids that name nobody, tables in other shapes."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pydicom
import pytest
from PIL import Image

from medcls.data.collections import make_plan
from medcls.data.structured import sheets_of_ods
from medcls.data.vocabulary import is_numbered, names_nobody, part_of
from medcls.errors import BadData
from tests.data.test_plan import NAMES, counts, scan, sick, sums_up, table
from tests.imaging.dicom_files import dataset, written


def mask(path: Path, jpeg: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((32, 32), np.uint8)
    pixels[8:20, 8:20] = 255
    Image.fromarray(pixels).save(path, "JPEG" if jpeg else "PNG")


MASKS = [
    ("{l}/{i}.png", "{l}/{i}.mask.png"),
    ("{l}/s{i}.png", "{l}/mask_s{i}.png"),
    ("{l}/{i}.png", "{l}/{i}_label.png"),
    ("{l}/{i}.png", "{l}/{i}_roi.png"),
    ("{l}/{i}.png", "{l}/{i}_lesion.png"),
    ("{l}/{i}.png", "{l}/{i}_마스크.png"),
    ("{l}/{i}.png", "{l}/{i}_Maske.png"),
    ("{l}/{i}.png", "{l}/{i} (mask).png"),
    ("{l}/{i}.png", "{l}/{i}Mask.png"),
    ("{l}/image_{i}.png", "{l}/mask_{i}.png"),
    ("{l}/{i}_image.png", "{l}/{i}_mask.png"),
    ("{l}/case{i}/image.png", "{l}/case{i}/mask.png"),
    ("img/{l}/{i}.png", "gt/{l}/{i}.png"),
    ("images/{l}/{i}.png", "labels/{l}/{i}.png"),
    ("{l}/{i}.png", "{l}_mask/{i}.png"),
    ("images/{l}/{i}.png", "ROI/{l}/{i}.png"),
    ("{l}/{i}.png", "{l}/{i}_mask_1.png"),
    ("{l}/{i}.png", "{l}/{i}_GroundTruth.png"),
]


@pytest.mark.parametrize(("picture", "its_mask"), MASKS, ids=[pair[1] for pair in MASKS])
@pytest.mark.parametrize("jpeg", [False, True])
def test_masks_by_any_name_are_no_scans(picture: str, its_mask: str, jpeg: bool, tmp_path: Path) -> None:
    for name in NAMES:
        for i in range(4):
            scan(tmp_path / picture.format(l=name, i=i))
            mask(tmp_path / its_mask.format(l=name, i=i), jpeg)
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_masks, plan.n_not_taken) == ({"benign": 4, "malignant": 4}, 8, 0)
    assert sums_up(plan)


@pytest.mark.parametrize("name", ["{i}_label.png", "{i}_tumor.png", "lesion{i}.png"])
def test_scans_that_are_only_called_like_masks_stay_scans(name: str, tmp_path: Path) -> None:
    for label in NAMES:
        for i in range(3):
            scan(tmp_path / label / f"{i}.png")
            scan(tmp_path / label / name.format(i=i))
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_masks) == ({"benign": 6, "malignant": 6}, 0)


def dicom_of(path: Path, patient: str | None, seed: int, cut: int = 0, **elements: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    ds = dataset(np.random.default_rng(seed).integers(0, 255, (32, 32), np.uint8), **elements)
    if patient is not None:
        ds.PatientID = patient
    path.write_bytes(written(ds)[cut:])


@pytest.mark.parametrize("word", ["ANONYMOUS", "Anonymized", "xxxx", "****", "REMOVED", "No ID", "0", "12345", "익명"])
def test_an_id_that_names_nobody_is_no_patient(word: str, tmp_path: Path) -> None:
    """Anonymised files often have one id: it makes no patients known, and joins none that a table names."""
    for i in range(8):
        dicom_of(
            tmp_path / NAMES[i % 2] / f"{i}.dcm",
            word.encode("ascii", "ignore").decode() or word,
            i,
            SpecificCharacterSet="ISO_IR 192",
        )
    plan = make_plan(tmp_path)
    assert (plan.n_patients, plan.n_owned) == (0, 0)
    assert "data.owners-nobody" in [note.code for note in plan.notes]
    rows = [["file", "label", "patient"], *([f"{i}.dcm", NAMES[i % 2], f"P{i // 2}"] for i in range(8))]
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    assert make_plan(tmp_path).n_patients == 4


def test_some_ids_name_nobody_and_others_do(tmp_path: Path) -> None:
    for i in range(8):
        dicom_of(tmp_path / NAMES[i % 2] / f"{i}.dcm", "ANON" if i < 4 else f"{i // 2}", i)
    plan = make_plan(tmp_path)
    assert (plan.n_patients, plan.n_owned) == (2, 4)
    assert not names_nobody("0")
    assert not names_nobody("ANON-0017")


@pytest.mark.parametrize("cut", [0, 128, 132])
def test_patients_are_known_from_dicom_whatever_stands_before_it(cut: int, tmp_path: Path) -> None:
    for i in range(8):
        dicom_of(tmp_path / NAMES[i % 2] / f"IM{i}", f"P{i // 2}", i, cut)
    plan = make_plan(tmp_path)
    assert (plan.n_patients, plan.n_owned) == (4, 8)


def objects() -> list[dict]:
    return [{"file": f"{i}.jpg", "label": NAMES[i % 2], "patient": f"P{i // 2}"} for i in range(8)]


def coco() -> dict:
    return {
        "images": [{"id": i, "file_name": f"{i}.jpg"} for i in range(8)],
        "annotations": [{"image_id": i, "category_id": i % 2} for i in range(8)],
        "categories": [{"id": k, "name": name} for k, name in enumerate(NAMES)],
    }


JSONS = {
    "objects": objects,
    "below a name": lambda: {"data": objects()},
    "by part": lambda: {"training": objects()[:4], "test": objects()[4:]},
    "by file": lambda: {one["file"]: one for one in objects()},
    "labels by file": lambda: {one["file"]: one["label"] for one in objects()},
    "files by label": lambda: {name: [one["file"] for one in objects() if one["label"] == name] for name in NAMES},
    "coco": coco,
}


@pytest.mark.parametrize("kind", [*JSONS, "lines"])
def test_labels_in_json(kind: str, tmp_path: Path) -> None:
    for i in range(8):
        scan(tmp_path / "img" / f"{i}.jpg", "JPEG")
    if kind == "lines":
        (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, objects())))
    else:
        (tmp_path / "labels.json").write_text(json.dumps(JSONS[kind]()))
    plan = make_plan(tmp_path)
    assert counts(plan) == {"benign": 4, "malignant": 4}
    assert plan.n_patients == (4 if kind in ("objects", "below a name", "by part", "by file", "lines") else 0)
    assert plan.count_by("part") == ({"train": 4, "test": 4} if kind == "by part" else {})
    assert sums_up(plan)


def as_html(rows: list[list[str]]) -> bytes:
    cells = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows)
    return f"<html><body><table>{cells}</table></body></html>".encode()


def as_ods(rows: list[list[str]]) -> bytes:
    def put(c: str) -> str:
        return f'<table:table-cell office:value-type="string"><text:p>{c}</text:p></table:table-cell>'

    body = "".join("<table:table-row>" + "".join(map(put, row)) + "</table:table-row>" for row in rows)
    spaces = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        made.writestr(
            "content.xml",
            f'<office:document {spaces}><table:table table:name="a">{body}</table:table></office:document>',
        )
    return out.getvalue()


def as_excel(rows: list[list[str]]) -> bytes:
    book = openpyxl.Workbook()
    book.active.append(["Image", "Clinical", ""])
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "make"), [("l.xls", as_html), ("l.ods", as_ods), ("l.csv", as_excel), ("l.xlsx", as_excel)]
)
def test_tables_of_other_programs(name: str, make: Callable[[list[list[str]]], bytes], tmp_path: Path) -> None:
    for i in range(8):
        scan(tmp_path / "img" / f"{i}.jpg", "JPEG")
    rows = [["file", "label", "patient"], *([one["file"], one["label"], one["patient"]] for one in objects())]
    (tmp_path / name).write_bytes(make(rows))
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_patients, sick(plan)) == ({"benign": 4, "malignant": 4}, 4, ["malignant"])


def test_a_sheet_whose_cells_say_they_repeat_is_counted_before_it_takes_memory() -> None:
    one = as_ods([["a.png", "benign"], ["b.png", "malignant"]])
    assert sheets_of_ods(one, 10_000) == [("a", [["a.png", "benign"], ["b.png", "malignant"]])]
    with zipfile.ZipFile(io.BytesIO(one)) as opened:
        xml = opened.read("content.xml").decode()
    xml = xml.replace("<table:table-cell", '<table:table-cell table:number-columns-repeated="999999999"')
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("content.xml", xml)
    ((_, rows),) = sheets_of_ods(out.getvalue(), 1_000_000)
    assert [len(row) for row in rows] == [16_384, 16_384]
    with pytest.raises(BadData) as large:
        sheets_of_ods(out.getvalue(), 300_000)
    assert large.value.code == "data.table-too-large"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark(separator: str, encoding: str, tmp_path: Path) -> None:
    words = ("양성", "악성")
    made = table(
        tmp_path, ("파일", "진단"), lambda i: (f"{i}.jpg", words[i % 2]), encoding=encoding, separator=separator
    )
    assert counts(make_plan(made)) == dict.fromkeys(words, 4)


@pytest.mark.parametrize(
    "before", ["Export of 2020-01-01,by,me\n", "# made by us\n# on Monday, with care\n", "Study\n\n"]
)
def test_lines_above_the_header(before: str, tmp_path: Path) -> None:
    table(tmp_path, ("file", "label", "patient"), lambda i: (f"{i}.jpg", NAMES[i % 2], f"P{i // 2}"))
    path = tmp_path / "labels.csv"
    path.write_text(before + path.read_text())
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_patients) == ({"benign": 4, "malignant": 4}, 4)


@pytest.mark.parametrize(
    "form",
    [
        "https://a.org/img/{i}.jpg?raw=1",
        "img%2F{i}.jpg",
        '=HYPERLINK("img/{i}.jpg","here")',
        "{i}.0",
        "{i:05d}",
    ],
)
def test_paths_as_links_and_numbers(form: str, tmp_path: Path) -> None:
    plan = make_plan(table(tmp_path, ("file", "label"), lambda i: (form.format(i=i), NAMES[i % 2])))
    assert (counts(plan), plan.n_not_taken) == ({"benign": 4, "malignant": 4}, 0)


def test_numbers_that_lost_their_zeros_name_their_files(tmp_path: Path) -> None:
    for i in range(8):
        scan(tmp_path / "img" / f"IMG_{i:04d}.png")
    (tmp_path / "l.csv").write_text("image,label\n" + "".join(f"{i},{NAMES[i % 2]}\n" for i in range(8)))
    assert counts(make_plan(tmp_path)) == {"benign": 4, "malignant": 4}
    scan(tmp_path / "img" / "other_0001.png")
    assert make_plan(tmp_path).n_scans == 0, "numbered in two ways: 1 may be either"


@pytest.mark.parametrize(
    ("yes", "no"), [("1", ""), ("1", "nan"), ("x", ""), ("TRUE", "FALSE"), ("1.0", "0.0"), ("✓", "")]
)
def test_columns_of_marks_are_labels(yes: str, no: str, tmp_path: Path) -> None:
    plan = make_plan(
        table(tmp_path, ("file", *NAMES), lambda i: (f"{i}.jpg", *((yes, no) if i % 2 == 0 else (no, yes))))
    )
    assert (counts(plan), sick(plan)) == ({"benign": 4, "malignant": 4}, ["malignant"])


@pytest.mark.parametrize("column", ["set", "group", "phase", "is_test", "train"])
def test_parts_by_other_columns(column: str, tmp_path: Path) -> None:
    said = {"is_test": ("0", "1"), "train": ("1", "0")}.get(column, ("train", "test"))
    plan = make_plan(table(tmp_path, ("file", "label", column), lambda i: (f"{i}.jpg", NAMES[i % 2], said[i // 4])))
    assert plan.count_by("part") == {"train": 4, "test": 4}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("Trainingsdaten", "train"),
        ("Validierungsmenge", "validate"),
        ("Testbilder", "test"),
        ("ＴＥＳＴ", "test"),
        ("external_test", "test"),
        ("latest", ""),
    ],
)
def test_parts_by_compounds_and_wide_letters(name: str, part: str) -> None:
    assert part_of(name) == part


def test_batches_are_no_patients(tmp_path: Path) -> None:
    assert not is_numbered("batch_1")
    for batch in ("batch1", "batch2"):
        for name in NAMES:
            for i in range(3):
                scan(tmp_path / batch / name / f"{i}.png")
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_patients, plan.count_by("site")) == (
        {"benign": 6, "malignant": 6},
        0,
        {"batch1": 6, "batch2": 6},
    )


@pytest.mark.parametrize("what", ["SOPInstanceUID", "AccessionNumber", "StudyInstanceUID", "PatientID"])
def test_a_table_may_name_dicom_files_by_what_stands_in_them(what: str, tmp_path: Path) -> None:
    """Excel took the zeros from the patients' ids."""
    lines = [f"{what},label"]
    for i in range(8):
        patient = i if what == "PatientID" else i // 2
        dicom_of(
            tmp_path / "files" / f"IM{i}", f"{patient + 1:06d}", i, AccessionNumber=f"A{i}", StudyInstanceUID=f"1.2.{i}"
        )
        found = pydicom.dcmread(tmp_path / "files" / f"IM{i}")
        lines.append(f"{patient + 1 if what == 'PatientID' else found[what].value},{NAMES[i % 2]}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    plan = make_plan(tmp_path)
    assert counts(plan) == {"benign": 4, "malignant": 4}
    assert (plan.n_patients, plan.n_owned) == ((8, 8) if what == "PatientID" else (4, 8))


def test_labels_of_patients_and_patients_of_pictures_in_two_tables(tmp_path: Path) -> None:
    table(tmp_path, ("file", "patient"), lambda i: (f"{i}.jpg", f"P{i // 2}"))
    (tmp_path / "patients.csv").write_text("patient,diagnosis\n" + "".join(f"P{p},{NAMES[p % 2]}\n" for p in range(4)))
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_patients, plan.n_tables) == ({"benign": 4, "malignant": 4}, 4, 2)
    assert sums_up(plan)


def test_a_refusal_says_why_tables_and_other_files_are_of_no_use(tmp_path: Path) -> None:
    for i in range(4):
        scan(tmp_path / f"{i}.png")
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    (tmp_path / "names.csv").write_text(
        "image,calcification,mass\n" + "".join(f"{i}.png,1,{i % 2}\n" for i in range(4))
    )
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as made:
        made.writestr("a.txt", "a")
    with pytest.raises(BadData) as caught:
        make_plan(tmp_path)
    assert caught.value.code == "data.nothing-recognised"
    assert all(word in caught.value.found for word in ("old.xls", "names.csv", "ZIP"))


def test_a_sheet_for_each_part(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for i in range(8):
        scan(tmp_path / "img" / f"{i}.jpg", "JPEG")
    for name, some in (("train", range(4)), ("test", range(4, 8))):
        sheet = book.create_sheet(name)
        sheet.append(["file", "label"])
        for i in some:
            sheet.append([f"{i}.jpg", NAMES[i % 2]])
    book.save(tmp_path / "labels.xlsx")
    assert make_plan(tmp_path).count_by("part") == {"train": 4, "test": 4}


@pytest.mark.parametrize("name", ["unlabeled", "Unlabelled", "no label", "미분류"])
def test_a_folder_of_scans_without_label_is_no_label(name: str, tmp_path: Path) -> None:
    for label in (*NAMES, name):
        for i in range(3):
            scan(tmp_path / label / f"{i}.png")
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_unlabelled, plan.open_questions) == ({"benign": 3, "malignant": 3}, 3, ())
