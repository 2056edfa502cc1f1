"""Sets whose labels stand in odd places, or nowhere: found and asked about, or refused with the true reason."""

import zipfile
from pathlib import Path

import openpyxl
import pytest

from medcls.core.plan import PlanChoices
from medcls.data.collections import make_plan
from medcls.data.vocabulary import are_dates
from medcls.errors import BadData
from tests.data import trees
from tests.data.test_plan import NAMES, counts, labels, scan, sums_up, table


@pytest.mark.parametrize(
    "form", ["{l}_{i:03d}.png", "img{i}_{l}.png", "{l}{i}.png", "P{i}_{l}_view.png", "{l} ({i}).png", "a/{l}-{i}.png"]
)
@pytest.mark.parametrize("words", [NAMES, ("양성", "악성"), ("catA", "catB")])
def test_labels_in_file_names_are_found_and_asked_about(form: str, words: tuple[str, ...], tmp_path: Path) -> None:
    for k, word in enumerate(words):
        for i in range(4):
            scan(tmp_path / form.format(l=word, i=i + 10 * k))
    plan = make_plan(tmp_path)
    assert (plan.layout, sorted(counts(plan).values()), plan.n_not_taken) == ("names", [4, 4], 0)
    assert "data.asks-names" in [question.asks.code for question in plan.questions]
    again = make_plan(tmp_path, PlanChoices(layout="names"))
    assert "data.asks-names" not in [question.asks.code for question in again.questions]


def test_names_keep_parts_masks_and_what_says_nothing(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for name in NAMES:
            for i in range(6):
                scan(tmp_path / part / f"{name}_{i}.png")
    trees.save(tmp_path / "train" / "benign_0_mask.png", trees.mask())
    scan(tmp_path / "train" / "photo_7.png")
    plan = make_plan(tmp_path)
    assert plan.count_by("part") == {"train": 12, "test": 12}
    assert (plan.n_masks, [row.reason.code for row in plan.not_taken]) == (1, ["data.name-without-label"])
    assert sums_up(plan)


def test_names_without_labels_stay_refused(tmp_path: Path) -> None:
    for i in range(6):
        scan(tmp_path / f"IMG_{i:04d}.png")
    with pytest.raises(BadData):
        make_plan(tmp_path)


@pytest.mark.parametrize(
    "form",
    [
        "{l}/{i}_overlay.png",
        "{l}/{i}_contour.png",
        "{l}/{i}-annotated.png",
        "overlays/{l}/{i}.png",
        "overlays/{l}/{i}_overlay.png",
    ],
)
def test_drawings_over_scans_are_no_scans(form: str, tmp_path: Path) -> None:
    for name in NAMES:
        for i in range(3):
            scan(tmp_path / ("scans/" if form.startswith("over") else "") / name / f"{i}.png")
            scan(tmp_path / form.format(l=name, i=i))
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_not_taken) == ({"benign": 3, "malignant": 3}, 6)
    assert {row.reason.code for row in plan.not_taken} == {"data.companion"}
    assert (len(plan.not_taken), plan.count_by("site"), sums_up(plan)) == (2, {}, True)


@pytest.mark.parametrize("folder", ["visit1", "heatmap study"])
def test_a_folder_called_like_drawings_hides_no_scans(folder: str, tmp_path: Path) -> None:
    for name in NAMES:
        for i in range(3):
            scan(tmp_path / folder / name / f"{i}.png")
            scan(tmp_path / folder / name / f"{i}_overlay.png")
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_not_taken) == ({"benign": 3, "malignant": 3}, 6)


@pytest.mark.parametrize(
    ("folders", "sites", "patients"),
    [(("P001", "P002", "P003", "P004"), 0, 4), (("siteA", "siteB"), 2, 0), (("2019", "2020"), 0, 0)],
)
def test_folders_of_patients_sites_and_years_are_no_labels_where_names_are(
    folders: tuple[str, ...], sites: int, patients: int, tmp_path: Path
) -> None:
    for folder in folders:
        for i in range(6):
            scan(tmp_path / folder / f"{NAMES[i % 2]}_{i}.png")
    plan = make_plan(tmp_path)
    n = 3 * len(folders)
    assert (plan.layout, counts(plan)) == ("names", {"benign": n, "malignant": n})
    assert (len(plan.count_by("site")), plan.n_patients) == (sites, patients)


@pytest.mark.parametrize("forms", [("train_{i}.png", "test_{i}.png"), ("siteA_{i}.png", "siteB_{i}.png")])
def test_parts_and_sites_in_names_are_no_labels(forms: tuple[str, ...], tmp_path: Path) -> None:
    for i in range(12):
        scan(tmp_path / forms[i % 2].format(i=i))
    with pytest.raises(BadData):
        make_plan(tmp_path)


