"""Labels mended: every change is a version, said by whom, taken back, compared; several writers lose nothing."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from medcls.core.plan import PlanChoices
from medcls.data import mending
from medcls.data.audit import run_audit
from medcls.data.collections import add_collection, open_collection
from medcls.data.difference import compare
from medcls.data.splits import list_splits, make_split, read_split, write_split
from medcls.errors import BadData, BadRecord, BadSplit
from medcls.imaging.decode import read_scan
from medcls.workflows.data_mend import label_names, list_doubts, merge_labels
from tests.data import trees


@pytest.fixture
def name(tmp_path: Path) -> str:
    for k, label in enumerate(("gutartig", "bösartig")):
        for i in range(6):
            trees.save(tmp_path / "set" / label / f"{i}.png", trees.picture("benign", 50 * k + i, size_px=48))
    add_collection(tmp_path / "set", "set")
    return "set"


def label_of(collection: str, case: str) -> str | None:
    return open_collection(collection).case(case).label


def test_a_relabelled_case_makes_the_next_version_and_the_old_one_stays_readable(name: str) -> None:
    before = open_collection(name).fingerprint
    record = mending.change(name, {"label:gutartig/1.png": "bösartig"}, who="Dr A")
    assert record.version == 2
    assert record.fingerprint != before
    assert label_of(name, "gutartig/1.png") == "bösartig"
    old = open_collection(f"{name}@1")
    assert old.fingerprint == before
    assert old.case("gutartig/1.png").label == "gutartig"
    assert old.read(old.case("gutartig/1.png"))
    (made,) = mending.list_changes(name)
    assert (made.who, made.version, made.set) == ("Dr A", 2, {"label:gutartig/1.png": "bösartig"})


@pytest.mark.parametrize("lost", ["base.json", "looks.bin"])
def test_a_version_that_cannot_be_made_anew_is_told_with_the_file(name: str, lost: str) -> None:
    mending.change(name, {"label:gutartig/1.png": "bösartig"})
    path = open_collection(name).stored[0].folder / lost
    path.unlink()
    path.mkdir()
    with pytest.raises(BadRecord) as told:
        open_collection(f"{name}@1")
    assert told.value.code == "core.unreadable-record"


def test_what_was_changed_is_taken_back_one_by_one(name: str) -> None:
    first = open_collection(name).fingerprint
    mending.change(name, {"label:gutartig/1.png": "bösartig"})
    second = mending.change(name, {"drop:gutartig/2.png": "drop"}).fingerprint
    mending.change(name, {"keep:gutartig/3.png": "keep"})
    assert open_collection(name).record.version == 3, "keeping a case changes nothing that is trained on"
    mending.undo(name)
    assert open_collection(name).fingerprint == second
    mending.undo(name)
    assert label_of(name, "gutartig/1.png") == "bösartig"
    assert mending.undo(name).fingerprint == first
    with pytest.raises(BadData) as refused:
        mending.undo(name)
    assert refused.value.code == "data.nothing-to-undo"
    assert len(mending.list_changes(name)) == 6


def test_labels_are_renamed_and_joined(name: str) -> None:
    record = mending.change(name, {"rename:bösartig": "malignant", "rename:gutartig": "benign"})
    assert set(record.labels) == {"benign", "malignant"}
    assert record.positive == ("malignant",)
    assert label_of(name, "bösartig/1.png") == "malignant"
    mending.change(name, {"label:bösartig/1.png": "benign"})
    assert label_of(name, "bösartig/1.png") == "benign"
    joined = mending.change(name, {"rename:gutartig": "malignant"})
    assert label_names(f"{name}@1", name) == {"gutartig": "gutartig", "bösartig": "bösartig", "malignant": "malignant"}
    assert joined.labels == ("malignant",)
    assert set(mending.change(name, {"rename:gutartig": None, "rename:bösartig": None}).labels) == {
        "gutartig",
        "bösartig",
    }


def test_the_difference_of_two_versions_says_what_was_done(name: str) -> None:
    mending.change(name, {"label:gutartig/1.png": "bösartig", "drop:gutartig/2.png": "drop"})
    found = compare(open_collection(f"{name}@1"), open_collection(name))
    assert (found.n_added, found.n_removed, found.n_relabelled) == (0, 1, 1)
    assert found.removed == ("gutartig/2.png",)
    assert found.relabels == {"gutartig -> bösartig": 1}
    back = compare(open_collection(name), open_collection(f"{name}@1"))
    assert (back.n_added, back.n_relabelled) == (1, 1)


def test_cases_that_moved_between_the_parts_of_two_versions_splits_are_told(name: str) -> None:
    first = make_split(open_collection(name), seed=0)
    write_split(open_collection(name), first)
    mending.change(name, {"label:gutartig/1.png": "bösartig"})
    assert compare(open_collection(f"{name}@1"), open_collection(name)).n_moved == 0, "no split of what it holds now"
    second = next(
        split for seed in range(1, 9) if (split := make_split(open_collection(name), seed=seed)).parts != first.parts
    )
    write_split(open_collection(name), second)
    before, after = ({c: p for p, cases in split.parts.items() for c in cases} for split in (first, second))
    found = compare(open_collection(f"{name}@1"), open_collection(name))
    assert set(found.moved) == {(c, before[c], after[c]) for c in before if before[c] != after[c]}
    assert found.n_moved == len(found.moved) > 0
    assert list_splits(open_collection(name)) == (second.name,), (
        "what is kept of earlier versions is no split of this one"
    )


def test_one_label_for_all_files_that_show_a_picture(tmp_path: Path) -> None:
    for label, i in (("good", 0), ("good", 1), ("bad", 2), ("bad", 3)):
        trees.save(tmp_path / "s" / label / f"{i}.png", trees.picture("benign", i, size_px=48))
    trees.save(tmp_path / "s" / "bad" / "again.png", trees.picture("benign", 0, size_px=48))
    add_collection(tmp_path / "s", "s")
    (finding,) = [f for f in run_audit("s").findings if f.kind == "contradiction"]
    assert sorted(finding.cases) == ["bad/again.png", "good/0.png"]
    assert open_collection("s").record.n_cases == 3
    merge_labels("s", finding, "good", who="a reader")
    now = open_collection("s")
    assert now.record.n_cases == 5
    assert label_of("s", "bad/again.png") == "good"
    assert now.case("bad/again.png").group == now.case("good/0.png").group
    assert not [f for f in run_audit("s").findings if f.kind == "contradiction"]
    mending.undo("s")
    assert (label_of("s", "bad/again.png"), open_collection("s").record.n_cases) == ("bad", 3)


def test_a_moved_file_is_no_other_case(name: str, tmp_path: Path) -> None:
    (tmp_path / "set" / "gutartig" / "1.png").rename(tmp_path / "set" / "gutartig" / "seen again.png")
    add_collection(tmp_path / "set", "later")
    found = compare(open_collection(name), open_collection("later"))
    assert (found.n_added, found.n_removed, found.n_relabelled) == (0, 0, 0)


@pytest.mark.parametrize("key", ["label:no.png", "drop:no.png", "rename:no"])
def test_what_is_not_there_cannot_be_mended(key: str, name: str) -> None:
    with pytest.raises(BadData):
        mending.change(name, {key: "drop"})
    assert not mending.list_changes(name)
    with pytest.raises(BadData):
        mending.change(name, {"label:gutartig/1.png": "no-label"})
    with pytest.raises(BadData):
        open_collection(f"{name}@7")


def test_a_split_of_a_version_fits_that_version_only(name: str) -> None:
    write_split(open_collection(name), make_split(open_collection(name)))
    mending.change(name, {"label:gutartig/1.png": "bösartig"})
    with pytest.raises(BadSplit):
        read_split(open_collection(name), "auto")


def test_the_judge_s_doubts_are_kept_with_its_probabilities(tmp_path: Path) -> None:
    for k, label in enumerate(("grey", "dark")):
        for i in range(24):
            picture = trees.picture("benign", 50 * k + i, size_px=48).convert("L")
            trees.save(tmp_path / "s" / label / f"{i}.png", picture.point(lambda v, k=k: v // 8 if k else v))
    (tmp_path / "s" / "dark" / "3.png").rename(tmp_path / "s" / "grey" / "wrong.png")
    add_collection(tmp_path / "s", "s")
    assert list_doubts("s") == ()
    run_audit("s")
    doubts = list_doubts("s")
    assert doubts[0].case == "grey/wrong.png"
    assert (doubts[0].label, doubts[0].suggested) == ("grey", "dark")
    assert doubts[0].prob > 0.5 > doubts[0].own
    blind = lambda cases: np.ones((len(cases), 4), np.float32)  # noqa: E731
    seeing = lambda cases: np.array([[read_scan(open_collection("s").read(c)).pixels.mean()] * 4 for c in cases])  # noqa: E731
    run_audit("s", judges={"seeing": seeing})
    alone = list_doubts("s")[0]
    run_audit("s", judges={"seeing": seeing, "blind": blind})
    both = next(doubt for doubt in list_doubts("s") if doubt.case == alone.case)
    assert (alone.by, both.by) == ("seeing", "seeing, blind")
    assert both.prob == pytest.approx((alone.prob + 0.5) / 2, abs=0.02), "the mean of what both say"
    mending.change("s", {"keep:grey/wrong.png": "keep"})
    assert "grey/wrong.png" not in [doubt.case for doubt in list_doubts("s")]


WRITER = """
import sys
from medcls.data.mending import change
assert "torch" not in sys.modules
k, n = int(sys.argv[1]), int(sys.argv[2])
for i in range(n):
    change("set", {f"note-{k}-{i}": "keep"}, who=f"writer {k}")
