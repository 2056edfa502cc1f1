"""Collections on disk: indexed where they lie, honest about what cannot be read, never half there."""

import contextlib
import hashlib
import pickle
import sqlite3
import zipfile
from pathlib import Path

import numpy as np
import pytest

from medcls.core.note import SAID, Note
from medcls.core.outcome import Outcome
from medcls.data import collections
from medcls.data.descriptors import DESCRIPTOR, describe_picture
from medcls.errors import BadData, BadScan, Conflict, TooLarge
from medcls.imaging.limits import Limits
from medcls.workflows.data_audit import read_probe
from tests.data import trees


def test_import_leaves_the_files_and_knows_them(tmp_path: Path, home: Path) -> None:
    root = trees.busi(tmp_path / "busi")
    before = {p: p.read_bytes() for p in root.rglob("*.png")}
    collection = collections.add_collection(root)
    assert collection.name == "busi"
    assert (collection.layout, collection.task_id, collection.labels) == (
        "busi",
        "breast-ultrasound",
        ("normal", "benign", "malignant"),
    )
    case = collection.case("benign/benign (2).png")
    data = collection.read(case)
    assert data == before[root / "Dataset_BUSI_with_GT" / "benign" / "benign (2).png"]
    assert case.sha256 == hashlib.sha256(data).hexdigest()
    assert (case.label, case.size_px, case.patient, case.group) == ("benign", (96, 96), None, case.id)
    assert collection.read_mask(case, case.masks[0]).startswith(b"\x89PNG")
    assert {p: p.read_bytes() for p in root.rglob("*.png")} == before
    assert not list((home / "datasets").glob("*/files"))


def test_cases_are_a_sequence_and_survive_a_worker(tmp_path: Path) -> None:
    collection = collections.add_collection(trees.busi(tmp_path / "busi"))
    ids = [case.id for case in collection.cases]
    assert len(ids) == len(collection.cases) == 12
    assert collection.cases[-1].id == ids[-1]
    assert [c.id for c in collection.cases[2:5]] == ids[2:5]
    with pytest.raises(IndexError):
        collection.cases[12]
    again = pickle.loads(pickle.dumps(collection.stored[0]))
    assert again.record == collection.record
    assert collection.descriptors().dtype == DESCRIPTOR