@pytest.mark.parametrize(
    ("forms", "found"),
    [
        (("cancer_kim_benign_{i}.png", "cancer_lee_malignant_{i}.png"), {"benign", "malignant"}),
        (("cancer_{i}.png", "non_cancer_{i}.png"), {"cancer", "non cancer"}),
        (("tumor_pos_{i}.png", "tumor_neg_{i}.png"), {"pos", "neg"}),
    ],
)
def test_a_word_that_all_names_share_hides_no_label(forms: tuple[str, ...], found: set[str], tmp_path: Path) -> None:
    for i in range(8):
        scan(tmp_path / forms[i % 2].format(i=i))
    assert set(counts(make_plan(tmp_path))) == found


def test_tables_beside_labels_in_names_are_read(tmp_path: Path) -> None:
    files = [f"{NAMES[i % 2]}_{i}.png" for i in range(12)]
    for file in files:
        scan(tmp_path / file)
    trees.write_csv(tmp_path / "p.csv", [{"file": file, "patient": f"P{i // 2}"} for i, file in enumerate(files)])
    (tmp_path / "train.txt").write_text("\n".join(files[:8]))
    (tmp_path / "test.txt").write_text("\n".join(files[8:]))
    plan = make_plan(tmp_path)
    assert (plan.layout, plan.n_patients, plan.count_by("part")) == ("names", 6, {"train": 8, "test": 4})


def test_scans_only_called_like_drawings_stay_scans(tmp_path: Path) -> None:
    for name in NAMES:
        for i in range(3):
            scan(tmp_path / name / f"{i}_marked.png")
    assert counts(make_plan(tmp_path)) == {"benign": 3, "malignant": 3}


@pytest.mark.parametrize(
    "names",
    [
        ("2019", "2020"),
        ("2020-01", "2020-02"),
        ("20200105", "20200206", "20201231", "20210101"),
        ("5.1.2020", "6.12.2020"),
    ],
)
def test_folders_of_dates_are_neither_sites_nor_patients(names: tuple[str, ...], tmp_path: Path) -> None:
    for name in names:
        labels(tmp_path / "a" / name)
        labels(tmp_path / "b" / name, ("kind A", "kind B"))
    for folder in ("a", "b"):
        plan = make_plan(tmp_path / folder)
        assert (plan.count_by("site"), plan.n_patients, plan.n_scans) == ({}, 0, 6 * len(names))
    assert not are_dates(["8863", "8864"])
    assert not are_dates(["20209901"])


SOFT = {
    "probabilities": (("file", *NAMES), lambda i: (f"{i}.jpg", i / 10, 1 - i / 10), "data.table-soft"),
    "some halves": (
        ("file", *NAMES),
        lambda i: (f"{i}.jpg", *((0.5, 0.5) if i == 3 else (i % 2, 1 - i % 2))),
        "data.table-soft",
    ),
    "several": (
        ("file", "mass", "calcification", "benign"),
        lambda i: (f"{i}.jpg", 1, i % 2, i // 2 % 2),
        "data.table-several",
    ),
    "one row of two": (
        ("file", *NAMES, "normal"),
        lambda i: (f"{i}.jpg", *((1, 1, 0) if i == 0 else (i % 2, 1 - i % 2, 0))),
        "data.table-several",
    ),
    "one column": (("file", "label"), lambda i: (f"{i}.jpg", i / 9), "data.table-soft"),
}


@pytest.mark.parametrize("kind", SOFT)
def test_probabilities_and_several_labels_are_refused_by_name(kind: str, tmp_path: Path) -> None:
    header, row, code = SOFT[kind]
    table(tmp_path, header, row)
    with pytest.raises(BadData):
        make_plan(tmp_path)
    labels(tmp_path / "img")
    for path in (tmp_path / "img").glob("*.jpg"):
        path.rename(tmp_path / "img" / NAMES[int(path.stem) % 2] / path.name)
    plan = make_plan(tmp_path)
    assert (plan.layout, code in [note.code for note in plan.tables[0].notes]) == ("folders", True)


def test_probabilities_of_an_isic_table_are_no_diagnosis(tmp_path: Path) -> None:
    for i in range(8):
        scan(tmp_path / f"ISIC_{i:07d}.jpg", "JPEG")
    rows = [{"image": f"ISIC_{i:07d}", "MEL": (1, 0, 0.6)[i % 3], "NV": (0, 1, 0.4)[i % 3]} for i in range(8)]
    trees.write_csv(tmp_path / "truth.csv", rows)
    plan = make_plan(tmp_path)
    assert ({label.id: label.n for label in plan.labels}, plan.n_unlabelled) == ({"not-melanoma": 3, "melanoma": 3}, 2)
    assert [note.code for note in plan.tables[0].notes] == ["data.table-soft"]


def test_several_labels_in_one_cell_are_told(tmp_path: Path) -> None:
    plan = make_plan(
        table(tmp_path, ("file", "label"), lambda i: (f"{i}.jpg", (*NAMES, "benign;malignant", "benign")[i % 4]))
    )
    assert [note.code for note in plan.tables[0].notes] == ["data.cells-of-several"]
    assert plan.open_questions


@pytest.mark.parametrize("kind", ["sheets", "tables"])
def test_a_sheet_or_table_for_each_label(kind: str, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name in NAMES:
        sheet = book.create_sheet(name)
        files = [f"{name[0]}{i}.jpg" for i in range(4)]
        for file in ("file", *files):
            sheet.append([file, "age" if file == "file" else 40])
        for file in files:
            scan(tmp_path / "img" / file, "JPEG")
        if kind == "tables":
            (tmp_path / f"{name}.csv").write_text("\n".join(["file", *files]))
    if kind == "sheets":
        book.save(tmp_path / "list.xlsx")
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.n_tables, plan.n_not_taken) == (
        {"benign": 4, "malignant": 4},
        1 if kind == "sheets" else 2,
        0,
    )


def test_lists_with_a_number_for_the_label(tmp_path: Path) -> None:
    for i in range(12):
        scan(tmp_path / "img" / f"{i}.jpg", "JPEG")
    for k, part in enumerate(("train", "test")):
        (tmp_path / f"{part}.txt").write_text("".join(f"img/{i}.jpg {i // 2 % 2}\n" for i in range(12)[k::2]))
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.count_by("part")) == ({"0": 6, "1": 6}, {"train": 6, "test": 6})


