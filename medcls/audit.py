"""The audit trail: who did what with which model and scan, and how it ended; no pixel and no name of a patient.

`MEDCLS_HOME/audit/` holds numbered files of JSON lines. Each line carries the digest of the line before it, across
files too, so that a line changed, taken out or moved breaks the chain from there on. `head.json` says how many lines
there are and the last one's digest, so that lines missing at the end are found as well: the next line goes on from what
the head says, so that the gap stays. Whoever can write to the folder can also compute a new chain: keep the digest that
`audit verify` prints somewhere else, and compare it later.

A line that cannot be written (disk full) stops nothing unless `MEDCLS_AUDIT_STRICT` is set; it is then an error.
"""

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from medcls import __version__, access, disk, home
from medcls.errors import Conflict, MedclsError
from medcls.words import say

BEGINNING = "0" * 64  # what the first line carries in place of a digest
MOST_BYTES = 8 << 20  # of one file; the next line then begins another
_NUMBERED = re.compile(r"audit-[0-9]{6,9}\.jsonl", re.ASCII)
_TAIL_BYTES = 1 << 16  # holds the last line, whatever it says


@dataclass(frozen=True)
class Line:
    """One thing that happened.

    Args:
        n: Its number in the trail, from 1.
        at: When, UTC, ISO 8601.
        who: Login name, or "local".
        what: What was done, as `classify` or `exit.pdf`.
        outcome: `done`, the code of what went wrong, or `failed` for a fault that has none.
        facts: What it was done with: model, digests, mode. No pixel, no name.
        before: Digest of the line before.
        digest: Digest of this line.
    """

    n: int
    at: str
    who: str
    what: str
    outcome: str
    facts: Mapping[str, Any]
    before: str
    digest: str


@dataclass(frozen=True)
class Verdict:
    """What a check of the trail found.

    Args:
        n: How many lines were read.
        digest: Digest of the last one; to be kept elsewhere.
        broken_at: Number of the first line that does not follow from the one before; None if all do.
        missing: How many lines at the end are gone.
        where: File of the first broken line; empty if none is.
    """

    n: int
    digest: str
    broken_at: int | None = None
    missing: int = 0
    where: str = ""

    @property
    def whole(self) -> bool:
        """True if no line was changed, moved or taken out."""
        return self.broken_at is None and not self.missing


def folder() -> Path:
    """Return the folder of the trail."""
    return home.home() / "audit"


def write(what: str, *, outcome: str = "done", who: str = "", **facts: Any) -> None:
    """Append a line to the trail.

    Args:
        what: What was done.
        outcome: `done`, or `outcome_of` what went wrong.
        who: Login name; empty for whoever is at work.
        facts: Texts and numbers beside it: ids of models, digests. Never a name or a path.

    Raises:
        Conflict: If it cannot be written and `MEDCLS_AUDIT_STRICT` is set.
    """
    write_many(what, [{"outcome": outcome, **facts}], who=who)


def write_many(what: str, rows: Iterable[Mapping[str, Any]], *, who: str = "") -> None:
    """Append several lines of one kind to the trail at once, all or none.

    Args:
        what: What was done.
        rows: The facts of each; its `outcome`, if it is not `done`, among them.
        who: Login name; empty for whoever is at work.

    Raises:
        Conflict: As `write`.
    """
    at, who = datetime.now(UTC).isoformat(timespec="milliseconds"), who or _present()
    made = [
        {
            "at": at,
            "who": who,
            "what": what,
            "outcome": row.get("outcome", "done"),
            "facts": {k: v for k, v in sorted(row.items()) if k != "outcome" and v not in ("", None)},
            "medcls": __version__,
        }
        for row in rows
    ]
    try:
        if made:
            _append([_writable(row) for row in made])
    except OSError as error:
        found = error.strerror or type(error).__name__
        if os.environ.get("MEDCLS_AUDIT_STRICT", "0") not in ("", "0"):
            raise Conflict("audit.cannot-write", found=found) from error
        print(say("audit.not-written", {"found": found}), file=sys.stderr, flush=True)


