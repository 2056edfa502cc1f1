"""Splits: nothing cut, labels in proportion, proof checked by other means; leaky ones refused."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medcls.core.collection import Split
from medcls.core.run import RunSpec
from medcls.data import splits
from medcls.data.collections import Collection, add_collection, open_many
from medcls.data.sources import choose_split
from medcls.data.split_proof import Leak
from medcls.errors import BadSplit
from medcls.workflows.data_split import split_collection, take_split
from tests.data import trees


@pytest.fixture
def patients(tmp_path: Path) -> Collection:
    return add_collection(trees.bus_bra(tmp_path / "set", 12), "set")


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n_groups=st.integers(12, 80), n_labels=st.integers(2, 3), data=st.data())
def test_no_unit_is_ever_cut_and_labels_stay_in_proportion(seed: int, n_groups: int, n_labels: int, data) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 4, n_groups)
    units = np.repeat(np.arange(n_groups), sizes)
    labels = np.repeat(rng.integers(0, n_labels, n_groups), sizes).astype(str)
    shares = np.array(data.draw(st.sampled_from([(0.7, 0.15, 0.15), (0.5, 0.5), (0.2,) * 5])))
    part = splits._assign(units, labels, shares, seed)
    assert all(len(set(part[units == u])) == 1 for u in range(n_groups))
    for label in set(labels):
        n = (labels == label).sum()
        got = np.array([((part == p) & (labels == label)).sum() for p in range(len(shares))])
        assert (np.abs(got - shares * n) <= 3 + 1e-9).all(), (got, shares * n)


def test_hold_out_keeps_patients_whole(patients: Collection) -> None:
    split = splits.make_split(patients, seed=3, by="patient")
    part_of = {case: part for part, cases in split.parts.items() for case in cases}
    assert len(part_of) == 24
    of = {}
    for case in patients.cases:
        of.setdefault(case.patient, set()).add(part_of[case.id])
    assert all(len(parts) == 1 for parts in of.values())
    assert split.proof is not None
    assert (split.proof.groups_shared, split.proof.near_pairs_across) == (0, 0)
    assert splits.make_split(patients, seed=3, by="patient") == split
    assert splits.make_split(patients, seed=4, by="patient").parts != split.parts


def test_folds_cover_everything_once(patients: Collection) -> None:
    split = splits.make_split(patients, folds=3, by="patient")
    assert split.folds == ("fold-0", "fold-1", "fold-2")
    assert sorted(case for cases in split.parts.values() for case in cases) == sorted(patients.column("id"))
    turned = split.rotate(2)
    assert set(turned.parts["test"]) == set(split.parts["fold-2"])


def test_published_folds_are_taken_over(patients: Collection) -> None:
    split = splits.make_split(patients, by="published")
    assert Counter(len(cases) for cases in split.parts.values()) == {8: 3}


def test_a_leaky_split_is_refused_with_what_leaks(patients: Collection) -> None:
    ids = sorted(patients.column("id"))
    with pytest.raises(Leak) as refused:
        splits.accept_split(patients, "mine", {"train": tuple(ids[::2]), "test": tuple(ids[1::2])})
    assert set(refused.value.groups) == {str(p) for p in range(1, 13)}
    assert "groups" in str(refused.value)
    whole = {"train": tuple(ids[:12]), "test": tuple(ids[12:])}
    assert splits.accept_split(patients, "mine", whole).proof is not None
    with pytest.raises(BadSplit, match="does not have"):
        splits.accept_split(patients, "mine", {"train": ("no such",), "test": (ids[0],)})


def test_the_same_picture_on_both_sides_is_refused_even_where_nothing_says_so(tmp_path: Path) -> None:
    root = trees.busi(tmp_path / "busi")
    folder = root / "Dataset_BUSI_with_GT" / "benign"
    picture = trees.picture("benign", 1).convert("L")
    trees.save(folder / "benign (9).png", picture.resize((70, 70)))
    collection = add_collection(root)
    pair = {"benign/benign (1).png", "benign/benign (9).png"}
    assert {collection.case(case).group for case in pair} == {"benign/benign (1).png"}
    rest = tuple(case for case in collection.column("id") if case not in pair)
    with pytest.raises(Leak) as refused:
        splits.accept_split(
            collection, "mine", {"train": (*rest, "benign/benign (1).png"), "test": ("benign/benign (9).png",)}
        )
    assert [set(p) for p in refused.value.pairs] == [pair]


def test_several_collections_are_checked_against_each_other(tmp_path: Path) -> None:
    add_collection(trees.busi(tmp_path / "one"), "one")
    add_collection(trees.busi(tmp_path / "two", first_seed=7000), "two")
    root = trees.busi(tmp_path / "three", first_seed=9000)
    trees.save(root / "Dataset_BUSI_with_GT" / "benign" / "benign (9).png", trees.picture("benign", 2))
    add_collection(root, "three")
    split = splits.make_split(open_many(["one", "two"]), seed=1)
    assert split.proof is not None
    joint = open_many(["one", "three"])
    split = splits.make_split(joint, seed=1)
    part_of = {case: part for part, cases in split.parts.items() for case in cases}
    assert part_of["one/benign/benign (2).png"] == part_of["three/benign/benign (9).png"]


def test_a_split_is_kept_and_refused_when_contents_change(patients: Collection) -> None:
    split = splits.make_split(patients, name="kept", by="patient")
    path = splits.write_split(patients, split)
    assert splits.read_split(patients, "kept") == split
    assert splits.list_splits(patients) == ("kept",)
    path.write_text(replace(split, fingerprint="other").to_json())
    with pytest.raises(BadSplit, match="other contents"):
        splits.read_split(patients, "kept")
    with pytest.raises(BadSplit, match="no split of this name"):
        splits.read_split(patients, "../kept")
    assert json.loads(path.read_text())["by"] == "patient"


def test_a_split_for_earlier_contents_is_kept_and_a_broken_one_written_over(patients: Collection) -> None:
    split = splits.make_split(patients, name="kept", by="patient")
    earlier = replace(split, fingerprint="e" * 64).to_json()
    path = splits.write_split(patients, split)
    path.write_text(earlier)
    splits.write_split(patients, split)
    assert splits.read_split(patients, "kept") == split
    assert (path.parent / f".kept.{'e' * 16}.json").read_text() == earlier
    path.write_bytes(b'{"name": \xff')
    splits.write_split(patients, split)
    assert splits.read_split(patients, "kept") == split


@pytest.mark.parametrize("name", ["a/b", "../a", "", ".a", "a b", "é", "x" * 65])
def test_a_name_that_can_be_no_file_is_refused_before_anything_is_made(patients: Collection, name: str) -> None:
    split = splits.make_split(patients, name=name)
    with pytest.raises(BadSplit, match="cannot have this name"):
        splits.write_split(patients, split)
    with pytest.raises(BadSplit, match="cannot have this name"):
        split_collection("set", name, by="nonsense")
    with pytest.raises(BadSplit, match="cannot have this name"):
        take_split("set", name, b"nonsense")
    assert splits.list_splits(patients) == ()


@pytest.mark.parametrize(
    "asked",
    [{"by": "colour"}, {"folds": 1}, {"parts": {"train": 0.5, "test": 0.1}}, {"parts": {"train": 1.0}}, {"folds": 60}],
)
def test_impossible_splits_are_refused(asked: dict, patients: Collection) -> None:
    with pytest.raises(BadSplit):
        splits.make_split(patients, **asked)


def test_what_is_not_known_cannot_be_split_by(tmp_path: Path) -> None:
    collection = add_collection(trees.folders(tmp_path / "f"), "f")
    with pytest.raises(BadSplit, match="which patient"):
        splits.make_split(collection, by="patient")
    with pytest.raises(BadSplit, match="without folds"):
        splits.make_split(collection, by="published")
    assert isinstance(splits.make_split(collection, parts={"train": 0.5, "test": 0.5}), Split)


def test_folds_cannot_take_the_name_that_runs_hold_out_by(patients: Collection) -> None:
    with pytest.raises(BadSplit, match="name of their own"):
        split_collection("set", folds=3)
    assert split_collection("set", "three-folds", folds=3).folds


def test_folds_that_stand_under_auto_are_rotated(patients: Collection) -> None:
    splits.write_split(patients, splits.make_split(patients, name="auto", folds=3))
    tested = [set(choose_split(patients, RunSpec.of(fold=fold)).parts["test"]) for fold in range(3)]
    assert all(tested)
    assert len(set.union(*tested)) == sum(map(len, tested)) == len(patients.cases)
