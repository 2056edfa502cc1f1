"""Models on the move: a folder as ZIP with every hash checked on both sides, and ONNX with checked equality."""

import io
import shutil
import stat
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from medcls import disk, home
from medcls.core.model import ModelCard
from medcls.core.outcome import Outcome
from medcls.core.progress import Progress, silent
from medcls.data.unpack import check_room
from medcls.errors import BadModel, Conflict, MedclsError, TooLarge
from medcls.exits import leave
from medcls.exits.case import Mode
from medcls.exits.subjects import ModelFiles, NetworkFile
from medcls.imaging.archive_names import BROKEN, open_archive
from medcls.models import changes, store
from medcls.workflows.acts import act, allowed

# All a model's folder may hold; anything else in an archive is refused.
FILES = store.FILES
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib", ".npy", ".npz", ".h5", ".keras", ".t7", ".mar")
MOST_BYTES = 4 << 30  # of all files of an archive
_TEXT_BYTES = 64 << 20  # of a table or a list
_RECORD_BYTES, _CARD_BYTES = 4 << 20, 1 << 20  # of a record, and of the one that every page reads
_LONGEST_NAME = 200  # every page shows it
_MOST_RATIO, _FREE_BYTES = 20, 10_000_000  # weights hardly pack: what does holds nothing but memory
_EQUAL = 1e-4
_OPSET = 18


@allowed("read")
def export_model(model_id: str, into: Path, mode: Mode = "others") -> Path:
    """Write a model, and the members of an ensemble, as one ZIP archive.

    Args:
        model_id: The model.
        into: Folder to write to, or the archive's own path (ending in `.zip`).
        mode: `record`: as it is; `others`: the cases it was measured on are numbered, without their attributes.

    Returns:
        Path of the archive.

    Raises:
        BadModel: If there is no such model, or a file of it is not the one that was published.
        Conflict: If the archive cannot be written.
    """
    path = into if into.suffix == ".zip" else into / f"{model_id}.zip"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        disk.write_atomically(path, export_bytes(model_id, mode))
    except OSError as error:
        raise Conflict("workflows.archive-not-written", found=error.strerror or type(error).__name__) from error
    return path


@allowed("read")
def export_bytes(model_id: str, mode: Mode = "others") -> bytes:
    """Return a model as the bytes of a ZIP archive, for a download. See `export_model`.

    Raises:
        BadModel: As `export_model`.
        Conflict: If the archive cannot be made.
    """
    try:
        return leave("model", files_of(model_id), mode).data
    except OSError as error:
        raise Conflict("workflows.archive-not-written", found=error.strerror or type(error).__name__) from error


def files_of(model_id: str) -> ModelFiles:
    """Return a model's files, each checked against its card."""
    card = store.read_card(model_id)
    folders = tuple(store.ModelFolder.find(one) for one in dict.fromkeys((*card.networks, model_id)))
    for folder in folders:
        folder.verify()
    texts = {folder.id: folder.texts() for folder in folders}
    files = {
        folder.id: {
            name: folder.path / name
            for name in sorted(set(FILES) - set(texts[folder.id]) - set(store.STUDIES))
            if (folder.path / name).is_file()
        }
        for folder in folders
    }
    return ModelFiles(card, texts, files, folders)


@act("build", "model.import")
def import_model(source: Path | bytes, progress: Progress = silent) -> tuple[ModelCard, ...]:
    """Take the models of an archive that `export_model` wrote, after checking every file and running each once.

    Args:
        source: Path or bytes of the ZIP archive.
        progress: Called with models checked and models in all.

    Returns:
        The cards of the models that are new here; those whose files were here already, to the byte, are left out and
        their cards here kept.

    Raises:
        BadModel: If it is no such archive, holds anything but a model's files (a pickle, a path that leads out), a file
            is not the one its card vouches for, the weights do not fit the network, or an ensemble's member is not
            there, is an ensemble itself or has other labels. Nothing of the archive is then kept.
        TooLarge: If it would unpack to more than 4 GiB, to far more than it is, or to more than the disk has room for.
        Conflict: If another model has this id.
    """
    try:
        with open_archive(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
            models = _check_names(archive)
            home.weights().mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=home.weights(), prefix=".import-") as aside:
                return _take(_unpack(archive, models, Path(aside)), progress)
    except BROKEN as error:
        if isinstance(error, MedclsError):
            raise
        raise BadModel("workflows.no-archive") from error
    except OSError as error:
        raise BadModel("workflows.archive-unreadable", found=error.strerror or type(error).__name__) from error


