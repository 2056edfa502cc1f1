"""Writing models: sealing a folder, publishing it, changing a published card."""

import errno
import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from medcls import disk, home
from medcls.core.model import ModelCard
from medcls.core.pointing import PointingRecord, PointingStudy
from medcls.errors import Conflict
from medcls.models.card_text import describe_card
from medcls.models.folders import (
    CARD,
    EVALUATION,
    POINTING,
    README,
    SEALED,
    digest,
    folder,
    is_taken,
    read_card,
    verify,
)
from medcls.models.measured import has_whole_pointing, parse_pointing, read_evaluation, vouched_pointing


def seal(path: Path, card: ModelCard) -> ModelCard:
    """Write the card and the readable README, with a hash of every file that must not change.

    Args:
        path: A model folder that is being built; weights, config and evaluation stand in it.
        card: The card, its `files` still open.

    Returns:
        The card as written.
    """
    card = replace(card, files={name: digest(path / name) for name in SEALED if (path / name).exists()})
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
    card = replace(card, id=model_id or _next_id(card, into), name=name or card.name, **changes)  # checks the id first
    root.mkdir(parents=True, exist_ok=True)
    aside = disk.aside(root / card.id)
    try:
        aside.mkdir()
        for file in SEALED:
            if (result / file).is_file() and (file != POINTING or has_whole_pointing(result, card)):
                shutil.copyfile(result / file, aside / file)
        while True:
            _rename(aside, card.id)
            card = seal(aside, card)
            if _put(aside, root / card.id, into):
                return card
            if model_id:
                raise Conflict(f"There is already a model {model_id}", do="Choose another id")
            card = replace(card, id=_next_id(card, into))  # another session took the free id meanwhile
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _put(aside: Path, final: Path, into: Path | None) -> bool:
    """Give a finished folder its name; False if the name is taken, also by one that came a moment before."""
    if is_taken(final.name, into):
        return False
    try:
        aside.rename(final)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        return False
    return True


def _rename(path: Path, model_id: str) -> None:
    """Put a model's new id into what was measured of it."""
    if evaluation := read_evaluation(path):
        (path / EVALUATION).write_text(replace(evaluation, model=model_id).to_json(), encoding="utf-8")
    if (path / POINTING).exists():
        studies = parse_pointing(path).studies
        record = PointingRecord(tuple(replace(study, model=model_id) for study in studies))
        (path / POINTING).write_text(record.to_json(), encoding="utf-8")


def _next_id(card: ModelCard, into: Path | None) -> str:
    stem = f"{card.task.id}--{card.backbone.removeprefix('hf-hub:').replace('/', '-')}"
    return next(i for n in range(1, 10_000) if not is_taken(i := f"{stem}--{n:04d}", into))


def update_card(model_id: str, **changes: Any) -> ModelCard:
    """Change fields of a published model's card (name, thresholds, retired, …); its files stay.

    Raises:
        BadModel: If there is no such model.
        MedclsError: If a value is not allowed.
    """
    path = folder(model_id)
    card = replace(read_card(path), **changes)
    for name, text in ((CARD, card.to_json()), (README, _readme(path, card))):
        disk.write_whole(path / name, text.encode())
    return card


def add_pointing(study: PointingStudy) -> ModelCard:
    """Keep a study of a published model's heatmaps in its folder, with its hash on the card and its table in the README.

    Raises:
        BadModel: If there is no such model, or the studies it has are damaged though its card vouches for them.
        Conflict: If the folder cannot be written.
    """
    path = folder(study.model)
    card = read_card(path)
    text = vouched_pointing(path, card).having(study).to_json()
    files = card.files | {POINTING: hashlib.sha256(text.encode()).hexdigest()}
    try:
        disk.write_whole(path / POINTING, text.encode())
        return update_card(study.model, files=files)
    except OSError as error:
        raise Conflict(
            f"The folder of model {study.model} cannot be written", found=error.strerror or type(error).__name__
        ) from error


def readme(model_id: str) -> str:
    """Give a model's card as a person reads it, in Markdown.

    Raises:
        BadModel: If there is no such model or its card cannot be read.
    """
    path = folder(model_id)
    return _readme(path, read_card(path))


def _readme(path: Path, card: ModelCard) -> str:
    return describe_card(card, read_evaluation(path), vouched_pointing(path, card))
