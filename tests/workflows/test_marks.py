"""What is painted over is shown: the pictures hold the marks, and the scan without them; they leave by the gate."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from medcls import audit
from medcls.cli import main
from medcls.core.scan import Scan
from medcls.imaging.burned_in import find_text
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.imaging.picture import to_png
from medcls.imaging.shifts import shift_scan
from medcls.workflows.marks import exports, show_painted


def marked() -> tuple[Scan, Scan]:
    """A phantom as it is, and with crosses drawn on it."""
    plain = read_scan(phantom("breast-ultrasound", "benign", 5))
    return plain, shift_scan(plain, "calipers-plus", 1.0, 3)


def test_marks_are_tinted_and_taken_out() -> None:
    plain, drawn = marked()
    found = show_painted(drawn)
    assert found is not None
    tinted, without = read_scan(found.marked).pixels, read_scan(found.without).pixels
    painted = tinted[..., 0] - tinted[..., 2] > 0.2
    assert painted.mean() == pytest.approx(found.share, abs=0.002)
    strokes = np.abs(drawn.pixels - plain.pixels) > 0.3
    assert painted[strokes].mean() > 0.8
    apart = np.abs(without - plain.pixels)[strokes].mean(), np.abs(drawn.pixels - plain.pixels)[strokes].mean()
    assert apart[0] < 0.5 * apart[1], "nearer to the scan before anything was drawn on it"


def test_a_scan_without_marks_has_no_picture() -> None:
    smooth = Scan(np.full((128, 160), 0.4, np.float32), "0" * 64)
    assert show_painted(smooth) is None
    assert exports(smooth, "mark-removal") == ()


def test_the_command_writes_both_pictures(tiny_model, tmp_path: Path, capsys) -> None:
    """Named after the scan's digest, never after the file; each in the trail."""
    _, drawn = marked()
    (tmp_path / "kim.png").write_bytes(to_png(drawn.pixels))
    assert main(["classify", str(tmp_path / "kim.png"), "--marks", str(tmp_path / "out"), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == [f"{row['sha256'][:16]}--{kind}.png" for kind in ("marks", "without")]
    assert sorted(Path(path).name for path in row["marks"]) == names
    assert [(line.what, line.outcome) for line in audit.lines()] == [
        ("classify", "done"),
        *[("exit.drawing", "done")] * 2,
    ]


def test_marks_of_a_scan_with_text_on_it_stay_here(tiny_model, tmp_path: Path, capsys) -> None:
    """For others nothing is written unless the text is painted over; the next file is answered and written all the same."""
    _, drawn = marked()
    named = Image.fromarray(np.rint(drawn.pixels * 255).astype(np.uint8))
    ImageDraw.Draw(named).text((12, 14), "KIM MINSU 1971", font=ImageFont.load_default(20), fill=255)
    (scans := tmp_path / "scans").mkdir()
    named.save(scans / "a.png")
    (scans / "b.png").write_bytes(to_png(drawn.pixels))
    asked = ["classify", str(scans), "--marks", str(tmp_path / "out"), "--json", "--for", "others"]
    assert main(asked) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(Path(row["file"]).name, row.get("marks_code", ""), len(row["marks"])) for row in rows] == [
        ("a.png", "exits.burned-in-text", 0),
        ("b.png", "", 2),
    ]
    assert all("decided" in row for row in rows)
    assert len(list((tmp_path / "out").iterdir())) == 2
    (scans / "b.png").unlink()
    assert main([*asked, "--cover-text"]) == 0
    row = json.loads(capsys.readouterr().out)
    for path in row["marks"]:
        assert not find_text(read_scan(Path(path).read_bytes()).pixels)


def test_a_folder_that_cannot_be_made_is_told(tiny_model, tmp_path: Path, capsys) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "kim.png").write_bytes(to_png(marked()[1].pixels))
    assert main(["classify", str(tmp_path / "kim.png"), "--marks", str(tmp_path / "file" / "below")]) != 0
    assert "Traceback" not in capsys.readouterr().err