def retired_in(source: bytes) -> tuple[ModelCard, ...]:
    """Return the models named in an archive that are here already, but retired; none where it is no archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(source)) as archive:
            names = {PurePosixPath(info.filename.replace("\\", "/")).parts[:1] for info in archive.infolist()}
    except BROKEN:
        return ()
    return tuple(card for card in store.list_cards(retired=True) if card.retired and (card.id,) in names)


def _check_names(archive: zipfile.ZipFile) -> dict[str, list[zipfile.ZipInfo]]:
    """Return the archive's files by model folder, having refused all that a model does not consist of."""
    models: dict[str, list[zipfile.ZipInfo]] = {}
    entries = [info for info in archive.infolist() if not info.is_dir()]
    if not entries or len(entries) > 64 * len(FILES):
        raise BadModel("workflows.archive-empty", n_entries=len(entries))
    for info in entries:
        path = PurePosixPath(info.filename.replace("\\", "/"))
        suffix = path.suffix.lower()
        if suffix in PICKLES:
            raise BadModel("workflows.archive-pickle", suffix=suffix)
        if path.is_absolute() or len(path.parts) != 2 or ".." in path.parts or path.name not in FILES:
            raise BadModel("workflows.archive-foreign", filename=repr(info.filename[:80]), files=", ".join(FILES))
        if info.flag_bits & 1 or stat.S_ISLNK(info.external_attr >> 16):
            raise BadModel("workflows.archive-encrypted-or-link")
        if path.name in {PurePosixPath(other.filename).name for other in models.get(path.parts[0], [])}:
            raise BadModel("workflows.archive-file-twice")
        models.setdefault(path.parts[0], []).append(info)
    return models


def _unpack(archive: zipfile.ZipFile, models: dict[str, list[zipfile.ZipInfo]], aside: Path) -> list[Path]:
    """Unpack every model's folder, counting bytes as they come: an archive's own figures are not believed."""
    check_room([info for files in models.values() for info in files], aside)
    left, folders = MOST_BYTES, []
    for number, (name, files) in enumerate(models.items()):
        folder = aside / f"{number:03d}" / "model"
        folder.mkdir(parents=True)
        for info in files:
            left -= _copy(archive, info, folder, left)
        if store.read_card(folder).id != name:
            raise BadModel("workflows.archive-names-differ")
        folders.append(folder)
    return folders


def _copy(archive: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path, left: int) -> int:
    """Unpack one file, of at most so many bytes; return how many it had."""
    name = PurePosixPath(info.filename.replace("\\", "/")).name
    text = _CARD_BYTES if name == store.CARD else _RECORD_BYTES if name.endswith(".json") else _TEXT_BYTES
    is_weights = name.endswith(".safetensors")
    most = left if is_weights else min(left, text)
    if is_weights and info.file_size > max(_FREE_BYTES, _MOST_RATIO * min(info.compress_size, archive.start_dir)):
        raise TooLarge("data.zip-bomb", total=info.file_size)
    total = 0
    with archive.open(info) as packed, (folder / name).open("wb") as out:
        while chunk := packed.read(1 << 20):
            total += len(chunk)
            if total > most:
                raise TooLarge("workflows.archive-too-large", most_bytes=MOST_BYTES >> 20, text_bytes=text >> 20)
            out.write(chunk)
    return total


def _take(folders: list[Path], progress: Progress) -> tuple[ModelCard, ...]:
    """Check each model and move it in, all or none; members come before the ensemble that needs them."""
    cards = {path: store.read_card(path) for path in folders}
    for card in cards.values():
        _check_members(card, {other.id: other for other in (*store.list_cards(retired=True), *cards.values())})
    taken: list[ModelCard] = []
    try:
        for done, path in enumerate(sorted(folders, key=lambda path: cards[path].is_mean)):
            progress(done, len(folders))
            taken += _take_one(path)
    except BaseException:
        for card in taken:
            shutil.rmtree(home.weights() / card.id, ignore_errors=True)
        raise
    return tuple(taken)


def _check_members(card: ModelCard, known: dict[str, ModelCard]) -> None:
    """Refuse an ensemble with a member that is not there, is no single network or has other labels."""
    for member in card.networks if card.is_mean else ():
        other, found = known.get(member), repr(member)[:140]
        if other is None:
            raise BadModel("workflows.member-missing", id=card.id, found=found)
        if other.is_mean:
            raise BadModel("workflows.member-is-mean", id=card.id, found=found)
        if other.task.label_ids != card.task.label_ids:
            raise BadModel("workflows.member-other-labels", id=card.id, found=found)
        store.check_member(card, other)


