"""Models as archives: what comes back is what went out, and nothing else gets in."""

import contextlib
import io
import json
import os
import pickle
import random
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from medcls.cli import main
from medcls.core.model import ModelCard
from medcls.core.scan import Scan
from medcls.data.excel import sheets_of_excel
from medcls.data.structured import sheets_of_ods
from medcls.data.unpack import unpack
from medcls.errors import BadModel, Conflict, MedclsError, TooLarge
from medcls.models import changes, store
from medcls.models.opening import open_model
from medcls.workflows import exchange
from tests import tiny


def scan() -> Scan:
    return Scan(np.random.default_rng(1).random((80, 100), dtype=np.float32), "0" * 64)


def rewritten(archive: bytes, changes: dict[str, bytes | None], extra: dict[str, bytes] | None = None) -> bytes:
    """The archive with some files' bytes changed (None leaves one out) and others added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = changes.get(name.rpartition("/")[2], old.read(name))
            if data is not None:
                new.writestr(name, data)
        for name, data in (extra or {}).items():
            new.writestr(name, data)
    return out.getvalue()


@pytest.fixture
def elsewhere(tiny_model: ModelCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The tiny model's archive, with a home that does not hold it yet."""
    archive = exchange.export_bytes(tiny_model.id, "record")
    monkeypatch.setenv("MEDCLS_HOME", str(tmp_path / "elsewhere"))
    return archive


def test_there_and_back_gives_the_same_model(tiny_model: ModelCard, elsewhere: bytes, home: Path) -> None:
    (card,) = exchange.import_model(elsewhere)
    assert card == tiny_model
    assert [c.id for c in store.list_cards()] == [tiny_model.id]
    before = open_model(home / "weights" / tiny_model.id).predict(scan())
    after = open_model(tiny_model.id).predict(scan())
    assert (before.prob == after.prob).all()
    assert store.read_evaluation(card.id) is not None
    assert exchange.import_model(elsewhere) == (), "the same model again: nothing to do"
    assert not list(store.folder(card.id).parent.glob(".*")), "nothing is left aside"


def test_a_retired_model_of_an_archive_is_named(tiny_model: ModelCard) -> None:
    from medcls.workflows import models

    archive = exchange.export_bytes(tiny_model.id)
    assert exchange.retired_in(archive) == ()
    models.retire(tiny_model.id, "worn out")
    assert [(card.id, card.retired) for card in exchange.retired_in(archive)] == [(tiny_model.id, "worn out")]
    assert exchange.retired_in(b"no archive") == ()


