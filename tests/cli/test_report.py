"""`report` and `audit` on the command line."""

import json
from pathlib import Path

from medcls import audit
from medcls.cli import main
from medcls.imaging.phantom import phantom


def test_report_is_written_and_written_down(tiny_model, tmp_path: Path, capsys) -> None:
    """A report a file, the bad one named, the trail whole."""
    (tmp_path / "kim.png").write_bytes(phantom("breast-ultrasound", "malignant", 1))
    (tmp_path / "bad.png").write_bytes(b"no picture")
    out = tmp_path / "out"
    status = main(["report", str(tmp_path / "kim.png"), str(tmp_path / "bad.png"), "--out", str(out), "--as", "text,json",
                   "--for", "others", "--read", "benign", "--comment", "kim", "--json"])  # fmt: skip
    assert status == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [("written" in row, "error" in row) for row in rows] == [(True, False), (True, False), (False, True)]
    assert sorted(path.suffix for path in out.iterdir()) == [".json", ".txt"]
    assert not [path for path in out.iterdir() if "kim" in path.name or b"kim" in path.read_bytes()]
    assert [line.what for line in audit.lines()] == ["classify", "exit.text", "exit.json"]
    assert main(["audit", "verify"]) == 0


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