@pytest.mark.parametrize("marks", [("is_train", "is_test"), ("left", "right"), ("device A", "device B")])
def test_ones_for_something_else_are_no_labels(marks: tuple[str, str], tmp_path: Path) -> None:
    labels(tmp_path, n=4)
    files = [f"{name}/{i}.png" for name in NAMES for i in range(4)]
    rows = [{"file": file, marks[0]: k % 2, marks[1]: 1 - k % 2} for k, file in enumerate(files)]
    trees.write_csv(tmp_path / "t.csv", rows)
    plan = make_plan(tmp_path)
    assert (plan.layout, counts(plan)) == ("folders", {"benign": 4, "malignant": 4})
    assert plan.count_by("part") == ({"train": 4, "test": 4} if "train" in marks[0] else {})


@pytest.mark.parametrize("header", [("file", *NAMES), ("image", "MEL", "NV")])
def test_ones_that_were_rounded_are_ones(header: tuple[str, ...], tmp_path: Path) -> None:
    for i in range(8):
        scan(tmp_path / f"ISIC_{i:07d}.png")
    one, none = "0.99999", "1e-05"
    rows = [
        dict(zip(header, (f"ISIC_{i:07d}", *((one, none) if i % 2 else (none, one))), strict=True)) for i in range(8)
    ]
    trees.write_csv(tmp_path / "t.csv", rows)
    assert sorted(counts(make_plan(tmp_path)).values()) == [4, 4]


def test_lists_for_each_part_and_label(tmp_path: Path) -> None:
    for i in range(16):
        scan(tmp_path / "img" / f"{i}.png")
    for k in range(4):
        name = f"{('train', 'test')[k // 2]}_{NAMES[k % 2]}.txt"
        (tmp_path / name).write_text("\n".join(f"img/{i}.png" for i in range(k, 16, 4)))
    plan = make_plan(tmp_path)
    assert (counts(plan), plan.count_by("part")) == ({"benign": 8, "malignant": 8}, {"train": 8, "test": 8})


def test_a_zip_inside_a_set_is_named(tmp_path: Path) -> None:
    labels(tmp_path / "set")
    with zipfile.ZipFile(tmp_path / "set" / "more.zip", "w") as made:
        made.writestr("benign/9.png", b"x")
    plan = make_plan(tmp_path / "set")
    assert [row.reason.code for row in plan.not_taken] == ["data.zip-inside"]
    (tmp_path / "zips").mkdir()
    (tmp_path / "zips" / "a.zip").write_bytes((tmp_path / "set" / "more.zip").read_bytes())
    with pytest.raises(BadData) as caught:
        make_plan(tmp_path / "zips")
    assert "ZIP" in caught.value.found
