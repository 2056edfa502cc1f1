"""Sites on disk: `MEDCLS_HOME/sites/<id>/` holds what a site found out and decided; a model is never changed by it.

`site.json` says what it is, `checks/` holds its checks, `history.jsonl` what was applied, undone, approved and retired:
lines are only ever added, so that two people at once lose nothing and a click can be undone.
"""

import os
import secrets
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args
from urllib.parse import quote

from medcls import home
from medcls.core.outcome import Outcome, outcomes
from medcls.core.record import read_bounded
from medcls.core.site import Site, SiteCheck, SiteEvent, SiteSettings, State
from medcls.disk import append_line, locked, write_atomically
from medcls.errors import BadSpec, Conflict, MedclsError

_LONGEST = 60
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class InForce:
    """Settings in force at a site.

    Args:
        line: Line of the history that applied them, from 1.
        settings: The settings.
    """

    line: int
    settings: SiteSettings

    def is_undone_by(self, event: SiteEvent) -> bool:
        """Return whether a line takes them back; one of an older medcls named at most what the settings said."""
        if event.undoes:
            return event.undoes == self.line
        return event.settings is None or self.settings.is_same(event.settings)


@dataclass(frozen=True)
class SiteFolder:
    """A site's folder.

    Args:
        path: `MEDCLS_HOME/sites/<id>`.
    """

    path: Path

    @property
    def id(self) -> str:
        """Its id: the name, made fit for a folder and an address."""
        return self.path.name

    @property
    def site(self) -> Site:
        """What it is.

        Raises:
            BadSpec: If its record is missing.
            MedclsError: If its record is damaged.
        """
        try:
            return Site.read(self.path / "site.json", f"sites/{self.id}/site.json")
        except FileNotFoundError as error:
            raise BadSpec("evaluation.no-such-site", site=self.id, known="") from error

    def write(self, site: Site) -> None:
        """Replace what it is.

        Raises:
            OSError: If it cannot be written.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path / "site.json", site.to_json().encode())

    def keep(self, check: SiteCheck) -> Path:
        """Keep a check, beside earlier ones.

        Raises:
            OSError: If it cannot be written.
        """
        folder = self.path / "checks"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{now().replace(':', '')}-{secrets.token_hex(3)}.json"
        write_atomically(path, check.to_json().encode())
        return path

    def checks(self) -> list[Outcome[SiteCheck]]:
        """Return the checks kept, newest first; a damaged one stands in its place with its error."""
        paths = sorted((self.path / "checks").glob("*.json"), reverse=True)
        return outcomes(paths, lambda p: p.stem, lambda p: SiteCheck.read_listed(p, f"checks/{p.name}"))

    def last_check(self, model: str, weights: tuple[str, ...]) -> SiteCheck | None:
        """Return the newest check of these very networks; None if there is none."""
        found = (one.value for one in self.checks() if one.value is not None)
        return next((c for c in found if c.model == model and c.weights == weights), None)

    def record(self, event: SiteEvent) -> None:
        """Add a line to the history; one without a time is of now.

        Raises:
            OSError: If it cannot be written; the history is then as it was.
        """
        event = event if event.when else replace(event, when=now())
        append_line(self.path / "history.jsonl", event.to_json(indent=None).rstrip("\n"))

    def history(self) -> Iterator[SiteEvent]:
        """Return the lines, oldest first; a damaged line is passed over, the others stand.

        Raises:
            BadRecord: If there is a history and it cannot be read.
        """
        return (event for event in self._lines() if event is not None)

    def n_damaged(self) -> int:
        """Return how many lines of the history cannot be read.

        Raises:
            BadRecord: As `history`.
        """
        return sum(event is None for event in self._lines())

    def _lines(self) -> Iterator[SiteEvent | None]:
        """Return each line, oldest first; None for a damaged one."""
        try:
            lines = read_bounded(self.path / "history.jsonl", f"sites/{self.id}/history.jsonl").splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                yield SiteEvent.from_json(line, "history.jsonl")
            except MedclsError:
                yield None

    def settings(self, model: str) -> SiteSettings | None:
        """Return the settings in force for a model; None if there are none.

        Raises:
            BadRecord: As `history`.
        """
        found = self.in_force(model)
        return found.settings if found else None

    def in_force(self, model: str) -> "InForce | None":
        """Return the settings in force for a model: the last applied that was not undone; None if there are none.

        A line that undoes names the line it undid: two people who undo the same settings undo them once, and of the
        same settings applied twice the last are undone.

        Raises:
            BadRecord: As `history`.
        """
        stack: list[InForce] = []
        for line, event in enumerate(self._lines(), start=1):
            if event is None or event.model != model:
                continue
            if event.what == "applied" and event.settings is not None:
                stack.append(InForce(line, event.settings))
            elif event.what == "undone" and stack and stack[-1].is_undone_by(event):
                stack.pop()
        return stack[-1] if stack else None

    def state(self, model: str) -> State | None:
        """Return a model's state here; None if nobody has said.

        A damaged line may have said anything: after it no model is approved until somebody says so again.

        Raises:
            BadRecord: As `history`.
        """
        said: State | None = None
        for event in self._lines():
            if event is None:
                said = "retired" if said == "retired" else "draft"
            elif event.what == "state" and event.model == model:
                said = event.state if event.state in STATES else "draft"
        return said


def now() -> str:
    """Return the time, UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def site_id(name: str) -> str:
    """Return the id of a site's name: readable, in any script, and fit for a folder.

    Raises:
        BadSpec: If nothing of the name is left, or it is too long.

    Example:
        >>> site_id("Ward 3"), site_id("부산 병원")
        ('ward-3', '부산-병원')
    """
    plain = unicodedata.normalize("NFC", name).strip().casefold()
    kept = "".join(c if c.isalnum() else "-" for c in plain)
    found = "-".join(part for part in kept.split("-") if part)
    if not found or len(quote(found)) > 4 * _LONGEST or len(found) > _LONGEST:
        raise BadSpec("evaluation.bad-site-name", found=name[:_LONGEST], longest=_LONGEST)
    return found