def test_an_unreadable_file_in_the_middle_is_set_aside(tmp_path: Path) -> None:
    root = trees.busi(tmp_path / "busi")
    (root / "Dataset_BUSI_with_GT" / "benign" / "benign (2).png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    (root / "Dataset_BUSI_with_GT" / "normal" / "normal (3).png").write_bytes(b"")
    collection = collections.add_collection(root)
    assert (collection.record.n_set_aside, collection.record.n_not_taken) == (1, 2)
    assert len(collection.cases) == 10
    index = collection.stored[0].index
    ((name, reason),) = index.unreadable()
    assert (name, reason.room) == ("benign/benign (2).png", "data")
    with index.db as db:  # as an older medcls wrote it
        db.execute("UPDATE set_aside SET reason = 'The file is damaged.'")
    assert index.unreadable() == [(name, Note(SAID, text="The file is damaged."))]
    left = collection.stored[0].index.not_taken()
    assert {path.rpartition("/")[2]: why.code for path, why in left.items()} == {
        "normal (3).png": "data.no-picture",
        "normal (3)_mask.png": "data.mask-without-scan",
    }
    assert str(reason).endswith(".")


def test_nothing_is_left_of_an_import_that_failed(tmp_path: Path, home: Path) -> None:
    for label in "ab":
        (tmp_path / "x" / label).mkdir(parents=True)
        (tmp_path / "x" / label / "1.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    with pytest.raises(BadData, match="None of the scans can be read"):
        collections.add_collection(tmp_path / "x")
    assert list((home / "datasets").iterdir()) == []


def test_names_are_not_taken_twice_and_must_be_names(tmp_path: Path) -> None:
    root = trees.busi(tmp_path / "busi", n=1)
    collections.add_collection(root, "one")
    with pytest.raises(Conflict):
        collections.add_collection(root, "one")
    for wrong in ("../x", "A b", "", "."):
        with pytest.raises(BadData):
            collections.open_collection(wrong)
    collections.remove_collection("one")
    assert collections.list_collections() == ()
    assert (root / "Dataset_BUSI_with_GT" / "benign" / "benign (1).png").exists()


def test_fingerprint_follows_contents_not_place_or_name(tmp_path: Path) -> None:
    first = collections.add_collection(trees.busi(tmp_path / "a"), "a").fingerprint
    assert collections.add_collection(trees.busi(tmp_path / "b"), "b").fingerprint == first
    moved = trees.busi(tmp_path / "c")
    folder = moved / "Dataset_BUSI_with_GT"
    (folder / "benign" / "benign (2).png").rename(folder / "malignant" / "malignant (9).png")
    assert collections.add_collection(moved, "c").fingerprint != first


def test_a_changed_or_missing_file_is_noticed(tmp_path: Path) -> None:
    root = trees.busi(tmp_path / "busi", n=2)
    collection = collections.add_collection(root)
    case = collection.cases[0]
    path = root / "Dataset_BUSI_with_GT" / case.id
    trees.save(path, trees.picture("benign", 999))
    with pytest.raises(BadData, match="has changed"):
        collection.read(case)
    path.unlink()
    with pytest.raises(BadData, match="cannot be read any more"):
        collection.read(case)


def test_several_open_as_one_with_their_names_before(tmp_path: Path) -> None:
    collections.add_collection(trees.busi(tmp_path / "busi", first_seed=500))
    collections.add_collection(trees.bus_bra(tmp_path / "bus-bra"))
    both = collections.open_many(["busi", "bus-bra"])
    assert both.name == "busi+bus-bra"
    assert both.labels == ("normal", "benign", "malignant")
    assert len(both.cases) == 24
    last = both.cases[23]
    assert last.id.startswith("bus-bra/Images/")
    assert last.patient == "bus-bra/6"
    assert both.read(last) == collections.open_collection("bus-bra").read(
        collections.open_collection("bus-bra").cases[11]
    )
    assert both.case(last.id) == last
    assert len(both.fingerprint) == 64
    collections.add_collection(trees.idc(tmp_path / "idc"))
    with pytest.raises(BadData, match="different questions"):
        collections.open_many(["busi", "idc"])


def test_a_zip_is_unpacked_into_the_collections_own_folder(tmp_path: Path, home: Path) -> None:
    root = trees.folders(tmp_path / "set")
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for path in root.rglob("*.png"):
            made.write(path, path.relative_to(tmp_path))
        made.writestr("__MACOSX/set/junk.png", b"junk")
    collection = collections.add_collection(archive)
    assert len(collection.cases) == 6
    assert collection.root.is_relative_to(home / "datasets" / "set" / "files")
    assert collection.read(collection.cases[0])


@pytest.mark.parametrize("name", ["../out.png", "/abs.png", "a/../../out.png", "C:/x.png"])
def test_a_zip_that_leads_outside_is_refused(name: str, tmp_path: Path, home: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as made:
        made.writestr(name, b"x")
    with pytest.raises(BadData, match="leads outside"):
        collections.add_collection(tmp_path / "bad.zip")
    assert list((home / "datasets").iterdir()) == []


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a/1.png", bytes(50_000_000))
    with pytest.raises(TooLarge, match="far more than it is"):
        collections.add_collection(tmp_path / "bomb.zip")


def test_a_copy_stands_alone(tmp_path: Path) -> None:
    root = trees.table(tmp_path / "set")
    collection = collections.add_collection(root, copy=True)
    (root / "pictures" / "0.png").unlink()
    assert collection.read(collection.case("pictures/0.png"))


def test_a_table_cannot_reach_outside_its_folder(tmp_path: Path) -> None:
    root = trees.table(tmp_path / "set")
    trees.save(tmp_path / "outside.png", trees.picture())
    with (root / "scans.csv").open("a") as file:
        file.write("../outside.png,benign,p9,1\n")
        file.write(f"{tmp_path / 'outside.png'},benign,p9,1\n")
    collection = collections.add_collection(root)
    assert len(collection.cases) == 6
    left = collection.stored[0].index.not_taken()
    assert {why.code for why in left.values()} == {"data.row-missing"}
    assert len(left) == 2


def test_a_task_must_have_the_layouts_labels(tmp_path: Path) -> None:
    root = trees.breakhis(tmp_path / "b")
    assert collections.add_collection(root, "u", task_id="breast-ultrasound").task_id == "breast-ultrasound"
    with pytest.raises(BadData, match="labels are not those"):
        collections.add_collection(root, "v", task_id="skin-melanoma")
    with pytest.raises(BadData, match="task is unknown"):
        collections.add_collection(root, "w", task_id="no-such")


def test_progress_is_told_and_reaches_its_end(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    collections.add_collection(trees.busi(tmp_path / "busi"), progress=lambda *step: told.append(step))
    assert (12, 12, "reading the scans") in told
    assert told[-1][0] == told[-1][1]


def test_a_look_tells_masks_blank_and_marked_pictures_apart() -> None:
    import io

    from PIL import Image, ImageDraw

    def seen(image: Image.Image):
        out = io.BytesIO()
        image.save(out, "PNG")
        return describe_picture(out.getvalue()).values

    plain = trees.picture("benign", 3, size_px=300).convert("L").point(lambda v: min(v, 200))
    marked = plain.copy()
    ImageDraw.Draw(marked).text((20, 250), "RT BREAST", fill=255, font_size=16)
    assert seen(plain)["marks"] == 0
    assert seen(marked)["marks"] >= 6
    assert seen(trees.mask())["bits"] == 1
    assert seen(Image.new("L", (64, 64), 7))["contrast"] == 0
    assert seen(plain)["colour"] == 0
    assert seen(trees.picture("idc", 1, "breast-histology-idc"))["colour"] > 0.5


def test_a_look_obeys_the_limits_and_refuses_what_is_no_picture() -> None:
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.new("L", (300, 300)).save(out, "PNG")
    with pytest.raises(TooLarge):
        describe_picture(out.getvalue(), Limits(max_pixels=10_000))
    for data in (b"", b"x", out.getvalue()[:40], b"<html>" + out.getvalue()):
        with pytest.raises(BadScan):
            describe_picture(data)


def test_a_look_is_upright_whatever_the_camera_said(tmp_path: Path) -> None:
    import io

    from PIL import Image

    picture = trees.picture("benign", 5, size_px=96).convert("L").crop((0, 0, 96, 60))
    exif = Image.Exif()
    exif[0x0112] = 6
    plain, turned = io.BytesIO(), io.BytesIO()
    picture.save(plain, "PNG")
    picture.transpose(Image.Transpose.ROTATE_90).save(turned, "PNG", exif=exif)
    a, b = describe_picture(plain.getvalue()), describe_picture(turned.getvalue())
    assert a.size_px == b.size_px == (60, 96)
    assert np.abs(a.values["grey"].astype(int) - b.values["grey"]).max() <= 2


@pytest.mark.parametrize("way", ["cut", "gone", "short", "long", "a folder"])
def test_damaged_looks_are_a_sentence(way: str, tmp_path: Path) -> None:
    collection = collections.add_collection(trees.folders(tmp_path / "set"), "set")
    path = collection.stored[0].folder / "looks.bin"
    data = path.read_bytes()
    path.unlink()
    if way == "a folder":
        path.mkdir()
    elif way != "gone":
        path.write_bytes({"cut": data[:-7], "short": data[: len(data) // 6], "long": data * 2}[way])
    with pytest.raises(BadData) as caught:
        collections.open_collection("set").descriptors()
    assert caught.value.code == "data.index-damaged"
    assert [one.name for one in collections.list_collections()] == ["set"]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE cases SET n = n + 100 WHERE n = 2",
        "DELETE FROM cases WHERE n = 1",
        "UPDATE cases SET id = x'00ff' WHERE n = 1",
        "UPDATE cases SET label = x'61'",
        "UPDATE cases SET height = 'tall'",
        "UPDATE cases SET attributes = 'text' WHERE n = 0",
        "UPDATE cases SET attributes = '[1]'",
        "UPDATE cases SET masks = '{}'",
        "INSERT INTO pairs VALUES (0, 900, 0.5)",
        "INSERT INTO pairs VALUES ('a', 1, 0.5)",
        "INSERT INTO flagged VALUES ('flat', -1, 0.5)",
        "INSERT OR REPLACE INTO facts VALUES ('pairs_compared', 'many')",
        "INSERT OR REPLACE INTO facts VALUES ('probe', '{')",
        "DROP TABLE cases",
        "ALTER TABLE cases RENAME COLUMN grp TO other",
    ],
)
def test_an_index_of_odd_values_is_a_sentence(damage: str, tmp_path: Path) -> None:
    """SQLite takes any value in any column; what other programs leave there stops at the door."""
    stored = collections.add_collection(trees.folders(tmp_path / "set"), "set").stored[0]
    with contextlib.closing(sqlite3.connect(stored.folder / "index.sqlite")) as db:
        db.execute(damage)
        db.commit()
    with pytest.raises(BadData) as caught:
        collections.open_collection("set")
    assert caught.value.code == "data.index-damaged"
    assert [one.name for one in collections.list_collections()] == ["set"]


@pytest.mark.parametrize("probe", ["[]", "{}", '{"fingerprint": "%s"}', '{"fingerprint": "%s", "views": [1]}'])
def test_a_kept_probe_of_another_shape_is_none_or_a_sentence(probe: str, tmp_path: Path) -> None:
    collection = collections.add_collection(trees.folders(tmp_path / "set"), "set")
    collection.stored[0].index.note(probe=probe.replace("%s", collection.fingerprint))
    found = Outcome.of("set", lambda: read_probe("set") or "none")
    assert found.value == "none" or (found.error and found.error.code == "data.index-damaged")
