"""Folders that may be several things: parts, patients or sites. What the names tell is read, the rest is asked."""

from pathlib import Path

import pytest

from medcls.core.plan import Plan, PlanChoices
from medcls.data.collections import make_plan
from tests.data.test_plan import NAMES, counts, sums_up
from tests.data.test_told_sets import put


def grow(root: Path, pattern: str, folders: tuple[str, ...], n: int = 3) -> Path:
    """`n` scans in each folder, by a pattern of its place as `{folder}/{label}`."""
    for folder in folders:
        for label in NAMES:
            put(root, *(f"{pattern.format(folder=folder, label=label)}/{i}.png" for i in range(n)))
    return root


def asked(plan: Plan) -> dict[str, str]:
    return {question.asks.code: question.option for question in plan.questions}


ABOVE, BELOW = "{folder}/{label}", "{label}/{folder}"
NUMBERED = [
    ("TR_1", "TR_2", "TS_1"),
    ("tr1", "tr2", "va1", "ts1"),
    ("train_001", "train_002", "train_003", "test_001", "test_002"),
    ("훈련1", "훈련2", "검증1"),
]


# ---- parts with a number: pieces of a part, or patients of it
@pytest.mark.parametrize("pattern", [ABOVE, BELOW])
@pytest.mark.parametrize("folders", [("TR_1", "TS_1"), ("TR_01", "VA_01", "TS_01"), ("train1", "test1")])
def test_one_numbered_folder_of_each_part_is_the_part(folders: tuple[str, ...], pattern: str, tmp_path: Path) -> None:
    plan = make_plan(grow(tmp_path, pattern, folders))
    assert counts(plan) == dict.fromkeys(NAMES, 3 * len(folders))
    assert sum(plan.count_by("part").values()) == plan.n_scans
    assert (len(plan.count_by("part")), plan.n_patients, asked(plan)) == (len(folders), 0, {})


@pytest.mark.parametrize("pattern", [ABOVE, BELOW])
@pytest.mark.parametrize("folders", NUMBERED, ids=[names[0] for names in NUMBERED])
def test_of_several_numbered_folders_of_a_part_it_is_asked_whether_they_are_patients(
    folders: tuple[str, ...], pattern: str, tmp_path: Path
) -> None:
    plan = make_plan(grow(tmp_path, pattern, folders))
    assert asked(plan) == {"data.asks-part-folders": "--folders"}
    assert (plan.n_owned, plan.n_patients) == (plan.n_scans, len(folders))
    parts = plan.count_by("part")
    assert (len(parts), sum(parts.values()), counts(plan)) == (
        3 if len(folders) == 4 else 2,
        plan.n_scans,
        dict.fromkeys(NAMES, 3 * len(folders)),
    )
    patients, as_parts = plan.questions[0].allowed
    answered = make_plan(tmp_path, PlanChoices(folders=patients))
    assert (answered.n_patients, answered.count_by("part"), asked(answered)) == (len(folders), parts, {})
    answered = make_plan(tmp_path, PlanChoices(folders=as_parts))
    assert (answered.n_patients, answered.count_by("part"), asked(answered)) == (0, parts, {})


def test_initials_of_people_beside_others_are_no_parts(tmp_path: Path) -> None:
    plan = make_plan(grow(tmp_path, ABOVE, ("TR_1", "TS_2", "AB_3", "CD_4", "EF_5")))
    assert (plan.count_by("part"), plan.n_owned) == ({}, plan.n_scans)


# ---- few small numbers: patients or sites
FEW = [("1", "2"), ("01", "02", "03"), ("S1", "S2"), ("H1", "H2", "H3", "H4"), ("C 1", "C 2"), ("제1", "제2")]


@pytest.mark.parametrize("folders", FEW, ids=[names[0] for names in FEW])
def test_few_numbers_above_the_labels_may_be_sites_as_well_as_patients(
    folders: tuple[str, ...], tmp_path: Path
) -> None:
    plan = make_plan(grow(tmp_path, ABOVE, folders))
    assert asked(plan) == {"data.asks-outer-folders": "--folders"}
    assert (plan.n_owned, plan.n_patients) == (plan.n_scans, len(folders))
    assert set(plan.count_by("site")) == set(folders)
    patients, sites = plan.questions[0].allowed
    answered = make_plan(tmp_path, PlanChoices(folders=sites))
    assert (set(answered.count_by("site")), answered.n_owned) == (set(folders), 0)
    answered = make_plan(tmp_path, PlanChoices(folders=patients))
    assert (answered.count_by("site"), answered.n_patients) == ({}, len(folders))


@pytest.mark.parametrize("folders", [("1", "2"), ("S1", "S2", "S3")], ids=["digits", "letters"])
def test_few_numbers_inside_each_label_may_be_sites_as_well_as_patients(
    folders: tuple[str, ...], tmp_path: Path
) -> None:
    plan = make_plan(grow(tmp_path, BELOW, folders))
    assert asked(plan) == {"data.asks-shared-folders": "--folders"}
    assert (plan.n_owned, plan.n_patients) == (plan.n_scans, len(folders))
    assert sums_up(plan)
    answered = make_plan(tmp_path, PlanChoices(folders=plan.questions[0].allowed[1]))
    assert (set(answered.count_by("site")), answered.n_owned) == (set(folders), 0)


@pytest.mark.parametrize("pattern", [ABOVE, BELOW])
@pytest.mark.parametrize("folders", [("8863", "8864"), ("P001", "P002"), ("patient 1", "patient 2")])
def test_numbers_of_patients_are_not_asked_about(folders: tuple[str, ...], pattern: str, tmp_path: Path) -> None:
    plan = make_plan(grow(tmp_path, pattern, folders))
    assert (plan.n_patients, asked(plan)) == (2, {})
