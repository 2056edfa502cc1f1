"""Where tables, sheets or columns contradict each other a person is asked; what is hidden, guessed or unread is told."""

from pathlib import Path

import pytest
from openpyxl import Workbook

from medcls.core.plan import Plan, PlanChoices
from medcls.data.collections import add_collection, make_plan
from medcls.data.labels import diseases_by_name
from medcls.data.plan import prepare
from medcls.data.splits import made_by_others
from medcls.errors import BadData
from tests.data.test_named_files import BOTH, pictures, write
from tests.data.test_plan import NAMES, counts, sick, table
from tests.data.test_told_sets import codes, put


def excel(root: Path, hidden: tuple[str, ...] = ()) -> Path:
    """Two sheets of the same scans, the second with the opposite labels."""
    pictures(root)
    book = Workbook()
    book.remove(book.active)
    for k, name in enumerate(("old", "new")):
        sheet = book.create_sheet(name)
        for row in (("file", "label"), *((f"{i}.jpg", NAMES[(i + k) % 2]) for i in range(8))):
            sheet.append(row)
        sheet.sheet_state = "hidden" if name in hidden else "visible"
    book.save(root / "t.xlsx")
    return root


def first(root: Path, **choices: object) -> str | None:
    return next(e.label for e in prepare(root, PlanChoices(**choices)).entries if e.id.endswith("0.jpg"))  # type: ignore[arg-type]


def test_sheets_that_contradict_each_other_are_asked_about(tmp_path: Path) -> None:
    (asked,) = make_plan(excel(tmp_path)).questions
    assert (asked.option, set(asked.allowed)) == ("--table", {"t.xlsx[old]", "t.xlsx[new]"})
    assert first(tmp_path, table="t.xlsx[old]") == "benign"
    assert first(tmp_path, table="t.xlsx[new]") == "malignant"
    assert not make_plan(tmp_path, PlanChoices(table="t.xlsx[new]")).questions
    with pytest.raises(BadData) as unknown:
        make_plan(tmp_path, PlanChoices(table="u.xlsx[new]"))
    assert unknown.value.code == "data.no-such-table"


