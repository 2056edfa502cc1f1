"""A model on disk: found, listed, read and checked. Loads no network and no torch."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from medcls import disk, home
from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.outcome import Outcome
from medcls.core.pointing import PointingRecord
from medcls.core.stress import StressRecord
from medcls.core.studies import Studies
from medcls.errors import BadModel, MedclsError
from medcls.models import learned, measured
from medcls.models.card_text import describe_card
from medcls.models.changes import identity, lay_over, read_changes
from medcls.models.layout import CARD, POINTING, README, STRESS, STUDIES, WEIGHTS

S = TypeVar("S", bound=Studies)


@dataclass(frozen=True)
class ModelFolder:
    """One model's folder, published or still being built.

    Args:
        path: The folder.
    """

    path: Path

    @classmethod
    def of(cls, model: "str | Path | ModelFolder") -> "ModelFolder":
        """Return the folder of a model given by its id or its folder.

        Raises:
            BadModel: If there is no such model.
        """
        if isinstance(model, ModelFolder):
            return model
        return cls(model) if isinstance(model, Path) else cls.find(model)

    @classmethod
    def find(cls, model_id: str) -> "ModelFolder":
        """Return the folder of an installed model.

        Raises:
            BadModel: If there is no such model.
        """
        paths = {found.id: found for found in cls.all()}
        if model_id in paths:
            return paths[model_id]
        raise BadModel(
            "models.unknown", found=repr(model_id)[:140], allowed=", ".join(paths) or Note("models.none-installed")
        )

    @classmethod
    def all(cls) -> "Iterator[ModelFolder]":
        """Yield every installed model's folder, the user's own before those that ship; an id counts once."""
        seen: set[str] = set()
        for root in (home.weights(), home.shipped_weights()):
            for name in _folders(root):
                if name not in seen:
                    seen.add(name)
                    yield cls(root / name)

    @property
    def id(self) -> str:
        """Name of the folder: the model's id, once it is published."""
        return self.path.name

    @property
    def installed(self) -> bool:
        """True if it lies among this machine's models or those that ship: what users change is laid over it."""
        return self.path.parent in (home.weights(), home.shipped_weights())

    def published_card(self) -> ModelCard:
        """Return the card as it was published.

        Raises:
            BadModel: If it cannot be read, or names weights that are not there.
        """
        where = f"{self.id}/{CARD}"
        try:
            card = _parse(disk.read_file(self.path / CARD), where)
        except OSError as error:
            raise BadModel("models.no-card", model=self.id, found=type(error).__name__) from error
        except (MedclsError, TypeError, ValueError, KeyError, AttributeError) as error:
            raise BadModel("models.bad-card", model=self.id, found=str(error).rstrip(".")[:400]) from error
        if not card.members and not (self.path / WEIGHTS).is_file():
            raise BadModel("models.no-weights", model=self.id, found=f"no {WEIGHTS}")
        return card

    def card(self) -> ModelCard:
        """Return the card with what was changed on this machine laid over it.

        Raises:
            BadModel: As `published_card`; also if the changes cannot be read.
        """
        card = self.published_card()
        return lay_over(card) if self.installed and card.id == self.id else card

    def verify(self, only: str | None = None) -> ModelCard:
        """Check the files of the folder against its card.

        Studies (heatmaps, shifts) change no answer: they are left out here, and `pointing` and `stress` refuse to show
        what the card does not vouch for.

        Args:
            only: Check just this file; None checks all.

        Returns:
            The card, with what was changed here.

        Raises:
            BadModel: If a file is missing, has changed, or is not vouched for, or the card vouches for no weights.
        """
        card = self.card()
        if missing := _unvouched(card):
            raise BadModel("models.no-hash", model=self.id, found=Note("models.found-no-hash", name=missing))
        expected = (
            {only: card.files.get(only, "")} if only else {n: h for n, h in card.files.items() if n not in STUDIES}
        )
        for name, sha256 in expected.items():
            self._check(name, sha256)
        return card

    def _check(self, name: str, sha256: str) -> None:
        if Path(name).name != name:
            raise BadModel("models.file-outside", model=self.id)
        try:
            found = digest(self.path / name)
        except OSError as error:
            raise BadModel(
                "models.incomplete", model=self.id, found=Note("models.found-unreadable", name=name)
            ) from error
        if found != sha256:
            allowed = f"{sha256[:12]}…" if sha256 else Note("models.allowed-hash")
            raise BadModel(
                "models.changed-file", file=name, model=self.id, found=f"SHA-256 {found[:12]}…", allowed=allowed
            )

    def evaluation(self) -> Evaluation | None:
        """Return what was measured of the model; None if nothing was.

        Raises:
            BadModel: If the file is there and cannot be used.
        """
        return measured.read_evaluation(self.path)

    def cases(self) -> CaseTable | None:
        """Return the cases it was measured on; None if none were kept.

        Raises:
            BadModel: If the file is there and cannot be used.
        """
        return measured.read_cases(self.path)

    def pointing(self) -> PointingRecord:
        """Return how its heatmaps pointed at lesions, studies made here among them; without any if none was kept.

        Raises:
            BadModel: If the file is there and cannot be used, or is not the one that the card vouches for.
        """
        card = self.published_card()
        return self._with_made(measured.read_pointing(self.path, card), card, POINTING)

    def stress(self) -> StressRecord:
        """Return what shifts do to its answers, studies made here among them; without any if none was kept.

        Raises:
            BadModel: If the file is there and cannot be used, or is not the one that the card vouches for.
        """
        card = self.published_card()
        return self._with_made(measured.read_stress(self.path, card), card, STRESS)

    def _with_made(self, record: S, card: ModelCard, kind: str) -> S:
        """Return the studies a model was published with and, in place of or behind them, those made here."""
        made = read_changes(card.id, identity(card), kind) if self.installed else None
        for study in type(record).from_dict(made).studies if made else ():
            record = record.having(study)
        return record

    def seen(self) -> frozenset[str]:
        """Return which scans it was trained or tuned on (see `learned.seen_key`); empty if it does not say.

        Raises:
            BadModel: If the file is there and cannot be read.
        """
        return learned.read_seen(self.path)

    def readme(self) -> str:
        """Return the card as a person reads it, in Markdown.

        Raises:
            BadModel: If the card or what was measured cannot be read.
        """
        return describe_card(self.card(), self.evaluation(), self.shown_studies())

    def texts(self) -> dict[str, str]:
        """Return card, studies and README with what was changed here, as files to hand on.

        Raises:
            BadModel: If one of them cannot be read.
        """
        card = self.card()
        texts = {name: record.to_json() for name, record in self.shown_studies().items() if record.studies}
        files = {name: sha256 for name, sha256 in card.files.items() if name not in STUDIES}
        files |= {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
        return texts | {CARD: replace(card, files=files).to_json(), README: self.readme()}

    def shown_studies(self) -> "dict[str, PointingRecord | StressRecord]":
        """Return the studies that may be shown or handed on, by file: none where nobody vouches for them."""
        pointing = Outcome.of(POINTING, self.pointing)
        stress = Outcome.of(STRESS, self.stress)
        return {POINTING: pointing.value or PointingRecord(), STRESS: stress.value or StressRecord()}


def _folders(root: Path) -> list[str]:
    """Return the names of the folders of a place, sorted, without hidden ones; none where there is no such place."""
    if not root.is_dir():
        return []
    names = (name for name in os.listdir(root) if not name.startswith("."))
    return sorted(name for name in names if os.path.isdir(root / name))  # False of a link to itself, too


@lru_cache(maxsize=256)
def _parse(data: bytes, where: str) -> ModelCard:
    """Return a card from its bytes; every page lists the models several times."""
    return ModelCard.from_json(data, where=where)


def _unvouched(card: ModelCard) -> str:
    """Return the first thing that a card must hold a hash of and does not; empty if none."""
    if card.members:
        return next((f"member {one}" for one in card.members if not card.member_weights.get(one)), "")
    return "" if card.files.get(WEIGHTS) else WEIGHTS


def list_models(*, retired: bool = False) -> tuple[Outcome[ModelCard], ...]:
    """Return every installed model by id: its card, or what is wrong with it.

    Args:
        retired: True to include models that are no longer offered.
    """
    found = [Outcome.of(folder.id, folder.card) for folder in ModelFolder.all()]
    return tuple(sorted((o for o in found if retired or o.value is None or not o.value.retired), key=lambda o: o.name))


def list_cards(*, retired: bool = False) -> tuple[ModelCard, ...]:
    """Return the cards of every readable model, by id; see `list_models` for those that are not."""
    return tuple(outcome.value for outcome in list_models(retired=retired) if outcome.value is not None)


def id_exists(model_id: str, into: Path | None = None) -> bool:
    """Return whether an id names anything among this machine's models or those that ship: two would hide each other.

    Args:
        model_id: The id.
        into: A further folder of models to look into.
    """
    roots = (home.weights(), home.shipped_weights(), *((into,) if into else ()))
    return any(os.path.lexists(root / model_id) for root in roots)


def same_model(one: ModelCard, other: ModelCard) -> bool:
    """Return whether two cards are of one model: the same files but for studies, which change no answer."""
    files = [{n: h for n, h in card.files.items() if n not in STUDIES} for card in (one, other)]
    return files[0] == files[1] and one.members == other.members


def check_member(mean: ModelCard, member: ModelCard) -> None:
    """Refuse a member that is no longer the network a mean was made and measured with.

    Raises:
        BadModel: If its weights are others than those the mean's card names.
    """
    asked, found = mean.member_weights.get(member.id), member.files.get(WEIGHTS, "none")
    if asked != found:
        told = {"found": f"SHA-256 {found[:12]}…", "allowed": f"{(asked or 'none')[:12]}…"}
        raise BadModel("models.other-member", model=mean.id, member=member.id, **told)


def weights_digest(card: ModelCard) -> str:
    """Return the digest that names a model's weights; of a mean, that of its members' digests in order of their ids."""
    own = card.files.get(WEIGHTS, "")
    if own or not card.member_weights:
        return own
    joined = "".join(card.member_weights[member] for member in sorted(card.member_weights))
    return hashlib.sha256(joined.encode("ascii")).hexdigest()


def digest(path: Path) -> str:
    """Return the SHA-256 of a file as hex.

    Raises:
        OSError: If it cannot be read.
    """
    with disk.open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