"""


def test_writers_in_several_processes_lose_nothing(name: str) -> None:
    writers, each = 8, int(os.environ.get("MEDCLS_CHANGES", "25"))
    running = [subprocess.Popen([sys.executable, "-c", WRITER, str(k), str(each)]) for k in range(writers)]
    assert [one.wait(1800) for one in running] == [0] * writers
    kept = open_collection(name).record.decisions
    assert {f"note-{k}-{i}" for k in range(writers) for i in range(each)} <= set(kept)
    assert len(mending.list_changes(name)) == writers * each


def test_of_four_who_undo_at_once_each_takes_back_another_change(name: str) -> None:
    for i in range(5):
        mending.change(name, {f"note-{i}": "keep"})
    start = Barrier(4)

    def take_back(_: int) -> None:
        start.wait()
        mending.undo(name)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(take_back, range(4)))
    assert set(open_collection(name).record.decisions) == {"note-0"}
    assert [one.undoes for one in mending.list_changes(name)[5:]] == [5, 4, 3, 2]


def test_the_same_change_made_and_undone_twice_is_undone_twice(name: str) -> None:
    """Both lines may be of one second and say the same; each is taken back by its own number."""
    for _ in range(2):
        mending.change(name, {"note": "keep"})
        mending.undo(name)
    assert [one.undoes for one in mending.list_changes(name)] == [0, 1, 0, 3]
    with pytest.raises(BadData):
        mending.undo(name)


def test_a_label_may_be_given_by_its_name_as_it_is_shown(tmp_path: Path) -> None:
    for label in ("Typ A", "Bösartig"):
        for i in range(3):
            trees.save(tmp_path / "set" / label / f"{i}.png", trees.picture("benign", 9 * len(label) + i, size_px=48))
    add_collection(tmp_path / "set", "named", choices=PlanChoices(disease=("Bösartig",)))
    record = mending.change("named", {"label:Typ A/0.png": "bo\u0308sartig"})
    assert record.decisions == {"label:Typ A/0.png": "bösartig"}
    record = mending.change("named", {"rename:typ a": "Mild"})
    assert {record.name_of(label) for label in record.labels} == {"Mild", "Bösartig"}
    record = mending.change("named", {"rename:mild": "Milder"})
    assert {record.name_of(label) for label in record.labels} == {"Milder", "Bösartig"}
    with pytest.raises(BadData) as caught:
        mending.change("named", {"label:Typ A/0.png": "foreign"})
    assert "Milder" in caught.value.allowed