def _take_one(folder: Path) -> tuple[ModelCard, ...]:
    """Check a model and move it in; nothing if it is here already."""
    card = store.verify(folder)
    for path in folder.iterdir():
        if path.name not in (*card.files, store.CARD, store.README):
            raise BadModel("workflows.no-hash-of-weights-2", id=card.id, name=path.name)
    if not card.is_mean and not {store.WEIGHTS, store.CONFIG} <= set(card.files):
        raise BadModel("workflows.no-hash-of-weights", id=card.id)
    if len(card.name) > _LONGEST_NAME:
        raise BadModel("workflows.long-name", id=card.id, n=len(card.name), most=_LONGEST_NAME)
    if (here := _here(card)) is not None:
        if store.same_model(here, card):
            return ()
        raise Conflict("workflows.other-model-here", id=card.id)
    _run_once(folder)
    (folder / store.README).write_text(store.ModelFolder(folder).readme(), encoding="utf-8")
    if store.id_exists(card.id):
        raise Conflict("workflows.folder-no-model", id=card.id)
    folder.rename(home.weights() / card.id)
    return (card,)


def _here(card: ModelCard) -> ModelCard | None:
    return next((other for other in store.list_cards(retired=True) if other.id == card.id), None)


def _run_once(folder: Path) -> None:
    """Open the model and ask it about noise: weights that do not fit, or give no number, are found now, not later."""
    from medcls.core.scan import Scan
    from medcls.models.opening import open_model

    noise = np.random.default_rng(0).random((96, 96, 3), dtype=np.float32)
    open_model(folder).predict(Scan(noise, "0" * 64))


@dataclass(frozen=True)
class Removed:
    """A model that was deleted.

    Args:
        n_files: Files that its folder held.
        n_bytes: Their size together.
        unread: Why its card could not be read; None where it could.
    """

    n_files: int
    n_bytes: int
    unread: MedclsError | None


@act("admin", "model.remove", "model_id")
def remove_model(model_id: str) -> Removed:
    """Delete a model of this machine for good: a retired one, or one whose card cannot be read, which answers nothing.

    Raises:
        BadModel: If there is no such model, it is not retired, it ships with medcls, or an ensemble averages it.
    """
    folder = store.folder(model_id)
    if folder.parent != home.weights():
        raise BadModel("workflows.model-ships", model_id=model_id)
    card = Outcome.of(model_id, lambda: store.read_card(folder))
    if card.value is not None and not card.value.retired:
        raise BadModel("workflows.model-offered", model_id=model_id)
    if users := [card.id for card in store.list_cards(retired=True) if card.is_mean and model_id in card.networks]:
        raise BadModel("workflows.model-is-member", model_id=model_id, found=", ".join(users))
    files = [path.lstat().st_size for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()]
    folder.unlink() if folder.is_symlink() else disk.delete_folder(folder)
    changes.forget(model_id)
    return Removed(len(files), sum(files), card.error)


@dataclass(frozen=True)
class OnnxExport:
    """A network written as ONNX and compared with the original.

    Args:
        path: The file.
        n_scans: Inputs on which both were run.
        greatest: Greatest difference between their logits.
    """

    path: Path
    n_scans: int
    greatest: float


@allowed("read")
def export_onnx(model_id: str, into: Path, mode: Mode = "others", progress: Progress = silent) -> OnnxExport:
    """Write a model's network as ONNX, with its labels and how to feed it, and check that it gives the same answers.

    The file's input is `scan` (N, C, S, S) float32, prepared as the metadata `medcls.preprocess` says; its outputs are
    `logits` and the calibrated `prob`, both (N, K). The file itself turns the scan where the network is asked in
    several orientations.

    Args:
        model_id: The model; an ensemble has no single network.
        into: Folder to write to, or the file's own path (ending in `.onnx`).
        mode: `record` or `others`; no case is in the file either way.
        progress: Called with the steps done and in all.

    Raises:
        BadModel: If there is no such model, it is an ensemble, the network cannot be written as ONNX, or the file's
            logits differ from the network's by more than 1e-4 of their size.
    """
    from medcls.models.onnx_file import write_onnx

    card = store.read_card(model_id)
    if card.is_mean:
        raise BadModel("workflows.no-single-network", model_id=model_id, members=", ".join(card.networks))
    path = into if into.suffix == ".onnx" else into / f"{model_id}.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    greatest, n_scans = write_onnx(model_id, path, opset=_OPSET, equal=_EQUAL, progress=progress)
    try:
        leave("onnx", NetworkFile(card, path.read_bytes()), mode)
    except MedclsError:
        path.unlink(missing_ok=True)
        raise
    return OnnxExport(path, n_scans, greatest)
