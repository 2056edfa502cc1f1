"""The audit on a tree with planted faults; decisions; the shortcut probe on labels a border gives away."""

from pathlib import Path

import numpy as np
import pytest

from medcls.data import audit
from medcls.data.collections import Collection, add_collection, open_collection
from medcls.data.probe import probe, says
from medcls.data.suspects import find_suspects, out_of_fold
from medcls.errors import BadData
from tests.data import trees


@pytest.fixture
def faulty(tmp_path: Path) -> Collection:
    """A folder per label with a contradiction, a duplicate, a mask, a blank and a coloured picture."""
    root = tmp_path / "set"
    for k, label in enumerate(("healthy", "ill")):
        for i in range(12):
            trees.save(root / label / f"{i}.png", trees.picture("benign", 100 * k + i).convert("L"))
    picture = trees.picture("benign", 3).convert("L")
    trees.save(root / "ill" / "again.png", picture.resize((80, 80)))  # healthy/3 under another label
    trees.save(root / "ill" / "copy.jpg", trees.picture("benign", 105).convert("L"))  # ill/5 re-encoded
    trees.save(root / "ill" / "region_mask.png", trees.mask())
    trees.save(root / "ill" / "blank.png", trees.picture().convert("L").point(lambda v: 7))
    trees.save(root / "ill" / "colour.png", trees.picture("idc", 1, "breast-histology-idc"))
    (root / "ill" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    return add_collection(root, "set")


def found(result, kind: str) -> list:
    return [finding for finding in result.findings if finding.kind == kind]


def test_audit_finds_what_was_planted(faulty: Collection) -> None:
    assert audit.read_audit("set") is None
    result = audit.run_audit("set")
    (contradiction,) = found(result, "contradiction")
    assert set(contradiction.cases) == {"healthy/3.png", "ill/again.png"}
    assert contradiction.default == "drop"
    (duplicate,) = found(result, "duplicate")
    assert set(duplicate.cases) == {"ill/5.png", "ill/copy.jpg"}
    assert [f.cases for f in found(result, "mask")] == [("ill/region_mask.png",)]
    assert [f.cases for f in found(result, "blank")] == [("ill/blank.png",)]
    assert [f.cases for f in found(result, "colour")] == [("ill/colour.png",)]
    assert [f.cases for f in found(result, "unreadable")] == [("ill/broken.png",)]
    assert found(result, "patients")
    assert result == audit.read_audit("set")
    assert result.findings[0].kind == "contradiction"


def test_defaults_hold_until_decided(faulty: Collection) -> None:
    ids = set(faulty.column("id"))
    assert not ids & {"healthy/3.png", "ill/again.png", "ill/region_mask.png"}
    assert faulty.case("ill/copy.jpg").group == faulty.case("ill/5.png").group


def test_decisions_are_carried_out_and_remembered(faulty: Collection) -> None:
    result = audit.run_audit("set")
    (contradiction,), (duplicate,) = found(result, "contradiction"), found(result, "duplicate")
    audit.decide("set", {contradiction.key: "merge", duplicate.key: "keep", "blank": "drop", "mask": "keep"})
    now = open_collection("set")
    ids = set(now.column("id"))
    assert {"healthy/3.png", "ill/again.png", "ill/region_mask.png"} <= ids
    assert "ill/blank.png" not in ids
    assert now.case("healthy/3.png").group == now.case("ill/again.png").group
    assert now.case("ill/copy.jpg").group != now.case("ill/5.png").group
    assert now.fingerprint != faulty.fingerprint
    pairs, _ = now.pairs()
    assert len(pairs) == 1, "a pair declared different no longer counts as one"
    again = audit.run_audit("set", again=True)
    assert found(again, "contradiction")[0].decided == "merge"
    undone = audit.decide("set", dict.fromkeys([contradiction.key, duplicate.key, "blank", "mask"]))
    assert undone.fingerprint == faulty.fingerprint


def test_one_case_can_be_dropped_and_the_other_kept(faulty: Collection) -> None:
    (contradiction,) = found(audit.run_audit("set"), "contradiction")
    audit.decide("set", {contradiction.key: "merge", "drop:ill/again.png": "drop"})
    ids = set(open_collection("set").column("id"))
    assert "healthy/3.png" in ids
    assert "ill/again.png" not in ids


@pytest.mark.parametrize("wrong", [{"no-such": "drop"}, {"mask": "merge"}, {"drop:no/such.png": "drop"}])
def test_impossible_decisions_are_refused(wrong: dict, faulty: Collection) -> None:
    audit.run_audit("set")
    with pytest.raises(BadData) as refused:
        audit.decide("set", wrong)
    assert refused.value.code in ("data.decision-impossible", "data.no-such-case")


def test_a_published_split_that_leaks_is_told_of(tmp_path: Path) -> None:
    root = trees.parted(tmp_path / "p")
    trees.save(root / "test" / "a" / "same.png", trees.picture("benign", 0))
    add_collection(root, "p")
    (leak,) = found(audit.run_audit("p"), "leak")
    assert set(leak.cases) == {"train/a/0.png", "test/a/same.png"}


def test_a_wrong_label_stands_out() -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1], 100)
    features = rng.normal(size=(200, 8)).astype(np.float32) + 6 * truth[:, None]
    wrong = truth.copy()
    wrong[[5, 150]] = 1 - wrong[[5, 150]]
    prob = out_of_fold(features, wrong, np.arange(200).astype(str))
    assert prob.sum(1) == pytest.approx(1)
    assert set(find_suspects(prob, wrong)) == {5, 150}