def test_the_archive_is_written_whole_or_not_at_all(tiny_model: ModelCard, tmp_path: Path, home: Path) -> None:
    path = exchange.export_model(tiny_model.id, tmp_path / "out")
    assert path.name == f"{tiny_model.id}.zip"
    assert zipfile.ZipFile(path).testzip() is None
    tiny.spoil(home / "weights", tiny_model.id)
    with pytest.raises(BadModel, match="not the file that was published"):
        exchange.export_model(tiny_model.id, tmp_path / "again")
    assert list((tmp_path / "again").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(Conflict, match="cannot be written"):
        exchange.export_model(tiny_model.id, tmp_path / "file" / "x.zip")


def test_an_ensemble_travels_with_its_members(tiny_made: Path, home: Path, tmp_path: Path, monkeypatch) -> None:
    cards = [tiny.install(tiny_made, home / "weights", f"member-{k}") for k in (1, 2)]
    folder = home / "weights" / "both"
    folder.mkdir()
    hashes = dict.fromkeys(("member-1", "member-2"), cards[0].files[store.WEIGHTS])
    store.seal(folder, replace(cards[0], id="both", members=tuple(hashes), member_weights=hashes, files={}))
    archive = exchange.export_bytes("both", "record")
    before = open_model("both").predict(scan())
    monkeypatch.setenv("MEDCLS_HOME", str(tmp_path / "elsewhere"))
    steps: list[tuple[int, int]] = []
    taken = exchange.import_model(archive, lambda done, total, stage="": steps.append((done, total)))
    assert [card.id for card in taken] == ["member-1", "member-2", "both"]
    assert steps == [(0, 3), (1, 3), (2, 3)]
    assert open_model("both").predict(scan()).prob == pytest.approx(before.prob)


def zipped(*folders: Path) -> bytes:
    """Model folders as an archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for folder in folders:
            for path in folder.iterdir():
                archive.write(path, f"{folder.name}/{path.name}")
    return out.getvalue()


def ensemble(folder: Path, card: ModelCard, members: tuple[str, ...], **changes: object) -> Path:
    """The folder of an ensemble that nobody has checked."""
    folder.mkdir(parents=True)
    hashes = dict.fromkeys(members, card.files[store.WEIGHTS])
    made = replace(card, id=folder.name, members=members, member_weights=hashes, files={}, **changes)  # type: ignore[arg-type]
    store.seal(folder, made)
    return folder


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        (("both",), "averages an ensemble"),
        (("nobody", "here"), "neither in the archive nor here"),
        (("breast-ultrasound--tiny--0001", "nested"), "averages an ensemble"),
    ],
)
def test_an_ensemble_without_its_networks_is_refused_whole(
    tiny_model: ModelCard, elsewhere: bytes, home: Path, tmp_path: Path, members: tuple[str, ...], reason: str
) -> None:
    one = home / "weights" / tiny_model.id
    folders = [ensemble(tmp_path / "both", tiny_model, members), ensemble(tmp_path / "nested", tiny_model, (one.name,))]
    with pytest.raises(BadModel, match=reason):
        exchange.import_model(zipped(*folders, one))
    assert store.list_cards() == ()


def test_an_ensemble_with_other_labels_than_its_networks_is_refused(
    tiny_model: ModelCard, elsewhere: bytes, tmp_path: Path
) -> None:
    exchange.import_model(elsewhere)
    other = replace(tiny_model.task, labels=tiny_model.task.labels[::-1])
    with pytest.raises(BadModel, match="different labels"):
        exchange.import_model(zipped(ensemble(tmp_path / "both", tiny_model, (tiny_model.id,), task=other)))
    assert [card.id for card in store.list_cards()] == [tiny_model.id]


def test_an_ensemble_is_run_once_and_what_came_with_it_goes_where_it_cannot(
    tiny_made: Path, tiny_model: ModelCard, elsewhere: bytes, tmp_path: Path
) -> None:
    exchange.import_model(elsewhere)
    new = tmp_path / "made" / "new"
    tiny.install(tiny_made, new.parent, new.name)
    archive = zipped(ensemble(tmp_path / "both", tiny_model, (tiny_model.id, "new")), new)
    tiny.spoil(tmp_path / "elsewhere" / "weights", tiny_model.id)
    with pytest.raises(BadModel, match="not the file that was published"):
        exchange.import_model(archive)
    assert [path.name for path in (tmp_path / "elsewhere" / "weights").iterdir()] == [tiny_model.id]


class Bomb:
    """What a malicious checkpoint does when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["model.pt", "pytorch_model.bin", "MODEL.PKL", "checkpoint.ckpt", "x.pth", "a.joblib"])
