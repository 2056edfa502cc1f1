"""Ids that stand at several sites: kept together and told until a person says whether each site numbers its own."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from medcls.core.plan import Plan, PlanChoices
from medcls.data.collections import make_plan
from medcls.data.plan import prepare
from medcls.errors import BadData
from tests.data.test_plan import NAMES, scan

Write = Callable[[Path, list[dict[str, str]], str], None]
SITES = ("siteA", "siteB")
NUMBERS = ("1", "2", "3", "4")


def write(path: Path, rows: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def tables(root: Path, sites: tuple[str, ...] = SITES, ids: tuple[str, ...] = NUMBERS, role: str = "patient") -> Path:
    """A table in each site's folder, two scans of each id."""
    for site in sites:
        rows = [{"file": f"{i}_{k}.png", "label": NAMES[n % 2], role: i} for n, i in enumerate(ids) for k in range(2)]
        for row in rows:
            scan(root / site / row["file"])
        write(root / site / "labels.csv", rows)
    return root


def column(root: Path) -> Path:
    """One table with a column of sites."""
    rows = [
        {"file": f"{site}-{i}.png", "label": NAMES[int(i) % 2], "patient id": i, "site": site}
        for site in ("Lyon", "Paris")
        for i in NUMBERS
    ]
    for row in rows:
        scan(root / row["file"])
    write(root / "labels.csv", rows)
    return root


def folders(root: Path) -> Path:
    for site in SITES:
        for n, i in enumerate(NUMBERS):
            for k in range(2):
                scan(root / site / NAMES[n % 2] / f"patient{i}" / f"{k}.png")
    return root


def asked(plan: Plan) -> list[tuple[str, str]]:
    return [(question.option, question.default) for question in plan.questions]


def at_sites(plan: Plan) -> list[int]:
    return [int(str(note.params["n"])) for note in plan.notes if note.code.startswith("data.ids-")]


@pytest.mark.parametrize("made", [tables, column, folders], ids=["tables", "column", "folders"])
def test_numbers_that_stand_at_several_sites_are_asked_about(made: Callable[[Path], Path], tmp_path: Path) -> None:
    plan = make_plan(made(tmp_path))
    assert (asked(plan), at_sites(plan), plan.n_patients) == ([("--patients", "shared")], [4], 4)
    shared = make_plan(tmp_path, PlanChoices(patients="shared"))
    assert (asked(shared), at_sites(shared), shared.n_patients) == ([], [4], 4)
    prepared = prepare(tmp_path, PlanChoices(patients="per-site"))
    assert (asked(prepared.plan), at_sites(prepared.plan), prepared.plan.n_patients) == ([], [4], 8)
    sites: dict[str, set[str]] = {}
    for entry in prepared.entries:
        sites.setdefault(str(entry.patient), set()).add(entry.attributes["site"])
    assert [len(of_one) for of_one in sites.values()] == [1] * 8


@pytest.mark.parametrize("name", ["siteA.csv", "labels_hospital_A.csv", "서울병원 목록.csv"])
def test_tables_called_by_sites_say_the_site(name: str, tmp_path: Path) -> None:
    for k, site in enumerate("AB"):
        rows = [{"file": f"{site}{i}.png", "label": NAMES[i % 2], "patient": i} for i in NUMBERS for i in (int(i),)]
        for row in rows:
            scan(tmp_path / str(row["file"]))
        write(tmp_path / name.replace("A", site).replace("서울", ("서울", "부산")[k]), rows)
    plan = make_plan(tmp_path)
    assert (sorted(plan.count_by("site").values()), asked(plan)) == ([4, 4], [("--patients", "shared")])


def test_words_before_patients_in_names_of_files_are_sites(tmp_path: Path) -> None:
    for site in ("SNUH", "AMC"):
        for n in range(1, 5):
            for k in range(2):
                scan(tmp_path / NAMES[n % 2] / f"{site}_patient{n}_{k}.png")
    plan = make_plan(tmp_path)
    assert (plan.count_by("site"), plan.n_patients) == ({"AMC": 8, "SNUH": 8}, 4)
    assert asked(plan) == [("--patients", "shared")]
    assert make_plan(tmp_path, PlanChoices(patients="per-site")).n_patients == 8


@pytest.mark.parametrize("words", [("left", "right"), ("us", "img"), ("train", "test")])
def test_sides_and_kinds_before_patients_are_no_sites(words: tuple[str, str], tmp_path: Path) -> None:
    for word in words:
        for n in range(1, 5):
            scan(tmp_path / NAMES[n % 2] / f"{word}_patient{n}.png")
    plan = make_plan(tmp_path)
    assert (plan.count_by("site"), asked(plan), plan.n_patients) == ({}, [], 4)


def test_tables_in_folders_of_places_say_the_site(tmp_path: Path) -> None:
    plan = make_plan(tables(tmp_path, ("Seoul", "Busan")))
    assert (plan.count_by("site"), asked(plan)) == ({"Busan": 8, "Seoul": 8}, [("--patients", "shared")])


@pytest.mark.parametrize("names", [("train", "test"), ("2019", "2020")])
def test_parts_and_years_are_no_sites(names: tuple[str, ...], tmp_path: Path) -> None:
    plan = make_plan(tables(tmp_path, names))
    assert (plan.count_by("site"), asked(plan), at_sites(plan), plan.n_patients) == ({}, [], [], 4)


def test_ids_that_do_not_count_are_told_and_kept_together(tmp_path: Path) -> None:
    plan = make_plan(tables(tmp_path, ids=("a8f3c09e", "77d1b2aa", "90f1e2d3", "1b2c3d4e")))
    assert (asked(plan), at_sites(plan), plan.n_patients) == ([], [4], 4)


def test_names_of_people_are_told_and_kept_together(tmp_path: Path) -> None:
    plan = make_plan(tables(tmp_path, ids=("Kim Minsu", "Lee Jiho", "Park Sora", "Choi Yuna")))
    assert (asked(plan), at_sites(plan), plan.n_patients) == ([], [4], 4)


def test_lesions_of_sites_are_apart_with_their_patients(tmp_path: Path) -> None:
    tables(tmp_path, role="lesion_id")
    prepared = prepare(tmp_path, PlanChoices(patients="per-site"))
    assert (prepared.plan.n_patients, len({entry.group for entry in prepared.entries})) == (8, 8)


def test_an_id_without_a_site_ties_those_of_all_sites(tmp_path: Path) -> None:
    rows = [
        {"file": f"{n}.png", "label": NAMES[n % 2], "patient": i, "site": site}
        for n, (i, site) in enumerate((i, s) for i in NUMBERS for s in ("A1", "B1", "" if i == "1" else "A1"))
    ]
    for row in rows:
        scan(tmp_path / row["file"])
    write(tmp_path / "labels.csv", rows)
    prepared = prepare(tmp_path, PlanChoices(patients="per-site"))
    assert prepared.plan.n_patients == 7
    assert {entry.patient for entry in prepared.entries if not entry.attributes.get("site")} == {"1"}


def test_what_is_said_of_patients_is_one_of_two_and_stays_in_a_plan(tmp_path: Path) -> None:
    plan = make_plan(tables(tmp_path), PlanChoices(patients="per-site"))
    assert Plan.from_json(plan.to_json().encode(), "p").choices.patients == "per-site"
    with pytest.raises(BadData) as refused:
        make_plan(tmp_path, PlanChoices(patients="each"))
    assert refused.value.code == "data.patients-choice-wrong"
