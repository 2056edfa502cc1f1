"""What is painted over is shown: the pictures hold the marks, and the scan without them."""

from pathlib import Path

import numpy as np
import pytest

from medcls.cli import main
from medcls.core.scan import Scan
from medcls.errors import Conflict
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.imaging.picture import to_png
from medcls.imaging.shifts import shift_scan
from medcls.workflows.marks import show_painted, write_painted


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
    assert write_painted(smooth, "a.png", Path("nowhere")) == ()


def test_the_command_writes_both_pictures(tiny_model, tmp_path: Path) -> None:
    _, drawn = marked()
    (tmp_path / "scan.png").write_bytes(to_png(drawn.pixels))
    assert main(["classify", str(tmp_path / "scan.png"), "--marks", str(tmp_path / "out")]) == 0
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert [name.rpartition("-")[2] for name in names] == ["marks.png", "without.png"]
    assert all(name.startswith("scan-") for name in names)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Conflict):
        write_painted(marked()[1], "a.png", tmp_path / "file" / "below")
