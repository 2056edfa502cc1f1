"""Models on disk: list, read, verify, publish. Loads no network and no torch."""

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from medcls import home
from medcls.core.card_text import describe_card
from medcls.core.case_csv import format_cases, parse_cases
from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import ModelCard
from medcls.core.pointing import PointingRecord, PointingStudy
from medcls.errors import BadModel, Conflict, MedclsError
from medcls.stats.familiarity import Known, Normal

CARD, WEIGHTS, CONFIG = "card.json", "model.safetensors", "config.json"
EVALUATION, CASES, README, FEATURES = "evaluation.json", "cases.csv", "README.md", "features.safetensors"
SEEN, POINTING = "seen.txt", "pointing.json"
# Everything a model folder may hold.
FILES = (CARD, CONFIG, WEIGHTS, FEATURES, SEEN, EVALUATION, CASES, POINTING, README)
_CENTRE, _WHITENING = "appearance_centre", "appearance_whitening"
_SEALED = (WEIGHTS, CONFIG, FEATURES, SEEN, EVALUATION, CASES, POINTING)  # what the card's `files` vouches for


@dataclass(frozen=True)
class Broken:
    """A folder that should be a model and cannot be used.

    Args:
        id: Name of the folder.
        error: Why, for a person.
    """

    id: str
    error: MedclsError


def _folders() -> Iterator[Path]:
    """Give every model folder, the user's own before those that ship; an id counts once."""
    seen: set[str] = set()
    for root in (home.weights(), home.shipped_weights()):
        for path in sorted(root.iterdir()) if root.is_dir() else ():
            if path.is_dir() and not path.name.startswith(".") and path.name not in seen:
                seen.add(path.name)
                yield path


def folder(model_id: str) -> Path:
    """Give the folder of a model.

    Raises:
        BadModel: If there is no such model.
    """
    paths = {path.name: path for path in _folders()}
    if model_id in paths:
        return paths[model_id]
    raise BadModel(
        "There is no such model",
        found=repr(model_id)[:140],
        allowed=", ".join(paths) or "none is installed",
        do="See `python -m medcls models`",
    )


def is_taken(model_id: str, into: Path | None = None) -> bool:
    """Say whether an id names anything among the models of this machine or those that ship: two would hide each other.

    Args:
        model_id: The id.
        into: A further folder of models to look into.
    """
    roots = (home.weights(), home.shipped_weights(), *((into,) if into else ()))
    return any(os.path.lexists(root / model_id) for root in roots)


def read_card(model: str | Path) -> ModelCard:
    """Read the card of a model.

    Args:
        model: Id of a model, or its folder.

    Raises:
        BadModel: If there is no such model or its card cannot be read.
    """
    path = model if isinstance(model, Path) else folder(model)
    try:
        card = ModelCard.from_json((path / CARD).read_bytes(), where=f"{path.name}/{CARD}")
    except OSError as error:
        raise BadModel(
            f"Model {path.name} has no readable card", found=type(error).__name__, do="Publish or import it again"
        ) from error
    except MedclsError as error:
        raise BadModel(
            f"The card of model {path.name} cannot be used",
            found=str(error).rstrip("."),
            do="Publish or import it again",
        ) from error
    if not card.members and not (path / WEIGHTS).is_file():
        raise BadModel(f"Model {path.name} has no weights", found=f"no {WEIGHTS}", do="Publish or import it again")
    return card


def list_cards(*, retired: bool = False) -> tuple[ModelCard, ...]:
    """Give the cards of every readable model, by id.

    Args:
        retired: True to include models that are no longer offered.
    """
    cards = []
    for path in _folders():
        try:
            card = read_card(path)
        except BadModel:
            continue  # list_broken tells of it
        if retired or not card.retired:
            cards.append(card)
    return tuple(sorted(cards, key=lambda card: card.id))


def list_broken() -> tuple[Broken, ...]:
    """Give the model folders whose card cannot be read, with the reason."""
    broken = []
    for path in _folders():
        try:
            read_card(path)
        except BadModel as error:
            broken.append(Broken(path.name, error))
    return tuple(broken)


