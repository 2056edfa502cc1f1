"""Labelled sets as nobody should hand them over: a sentence or a collection, never a traceback, never half a collection."""

import os
from pathlib import Path

import numpy as np
import pytest

from medcls.core.plan import PlanChoices
from medcls.data.audit import run_audit
from medcls.data.collections import add_collection
from medcls.data.splits import make_split
from medcls.errors import BadData, BadSplit
from tests.data import trees


def table(root: Path, text: bytes) -> Path:
    for i in range(4):
        trees.save(root / f"{i}.png", trees.picture("benign", i))
    (root / "scans.csv").write_bytes(text)
    return root


@pytest.mark.parametrize(
    "rows",
    [
        b"",
        b"0.png," + b"x" * 200_000 + b"\n",
        b"gone.png,ill\n",
        b"\x00\x00,\x00\n",
    ],
    ids=["no rows", "a huge field", "only a missing file", "zero bytes"],
)
def test_a_broken_table_is_refused_in_a_sentence(rows: bytes, tmp_path: Path, home: Path) -> None:
    with pytest.raises(BadData) as refused:
        add_collection(table(tmp_path / "t", b"path,label\n" + rows), "t")
    assert str(refused.value).endswith(".")
    assert list((home / "datasets").iterdir()) == []


def test_a_published_table_that_lacks_columns_is_refused(tmp_path: Path) -> None:
    trees.bus_bra(tmp_path / "bus-bra")
    (tmp_path / "bus-bra/BUSBRA/bus_data.csv").write_text("ID,Pathology\nbus_0001-l,benign\n")
    with pytest.raises(BadData) as refused:
        add_collection(tmp_path / "bus-bra", "x", choices=PlanChoices(layout="bus-bra"))
    assert refused.value.code == "data.table-lacks-columns"


def test_a_file_that_only_sounds_like_a_table_does_no_harm(tmp_path: Path) -> None:
    root = trees.folders(tmp_path / "s")
    (root / "metadata").write_bytes(b"x" * 200_000)
    (root / "scans.csv").write_bytes(b"y" * 200_000)
    assert add_collection(root, "s").layout == "folders"


def test_awkward_names_are_kept_as_they_are(tmp_path: Path) -> None:
    long = "é" * 120
    names = ["a, b.png", "😷.png", "<img onerror=alert(1)>.png", f"{long}.png", "=1+1.png", "%2e%2e.png"]
    for k, label in enumerate(("x", "y")):
        for i, name in enumerate(names):
            trees.save(tmp_path / "s" / label / name, trees.picture("benign", 50 * k + i))
    collection = add_collection(tmp_path / "s", "s")
    assert {case.id for case in collection.cases} == {f"{label}/{name}" for label in "xy" for name in names}
    assert all(collection.read(case) for case in collection.cases)


def test_names_that_are_no_text_are_set_aside(tmp_path: Path) -> None:
    trees.folders(tmp_path / "s")
    folder = os.fsencode(tmp_path / "s" / "Sick 😷")
    try:
        with open(folder + b"/\xff.png", "wb") as file:
            file.write((tmp_path / "s" / "Sick 😷" / "scan 0, <img onerror=x>.png").read_bytes())
    except OSError:
        pytest.skip("this file system takes only names that are text")
    collection = add_collection(tmp_path / "s", "s")
    assert len(collection.cases) == 6
    assert [why.code for why in collection.stored[0].index.not_taken().values()] == ["data.name-no-text"]


def test_paths_patients_and_labels_of_5000_characters(tmp_path: Path) -> None:
    long = "p" * 5000
    rows = f"path,label,patient\n0.png,{long},{long}\n1.png,ill,{long}\n{long}.png,ill,q\n2.png,ill,r\n"
    collection = add_collection(table(tmp_path / "t", rows.encode()), "t")
    assert len(collection.cases) == 3
    left = collection.stored[0].index.not_taken()
    assert {path: why.code for path, why in left.items()} == {f"{long}.png": "data.row-missing", "3.png": "data.no-row"}
    assert collection.case("0.png").group == collection.case("1.png").group == long
    assert max(map(len, collection.labels)) == 64


@pytest.mark.parametrize("n", [1, 2])
def test_hardly_any_scans(n: int, tmp_path: Path) -> None:
    rows = "path,label\n" + "".join(f"{i}.png,ill\n" for i in range(n))
    collection = add_collection(table(tmp_path / "t", rows.encode()), "t")
    assert run_audit("t").counts == {"ill": n}
    with pytest.raises(BadSplit, match="too small"):
        make_split(collection)


def test_one_scan_of_a_label_among_a_thousand(tmp_path: Path) -> None:
    root = tmp_path / "rare"
    root.mkdir()
    rng = np.random.default_rng(0)
    np.save(root / "X.npy", rng.integers(0, 255, (1001, 24, 24), np.uint8))
    np.save(root / "Y.npy", np.array([1, *[0] * 1000]))
    collection = add_collection(root, "rare")
    kinds = {finding.kind for finding in run_audit("rare").findings}
    assert "balance" in kinds
    assert "label" not in kinds
    split = make_split(collection)
    assert sum(map(len, split.parts.values())) == 1001


def test_a_copy_takes_no_pipe_and_not_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "all"
    monkeypatch.setenv("MEDCLS_HOME", str(root / "home"))
    for label in ("benign", "malignant"):
        trees.save(root / "scans" / label / "0.png", trees.picture(label, 0))
    os.mkfifo(root / "scans" / "pipe")
    assert add_collection(root, "set", copy=True).record.n_cases == 2
