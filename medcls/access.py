"""Who is at work, and what they may do.

Everything is allowed unless `MEDCLS_HOME/access.toml` says how people log in:

[proxy]
header = "X-Forwarded-User"      # set by the proxy that logs people in
trusted = ["127.0.0.1"]          # addresses it is believed from; from any other it is taken off

[oidc]
on = true                        # instead of a proxy: Streamlit's own login; `claim` names a person, else "email"

[roles]
read = ["*"]                     # "*": whoever is logged in
build = ["kim@example.org"]
approve = ["lee@example.org"]
admin = ["root@example.org"]

Whoever may build or approve may read; an admin may do everything. If the file cannot be read, nobody may do anything.
"""

import ipaddress
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from medcls import disk, home
from medcls.errors import BadSpec, MedclsError

Role = Literal["read", "build", "approve", "admin"]
ROLES: tuple[Role, ...] = ("read", "build", "approve", "admin")
_HOLDS: dict[str, tuple[Role, ...]] = {"build": ("read",), "approve": ("read",), "admin": ROLES}
_KEYS: dict[str, set[str]] = {"proxy": {"header", "trusted"}, "oidc": {"on", "claim"}, "roles": set(ROLES)}


class Denied(MedclsError):
    """Something that the person at work may not do."""


@dataclass(frozen=True)
class Visitor:
    """Who is at work.

    Args:
        name: Login name; empty for somebody who is not logged in.
        roles: What they may do.
    """

    name: str
    roles: frozenset[str]


LOCAL = Visitor("local", frozenset(ROLES))
NOBODY = Visitor("", frozenset())


@dataclass(frozen=True)
class Rules:
    """How people log in, and who may do what.

    Args:
        header: The proxy's header, in small letters; empty for none.
        trusted: Networks the header is believed from.
        claim: What of a login by OIDC names a person; empty if it is not in use.
        roles: Names by role.
    """

    header: str = ""
    trusted: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    claim: str = ""
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def on(self) -> bool:
        """True if people log in."""
        return bool(self.header or self.claim)

    def visitor(self, name: str) -> Visitor:
        """Return who logs in under a name; without a name, nobody."""
        if not name:
            return NOBODY
        given = {role for role, names in self.roles.items() if name in names or "*" in names}
        return Visitor(name, frozenset(given.union(*(_HOLDS.get(role, ()) for role in given))))

    def trusts(self, address: str) -> bool:
        """Return whether the header is believed from an address."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(found, "ipv4_mapped", None)
        return any((mapped or found) in network for network in self.trusted)


def read_rules() -> Rules:
    """Return the rules in force; without a file nobody logs in and all is allowed.

    Raises:
        BadSpec: If the file cannot be used, or is a link to nothing, as to a drive that is not mounted.
    """
    path = home.home() / "access.toml"
    try:
        stamp = path.stat()
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            return Rules()
        raise BadSpec("access.unreadable", found=error.strerror or type(error).__name__) from error
    return _read(path, stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=4)
def _read(path: Path, changed_ns: int, size: int) -> Rules:
    try:
        told = tomllib.loads(disk.read_file(path).decode())
        return _rules(told)
    except (OSError, RecursionError, ValueError, TypeError, AttributeError) as error:  # no UTF-8, no TOML, wrong types
        raise BadSpec("access.unreadable", found=str(error)[:200] or type(error).__name__) from error


def _rules(told: dict[str, Any]) -> Rules:
    for part, row in told.items():
        if part not in _KEYS or (unknown := set(row) - _KEYS[part]):
            raise ValueError(f"unknown: {part if part not in _KEYS else ', '.join(sorted(unknown))}")
    proxy, oidc = told.get("proxy", {}), told.get("oidc", {})
    made = Rules(
        str(proxy.get("header", "")).lower(),
        tuple(ipaddress.ip_network(one) for one in proxy.get("trusted", ())),
        str(oidc.get("claim", "email")) if oidc.get("on") is True else "",
        {role: _names(names) for role, names in told.get("roles", {}).items()},
    )
    if not made.on or (made.header and made.claim) or (made.header and not made.trusted):
        raise ValueError("needs [proxy] with header and trusted, or [oidc] with on = true, and not both")
    return made


def _names(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(name, str) and name for name in given):
        raise ValueError("a role needs a list of names")
    return tuple(given)


_given: ContextVar[Visitor | None] = ContextVar("visitor", default=None)
_ask: list[Callable[[], str]] = []


def ask_with(login_name: Callable[[], str]) -> None:
    """Let this process find out who is at work by calling `login_name`; it returns "" for somebody not logged in."""
    _ask[:] = [login_name]


def present() -> Visitor:
    """Return who is at work: whom `acting_as` named, else who is logged in; "local" where nobody logs in.

    Raises:
        BadSpec: If the rules cannot be read.
    """
    if (given := _given.get()) is not None:
        return given
    rules = read_rules()
    if not rules.on:
        return LOCAL
    return rules.visitor(_ask[0]()) if _ask else NOBODY


def need(role: Role) -> Visitor:
    """Return who is at work, if they have a role.

    Raises:
        Denied: If they do not.
        BadSpec: If the rules cannot be read.
    """
    who = present()
    if not who.name:
        raise Denied("access.not-logged-in")
    if role not in who.roles:
        raise Denied("access.denied", role=role, found=", ".join(r for r in ROLES if r in who.roles) or "none")
    return who


@contextmanager
def acting_as(visitor: Visitor) -> Iterator[None]:
    """Work as somebody: the command line as "local", a download made later as whoever asked for it."""
    token = _given.set(visitor)
    try:
        yield
    finally:
        _given.reset(token)
