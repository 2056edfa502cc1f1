"""Which cases a run uses: its task, its split, its fold."""

from pathlib import Path

import pytest
from PIL import Image

from medcls.core.run import RunSpec
from medcls.data.collections import add_collection, open_collection, remove_collection
from medcls.data.sources import find_sources
from medcls.data.splits import make_split, read_split, write_split
from medcls.errors import BadData, BadSplit, BadTask
from medcls.imaging.phantom import phantom
from tests.runs.processes import add_phantoms

SPEC = RunSpec.of(collections=("phantoms",))


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
    again = find_sources(SPEC.having(seed=7))
    for part in ("train", "validate", "test"):
        assert ids(first, part) == ids(again, part) != set()
    assert sum(first.count(part) for part in ("train", "validate", "test")) == 36
    assert not ids(first, "train") & (ids(first, "validate") | ids(first, "test"))
    assert first.fingerprint == open_collection("phantoms").fingerprint


def test_auto_is_carried_over_when_cases_are_dropped_or_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDCLS_HOME", str(tmp_path / "home"))
    add_phantoms(tmp_path / "scans")
    before = find_sources(SPEC)
    gone = sorted(ids(before, "test"))[0]
    (tmp_path / "scans" / "Dataset_BUSI_with_GT" / gone).unlink()
    for i in range(6):
        new = tmp_path / "scans" / "Dataset_BUSI_with_GT" / "benign" / f"benign ({900 + i}).png"
        new.write_bytes(phantom("breast-ultrasound", "benign", 900 + i, size_px=64))
    written = tmp_path / "home" / "datasets" / "phantoms" / "splits" / "auto.json"
    old = written.read_bytes()
    remove_collection("phantoms")
    add_collection(tmp_path / "scans", "phantoms")
    written.parent.mkdir()
    written.write_bytes(old)  # as if findings had been settled: the contents changed under the split
    after = find_sources(SPEC)
    for part in ("train", "validate", "test"):
        assert ids(before, part) - {gone} <= ids(after, part)
    assert sum(after.count(part) for part in ("train", "validate", "test")) == 36 - 1 + 6
    assert open_collection("phantoms").fingerprint == read_split(open_collection("phantoms"), "auto").fingerprint


def test_a_copy_in_another_collection_is_not_trained_on_where_its_like_is_tested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDCLS_HOME", str(tmp_path / "home"))
    add_phantoms(tmp_path / "scans")
    for path in sorted((tmp_path / "scans").rglob("*.png")):
        copy = tmp_path / "copies" / path.parent.name / f"c{path.stem}.jpg"
        copy.parent.mkdir(parents=True, exist_ok=True)
        Image.open(path).convert("L").save(copy, quality=92)
    add_collection(tmp_path / "copies", "copies")
    write_split(open_collection("copies"), make_split(open_collection("copies"), name="auto", seed=5))
    both = find_sources(RunSpec.of(collections=("phantoms", "copies"), task="breast-ultrasound"))

    def pictures(part: str) -> set[str]:
        return {Path(i).stem.removeprefix("c") for i in ids(both, part)}

    assert not pictures("test") & (pictures("train") | pictures("validate"))
    assert not pictures("validate") & pictures("train")
    assert both.count("test") > 8, "the test parts lose nothing"
    assert "left out" in both.by
    alone = find_sources(SPEC)
    assert "left out" not in alone.by


def test_each_fold_is_tested_on_once() -> None:
    collection = open_collection("phantoms")
    write_split(collection, make_split(collection, name="four", folds=4))
    tested = [ids(find_sources(SPEC.having(split="four", fold=k)), "test") for k in range(4)]
    assert sum(map(len, tested)) == len(set().union(*tested)) == 36
    with pytest.raises(BadSplit, match="no fold 4"):
        find_sources(SPEC.having(split="four", fold=4))
    with pytest.raises(BadSplit):
        find_sources(SPEC.having(split="nothing"))


def test_the_task_is_the_one_named_or_the_collections() -> None:
    assert find_sources(SPEC).task.id == "breast-ultrasound"
    assert find_sources(SPEC.having(task="breast-ultrasound")).task.label_ids == (
        "normal",
        "benign",
        "malignant",
    )
    with pytest.raises(BadTask):
        find_sources(SPEC.having(task="nothing"))
    with pytest.raises(BadData):
        find_sources(RunSpec())


def test_a_site_left_out_is_tested_on_whole_and_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDCLS_HOME", str(tmp_path / "home"))
    for k, name in enumerate(("here", "there")):
        add_phantoms(tmp_path / name, name, first=1000 * k)
    spec = SPEC.having(collections=("here", "there"), leave_out="there")
    sources = find_sources(spec)
    where = {c.name: cases for c, cases in zip(sources.collections, sources.cases, strict=True)}
    assert {part: len(where["there"].get(part, ())) for part in ("train", "validate")} == {"train": 0, "validate": 0}
    assert len(where["there"]["test"]) == len(open_collection("there").cases)
    assert where["here"]["test"] == ()
    assert where["here"]["train"]
    for wrong in (spec.having(leave_out="nowhere"), spec.having(collections=("here",), leave_out="here")):
        with pytest.raises(BadData) as caught:
            find_sources(wrong)
        assert caught.value.code == "data.no-such-site"
