"""`report` and `audit` on the command line."""

import json
import re
from pathlib import Path

import pytest

from medcls import audit
from medcls.cli import main
from medcls.core.model import Abstention
from medcls.core.numbers import show_prob
from medcls.imaging.phantom import phantom
from tests.tiny import recast


def test_report_is_written_and_written_down(tiny_model, tmp_path: Path, capsys) -> None:
    """A report a file, the bad one named, the trail whole."""
    (tmp_path / "kim.png").write_bytes(phantom("breast-ultrasound", "malignant", 1))
    (tmp_path / "bad.png").write_bytes(b"no picture")
    out = tmp_path / "out"
    files = [str(tmp_path / name) for name in ("kim.png", "bad.png")]
    flags = ["--as", "text,json", "--for", "others", "--read", "benign", "--comment", "kim", "--json"]
    status = main(["report", *files, "--out", str(out), *flags])
    assert status == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [("written" in row, "error" in row) for row in rows] == [(True, False), (True, False), (False, True)]
    assert sorted(path.suffix for path in out.iterdir()) == [".json", ".txt"]
    assert not [path for path in out.iterdir() if "kim" in path.name or b"kim" in path.read_bytes()]
    assert [line.what for line in audit.lines()] == ["classify", "exit.text", "exit.json"]
    assert main(["audit", "verify"]) == 0


def scans(folder: Path, n: int) -> list[str]:
    """Paths of some scans, alike in nothing."""
    labels = ("malignant", "benign", "normal")
    for i in range(n):
        (folder / f"kim-{i}.png").write_bytes(phantom("breast-ultrasound", labels[i % 3], i))
    return [str(folder / f"kim-{i}.png") for i in range(n)]


def told(folder: Path) -> tuple[str, dict]:
    """The one report in a folder, as text and as JSON."""
    (text,), (answer,) = folder.glob("*.txt"), folder.glob("*.json")
    return text.read_text(encoding="utf-8"), json.loads(answer.read_text(encoding="utf-8"))


def test_views_make_one_report_with_their_one_answer(tiny_model, tmp_path: Path, capsys) -> None:
    """Of the first, each view with its answer and all together; alone it is another; one that cannot be read stops it."""
    paths = scans(tmp_path, 3)
    asked = ["--as", "text,json", "--json"]
    assert main(["report", *paths, "--out", str(tmp_path / "one"), "--views", *asked]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [Path(row["written"]).suffix for row in rows] == [".txt", ".json"]
    text, answer = told(tmp_path / "one")
    digests = [audited.facts["scan_sha256"] for audited in audit.lines() if audited.what == "classify"]
    assert len(digests) == 3
    assert answer["sha256"] == digests[0]
    assert main(["classify", *paths, "--json"]) == 0
    alone = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert answer["prob"] == pytest.approx(alone[0]["prob"], abs=1e-6)
    for number, row in enumerate(alone[1:], start=2):
        (line,) = [line for line in text.splitlines() if line.strip().startswith(f"View {number}")]
        assert row["decided"] in line
        assert show_prob(max(row["prob"])) in line
    assert "3 views" in text
    assert main(["report", paths[0], "--out", str(tmp_path / "first"), *asked]) == 0
    capsys.readouterr()
    assert told(tmp_path / "first")[0] != text
    (tmp_path / "kim-1.png").write_bytes(b"no picture")
    assert main(["report", *paths, "--out", str(tmp_path / "none"), "--views", *asked]) != 0
    assert not list((tmp_path / "none").iterdir())


def test_numbers_of_what_cannot_be_told_come_only_when_asked_for(tiny_model, tmp_path: Path, capsys) -> None:
    """`classify` and `report`, one scan and several views: none without `--show-anyway`, all with it."""
    recast(tiny_model.id, abstention=Abstention(min_prob=1.0))
    paths = scans(tmp_path, 2)

    def numbers(*asked: str) -> list[str]:
        assert main(["classify", *paths, *asked]) == 0
        return re.findall(r"\((.+ 0\.\d\d)\)$", capsys.readouterr().out, re.MULTILINE)

    assert numbers() == []
    assert len(numbers("--show-anyway")) == 2
    for views in ([], ["--views"]):
        shown = {}
        for anyway in ([], ["--show-anyway"]):
            out = tmp_path / f"out{len(views)}{len(anyway)}"
            given = paths if views else paths[:1]
            assert main(["report", *given, "--out", str(out), "--as", "text,json", *views, *anyway]) == 0
            capsys.readouterr()
            shown[bool(anyway)] = told(out)
        assert "cannot tell" in shown[False][0]
        rows = {
            anyway: dict(re.findall(r"^  (\w+) +((?:[<>] )?\d\.\d\d)$", text, re.M))
            for anyway, (text, _) in shown.items()
        }
        answer = shown[True][1]
        assert rows == {
            False: {},
            True: {label: show_prob(p) for label, p in zip(answer["labels"], answer["prob"], strict=True)},
        }


def test_wrong_words_are_sentences(tiny_model, tmp_path: Path, capsys) -> None:
    """A label or a way out that is not known is named, and nothing is written."""
    (tmp_path / "a.png").write_bytes(phantom("breast-ultrasound", "malignant", 1))
    for extra in (["--read", "purple"], ["--as", "fax"]):
        assert main(["report", str(tmp_path / "a.png"), "--out", str(tmp_path / "out"), *extra]) == 1
        assert extra[1] in capsys.readouterr().out
    assert not list((tmp_path / "out").iterdir())


def test_a_touched_trail_is_told_of(tmp_path: Path, capsys) -> None:
    """With the number of the line and the file; exit status 1."""
    for _ in range(3):
        audit.write("classify")
    path = audit.files()[0]
    path.write_text(path.read_text().replace('"n": 2', '"n": 9'))
    assert main(["audit", "verify"]) == 1
    assert "line 2" in capsys.readouterr().err
