"""What users change on a model, laid over its published card: the model's own folder is never written.

Changes lie in `MEDCLS_HOME/weights/.changes/<model>/`, of shipped and of own models alike: `card.json` holds fields of
the card, `pointing.json` and `stress.json` hold studies made here. They name the model that they were made of by the
hashes of its files: another model that comes under the same id does not take them over.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from medcls import disk, home
from medcls.core.model import ModelCard
from medcls.core.record import parse_json, read_bounded
from medcls.errors import BadModel, Conflict, MedclsError

CHANGEABLE = ("name", "thresholds", "licence", "trained_on", "limits", "retired")
_ROOM, _CARD = ".changes", "card.json"


def changes_folder(model_id: str) -> Path:
    """Return the folder of what was changed here on a model; it need not exist."""
    return home.weights() / _ROOM / model_id


def identity(card: ModelCard) -> str:
    """Return what tells a published model from another of the same id: a digest of its hashes and members."""
    told = json.dumps([sorted(card.files.items()), list(card.members), sorted(card.member_weights.items())])
    return hashlib.sha256(told.encode()).hexdigest()


@contextmanager
def locked_changes(model_id: str) -> Iterator[Path]:
    """Hold the changes of a model for reading, changing and writing; other threads and processes wait.

    Yields:
        The folder, made if missing.

    Raises:
        Conflict: If it cannot be written.
    """
    folder = changes_folder(model_id)
    try:
        with disk.locked(folder):
            yield folder
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise Conflict("models.changes-not-written", model=model_id, found=reason) from error


def lay_over(card: ModelCard) -> ModelCard:
    """Return a published card with what was changed here.

    Raises:
        BadModel: If the changes cannot be read.
    """
    fields = read_changes(card.id, identity(card), _CARD)
    return _with(card, fields) if fields else card


def change(card: ModelCard, make: Callable[[ModelCard], Mapping[str, Any]]) -> ModelCard:
    """Change fields of a model's card as it is now, nobody else changing it meanwhile.

    Args:
        card: The published card, nothing laid over it.
        make: Given the card with all changes so far, returns the fields to set, out of `CHANGEABLE`.

    Returns:
        The card with the changes.

    Raises:
        BadModel: If `make` returns a field that cannot be changed.
        MedclsError: If a value is not allowed, or whatever `make` raises.
        Conflict: If the changes cannot be written.
    """
    with locked_changes(card.id):
        now = lay_over(card)
        fields = dict(make(now))
        if unknown := sorted(set(fields) - set(CHANGEABLE)):
            raise BadModel("models.not-changeable", found=", ".join(unknown), allowed=", ".join(CHANGEABLE))
        changed = replace(now, **fields)
        plain, published = changed.to_dict(), card.to_dict()
        write_changes(card, _CARD, {name: plain[name] for name in CHANGEABLE if plain[name] != published[name]})
    return changed


def read_changes(model_id: str, made_of: str, name: str) -> dict[str, Any]:
    """Return one file of a model's changes; empty if there is none, or it was made of another model of this id.

    Args:
        model_id: The model.
        made_of: `identity` of the model as it is published now.
        name: Name of the file.

    Raises:
        BadModel: If it cannot be read.
    """
    path = changes_folder(model_id) / name
    try:
        data = parse_json(read_bounded(path, name), name)
        return dict(data["holds"]) if data["of"] == made_of else {}
    except FileNotFoundError:
        return {}
    except (MedclsError, ValueError, KeyError, TypeError) as error:
        reason = f"{name}: {type(error).__name__}"
        raise BadModel("models.changes-unreadable", model=model_id, found=reason, folder=_ROOM) from error


def write_changes(card: ModelCard, name: str, holds: Mapping[str, Any]) -> None:
    """Write one file of a model's changes whole; call it inside `locked_changes`.

    Args:
        card: The published card, nothing laid over it.
        name: Name of the file.
        holds: What it shall hold; numbers that are not finite raise a ValueError.
    """
    text = json.dumps({"of": identity(card), "holds": holds}, indent=2, ensure_ascii=False, allow_nan=False)
    disk.write_atomically(changes_folder(card.id) / name, text.encode())


def forget(model_id: str) -> None:
    """Drop all that was changed here on a model, as when it is removed."""
    shutil.rmtree(changes_folder(model_id), ignore_errors=True)


def _with(card: ModelCard, fields: Mapping[str, Any]) -> ModelCard:
    known = {name: value for name, value in fields.items() if name in CHANGEABLE}
    try:
        return ModelCard.from_dict({**card.to_dict(), **known}, where=f"{_ROOM}/{card.id}")
    except (MedclsError, TypeError, ValueError) as error:
        raise BadModel(
            "models.changes-unreadable", model=card.id, found=str(error).rstrip("."), folder=_ROOM
        ) from error
