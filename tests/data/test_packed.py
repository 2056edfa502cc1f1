"""Archives in an archive are unpacked within the limits of one; archives that are not are named, with what to do."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from medcls.data.collections import add_collection, make_plan
from medcls.data.unpack import unpack
from medcls.errors import BadData
from tests.data.test_plan import NAMES, counts, labels, scan, sums_up


def packed(folder: Path, above: str = "") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(file, f"{above}{file.relative_to(folder).as_posix()}")
    return made.getvalue()


def delivery(root: Path) -> Path:
    """An archive of two archives, one a site's folder inside of it, one only what is in such a folder."""
    for site, above in (("siteA", "siteA/"), ("siteB", "")):
        (root / "out").mkdir(exist_ok=True)
        (root / "out" / f"{site}.zip").write_bytes(packed(labels(root / site), above))
    (root / "all.zip").write_bytes(packed(root / "out"))
    return root / "all.zip"


def test_archives_in_an_archive_are_read(tmp_path: Path, home: Path) -> None:
    plan = make_plan(delivery(tmp_path))
    assert (counts(plan), plan.n_not_taken) == ({"benign": 6, "malignant": 6}, 0)
    assert plan.count_by("site") == {"siteA": 6, "siteB": 6}
    record = add_collection(tmp_path / "all.zip", "both").stored[0].record
    assert (record.n_cases, record.sites) == (12, {"siteA": 6, "siteB": 6})


def test_an_inner_archive_that_is_damaged_or_too_much_stays_and_is_told(tmp_path: Path, home: Path) -> None:
    labels(tmp_path / "out")
    (tmp_path / "out" / "broken.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    with zipfile.ZipFile(tmp_path / "out" / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.png", bytes(20_000_000))
    with zipfile.ZipFile(tmp_path / "out" / "outside.zip", "w") as archive:
        archive.writestr("../a.png", b"x")
    (tmp_path / "all.zip").write_bytes(packed(tmp_path / "out"))
    plan = make_plan(tmp_path / "all.zip")
    assert (counts(plan), plan.n_not_taken) == ({"benign": 3, "malignant": 3}, 3)
    assert {row.reason.code for row in plan.not_taken} == {"data.zip-inside"}
    assert sums_up(plan)


def test_archives_in_archives_end(tmp_path: Path) -> None:
    data = b"end"
    for n in range(8):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr(f"{n}.zip" if n else "0.txt", data)
        data = made.getvalue()
    (tmp_path / "deep.zip").write_bytes(data)
    unpack(tmp_path / "deep.zip", tmp_path / "out")
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert [path.suffix for path in files] == [".zip"]


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.xz", "a.7z", "a.rar"])
def test_other_archives_are_named_inside_a_set_and_refused_alone(name: str, tmp_path: Path) -> None:
    for label in NAMES:
        for i in range(3):
            scan(tmp_path / "set" / label / f"{i}.png")
    heads = {"a.7z": b"7z\xbc\xaf'\x1c", "a.rar": b"Rar!\x1a\x07\x01\x00"}
    if name in heads:
        (tmp_path / "set" / name).write_bytes(heads[name] + bytes(100))
    else:
        with tarfile.open(tmp_path / "set" / name, f"w:{name.partition('.tar')[2].lstrip('.')}") as archive:
            archive.add(tmp_path / "set" / "benign", "benign")
    plan = make_plan(tmp_path / "set")
    assert [row.reason.code for row in plan.not_taken] == ["data.archive-inside"]
    with pytest.raises(BadData) as refused:
        make_plan(tmp_path / "set" / name)
    assert refused.value.code == "data.archive-no-zip"


def test_a_file_that_is_no_table_is_refused_before_its_folder_is_looked_through(tmp_path: Path) -> None:
    labels(tmp_path)
    with pytest.raises(BadData) as refused:
        make_plan(tmp_path / "benign" / "0.png")
    assert refused.value.code == "data.no-table-here"
