"""Archives and folders: every file comes out once, what is hostile gets a sentence, the rest goes on."""

import io
import os
import random
import stat
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from medcls.core.outcome import Outcome
from medcls.data.unpack import unpack
from medcls.errors import BadData, BadScan, TooLarge
from medcls.imaging import drop
from medcls.imaging.drop import open_drop, walk
from medcls.imaging.limits import Limits
from tests.imaging.overlapped import overlapped


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return out.getvalue()


def opened(data: bytes, **limits: int) -> list[Outcome[bytes]]:
    return list(open_drop([("drop.zip", data)], limits=Limits(**limits) if limits else None))


def test_files_and_archives_come_out_one_by_one():
    got = list(open_drop([("a.png", b"A"), ("z.zip", zipped(("b.png", b"B"), ("sub/c.png", b"C"))), ("d.dcm", b"D")]))
    assert [(d.name, d.value) for d in got] == [
        ("a.png", b"A"),
        ("z.zip/b.png", b"B"),
        ("z.zip/sub/c.png", b"C"),
        ("d.dcm", b"D"),
    ]
    assert not any(d.error for d in got)


def test_an_archive_is_known_by_content_and_a_picture_with_one_behind_it_is_a_picture():
    assert [d.name for d in open_drop([("scan.png", zipped(("a", b"1")))])] == ["scan.png/a"]
    polyglot = b"\x89PNG\r\n\x1a\n" + zipped(("a", b"1"))
    assert [d.value for d in open_drop([("scan.zip", polyglot)])] == [polyglot]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_equal_names_are_kept_apart():
    got = list(open_drop([("z.zip", zipped(("a.png", b"1"), ("a.png", b"2"))), ("z.zip", zipped(("a.png", b"3")))]))
    assert [d.value for d in got] == [b"1", b"2", b"3"]
    assert len({d.name for d in got}) == 3


def test_names_cannot_be_made_to_collide():
    got = list(open_drop([("a", b"1"), ("a (2)", b"2"), ("a", b"3"), ("a (2)", b"4"), ("a", b"5")]))
    assert len({d.name for d in got}) == 5


def test_names_are_shown_printable_and_short():
    got = list(open_drop([("evil\x1b[31m\n.png", b"1"), ("n" * 5000, b"2"), ("n" * 5000, b"3")]))
    assert all(d.name.isprintable() and len(d.name) <= 210 for d in got)
    assert got[1].name != got[2].name


def test_housekeeping_is_passed_over():
    junk = ("__MACOSX/._a.png", ".DS_Store", "x/Thumbs.db", ".git/config", "x/.hidden.png", "empty/")
    assert [d.name for d in opened(zipped(("a.png", b"A"), *((name, b"") for name in junk)))] == ["drop.zip/a.png"]
    assert [d.name for d in open_drop([(".scan.png", b"1"), ("f/.DS_Store", b""), ("._a.png", b"")])] == [".scan.png"]


@pytest.mark.parametrize(
    "name", ["../x.png", "a/../../x.png", "/etc/x.png", "C:/x.png", "C:x.png", "..\\x.png", "\\\\host\\x.png"]
)
def test_escaping_paths_are_refused(name):
    entry = zipfile.ZipInfo("placeholder")
    entry.filename = name
    bad, good = opened(zipped((entry, b"X"), ("good.png", b"G")))
    assert bad.value is None
    assert bad.error.code == "imaging.entry-unsafe-path"
    assert good.value == b"G"


def test_links_and_devices_are_refused():
    link, pipe = zipfile.ZipInfo("link.png"), zipfile.ZipInfo("pipe.png")
    link.external_attr, pipe.external_attr = (stat.S_IFLNK | 0o777) << 16, (stat.S_IFIFO | 0o644) << 16
    got = opened(zipped((link, b"/etc/passwd"), (pipe, b""), ("good.png", b"G")))
    assert [type(d.error) for d in got] == [BadScan, BadScan, type(None)]
    assert (got[0].error.code, got[0].error.found) == ("imaging.entry-no-file", "a link")


def test_encrypted_entries_are_named_as_such():
    data = bytearray(zipped(("a.png", b"A"), ("b.png", b"B")))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    bad, good = opened(bytes(data))
    assert bad.error.code == "imaging.entry-encrypted"
    assert good.value == b"B"


def test_one_level_of_nesting_is_opened():
    inner = zipped(("a.png", b"A"))
    got = opened(zipped(("in.zip", zipped(("deep.zip", zipped(("x.png", b"X"))), ("b.png", b"B"))), ("in2.zip", inner)))
    assert [d.name for d in got] == ["drop.zip/in.zip/deep.zip", "drop.zip/in.zip/b.png", "drop.zip/in2.zip/a.png"]
    assert got[0].error.code == "imaging.archive-too-deep"


def test_a_damaged_entry_does_not_stop_the_next():
    data = bytearray(zipped(("a.png", b"A" * 1000), ("b.png", b"B"), method=zipfile.ZIP_STORED))
    data[data.index(b"AAAA") + 5] ^= 0xFF
    bad, good = opened(bytes(data))
    assert isinstance(bad.error, BadScan)
    assert good.value == b"B"


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_archive_is_one_error(keep):
    data = zipped(*((f"{i}.png", os.urandom(50)) for i in range(9)))
    (only,) = opened(data[: int(len(data) * keep)])
    assert isinstance(only.error, BadScan)


def test_empty_archive_and_unusual_methods():
    assert opened(zipped())[0].error.code == "imaging.archive-empty"
    assert opened(zipped(("a", b"1"), method=zipfile.ZIP_LZMA))[0].error.code == "imaging.entry-packed"


