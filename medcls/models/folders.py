"""Model folders: what they may hold, where they lie, whether they are whole."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medcls import home
from medcls.core.model import ModelCard
from medcls.errors import BadModel, MedclsError

CARD, WEIGHTS, CONFIG = "card.json", "model.safetensors", "config.json"
EVALUATION, CASES, README, FEATURES = "evaluation.json", "cases.csv", "README.md", "features.safetensors"
SEEN, POINTING = "seen.txt", "pointing.json"
# Everything a model folder may hold.
FILES = (CARD, CONFIG, WEIGHTS, FEATURES, SEEN, EVALUATION, CASES, POINTING, README)
SEALED = (WEIGHTS, CONFIG, FEATURES, SEEN, EVALUATION, CASES, POINTING)  # what the card's `files` vouches for


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


def check_member(ensemble: ModelCard, member: ModelCard) -> None:
    """Refuse a member that is no longer the network an ensemble was made and measured with.

    Raises:
        BadModel: If its weights are others than those the ensemble's card names.
    """
    asked, found = ensemble.member_weights.get(member.id), member.files.get(WEIGHTS, "none")
    if asked and asked != found:
        raise BadModel(
            f"Model {ensemble.id} was made with another model {member.id} than the one here",
            found=f"SHA-256 {found[:12]}…", allowed=f"{asked[:12]}…", do="Import the ensemble with its members again, or make it anew",
        )  # fmt: skip


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