def test_pickles_are_refused_by_name_and_never_opened(elsewhere: bytes, name: str, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    archive = rewritten(elsewhere, {}, {f"breast-ultrasound--tiny--0001/{name}": pickle.dumps(Bomb(mark))})
    with pytest.raises(BadModel, match="pickled checkpoint"):
        exchange.import_model(archive)
    assert not mark.exists()
    assert store.list_cards() == ()


def test_a_pickle_under_a_good_name_is_not_run_either(elsewhere: bytes, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    bomb = pickle.dumps(Bomb(mark))
    with zipfile.ZipFile(io.BytesIO(elsewhere)) as old:
        card = json.loads(old.read(next(n for n in old.namelist() if n.endswith("card.json"))))
    import hashlib

    card["files"]["model.safetensors"] = hashlib.sha256(bomb).hexdigest()
    archive = rewritten(elsewhere, {"model.safetensors": bomb, "card.json": json.dumps(card).encode()})
    with pytest.raises(BadModel, match="do not fit"):
        exchange.import_model(archive)
    assert not mark.exists()
    assert store.list_cards() == ()


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "evaluation.json", "cases.csv"])
def test_a_changed_file_is_refused(elsewhere: bytes, file: str) -> None:
    with pytest.raises(BadModel, match="not the file that was published"):
        exchange.import_model(rewritten(elsewhere, {file: b"[]"}))
    assert store.list_cards() == ()


@pytest.mark.parametrize(
    "extra",
    ["../evil.json", "/etc/card.json", "a/b/card.json", "m/../card.json", "..\\x\\card.json", "m/run.sh", "card.json"],
)
def test_other_files_and_paths_that_lead_out_are_refused(elsewhere: bytes, extra: str, tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="not a model as medcls exports one"):
        exchange.import_model(rewritten(elsewhere, {}, {extra: b"{}"}))
    assert store.list_cards() == ()
    assert not (tmp_path / "evil.json").exists()


def test_what_the_card_does_not_vouch_for_is_refused(elsewhere: bytes) -> None:
    name = "breast-ultrasound--tiny--0001/features.safetensors"
    with pytest.raises(BadModel, match="does not vouch for features"):
        exchange.import_model(rewritten(elsewhere, {}, {name: b"x"}))
    with zipfile.ZipFile(io.BytesIO(elsewhere)) as old:
        card = json.loads(old.read("breast-ultrasound--tiny--0001/card.json"))
    card["files"] = {}
    bare = dict.fromkeys(("evaluation.json", "cases.csv"))
    with pytest.raises(BadModel, match="does not vouch"):
        exchange.import_model(rewritten(elsewhere, {"card.json": json.dumps(card).encode(), **bare}))


