"""Who is at work: what the pages need to know of `medcls.access`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from medcls import audit
from medcls.access import LOCAL, NOBODY, ROLES, Rules, Visitor, acting_as, ask_with, need, present, read_rules
from medcls.errors import MedclsError

__all__ = [
    "LOCAL",
    "ROLES",
    "Rules",
    "Session",
    "Visitor",
    "acting_as",
    "as_now",
    "ask_with",
    "come_in",
    "go_out",
    "need",
    "note_arrival",
    "present",
    "read_rules",
]

R = TypeVar("R")


def as_now(do: Callable[[], R]) -> Callable[[], R]:
    """Return a function that always works as whoever is at work now: for a file made when it is downloaded."""
    who = present()

    def doing() -> R:
        with acting_as(who):
            return do()

    return doing


@dataclass
class Session:
    """What the audit trail already says of who came in a session: each arrival is a line, not each run of a page.

    Args:
        told: Login name and outcome of the last line; empty before the first.
    """

    told: tuple[str, str] = ("", "")


def come_in(session: Session) -> Visitor:
    """Let whoever is at work in to the pages; that they came, or were refused, is written to the audit trail once.

    Args:
        session: Of the pages they look at.

    Raises:
        Denied: If they may not even read.
        BadSpec: If the rules cannot be read.
        Conflict: If it cannot be written down and must not go unwritten.
    """
    try:
        who = need("read")
    except MedclsError as error:
        note_arrival(session, error.code)
        raise
    note_arrival(session, "done")
    return who


def note_arrival(session: Session, outcome: str) -> None:
    """Write to the audit trail that somebody came in, or was refused, unless the session's last line says the same.

    Where nobody logs in there is nothing to say; nor of somebody who has yet to log in.

    Args:
        session: Theirs.
        outcome: `done`, or the code of why they were refused.

    Raises:
        Conflict: If it cannot be written and `MEDCLS_AUDIT_STRICT` is set.
    """
    try:
        rules, who = read_rules(), present()
    except MedclsError:  # rules that cannot be read let nobody in
        rules, who = Rules(), NOBODY
    waits = outcome == "access.not-logged-in" and bool(rules.claim)
    told = (who.name, outcome)
    if told == session.told or waits or (outcome == "done" and not rules.on):
        return
    by = "proxy" if rules.header else "oidc" if rules.claim else "rules"
    audit.write("login", outcome=outcome, by=by, roles=", ".join(role for role in ROLES if role in who.roles))
    session.told = told


def go_out(session: Session) -> None:
    """Write to the audit trail that whoever is at work logs out.

    Raises:
        Conflict: As `note_arrival`.
    """
    audit.write("logout")
    session.told = ("", "")