def digest(path: Path) -> str:
    """Give the SHA-256 of a file as hex.

    Raises:
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(path: Path, only: str | None = None) -> ModelCard:
    """Check the files of a model folder against its card.

    The heatmap studies change no answer, and a kill may part them from the card: they are left out here, and `read_pointing` refuses
    to show what the card does not vouch for.

    Args:
        path: The model folder.
        only: Check just this file; None checks all.

    Returns:
        The card.

    Raises:
        BadModel: If a file is missing, has changed, or is not vouched for.
    """
    card = read_card(path)
    expected = {only: card.files.get(only, "")} if only else {n: h for n, h in card.files.items() if n != POINTING}
    for name, sha256 in expected.items():
        if Path(name).name != name:
            raise BadModel(f"The card of model {path.name} names a file outside its folder", do="Do not use this model")
        try:
            found = digest(path / name)
        except OSError as error:
            raise BadModel(
                f"Model {path.name} is incomplete", found=f"no readable {name}", do="Publish or import it again"
            ) from error
        if found != sha256:
            raise BadModel(
                f"{name} of model {path.name} is not the file that was published",
                found=f"SHA-256 {found[:12]}…",
                allowed=f"{sha256[:12]}…" if sha256 else "a hash on the card",
                do="Publish or import it again",
            )
    return card


def read_evaluation(model: str | Path) -> Evaluation | None:
    """Read what was measured of a model; None if nothing was.

    Raises:
        BadModel: If there is no such model, or the file is there and cannot be used.
    """
    path = model if isinstance(model, Path) else folder(model)
    if not (path / EVALUATION).exists():
        return None
    try:
        return Evaluation.from_json((path / EVALUATION).read_bytes(), where=f"{path.name}/{EVALUATION}")
    except (OSError, MedclsError) as error:
        raise BadModel(
            f"The evaluation of model {path.name} cannot be used", found=str(error).rstrip("."), do="Evaluate it again"
        ) from error


def read_pointing(model: str | Path) -> PointingRecord:
    """Read how a model's heatmaps pointed at lesions; without any study if none was kept.

    Raises:
        BadModel: If there is no such model, or the file is there and cannot be used, or is not the one that the card vouches for.
    """
    path = model if isinstance(model, Path) else folder(model)
    if not (path / POINTING).exists():
        return PointingRecord()
    if not has_whole_pointing(path, read_card(path)):
        raise BadModel(
            f"The heatmap studies of model {path.name} are not those its card vouches for, and are left out",
            do="Run `explain-test --into-card` again; the model's answers do not depend on them",
        )
    return _parse_pointing(path)


def has_whole_pointing(path: Path, card: ModelCard) -> bool:
    """Say whether a model folder holds the heatmap studies that its card vouches for."""
    try:
        return digest(path / POINTING) == card.files.get(POINTING)
    except OSError:
        return False


def _parse_pointing(path: Path) -> PointingRecord:
    try:
        return PointingRecord.from_json((path / POINTING).read_bytes(), where=f"{path.name}/{POINTING}")
    except (OSError, MedclsError) as error:
        raise BadModel(
            f"The heatmap studies of model {path.name} cannot be used",
            found=str(error).rstrip("."),
            do="Run `explain-test --into-card` again after deleting the file",
        ) from error


def add_pointing(study: PointingStudy) -> ModelCard:
    """Keep a study of a published model's heatmaps in its folder, with its hash on the card and its table in the README.

    Raises:
        BadModel: If there is no such model, or the studies it has are damaged though its card vouches for them.
        Conflict: If the folder cannot be written.
    """
    path = folder(study.model)
    card = read_card(path)
    text = _vouched_pointing(path, card).having(study).to_json()
    files = card.files | {POINTING: hashlib.sha256(text.encode()).hexdigest()}
    try:
        _replace_text(path / POINTING, text)
        return update_card(study.model, files=files)
    except OSError as error:
        raise Conflict(
            f"The folder of model {study.model} cannot be written", found=error.strerror or type(error).__name__
        ) from error


def _vouched_pointing(path: Path, card: ModelCard) -> PointingRecord:
    """Give a folder's heatmap studies; none where they are not those of the card."""
    return _parse_pointing(path) if has_whole_pointing(path, card) else PointingRecord()


def _replace_text(path: Path, text: str) -> None:
    """Write a file aside, under a name that no other writer has, and put it in place whole."""
    aside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.aside")
    try:
        aside.write_bytes(text.encode())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def read_cases(model: str | Path) -> CaseTable | None:
    """Read the cases a model was measured on; None if none were kept.

    Raises:
        BadModel: If there is no such model, or the file is there and cannot be used.
    """
    path = model if isinstance(model, Path) else folder(model)
    if not (path / CASES).exists():
        return None
    try:
        return parse_cases((path / CASES).read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError) as error:
        raise BadModel(
            f"The cases of model {path.name} cannot be read", found=str(error)[:120], do="Evaluate it again"
        ) from error


def seen_key(sha256: str) -> str:
    """Give what `seen.txt` holds of a scan: the first 16 hex digits of its bytes' SHA-256."""
    return sha256[:16]


def write_seen(path: Path, digests: Iterable[str]) -> None:
    """Write which scans a model was trained or tuned on into a model folder that is being built.

    Args:
        path: The folder.
        digests: SHA-256 of each scan's bytes, or what `read_seen` gave of a model it started from.
    """
    (path / SEEN).write_text("".join(f"{key}\n" for key in sorted({seen_key(d) for d in digests})), encoding="ascii")


def read_seen(model: str | Path) -> frozenset[str]:
    """Read which scans a model was trained or tuned on (see `seen_key`); empty if it does not say.

    Raises:
        BadModel: If there is no such model, or the file is there and cannot be read.
    """
    path = model if isinstance(model, Path) else folder(model)
    if not (path / SEEN).exists():
        return frozenset()
    try:
        return frozenset((path / SEEN).read_text(encoding="ascii").split())
    except (OSError, UnicodeDecodeError) as error:
        raise BadModel(
            f"The list of scans model {path.name} has seen cannot be read",
            found=type(error).__name__,
            do="Import it again",
        ) from error


