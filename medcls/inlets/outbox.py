"""Results on their way to a server: kept on disk until it has them, tried again when it does not answer.

A result is a folder: its objects, then `state.json`. The same objects for the same server are the same folder, so that
two clicks send once. Killed between sending and noting it, the next try asks the server first and sends nothing twice.
"""

import hashlib
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from medcls import audit, disk, home
from medcls.core.note import Note
from medcls.core.record import Record, wrong
from medcls.errors import BadSpec, Conflict, MedclsError
from medcls.inlets.servers import PacsConfig

State = Literal["waiting", "sent", "failed"]
_FIRST_S, _LONGEST_S, _MOST_TRIES = 10.0, 3600.0, 30


@dataclass(frozen=True)
class Sending(Record):
    """One result and how far it is.

    Args:
        id: Name of its folder.
        server: Where it goes.
        state: `waiting` (to be tried again), `sent`, or `failed` (refused: trying again changes nothing).
        why: Why it is not sent, as a sentence; empty if it is, or was not tried.
        code: The code of that sentence.
        tries: How often it was tried.
        next_at: When it is tried again, as `time.time` tells it.
        scan_sha256: Digest of the scan it is about.
    """

    id: str
    server: str
    state: State = "waiting"
    why: str = ""
    code: str = ""
    tries: int = 0
    next_at: float = 0.0
    scan_sha256: str = ""


def folder() -> Path:
    """Return the folder of what is on its way."""
    return home.home() / "outbox"


def put(server: str, objects: Sequence[bytes], scan_sha256: str = "") -> Sending:
    """Keep a result for a server; on return it outlives a power cut.

    Args:
        server: The server's name.
        objects: DICOM files.
        scan_sha256: Digest of the scan it is about, for the audit trail.

    Raises:
        Conflict: If it cannot be kept.
    """
    digest = hashlib.sha256(b"".join([server.encode(), *(hashlib.sha256(data).digest() for data in objects)]))
    made = Sending(digest.hexdigest()[:32], server, scan_sha256=scan_sha256)
    place = folder() / made.id
    try:
        folder().mkdir(parents=True, exist_ok=True)
        folder().chmod(0o700)  # they are patient data
        with disk.locked(place):
            if (place / "state.json").is_file():
                return _read(place)
            for number, data in enumerate(objects):
                disk.write_atomically(place / f"{number:03d}.dcm", data)
            _write(place, made)
    except OSError as error:
        raise Conflict("inlets.not-kept", found=error.strerror or type(error).__name__) from error
    return made


def sendings() -> tuple[Sending, ...]:
    """Return what is or was on its way, oldest first; one whose state is damaged stands as failed, and says why."""
    found: list[tuple[float, Sending]] = []
    for place in filter(os.path.isdir, folder().glob("*")):
        with suppress(FileNotFoundError):  # put away meanwhile, or not ours
            found.append((_put_at(place), _read_or_told(place)))
    return tuple(sending for _, sending in sorted(found, key=lambda pair: pair[0]))


def _put_at(place: Path) -> float:
    """Return when a result was last written; 0 where nobody may look."""
    try:
        return (place / "state.json").lstat().st_mtime
    except PermissionError:
        return 0.0


def _read_or_told(place: Path) -> Sending:
    try:
        return _read(place)
    except MedclsError as error:
        return Sending(place.name, "", "failed", str(error), error.code)


def work(around: PacsConfig, now: float | None = None) -> tuple[Sending, ...]:
    """Try everything that waits and whose time has come.

    Args:
        around: The servers.
        now: Time as `time.time` tells it; None for now.

    Returns:
        What was tried, as it stands now.
    """
    now = time.time() if now is None else now
    # A time farther off than any wait, as of a clock that was wrong, keeps nothing back.
    due = [s for s in sendings() if s.state == "waiting" and not now < s.next_at <= now + _LONGEST_S]
    return tuple(try_one(sending.id, around, now) for sending in due)


def try_one(name: str, around: PacsConfig, now: float | None = None) -> Sending:
    """Try to send one result, unless it was sent meanwhile.

    Args:
        name: Its id.
        around: The servers.
        now: Time; None for now.

    Raises:
        BadSpec: If there is no such result.
        MedclsError: If its state is damaged.
    """
    now, place = time.time() if now is None else now, _place_of(name)
    with disk.locked(place):  # two who try at once: the second finds it sent
        sending = _read(place)
        if sending.state == "sent":
            return sending
        tried = _tried(sending, place, around, now)
        _write(place, tried)
    audit.write("send", outcome=tried.code or tried.state, server=tried.server, scan_sha256=tried.scan_sha256)
    return tried


def _tried(sending: Sending, place: Path, around: PacsConfig, now: float) -> Sending:
    from medcls.inlets.asking import give

    sending = replace(sending, tries=sending.tries + 1)
    try:
        give(around.server(sending.server), [disk.read_file(path, 1 << 31) for path in sorted(place.glob("*.dcm"))])
    except Conflict as error:
        wait = min(_LONGEST_S, _FIRST_S * 2 ** (min(sending.tries, _MOST_TRIES) - 1))
        state: State = "failed" if sending.tries >= _MOST_TRIES else "waiting"
        return replace(sending, state=state, why=str(error), code=error.code, next_at=now + wait)
    except MedclsError as error:
        return replace(sending, state="failed", why=str(error), code=error.code)
    except Exception as error:  # noqa: BLE001  whatever one result provokes, the others are sent
        return replace(sending, state="failed", why=type(error).__name__, code=audit.outcome_of(error))
    return replace(sending, state="sent", why="", code="")


def again(name: str) -> Sending:
    """Put a result that failed back among those that wait.

    Raises:
        BadSpec: If there is no such result.
        MedclsError: If its state is damaged.
    """
    place = _place_of(name)
    with disk.locked(place):
        sending = replace(_read(place), state="waiting", tries=0, next_at=0.0)
        _write(place, sending)
    return sending


def _place_of(name: str) -> Path:
    """Return the folder of a result that is there: locking any other would make it."""
    if name not in {path.name for path in folder().glob("*") if path.is_dir()}:
        raise BadSpec("inlets.no-such-result", found=name[:40])
    return folder() / name


def _read(place: Path) -> Sending:
    said = Sending.read(place / "state.json", f"outbox/{place.name}/state.json")
    if said.id != place.name or said.tries < 0:
        raise wrong(
            f"outbox/{place.name}/state.json",
            Note("inlets.found-tries", id=f"{said.id!r:.60}", n=said.tries),
            Note("inlets.allowed-tries", id=place.name),
        )
    return said


def _write(place: Path, sending: Sending) -> None:
    disk.write_atomically(place / "state.json", sending.to_json().encode("utf-8"))