def test_a_bomb_costs_no_memory():
    bomb = zipped(("a.png", bytes(40_000_000)), ("good.png", b"G"))
    tracemalloc.start()
    bad, good = opened(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(bad.error, TooLarge)
    assert good.value == b"G"
    assert peak < 2_000_000


def test_a_size_the_directory_lies_about_is_found_while_reading():
    data = bytearray(zipped(("a.png", bytes(3_000_000))))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(signature) + offset
        data[at : at + 4] = (100).to_bytes(4, "little")
    (only,) = opened(bytes(data), max_bytes=1_000_000)
    assert only.error is not None


def test_limits_per_file_and_in_total(monkeypatch):
    got = opened(zipped(("big.png", os.urandom(2000)), ("small.png", b"S")), max_bytes=1000)
    assert [type(d.error) for d in got] == [TooLarge, type(None)]
    monkeypatch.setattr(
        drop._Budget.__init__, "__defaults__", (drop._MAX_FILES, 250, *drop._Budget.__init__.__defaults__[2:])
    )
    got = opened(zipped(*((f"{i}", bytes(100)) for i in range(9))))
    assert [type(d.error) for d in got] == [type(None), type(None), TooLarge]


def test_a_hundred_thousand_entries_are_refused_at_once():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for i in range(30_000):
            archive.writestr(f"{i}", b"")
    (only,) = opened(out.getvalue())
    assert isinstance(only.error, TooLarge)
    assert "30,000" in str(only.error)


def test_entries_are_read_one_at_a_time():
    """Memory holds one entry, however many there are."""
    data = zipped(*((f"{i}.png", os.urandom(1_000_000)) for i in range(12)))
    tracemalloc.start()
    total = sum(len(d.value or b"") for d in open_drop(iter([("z.zip", data)])))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == 12_000_000
    assert peak < len(data) + 5_000_000


def test_walk_reads_folders_files_and_archives(tmp_path: Path):
    (tmp_path / "sub" / ".hidden").mkdir(parents=True)
    (tmp_path / "b.png").write_bytes(b"B")
    (tmp_path / "sub" / "a.png").write_bytes(b"A")
    (tmp_path / "sub" / "z.zip").write_bytes(zipped(("c.png", b"C")))
    (tmp_path / "sub" / ".hidden" / "x.png").write_bytes(b"X")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    got = list(walk([tmp_path, tmp_path / "missing.png"]))
    assert [d.value for d in got if d.value] == [b"B", b"A", b"C"]
    assert [Path(d.name).name for d in got if d.error] == ["pipe", "missing.png"]
    assert "missing" not in str(got[-1].error)


def test_a_long_path_on_this_machine_stays_whole(tmp_path: Path):
    deep = tmp_path / ("a" * 120) / ("b" * 120) / "c.png"
    deep.parent.mkdir(parents=True)
    deep.write_bytes(b"1")
    assert [d.name for d in walk([tmp_path])] == [str(deep)]


def test_walk_looks_at_the_size_before_it_reads(tmp_path: Path):
    (tmp_path / "big").write_bytes(bytes(2000))
    (only,) = walk([tmp_path / "big"], limits=Limits(max_bytes=1000))
    assert isinstance(only.error, TooLarge)


NAMES = [
    ("cp949", "양성/초음파_사진.png"),
    ("cp932", "良性/エコー画像.png"),
    ("gb18030", "良性/超声图像.png"),
    ("big5", "良性/超音波影像.png"),
    ("cp866", "доброкачественные/снимок.png"),
    ("cp1252", "bénin/échographie.png"),
    ("utf-8", "양성/ультразвук.png"),
]


@pytest.mark.parametrize(("page", "name"), NAMES)
@pytest.mark.parametrize("slash", ["/", "\\"])
def test_names_are_read_in_the_code_page_they_were_written_in(page: str, name: str, slash: str):
    """Archivers of old write names in the code page of their machine, and some of them with backslashes."""
    placeholder = "N" * len(name.replace("/", slash).encode(page))
    data = zipped((placeholder, b"1")).replace(placeholder.encode(), name.replace("/", slash).encode(page))
    (got,) = opened(data)
    assert (got.name, got.value) == (f"drop.zip/{name}", b"1")


def test_a_name_that_leads_out_by_its_extra_field_is_refused():
    evil = b"../evil.png"
    info = zipfile.ZipInfo("good.png")
    info.extra = (
        b"up" + (5 + len(evil)).to_bytes(2, "little") + b"\1" + zlib.crc32(b"good.png").to_bytes(4, "little") + evil
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(info, b"1")
    (got,) = opened(out.getvalue())
    assert got.error is None or got.error.code == "imaging.entry-unsafe-path"
    assert ".." not in got.name or got.value is None


def test_an_archive_whose_files_lie_over_each_other_is_damaged(tmp_path: Path) -> None:
    """A few kilobytes would unpack to as much as the disk holds, each file within every ratio."""
    bomb = overlapped(50, random.Random(1).randbytes(40) * 5000)
    assert sum(entry.file_size for entry in zipfile.ZipFile(io.BytesIO(bomb)).infolist()) > 1000 * len(bomb)
    assert [found.ok for found in open_drop([("a.zip", bomb)])] == [False]
    (tmp_path / "a.zip").write_bytes(bomb)
    with pytest.raises(BadData):
        unpack(tmp_path / "a.zip", tmp_path / "in")
    assert list((tmp_path / "in").iterdir()) == []
