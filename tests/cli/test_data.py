"""`data add|list|show|audit|split|remove`, with and without --json."""

import json
from pathlib import Path

import pytest

from medcls.cli import main
from tests.data import trees


@pytest.fixture
def added(tmp_path: Path, capsys) -> str:
    assert main(["data", "add", str(trees.bus_bra(tmp_path / "set", 12)), "--name", "set"]) == 0
    capsys.readouterr()
    return "set"


def rows(capsys) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_collection_from_its_folder_to_a_proved_split(added: str, capsys, home: Path) -> None:
    assert main(["data", "list", "--json"]) == 0
    assert [row["name"] for row in rows(capsys)] == ["set"]
    assert main(["data", "show", "set", "--json"]) == 0
    (shown,) = rows(capsys)
    assert shown["counts"] == {"benign": 12, "malignant": 12}
    assert shown["n_patients"] == 12
    assert main(["data", "audit", "set", "--json"]) == 0
    assert all(row["says"] for row in rows(capsys))
    assert main(["data", "split", "set", "--json"]) == 0
    (split,) = rows(capsys)
    assert split["by"] == "patient"
    assert split["proof"]["groups_shared"] == 0
    assert (home / "datasets" / "set" / "splits" / "auto.json").is_file()
    assert main(["data", "split", "set", "--as", "five", "--folds", "4"]) == 0
    assert "Proof: 0 " in capsys.readouterr().out
    assert main(["data", "show", "set"]) == 0
    assert "splits: auto, five" in capsys.readouterr().out
    assert main(["data", "remove", "set"]) == 0
    assert main(["data", "list"]) == 0
    assert "no collection yet" in capsys.readouterr().err


def test_a_leaky_split_is_refused_with_its_groups(added: str, capsys, tmp_path: Path) -> None:
    lines = [f"Images/bus_{p:04d}-{s}.png,{'train' if s == 'l' else 'test'}" for p in range(1, 13) for s in "lr"]
    (tmp_path / "split.csv").write_text("\n".join(["id,part", *lines]))
    assert main(["data", "split", "set", "--from", str(tmp_path / "split.csv")]) == 2
    told = capsys.readouterr().err
    assert "leaks" in told
    assert "group 1 on both sides: Images/bus_0001-l.png | Images/bus_0001-r.png" in told
    lines = [f"Images/bus_{p:04d}-{s}.png,{'train' if p < 8 else 'test'}" for p in range(1, 13) for s in "lr"]
    (tmp_path / "split.csv").write_text("\n".join(["id,part", *lines]))
    assert main(["data", "split", "set", "--from", str(tmp_path / "split.csv")]) == 0


@pytest.mark.parametrize(
    "args",
    [
        ["show", "no-such"],
        ["split", "set", "--parts", "x"],
        ["audit", "set", "--decide", "mask=merge"],
        ["add", "/no/such"],
    ],
)
def test_mistakes_are_sentences_and_status_2(args: list[str], added: str, capsys) -> None:
    assert main(["data", *args]) == 2
    assert capsys.readouterr().err.startswith("medcls: ")


def test_unreadable_files_give_status_1(tmp_path: Path, capsys) -> None:
    root = trees.folders(tmp_path / "f")
    (root / "Sick 😷" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    assert main(["data", "add", str(root), "--json"]) == 1
    assert rows(capsys)[0]["n_set_aside"] == 1


def test_what_is_left_out_is_told_by_code_beside_its_sentence(tmp_path: Path, capsys, home: Path) -> None:
    root = trees.bus_bra(tmp_path / "set", 12)
    (root / "notes.xyz").write_bytes(bytes(range(256)))
    for path in sorted((root / "BUSBRA" / "Images").glob("*.png"))[:1]:
        path.write_bytes(path.read_bytes()[:60])
    assert main(["data", "add", str(root), "--name", "set", "--yes"]) == 1
    capsys.readouterr()
    assert main(["data", "show", "set", "--json"]) == 0
    (shown,) = rows(capsys)
    ((name, sentence),) = shown["unreadable"]
    (why,) = shown["unreadable_reasons"]
    assert (why["file"], why["says"], why["reason"]["code"]) == (name, sentence, "data.picture-unreadable")
    (left,) = shown["not_taken"]
    assert (left["n"], left["reason"]["code"], bool(left["says"])) == (1, "data.no-picture", True)
    (home / "datasets" / "set" / "record.json").write_text("{")
    assert main(["data", "list", "--json"]) == 1
    (broken,) = rows(capsys)
    assert (broken["name"], bool(broken["code"]), bool(broken["error"])) == ("set", True, True)


def test_names_of_several_lines_stand_on_one(tmp_path: Path, capsys) -> None:
    for label in ("benign", "malignant"):
        for i in range(3):
            trees.save(tmp_path / "set" / label / f"{i}\nset: nothing found.png", trees.picture(label, i // 2))
        (tmp_path / "set" / label / "x\ny.png").write_bytes(b"\x89PNG\r\n\x1a\nx")
    for name in ("set", "more"):
        main(["data", "add", str(tmp_path / "set"), "--name", name, "--task", "breast-ultrasound"])
        trees.save(tmp_path / "set" / "benign" / "new\nset: nothing found.png", trees.picture("benign", 9))
    for command in (["show", "set"], ["audit", "set"], ["diff", "set", "more"]):
        assert main(["data", *command]) == 0
    told = capsys.readouterr().out
    assert "x\\u000ay.png" in told
    assert not any(line.startswith(("set: nothing", "y.png")) for line in told.splitlines())
