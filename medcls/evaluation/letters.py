"""Evaluation cards by mail: signed by the sender, checked by the recipient, kept apart from one's own figures.

A letter is one JSON file: the card, the maker's public key and an Ed25519 signature over the card's canonical text. The
key is made at its first use and never leaves `MEDCLS_HOME/keys`; its fingerprint is what two people read to each other
on the telephone.
"""

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from medcls import home
from medcls.core.letter import Letter
from medcls.core.note import Note
from medcls.core.outcome import Outcome, outcomes
from medcls.core.record import Record, read_bounded, wrong
from medcls.core.site import Aim
from medcls.disk import locked, write_atomically
from medcls.errors import BadData
from medcls.evaluation.site_check import WRONG, one_sided
from medcls.evaluation.sites import list_sites

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_LARGEST = 200_000
_AHEAD = timedelta(days=1)  # that another site's clock may be
_NEAR = 1e-9  # of an aim: another version of scipy may fall on its other side


@dataclass(frozen=True)
class Signed(Record):
    """A letter as it travels.

    Args:
        card: The letter.
        key: The maker's public Ed25519 key, 32 bytes in base64.
        signature: Over the card's canonical JSON, 64 bytes in base64.
    """

    card: Letter
    key: str
    signature: str
    schema: int = 1

    @property
    def fingerprint(self) -> str:
        """What identifies the maker's key: SHA-256, the first 16 hex digits in fours."""
        digest = hashlib.sha256(base64.b64decode(self.key)).hexdigest()[:16]
        return " ".join(digest[i : i + 4] for i in range(0, 16, 4))


@dataclass(frozen=True)
class SavedLetter:
    """A letter that was kept.

    Args:
        signed: The letter.
        before: Day of an earlier one of the same site and key, whose place it took; empty if there was none.
        rivals: Fingerprints of other keys that signed letters of the same site: one of them may be forged.
        own: True if it comes from a site of this home, or tells a check of one.
    """

    signed: Signed
    before: str = ""
    rivals: tuple[str, ...] = ()
    own: bool = False


def sign(letter: Letter) -> Signed:
    """Sign a letter with this machine's key, which is made if there is none yet.

    Raises:
        BadRecord: If the key is damaged.
        OSError: If it cannot be written.
    """
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = _key()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return Signed(letter, base64.b64encode(public).decode(), base64.b64encode(key.sign(_text(letter))).decode())


def read_letter(data: bytes) -> Signed:
    """Read a letter and check its signature and its numbers.

    Args:
        data: The file's bytes.

    Raises:
        BadData: If the file is larger than any letter, or its signature is not its key's over its card.
        MedclsError: If it is no letter, or its numbers are impossible.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if len(data) > _LARGEST:
        raise BadData("evaluation.letter-too-large", found=len(data), most=_LARGEST)
    signed = Signed.from_json(data, "letter")
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signed.key, validate=True))
        key.verify(base64.b64decode(signed.signature, validate=True), _text(signed.card))
    except (InvalidSignature, ValueError, binascii.Error) as error:
        raise BadData("evaluation.letter-signature") from error
    return signed


def save_letter(signed: Signed, model: str, weights: tuple[str, ...]) -> SavedLetter:
    """Keep a letter about a model; a newer one of the same site and maker takes the older one's place.

    Args:
        signed: From `read_letter`.
        model: Id of the model here.
        weights: Digests of its networks' weights.

    Raises:
        BadData: If it is about other networks, of a day that has not come, older than that kept of its site, or tells
            under another key the check of a letter kept already.
        OSError: If it cannot be written.
    """
    if signed.card.weights != weights:
        raise BadData("evaluation.letter-of-other-weights", model=model)
    if signed.card.made > (latest := (datetime.now(UTC) + _AHEAD).date().isoformat()):
        raise BadData("evaluation.letter-of-tomorrow", found=signed.card.made, latest=latest)
    folder = _folder(model)
    with locked(folder):
        path = folder / f"{_name(signed)}.json"
        before = _kept_day(path)
        if before > signed.card.made:
            raise BadData("evaluation.letter-older", found=signed.card.made, kept=before)
        others = [one.value for one in letters(model, weights) if one.value is not None]
        _refuse_told(signed, [one for one in others if _name(one) != path.stem])
        write_atomically(path, signed.to_json().encode())
    rivals = {o.fingerprint for o in others if o.card.site_key == signed.card.site_key and o.key != signed.key}
    return SavedLetter(signed, before, tuple(sorted(rivals)), not told_elsewhere([signed.card]))


def told_elsewhere(told: Sequence[Letter]) -> list[Letter]:
    """Return the letters of other homes' sites: neither of a site of this one, nor of its check under another key."""
    if not told:
        return []
    folders = [one.value for one in list_sites() if one.value is not None]
    keys = {folder.site.key for folder in folders}
    checks = [one.value for folder in folders for one in folder.checks() if one.value is not None]
    own = [Letter.of(one, "", "own", "") for one in checks if one.weights in {letter.weights for letter in told}]
    return [one for one in told if one.site_key not in keys and not any(map(one.is_same_check, own))]


