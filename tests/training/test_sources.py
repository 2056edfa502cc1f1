"""Which cases a run uses: its task, its split, its fold."""

import dataclasses
from pathlib import Path

import pytest

from medcls.core.run import RunSpec
from medcls.data.collections import open_collection
from medcls.data.sources import find_sources
from medcls.data.splits import make_split, write_split
from medcls.errors import BadData, BadSplit, BadTask
from tests.runs.processes import add_phantoms

SPEC = RunSpec(collections=("phantoms",))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDCLS_HOME", str(folder / "home"))
        add_phantoms(folder / "scans")
    return folder / "home"


@pytest.fixture(autouse=True)
def _home(shared: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDCLS_HOME", str(shared))


def ids(sources, part: str) -> set[str]:
    return {case.id for cases in sources.cases for case in cases[part]}


def test_auto_splits_once_and_every_seed_is_tested_on_the_same_cases() -> None:
    first = find_sources(SPEC)
    again = find_sources(dataclasses.replace(SPEC, seed=7))
    for part in ("train", "validate", "test"):
        assert ids(first, part) == ids(again, part) != set()
    assert sum(first.count(part) for part in ("train", "validate", "test")) == 36
    assert not ids(first, "train") & (ids(first, "validate") | ids(first, "test"))
    assert first.fingerprint == open_collection("phantoms").fingerprint


def test_each_fold_is_tested_on_once() -> None:
    collection = open_collection("phantoms")
    write_split(collection, make_split(collection, name="four", folds=4))
    tested = [ids(find_sources(dataclasses.replace(SPEC, split="four", fold=k)), "test") for k in range(4)]
    assert sum(map(len, tested)) == len(set().union(*tested)) == 36
    with pytest.raises(BadSplit, match="no fold 4"):
        find_sources(dataclasses.replace(SPEC, split="four", fold=4))
    with pytest.raises(BadSplit):
        find_sources(dataclasses.replace(SPEC, split="nothing"))


def test_the_task_is_the_one_named_or_the_collections() -> None:
    assert find_sources(SPEC).task.id == "breast-ultrasound"
    assert find_sources(dataclasses.replace(SPEC, task="breast-ultrasound")).task.label_ids == (
        "normal",
        "benign",
        "malignant",
    )
    with pytest.raises(BadTask):
        find_sources(dataclasses.replace(SPEC, task="nothing"))
    with pytest.raises(BadData):
        find_sources(RunSpec())