def open_site(name: str) -> SiteFolder:
    """Return a site's folder by its name or id, whether or not it is there yet.

    Raises:
        BadSpec: If it cannot be a site's name.
    """
    return SiteFolder(home.home() / "sites" / site_id(name))


def find_site(name: str) -> SiteFolder:
    """Return the folder of a known site by its name or id.

    Raises:
        BadSpec: If there is none of this name, with the names there are.
        MedclsError: If its record is damaged.
    """
    folder = open_site(name)
    if not os.path.lexists(folder.path / "site.json"):
        known = [one.value.site.name for one in list_sites() if one.value is not None]
        raise BadSpec("evaluation.no-such-site", site=name.strip(), known=known)
    _ = folder.site
    return folder


def make_site(name: str) -> SiteFolder:
    """Make a site, or return the one of this name.

    Raises:
        BadSpec: If it cannot be a site's name.
        Conflict: If another name has the same id.
    """
    folder = open_site(name)
    if not (folder.path / "site.json").exists():
        with locked(folder.path):  # two who make it at once have one key
            if not (folder.path / "site.json").exists():
                folder.write(Site(name.strip(), secrets.token_hex(16), made=now()[:10]))
                return folder
    if site_id(folder.site.name) != folder.id:
        raise Conflict("evaluation.site-id-taken", site=folder.site.name)
    return folder


def list_sites() -> list[Outcome[SiteFolder]]:
    """Return every site; one whose record is damaged stands in its place with its error."""
    root = home.home() / "sites"
    paths = sorted(p for p in root.iterdir() if p.is_dir()) if root.is_dir() else []

    def checked(folder: SiteFolder) -> SiteFolder:
        _ = folder.site
        return folder

    return outcomes(paths, lambda p: p.name, lambda p: checked(SiteFolder(p)))


def consent(folder: SiteFolder, watch: bool) -> None:
    """Switch a site's watch on or off.

    Raises:
        MedclsError: If its record is damaged.
        OSError: If it cannot be written.
    """
    with locked(folder.path):
        folder.write(replace(folder.site, watch=watch))