def test_broken_archives_are_refused_in_a_sentence(elsewhere: bytes) -> None:
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    broken = [b"", b"PK", elsewhere[: len(elsewhere) // 2], elsewhere[:-40], empty.getvalue(), b"<html>" * 50]
    middle = bytearray(elsewhere)
    middle[len(middle) // 2] ^= 255
    for archive in (*broken, bytes(middle)):
        with pytest.raises(MedclsError):
            exchange.import_model(archive)
        assert store.list_cards() == ()
    with pytest.raises(BadModel, match="no readable card"):
        exchange.import_model(rewritten(elsewhere, {"card.json": None}))


@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_no_byte_of_an_archive_does_more_than_a_sentence(packed: int, tmp_path: Path) -> None:
    """Whatever an archive is damaged in: models, labelled scans and tables are refused as such."""
    out, rng = io.BytesIO(), random.Random(packed)
    with zipfile.ZipFile(out, "w", packed) as archive:
        for name in ("card.json", "content.xml"):
            path = f"m/{name}" if name == "card.json" else name
            archive.writestr(path, b'{"id": "m", "of": 1}' * 30 + rng.randbytes(200))
    for _ in range(60):
        damaged = bytearray(out.getvalue())
        for _ in range(rng.choice((1, 2, 5))):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        (tmp_path / "a.zip").write_bytes(damaged)
        read = (
            lambda: exchange.import_model(bytes(damaged)),  # noqa: B023
            lambda: exchange.retired_in(bytes(damaged)),  # noqa: B023
            lambda: unpack(tmp_path / "a.zip", tmp_path / "in"),
            lambda: sheets_of_ods(bytes(damaged), 10_000),  # noqa: B023
            lambda: sheets_of_excel(bytes(damaged), "a.xlsx", 100_000),  # noqa: B023
        )
        for one in read:
            with contextlib.suppress(MedclsError):
                one()
        shutil.rmtree(tmp_path / "in", ignore_errors=True)


@pytest.mark.parametrize("changed", [{"name": "x" * 201}, {"limits": ("x" * 100_000,) * 11}])
def test_a_card_that_no_page_could_show_is_refused(changed: dict, tiny_made: Path, home: Path, monkeypatch) -> None:
    tiny.install(tiny_made, home / "weights", "breast-ultrasound--old--0001")
    tiny.recast("breast-ultrasound--old--0001", **changed)
    archive = exchange.export_bytes("breast-ultrasound--old--0001", "record")
    shutil.rmtree(home / "weights" / "breast-ultrasound--old--0001")
    with pytest.raises(MedclsError) as refused:
        exchange.import_model(archive)
    assert refused.value.code in ("workflows.long-name", "workflows.archive-too-large")
    assert store.list_cards() == ()


def test_an_archive_that_unpacks_without_end_is_stopped(elsewhere: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_TEXT_BYTES", 1 << 20)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("m/cases.csv", b"0" * (64 << 20))
    with pytest.raises(TooLarge, match="far more than it is"):
        exchange.import_model(out.getvalue())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as large:
        large.writestr("m/cases.csv", b"0" * (2 << 20))
    with pytest.raises(TooLarge, match="unpacks to more"):
        exchange.import_model(out.getvalue())


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("features.safetensors", b"\0" * (16 << 20)),
        ("pointing.json", b"[" + b"[]," * (2 << 20) + b"[]]"),
        ("evaluation.json", random.Random(1).randbytes(5 << 20)),
    ],
)
def test_files_that_hold_nothing_but_memory_are_refused_unread(name: str, holds: bytes) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("m/model.safetensors", random.Random(1).randbytes(1 << 20))  # the whole is no bomb
        bomb.writestr(f"m/{name}", holds)
    with pytest.raises(TooLarge):
        exchange.import_model(out.getvalue())
    assert store.list_cards() == ()


def test_all_files_of_an_archive_count_together(
    tiny_model: ModelCard, elsewhere: bytes, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = home / "weights" / tiny_model.id
    archive = zipped(one, ensemble(tmp_path / "both", tiny_model, (one.name,)))
    total = sum(info.file_size for info in zipfile.ZipFile(io.BytesIO(archive)).infolist())
    monkeypatch.setattr(exchange, "MOST_BYTES", total - 1)
    with pytest.raises(TooLarge, match="unpacks to more"):
        exchange.import_model(archive)
    assert store.list_cards() == ()
    monkeypatch.setattr(exchange, "MOST_BYTES", total)
    assert len(exchange.import_model(archive)) == 2


def test_an_archive_that_would_fill_the_disk_is_not_unpacked(elsewhere: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1_000_000_000))
    with pytest.raises(TooLarge, match="no room on the disk"):
        exchange.import_model(elsewhere)
    assert store.list_cards() == ()


def test_another_model_of_the_same_id_is_kept(elsewhere: bytes, tmp_path: Path) -> None:
    exchange.import_model(elsewhere)
    folder = store.folder("breast-ultrasound--tiny--0001")
    mine = (folder / store.WEIGHTS).read_bytes()
    other = tmp_path / "other" / folder.name
    tiny.copy(folder, other)
    (other / store.CONFIG).write_text('{"other": true}')
    store.seal(other, replace(store.read_card(other), files={}))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        for path in other.iterdir():
            out.write(path, f"{other.name}/{path.name}")
    with pytest.raises(Conflict, match="already another model"):
        exchange.import_model(archive.getvalue())
    assert (folder / store.WEIGHTS).read_bytes() == mine


def test_an_archive_does_not_hide_a_model_that_ships(
    elsewhere: bytes, tiny_model: ModelCard, home: Path, tmp_path: Path
) -> None:
    shipped = tmp_path / "shipped" / tiny_model.id
    tiny.copy(home / "weights" / tiny_model.id, shipped)
    assert exchange.import_model(elsewhere) == (), "the same model ships: nothing to do"
    (shipped / store.CARD).write_text("{")
    with pytest.raises(Conflict, match="already a folder"):
        exchange.import_model(elsewhere)
    (shipped / store.CARD).write_text(replace(tiny_model, files={"config.json": "0" * 64}).to_json())
    with pytest.raises(Conflict, match="already another model"):
        exchange.import_model(elsewhere)
    assert not (tmp_path / "elsewhere" / "weights" / tiny_model.id).exists()


def test_only_retired_models_of_this_machine_are_removed(tiny_model: ModelCard) -> None:
    with pytest.raises(BadModel, match="still offered"):
        exchange.remove_model(tiny_model.id)
    store.update_card(tiny_model.id, retired="superseded")
    assert main(["models", "remove", tiny_model.id]) == 0
    with pytest.raises(BadModel, match="no such model"):
        exchange.remove_model(tiny_model.id)


@pytest.mark.parametrize("damage", ["card", "changes", "no card", "link"])
def test_a_damaged_model_is_removed_and_what_went_is_told(damage: str, tiny_made: Path, home: Path, capsys) -> None:
    card = tiny.install(tiny_made, home / "weights", "breast-ultrasound--old--0001")
    store.update_card(card.id, retired="superseded")
    folder = home / "weights" / card.id
    if damage == "card":
        (folder / store.CARD).write_bytes(b"{")
    elif damage == "no card":
        (folder / store.CARD).unlink()
    elif damage == "changes":
        (changes.changes_folder(card.id) / "card.json").write_bytes(b"[")
    else:
        (folder / store.CARD).write_bytes(b"{")
        folder.rename(home / "elsewhere")
        folder.symlink_to(home / "elsewhere", target_is_directory=True)
    assert main(["models", "remove", card.id]) == 0
    told = capsys.readouterr()
    assert card.id in told.out
    assert card.id in told.err
    assert not os.path.lexists(folder)
    assert not changes.changes_folder(card.id).exists()
    assert (home / "elsewhere").exists() == (damage == "link")
    assert store.list_models(retired=True) == ()


@pytest.mark.slow
def test_onnx_gives_the_same_answers_without_torch(tiny_model: ModelCard, tmp_path: Path) -> None:
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    tiny.recast(tiny_model.id, preprocess=replace(tiny_model.preprocess, orientations=8))
    found = exchange.export_onnx(tiny_model.id, tmp_path)
    assert found.greatest <= 1e-4
    assert found.path == tmp_path / f"{tiny_model.id}.onnx"
    facts = {entry.key: entry.value for entry in onnx.load(found.path).metadata_props}
    assert json.loads(facts["medcls.labels"]) == list(tiny_model.task.label_ids)
    assert json.loads(facts["medcls.preprocess"])["size_px"] == 64
    classifier = open_model(tiny_model.id)
    session = onnxruntime.InferenceSession(found.path)
    for n in (1, 3):  # any number of scans
        batch = np.stack([classifier.prepare(scan()).numpy()] * n)
        logits, prob = session.run(["logits", "prob"], {"scan": batch})
        answer = classifier.predict(scan())
        assert logits == pytest.approx(np.tile(answer.logits, (n, 1)), rel=1e-4)
        assert prob == pytest.approx(np.tile(answer.prob, (n, 1)), abs=1e-5)
    assert [p.name for p in tmp_path.glob(".onnx-*")] == []


def test_an_onnx_file_that_answers_otherwise_is_not_kept(tiny_model: ModelCard, tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(exchange, "_EQUAL", -1.0)
    with pytest.raises(BadModel, match="does not answer as the network does"):
        exchange.export_onnx(tiny_model.id, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