def _writable(row: dict[str, Any]) -> dict[str, Any]:
    """Return a line's values with a question mark for each half character, as a name that is no UTF-8 brings them."""
    written: dict[str, Any] = json.loads(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace"))
    return written


def outcome_of(error: Exception) -> str:
    """Return how something ended that stopped with an error: its code, or `failed` for a fault that has none."""
    return error.code if isinstance(error, MedclsError) else "failed"


def lines() -> Iterator[Line]:
    """Yield the lines of the trail in order; one that is damaged beyond reading ends it.

    Raises:
        OSError: If a file cannot be read.
    """
    for path in files():
        for text in disk.read_file(path, 64 * MOST_BYTES).splitlines():
            line = _parsed(text)
            if line is None:
                return
            yield line


def files() -> list[Path]:
    """Return the files of the trail, oldest first; a file of another name is none of them."""
    return sorted(path for path in folder().glob("audit-*.jsonl") if _NUMBERED.fullmatch(path.name))


def verify() -> Verdict:
    """Check that no line was changed, moved or taken out; what a writer left half written, or is writing, is no line.

    Raises:
        OSError: If a file cannot be read.
    """
    (n, last), (n_head, digest), paths = (0, BEGINNING), _head(), files()
    for path in paths:
        told = disk.read_file(path, 64 * MOST_BYTES)
        for text in (told[: told.rfind(b"\n") + 1] if path == paths[-1] else told).splitlines():
            line = _parsed(text)
            if line is None or line.before != last or line.n != n + 1 or (line.n == n_head and line.digest != digest):
                return Verdict(n, last, broken_at=n + 1, where=path.name)
            n, last = line.n, line.digest
    return Verdict(n, last, missing=max(0, n_head - n))


def _present() -> str:
    """Return the login name of whoever is at work; "nobody" where that cannot be found out."""
    try:
        return access.present().name or "nobody"
    except MedclsError:
        return "nobody"


def _append(rows: list[dict[str, Any]]) -> None:
    with disk.locked(folder()):
        path, last = _end()
        n, digest = (last.n, last.digest) if last else (0, BEGINNING)
        if (head := _head())[0] >= max(1, n):  # lines that are gone, or a last one written anew, leave a gap
            n, digest = head
        for row in rows:
            row |= {"n": (n := n + 1), "before": digest}
            row["digest"] = digest = _digest(row)
        disk.append_line(path, "\n".join(json.dumps(row, sort_keys=True, ensure_ascii=False) for row in rows))
        disk.write_atomically(folder() / "head.json", json.dumps({"n": n, "digest": digest}).encode())


def _end() -> tuple[Path, Line | None]:
    """Return the file to append to and the last line there is; half a line that a crash left is cut off."""
    written = files()
    if not written:
        return folder() / "audit-000001.jsonl", None
    path = written[-1]
    size, texts = _last_lines(path)
    if not texts and len(written) > 1:
        texts = _last_lines(written[-2])[1]
    last = _parsed(texts[-1]) if texts else None
    if texts and last is None:  # damaged: go on after it, so that `verify` finds the place
        last = _unreadable(texts)
    if size >= MOST_BYTES:
        path = folder() / f"audit-{int(path.stem.split('-')[1]) + 1:06d}.jsonl"
    return path, last


def _last_lines(path: Path) -> tuple[int, list[bytes]]:
    """Return the size of a file and its last lines, having cut off what stands behind the last line's end."""
    size = path.stat().st_size
    with disk.open_file(path) as file:
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read()
    torn = len(tail) - (tail.rfind(b"\n") + 1)
    if torn:
        size -= torn
        os.truncate(path, size)
    return size, tail[: len(tail) - torn].splitlines()


def _unreadable(texts: list[bytes]) -> Line:
    """Return a stand-in for a last line that cannot be read: its digest is that of its bytes, its number from the head.

    Where the head tells none, it is counted from the last line that can be read.
    """
    counted = next((line.n + k for k, text in enumerate(reversed(texts)) if (line := _parsed(text))), 0)
    return Line(_head()[0] or counted, "", "", "", "", {}, "", hashlib.sha256(texts[-1]).hexdigest())


def _head() -> tuple[int, str]:
    """Return how many lines the trail had and the last one's digest; none where that is not told."""
    try:
        told = json.loads(disk.read_file(folder() / "head.json"))
        n, digest = told["n"], told["digest"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return 0, BEGINNING
    return (n, digest) if _is_number(n) and isinstance(digest, str) and digest.isascii() else (0, BEGINNING)


def _is_number(told: Any) -> bool:
    return isinstance(told, int) and not isinstance(told, bool) and 0 <= told < 1 << 53


def _parsed(text: bytes) -> Line | None:
    """Return a line, or None if its digest is not that of what it says."""
    try:
        row = json.loads(text)
        digest = row.pop("digest")
        if digest != _digest(row):
            return None
        row.pop("medcls")
        line = Line(digest=digest, **row)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    said = (line.at, line.who, line.what, line.outcome, line.before)
    whole = _is_number(line.n) and isinstance(line.facts, dict) and all(isinstance(one, str) for one in said)
    return line if whole else None


def _digest(row: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(row, sort_keys=True, ensure_ascii=False).encode("utf-8")).hexdigest()