def test_tables_that_contradict_each_other_are_asked_about(tmp_path: Path) -> None:
    table(tmp_path, ("file", "label"), lambda i: (f"{i}.jpg", NAMES[i % 2]), name="a.csv")
    table(tmp_path, ("file", "label"), lambda i: (f"{i}.jpg", NAMES[i // 4]), name="b.csv")
    assert [q.option for q in make_plan(tmp_path).questions] == ["--table"]
    table(tmp_path, ("file", "label"), lambda i: (f"{i}.jpg", NAMES[i % 2]), name="b.csv")
    assert not make_plan(tmp_path).questions


@pytest.mark.parametrize("hidden", ["old", "new"])
def test_a_hidden_sheet_is_not_read_and_named(hidden: str, tmp_path: Path) -> None:
    plan = make_plan(excel(tmp_path, (hidden,)))
    assert not plan.questions
    assert "data.sheets-hidden" in codes(plan)
    assert first(tmp_path) == ("malignant" if hidden == "old" else "benign")


def by_columns(root: Path, *columns: str) -> Plan:
    """A table of which each column of labels says another half of the scans malignant."""
    said = lambda i, k: NAMES[(i >> k) % 2]  # noqa: E731
    rows = lambda i: (f"{i}.jpg", *(said(i, k) for k in range(len(columns))))  # noqa: E731
    return make_plan(table(root, ("file", *columns), rows))


@pytest.mark.parametrize(
    ("columns", "taken"),
    [
        (("reader1", "reader2", "consensus"), "consensus"),
        (("radiologist", "pathologist"), "pathologist"),
        (("판독", "최종"), "최종"),
        (("dx", "initial impression"), "dx"),
        (("prediction", "label"), "label"),
        (("y_pred", "y_true"), "y_true"),
    ],
)
def test_the_settled_column_of_labels_is_taken(columns: tuple[str, ...], taken: str, tmp_path: Path) -> None:
    plan = by_columns(tmp_path, *columns)
    assert (plan.tables[0].columns["label"], plan.questions) == (taken, ())


FINER = ("fibroadenoma", "cyst", "invasive carcinoma", "lobular carcinoma")


@pytest.mark.parametrize("name", ["histology", "final pathology"])
def test_a_finer_column_that_contradicts_nothing_takes_no_label_s_place(name: str, tmp_path: Path) -> None:
    rows = lambda i: (f"{i}.jpg", NAMES[i % 2], FINER[2 * (i % 2)]) if i < 8 else (f"{i}.jpg", "NA", "unknown")  # noqa: E731
    plan = make_plan(table(tmp_path, ("file", "label", name), rows, n=9))
    assert (counts(plan), plan.questions) == (BOTH, ())


def test_a_finer_column_that_contradicts_the_label_is_asked_about(tmp_path: Path) -> None:
    rows = lambda i: (f"{i}.jpg", NAMES[i % 2], FINER[(2 * (i % 2) + i // 4 + 2 * (i == 7)) % 4])  # noqa: E731
    plan = make_plan(table(tmp_path, ("file", "label", "histology"), rows))
    assert (counts(plan), [q.allowed for q in plan.questions]) == (BOTH, [("label", "histology")])


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("ER", ("negative", "positive")),
        ("metastasis", ("positive", "negative")),
        ("lymph node", NAMES),
        ("axilla", NAMES),
    ],
)
def test_columns_of_another_matter_contradict_nothing(column: str, cells: tuple[str, str], tmp_path: Path) -> None:
    rows = lambda i: (f"{i}.jpg", NAMES[i % 2], cells[i // 4])  # noqa: E731
    plan = make_plan(table(tmp_path, ("file", "label", column), rows))
    assert (plan.questions, "data.column-differs" in codes(plan)) == ((), False)


@pytest.mark.parametrize("columns", [("reader1", "reader2"), ("dr kim", "dr lee", "dr park"), ("dx1", "dx2")])
def test_readers_who_contradict_each_other_are_asked_about(columns: tuple[str, ...], tmp_path: Path) -> None:
    (asked,) = by_columns(tmp_path, *columns).questions
    assert (asked.option, asked.allowed) == ("--label-column", columns)
    chosen = make_plan(tmp_path, PlanChoices(columns={"label": columns[1]}))
    assert (chosen.tables[0].columns["label"], chosen.questions) == (columns[1], ())


def test_a_column_of_predictions_is_no_label_unless_a_person_says_so(tmp_path: Path) -> None:
    table(tmp_path, ("file", "prediction"), lambda i: (f"{i}.jpg", NAMES[i % 2]))
    with pytest.raises(BadData):
        make_plan(tmp_path)
    assert counts(make_plan(tmp_path, PlanChoices(columns={"label": "prediction"}))) == BOTH


def test_ones_of_patients_are_no_label(tmp_path: Path) -> None:
    rows = lambda i: (f"{i}.jpg", i // 4, 1 - i % 2, i % 2)  # noqa: E731
    assert counts(make_plan(table(tmp_path, ("file", "patient", *NAMES), rows))) == BOTH


def test_a_split_and_folds_are_both_kept_and_the_split_is_offered(tmp_path: Path) -> None:
    rows = lambda i: (f"{i}.jpg", NAMES[i % 2], i // 2, ("train", "test")[i // 4])  # noqa: E731
    plan = make_plan(table(tmp_path, ("file", "label", "fold", "split"), rows))
    assert (plan.count_by("part"), plan.split) == ({"train": 4, "test": 4}, "part")
    collection = add_collection(tmp_path, "both")
    assert {part: len(ids) for part, ids in made_by_others(collection).items()} == {"test": 4, "train": 4}
    assert {case.attributes["fold"] for case in collection.cases} == {"0", "1", "2", "3"}


@pytest.mark.parametrize("names", [("1", "2", "3"), ("A", "B", "C"), ("train", "extra", "test")])
def test_what_says_no_part_in_a_column_of_parts_is_told(names: tuple[str, ...], tmp_path: Path) -> None:
    plan = make_plan(table(tmp_path, ("file", "label", "set"), lambda i: (f"{i}.jpg", NAMES[i % 2], names[i % 3])))
    assert "data.parts-unread" in codes(plan)


@pytest.mark.parametrize("code", ["KM-{:04d}", "{}a3f9e0c1", "{}0023400", "SNU{:03d}"])
def test_codes_that_stand_beside_several_scans_keep_them_together(code: str, tmp_path: Path) -> None:
    rows = lambda i: (f"{i}.jpg", NAMES[i % 2], code.format(1 + i // 2))  # noqa: E731
    assert make_plan(table(tmp_path, ("file", "label", "xid"), rows)).n_patients == 4


@pytest.mark.parametrize("name", ["batch", "ICD", "SNOMED code", "annotator", "device", "serial number of probe"])
def test_codes_of_lots_devices_readers_and_diseases_are_no_one_s(name: str, tmp_path: Path) -> None:
    rows = lambda i: (f"{i}.jpg", NAMES[i % 2], f"C{501 + i // 2}")  # noqa: E731
    assert make_plan(table(tmp_path, ("file", "label", name), rows)).n_patients == 0


@pytest.mark.parametrize("cell", ["T{}", "4{}", "20200{}01", "G-{}", "1{}.5"])
def test_grades_measures_and_dates_are_no_codes(cell: str, tmp_path: Path) -> None:
    rows = lambda i: (f"{i}.jpg", NAMES[i % 2], cell.format(1 + i // 2))  # noqa: E731
    assert make_plan(table(tmp_path, ("file", "label", "xid"), rows)).n_patients == 0


@pytest.mark.parametrize(
    ("no", "yes"),
    [
        *(("όχι", "ναι"), ("không", "có"), ("לא", "כן"), ("नहीं", "हाँ"), ("nej", "ja"), ("nem", "igen"), ("ne", "ano")),
        *(("×", "○"), ("☐", "☑"), ("✗", "✓"), ("(-)", "(+)"), ("－", "＋")),
    ],
)
def test_no_and_yes_in_words_and_signs(no: str, yes: str, tmp_path: Path) -> None:
    assert diseases_by_name({"a": no, "b": yes}) == {"a": False, "b": True}
    assert sick(make_plan(table(tmp_path, ("file", "cancer"), lambda i: (f"{i}.jpg", (no, yes)[i % 2])))) == [yes]


def test_patients_whose_scans_have_several_labels_are_known_by_their_names(tmp_path: Path) -> None:
    scans = (
        f"{part}/{name}/P{p:02d}_{part[0]}{k}.png"
        for part in ("train", "test")
        for k, name in enumerate(NAMES)
        for p in range(1, 5)
    )
    plan = make_plan(put(tmp_path, *scans))
    assert ([q.option for q in plan.questions], plan.n_patients) == (["--names-begin-with"], 4)
    assert "data.split-cuts-patients" in codes(plan)


def test_texts_beside_pictures_are_named_where_nothing_says_the_labels(tmp_path: Path) -> None:
    pictures(tmp_path, n=24)
    for i in range(24):
        write(tmp_path / "labels" / f"{i}.txt", "0 0.5 0.5 0.2 0.2")
    with pytest.raises(BadData) as refused:
        make_plan(tmp_path)
    assert "labels/*.txt" in refused.value.found
