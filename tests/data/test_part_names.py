"""Columns of parts whose cells no word tells: asked, answered once for all tables, never guessed."""

from pathlib import Path

import pytest

from medcls.core.plan import PlanChoices
from medcls.data.collections import make_plan
from medcls.data.plan import prepare
from medcls.errors import BadData
from tests.data.test_plan import NAMES, sums_up, table


@pytest.mark.parametrize("column", ["part", "fold", "set"])
def test_words_in_a_column_of_any_name_are_no_part_until_it_is_said(column: str, tmp_path: Path) -> None:
    root = table(
        tmp_path, ("file", "label", column), lambda i: (f"{i}.jpg", NAMES[i % 2], ("alpha", "beta")[i // 2 % 2])
    )
    plan = make_plan(root)
    assert (plan.split, plan.count_by("part")) == ("", {})
    assert [question.option for question in plan.questions] == ["--part-name"] * 2
    said = make_plan(root, PlanChoices(parts={"alpha": "train", "beta": "test"}))
    assert (said.count_by("part"), said.questions) == ({"train": 4, "test": 4}, ())


def numbered(root: Path, column: str, cells: tuple[object, ...]) -> Path:
    return table(
        root, ("file", "label", column), lambda i: (f"{i}.jpg", NAMES[i % 2], cells[i // 2 % len(cells)]), n=24
    )


@pytest.mark.parametrize("column", ["set", "partition", "Subset", "分割"])
@pytest.mark.parametrize(
    "cells", [(1, 2, 3), (0, 1, 2), (1, 2), ("1.0", "2.0"), ("A", "B"), ("A", "B", "D", "E", "lernen")]
)
def test_what_cells_of_a_column_of_parts_mean_is_asked(column: str, cells: tuple, tmp_path: Path) -> None:
    plan = make_plan(numbered(tmp_path, column, cells))
    bare = [str(cell).removesuffix(".0").lower() for cell in cells]
    assert [q.default for q in plan.questions] == [f"{cell}=nothing" for cell in bare]
    assert {q.option for q in plan.questions} == {"--part-name"}
    assert not plan.count_by("part")
    assert not plan.open_questions
    parts = dict(zip(bare, ("train", "test", "val", "test", "train"), strict=False))
    answered = make_plan(tmp_path, PlanChoices(parts=parts))
    assert set(answered.count_by("part")) == {{"val": "validate"}.get(part, part) for part in parts.values()}
    assert (answered.questions, answered.tables[0].notes) == ((), ())
    assert sums_up(answered)


def test_an_answer_is_checked_and_may_be_nothing(tmp_path: Path) -> None:
    numbered(tmp_path, "set", (1, 2))
    with pytest.raises(BadData) as refused:
        make_plan(tmp_path, PlanChoices(parts={"1": "sample"}))
    assert refused.value.code == "data.part-name-wrong"
    plan = make_plan(tmp_path, PlanChoices(parts={"1": "nothing", "2": "nothing"}))
    assert (plan.count_by("part"), plan.questions) == ({}, ())


def test_many_numbers_may_be_folds(tmp_path: Path) -> None:
    plan = make_plan(numbered(tmp_path, "split", (1, 2, 3, 4, 5)))
    assert [(q.asks.code, q.allowed) for q in plan.questions] == [("data.asks-folds", ("*=fold", "*=nothing"))]
    answered = make_plan(tmp_path, PlanChoices(parts={"*": "fold"}))
    assert set(answered.count_by("part")) == {f"fold-{k}" for k in range(1, 6)}
    assert answered.split == "fold"


def test_two_tables_ask_once_and_one_answer_holds_for_both(tmp_path: Path) -> None:
    for name, first in (("a", 0), ("b", 12)):
        rows = lambda i, at=first: (f"img/{i + at}.jpg", NAMES[i % 2], 1 + i // 2 % 2)  # noqa: E731
        table(tmp_path, ("file", "label", "set"), rows, n=12, name=f"{name}.csv")
    table(tmp_path / "more", ("x",), lambda i: (i,), n=1)
    for i in range(24):
        (tmp_path / "img" / f"{i}.jpg").write_bytes((tmp_path / "img" / f"{i % 12}.jpg").read_bytes())
    assert [q.default for q in make_plan(tmp_path).questions] == ["1=nothing", "2=nothing"]
    plan = make_plan(tmp_path, PlanChoices(parts={"1": "train", "2": "test"}))
    assert plan.count_by("part") == {"train": 12, "test": 12}


def test_a_column_of_parts_beside_one_of_folds_is_told(tmp_path: Path) -> None:
    rows = lambda i: (f"{i}.jpg", NAMES[i % 2], 1 + i % 2, i // 2 % 4)  # noqa: E731
    plan = make_plan(table(tmp_path, ("file", "label", "set", "fold"), rows, n=16))
    assert set(plan.count_by("part")) == {f"fold-{k}" for k in range(4)}
    assert [note.code for note in plan.tables[0].notes] == ["data.parts-unread"]


def test_a_group_of_few_numbers_may_be_a_part(tmp_path: Path) -> None:
    plan = make_plan(numbered(tmp_path, "group", (1, 2, 3)))
    assert [(q.option, q.allowed, q.default) for q in plan.questions] == [("--part-column", ("group", "-"), "-")]
    asked = make_plan(tmp_path, PlanChoices(columns={"part": "group"}))
    assert [q.option for q in asked.questions] == ["--part-name"] * 3
    assert (asked.n_owned, make_plan(tmp_path, PlanChoices(columns={"part": "-"})).questions) == (0, ())


@pytest.mark.parametrize("column", ["lesion", "exam", "series", "study no", "group"])
def test_numbers_that_begin_anew_in_each_patient_tie_no_patients(column: str, tmp_path: Path) -> None:
    rows = lambda i: (f"{i}.jpg", NAMES[i // 4 % 2], f"P{i // 4}", 1 + i % 2)  # noqa: E731
    found = prepare(table(tmp_path, ("file", "label", "patient", column), rows, n=24))
    assert {e.group for e in found.entries} == {f"P{p}/{k}" for p in range(6) for k in (1, 2)}
    assert [note.code for note in found.plan.notes] == ["data.groups-in-patients"]
    assert found.plan.questions == ()


@pytest.mark.parametrize("cells", [("L1", "L2"), ("left", "right"), ("nodule 1", "nodule 2"), ("1", "2"), ("A", "B")])
@pytest.mark.parametrize("rare", [0, 6])
def test_groups_that_stand_beside_most_patients_tie_none(cells: tuple[str, str], rare: int, tmp_path: Path) -> None:
    """However many lesions one patient has that no other has."""
    lesion = lambda i: f"{cells[0]}{i}" if i < rare else cells[i % 2]  # noqa: E731
    rows = lambda i: (f"{i}.jpg", NAMES[i // 8 % 2], f"P{i // 8}", lesion(i))  # noqa: E731
    found = prepare(table(tmp_path, ("file", "label", "patient", "lesion"), rows, n=40))
    assert len({e.group for e in found.entries}) == 10 + rare
    assert all(str(e.group).startswith(f"{e.patient}/") for e in found.entries)


def test_a_group_that_two_patients_of_many_share_ties_them(tmp_path: Path) -> None:
    rows = lambda i: (f"{i}.jpg", NAMES[i // 8 % 2], f"P{i // 2}", 1 + i // 4)  # noqa: E731
    found = prepare(table(tmp_path, ("file", "label", "patient", "lesion"), rows, n=40))
    assert {e.group for e in found.entries} == {str(k) for k in range(1, 11)}
