"""Which cases a run uses: its task, its split, its fold."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from PIL import Image

from medcls.core.plan import PlanChoices
from medcls.core.run import RunSpec
from medcls.data.collections import add_collection, open_collection, remove_collection
from medcls.data.sources import find_sources, list_foreign, whole_sources
from medcls.data.splits import make_split, read_split, write_split
from medcls.errors import BadData, BadSplit, BadTask
from medcls.imaging.phantom import phantom
from tests.runs.processes import add_phantoms, phantom_home

SPEC = RunSpec.of(collections=("phantoms",))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return phantom_home(tmp_path_factory.mktemp("sources"))


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


def test_an_index_that_lost_its_cases_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The split names them still."""
    monkeypatch.setenv("MEDCLS_HOME", str(tmp_path / "home"))
    add_phantoms(tmp_path / "scans")
    find_sources(SPEC)
    with contextlib.closing(sqlite3.connect(open_collection("phantoms").stored[0].folder / "index.sqlite")) as db:
        db.execute("DELETE FROM cases")
        db.commit()
    with pytest.raises(BadSplit) as caught:
        find_sources(SPEC)
    assert caught.value.code == "data.split-unknown-case"


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
    assert {note.code for note in both.by[2:]} == {"data.copies-left-out"}
    alone = find_sources(SPEC)
    assert [note.code for note in alone.by] == ["data.split-by-group"]


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


@pytest.fixture
def two_tongues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunSpec:
    """Two collections of labels of their own; the second calls them otherwise, and has one more."""
    monkeypatch.setenv("MEDCLS_HOME", str(tmp_path / "home"))
    for k, (name, labels) in enumerate({"here": ("good", "tumour"), "there": ("gut", "schlecht", "unklar")}.items()):
        for j, label in enumerate(labels):
            for i in range(8):
                path = tmp_path / name / label / f"s{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(phantom("breast-ultrasound", "malignant", 100 * k + 10 * j + i, size_px=64))
        choices = PlanChoices(disease=tuple({"tumour", "schlecht"} & set(labels)))
        add_collection(tmp_path / name, name, choices=choices)
    return RunSpec.of(collections=("here", "there"))


MAP = {"there/gut": "good", "there/schlecht": "tumour", "there/unklar": ""}


def test_labels_of_two_collections_are_one_where_a_map_says_so(two_tongues: RunSpec) -> None:
    with pytest.raises(BadTask) as caught:
        find_sources(two_tongues)
    assert caught.value.code == "data.labels-differ"
    sources = find_sources(two_tongues.having(label_map=MAP))
    assert {(label.id, label.positive) for label in sources.task.labels} == {("good", False), ("tumour", True)}
    for cases in sources.cases:
        labels = [case.label for part in cases.values() for case in part]
        assert sorted(labels) == ["good"] * 8 + ["tumour"] * 8
    there = read_split(open_collection("there"), "auto")
    assert sum(map(len, there.parts.values())) == 24, "the split is of all cases: other runs use it too"
    assert {case.label for case in open_collection("there").cases} == {"gut", "schlecht", "unklar"}


def test_what_must_be_mapped_is_listed_until_it_is(two_tongues: RunSpec) -> None:
    foreign, allowed = list_foreign(two_tongues.having(collections=("there", "here")))
    assert foreign == {"here": ("good", "tumour")}
    assert allowed == ("gut", "schlecht", "unklar")
    with pytest.raises(BadTask) as caught:
        find_sources(two_tongues.having(label_map={"there/gut": "good"}))
    assert (caught.value.code, caught.value.params["found"]) == ("data.labels-differ", "tumour")
    to_task = two_tongues.having(collections=("there",), task="breast-ultrasound")
    assert list_foreign(to_task) == ({"there": ("gut", "schlecht", "unklar")}, ("normal", "benign", "malignant"))


@pytest.mark.parametrize("wrong", ["there/nothing", "nowhere/gut", "gut"])
def test_a_map_of_what_is_not_there_is_refused(two_tongues: RunSpec, wrong: str) -> None:
    with pytest.raises(BadData) as caught:
        find_sources(two_tongues.having(label_map=MAP | {wrong: "good"}))
    assert (caught.value.code, caught.value.params["found"]) == ("data.label-map-unknown", wrong)


def test_a_collection_is_measured_as_it_was_learned_from(two_tongues: RunSpec) -> None:
    task = find_sources(two_tongues.having(label_map=MAP)).task
    (told,) = whole_sources(["there"], task, MAP | {"here/good": "tumour", "there/gone": "good"}).cases
    assert sorted(case.label for case in told["all"]) == ["good"] * 8 + ["tumour"] * 8