def test_labels_are_judged_by_a_networks_features_where_they_are_given(tmp_path: Path) -> None:
    for k, label in enumerate(("healthy", "ill")):
        for i in range(40):
            trees.save(tmp_path / "s" / label / f"{i}.png", trees.picture("benign", 500 * k + i))
    add_collection(tmp_path / "s", "s")
    asked: list[str] = []

    def describe(cases) -> np.ndarray:
        asked.extend(case.id for case in cases)
        seen = [(case.label == "ill") != (case.id == "ill/7.png") for case in cases]
        return np.random.default_rng(0).normal(size=(len(cases), 16)) * 0.1 + np.array(seen, np.float32)[:, None]

    (suspect,) = found(audit.run_audit("s", judges={"one": describe}), "label")
    assert suspect.cases == ("ill/7.png",)
    assert len(asked) == 80


def test_a_doubted_label_is_of_a_scan_in_use_that_nobody_decided_on(tmp_path: Path) -> None:
    for k, label in enumerate(("healthy", "ill")):
        for i in range(30):
            trees.save(tmp_path / "s" / label / f"{i}.png", trees.picture("benign", 500 * k + i))
    trees.save(tmp_path / "s" / "ill" / "again.jpg", trees.picture("benign", 3))
    add_collection(tmp_path / "s", "s")
    wrong = {"ill/again.jpg", "ill/7.png"}

    def describe(cases) -> np.ndarray:
        seen = [(case.label == "ill") != (case.id in wrong) for case in cases]
        return np.random.default_rng(0).normal(size=(len(cases), 16)) * 0.1 + np.array(seen, np.float32)[:, None]

    said = audit.run_audit("s", judges={"one": describe})
    assert [set(one.cases) for one in found(said, "contradiction")] == [{"healthy/3.png", "ill/again.jpg"}]
    assert [one.cases for one in found(said, "label")] == [("ill/7.png",)]
    assert found(audit.decide("s", {"label": "drop"}), "label")[0].decided == "drop"
    assert len(found(audit.run_audit("s", judges={"one": describe}), "label")) == 1, "left out for this very doubt"
    assert found(audit.decide("s", {"label": None, "keep:ill/7.png": "keep"}), "label") == []


def test_probe_sees_a_border_that_gives_the_label_away_and_no_more(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for i in range(60):
        label = ("healthy", "ill")[i % 2]
        pixels = np.asarray(trees.picture("benign", 300 + i).convert("L")).copy()
        pixels[:, :4] = 30 + 40 * (i % 2) + rng.integers(0, 9)
        trees.save(tmp_path / "s" / label / f"{i}.png", trees.Image.fromarray(pixels))
    seen: list[tuple[int, int]] = []
    told = probe(
        add_collection(tmp_path / "s", "s"), ("ill",), progress=lambda done, total, stage="": seen.append((done, total))
    )
    assert seen == [(i, 4) for i in range(4)]
    assert told["border"].low > 0.9
    assert says("border", told["border"]).code == "data.probe-tells"
    assert told["size"].value == pytest.approx(0.5)
    assert told["marks"].low <= 0.5 <= told["marks"].high or told["marks"].value < 0.7
    with pytest.raises(BadData, match="needs more cases"):
        probe(add_collection(trees.folders(tmp_path / "few"), "few"), ("sick",))