def write_known(path: Path, known: Known) -> None:
    """Write what the training scans were like into a model folder that is being built; features as float16."""
    tensors = {"features": known.features.astype(np.float16)}
    if known.looks:
        tensors |= {_CENTRE: known.looks.centre, _WHITENING: known.looks.whitening}
    (path / FEATURES).write_bytes(save(tensors))  # safetensors' own writer hides that a disk is full


def read_known(path: Path, card: ModelCard) -> Known | None:
    """Read what the scans were like that a model learned from; None if its card vouches for no such file.

    Raises:
        BadModel: If the file cannot be read.
    """
    if FEATURES not in card.files:
        return None
    try:
        tensors = load_file(path / FEATURES)
        features = tensors["features"].astype(np.float32)
    except (OSError, KeyError, SafetensorError) as error:
        raise BadModel(
            f"What model {card.id} learned from cannot be read", found=f"{FEATURES}: {type(error).__name__}",
            do="Import it again",
        ) from error  # fmt: skip
    looks = Normal(tensors[_CENTRE], tensors[_WHITENING]) if {_CENTRE, _WHITENING} <= set(tensors) else None
    return Known(features, looks)


def write_evaluation(path: Path, evaluation: Evaluation, cases: CaseTable) -> None:
    """Write an evaluation and its cases into a model folder that is being built."""
    (path / EVALUATION).write_text(evaluation.to_json(), encoding="utf-8")
    (path / CASES).write_text(format_cases(cases), encoding="utf-8")


def seal(path: Path, card: ModelCard) -> ModelCard:
    """Write the card and the readable README, with a hash of every file that must not change.

    Args:
        path: A model folder that is being built; weights, config and evaluation stand in it.
        card: The card, its `files` still open.

    Returns:
        The card as written.
    """
    card = replace(card, files={name: digest(path / name) for name in _SEALED if (path / name).exists()})
    (path / CARD).write_text(card.to_json(), encoding="utf-8")
    (path / README).write_text(_readme(path, card), encoding="utf-8")
    return card


def publish(result: Path, name: str = "", model_id: str = "", into: Path | None = None, **changes: Any) -> ModelCard:
    """Copy a finished model folder into the list of models.

    Args:
        result: A folder in the published layout, as a run's `result/`.
        name: What to call it; empty keeps its name.
        model_id: Id to publish under; empty makes the next free `<task>--<backbone>--<nnnn>`.
        into: Folder to publish into; None for the user's own models.
        changes: Further fields of the card to set (licence, limits, …).

    Returns:
        The card as published.

    Raises:
        BadModel: If the folder is not a whole model.
        Conflict: If the id is taken, by a model that ships or one of this machine.
    """
    card = verify(result)
    root = into or home.weights()
    model_id = model_id or _next_id(card)
    card = replace(card, id=model_id, name=name or card.name, **changes)  # checks the id before any path is made
    root.mkdir(parents=True, exist_ok=True)
    aside = root / f".{model_id}.{os.getpid()}.aside"
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir()
        for file in _SEALED:
            if (result / file).is_file() and (file != POINTING or has_whole_pointing(result, card)):
                shutil.copyfile(result / file, aside / file)
        _rename(aside, model_id)
        card = seal(aside, card)
        if is_taken(model_id, into):
            raise Conflict(f"There is already a model {model_id}", do="Choose another id")
        aside.rename(root / model_id)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return card


def _rename(path: Path, model_id: str) -> None:
    """Put a model's new id into what was measured of it."""
    if evaluation := read_evaluation(path):
        (path / EVALUATION).write_text(replace(evaluation, model=model_id).to_json(), encoding="utf-8")
    if (path / POINTING).exists():
        studies = _parse_pointing(path).studies
        record = PointingRecord(tuple(replace(study, model=model_id) for study in studies))
        (path / POINTING).write_text(record.to_json(), encoding="utf-8")


def _next_id(card: ModelCard) -> str:
    stem = f"{card.task.id}--{card.backbone.removeprefix('hf-hub:').replace('/', '-')}"
    taken = {path.name for path in _folders()}
    return next(i for n in range(1, 10_000) if (i := f"{stem}--{n:04d}") not in taken)


def update_card(model_id: str, **changes: Any) -> ModelCard:
    """Change fields of a published model's card (name, thresholds, retired, …); its files stay.

    Raises:
        BadModel: If there is no such model.
        MedclsError: If a value is not allowed.
    """
    path = folder(model_id)
    card = replace(read_card(path), **changes)
    for name, text in ((CARD, card.to_json()), (README, _readme(path, card))):
        _replace_text(path / name, text)
    return card


def readme(model_id: str) -> str:
    """Give a model's card as a person reads it, in Markdown.

    Raises:
        BadModel: If there is no such model or its card cannot be read.
    """
    path = folder(model_id)
    return _readme(path, read_card(path))


def _readme(path: Path, card: ModelCard) -> str:
    return describe_card(card, read_evaluation(path), _vouched_pointing(path, card))