def _refuse_told(signed: Signed, kept: Sequence[Signed]) -> None:
    """Raise BadData if a letter tells a check that one of those kept tells already: it counts once."""
    for one in kept:
        if signed.card.is_same_check(one.card):
            named = {"site": one.card.site or one.fingerprint, "made": one.card.made, "key": one.fingerprint}
            raise BadData("evaluation.letter-told-already", found=signed.fingerprint, **named)


def contradicts(letter: Letter, labels: tuple[str, ...], positive: tuple[int, ...]) -> Note | None:
    """Return why a letter cannot be about a model with these labels, by its counts or its verdict; None if it can.

    Args:
        letter: The letter.
        labels: Label ids of the model's task.
        positive: Indices of those that mean disease.
    """
    if found := letter.contradicts(labels, positive):
        return found
    return None if letter.verdict in _possible_verdicts(letter, positive) else Note("core.letter-verdict")


def _possible_verdicts(letter: Letter, positive: tuple[int, ...]) -> set[str]:
    """Return the verdicts that its counts can give: one where each scan is of another patient, else a less sure one."""
    found = {_verdict(letter, positive, slack) for slack in (-_NEAR, _NEAR)}
    return found if letter.n_groups == letter.n_cases else found | {"too-few"}


def _verdict(letter: Letter, positive: tuple[int, ...], slack: float) -> str:
    parts = _parts(letter.confusion, letter.aim, positive)
    if any(one_sided(*part, WRONG / len(parts))[1] < goal + slack for part, goal in parts):
        return "not-fit"
    tables = [table for table in (letter.confusion, letter.answered) if table]
    reached = [
        one_sided(*part)[0] >= goal - slack for table in tables for part, goal in _parts(table, letter.aim, positive)
    ]
    return "fit" if all(reached) else "too-few"


def _parts(
    table: tuple[tuple[int, ...], ...], aim: Aim, positive: Collection[int]
) -> list[tuple[tuple[int, int], float]]:
    """Return hits and trials of each share that is asked for, with the share."""
    k = range(len(table))
    sides = [(aim.sensitivity, set(positive)), (aim.specificity, set(k) - set(positive))]
    return [
        ((sum(table[i][j] for i in side for j in side), sum(table[i][j] for i in side for j in k)), goal)
        for goal, side in sides
        if goal
    ]


def letters(model: str, weights: tuple[str, ...]) -> list[Outcome[Signed]]:
    """Return what other sites reported about a model's networks; one that no longer holds comes with its error.

    So does one that tells a check which an earlier one tells: under however many keys, it counts once.

    Args:
        model: Id of the model.
        weights: Digests of its networks' weights; letters about others are left out.
    """
    folder = _folder(model)
    found = outcomes(sorted(folder.glob("*.json"), key=_age), lambda p: p.stem, _kept)
    told: list[Signed] = []
    return [_once(one, told) for one in found if one.value is None or one.value.card.weights == weights]


def _once(one: Outcome[Signed], told: list[Signed]) -> Outcome[Signed]:
    """Return a letter, or why it does not count beside those told before; what counts is added to them."""
    if one.value is None:
        return one
    try:
        _refuse_told(one.value, told)
    except BadData as error:
        return Outcome(one.name, error=error)
    told.append(one.value)
    return one


def _age(path: Path) -> tuple[float, str]:
    """Return what sorts letters by when they were kept."""
    try:
        return path.lstat().st_mtime, path.name
    except OSError:  # what ails it is told when it is read
        return 0.0, path.name


def _kept(path: Path) -> Signed:
    try:
        return read_letter(read_bounded(path, f"letters/{path.name}"))
    except FileNotFoundError as error:  # put away between the list and the look
        raise BadData("evaluation.letter-signature") from error


def _kept_day(path: Path) -> str:
    """Return the day of a letter kept before; empty if there is none, or none that holds: it vouches for nothing."""
    kept = Outcome.of(path.stem, lambda: _kept(path)).value
    return kept.card.made if kept else ""


def _folder(model: str) -> Path:
    return home.home() / "letters" / model


def _name(signed: Signed) -> str:
    return hashlib.sha256(f"{signed.card.site_key}|{signed.key}".encode()).hexdigest()[:24]


def _text(letter: Letter) -> bytes:
    """Return the canonical text that is signed: JSON, keys sorted, no spaces, UTF-8.

    What an older medcls did not know stands in it only where it is told, so that what that one signed still holds.
    """
    told = letter.to_dict()
    if not letter.answered:
        del told["answered"]
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _key() -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    folder = home.home() / "keys"
    path = folder / "letters.key"
    with locked(folder):
        folder.chmod(0o700)  # before the key is written: nobody else reads it even for a moment
        if path.exists():
            try:
                return Ed25519PrivateKey.from_private_bytes(read_bounded(path, f"keys/{path.name}"))
            except ValueError as error:
                raise wrong(f"keys/{path.name}", str(error)[:80], Note("core.allowed-key", n=32)) from error
        key = Ed25519PrivateKey.generate()
        write_atomically(path, key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
        os.chmod(path, 0o600)
        return key
