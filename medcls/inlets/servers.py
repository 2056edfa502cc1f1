"""The systems around, named in one TOML file: `MEDCLS_HOME/servers.toml`. Secrets stand in the environment, not in it.

[receive]
title = "MEDCLS"                 # this program's name as an application entity
host = "127.0.0.1"               # the address it listens at
port = 11112
callers = ["US1", "PACS"]        # who may send; nobody else is accepted
cert = "/etc/medcls/tls.crt"     # with key: TLS
key = "/etc/medcls/tls.key"

[servers.pacs]
kind = "dicomweb"
url = "https://pacs.example.org/dicom-web"
user = "PACS_USER"               # names of variables of the environment
password = "PACS_PASSWORD"
ca = "/etc/medcls/ca.crt"        # whose certificates are believed; else the system's

[servers.archive]
kind = "dimse"
host = "10.0.0.5"
port = 104
title = "ARCHIVE"
calling = "MEDCLS"

[watch]
folder = "/srv/scans"

[rules.breast]                   # what comes in is answered and sent on by itself
task = "breast-ultrasound"
modality = "US"                  # only of this kind; empty for every
to = ["pacs"]
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from medcls import home
from medcls.core.note import Note
from medcls.core.record import Record, check_plain, read_bounded, wrong
from medcls.errors import BadSpec

_TITLE_MOST = 16  # of an application entity's name, by the standard


@dataclass(frozen=True)
class Receive(Record):
    """How the listener listens.

    Args:
        title: Its name.
        host: Address to listen at.
        port: Port.
        callers: Names of those who may send.
        cert: File of its certificate; empty for no TLS.
        key: File of its key.
        ca: File of the certificates that callers must show; empty: they need show none.
    """

    title: str = "MEDCLS"
    host: str = "127.0.0.1"
    port: int = 11112
    callers: tuple[str, ...] = ()
    cert: str = ""
    key: str = ""
    ca: str = ""


@dataclass(frozen=True)
class Server(Record):
    """A system that is asked for scans and given results.

    Args:
        name: What the file calls it.
        kind: `dicomweb` or `dimse`.
        url: Of DICOMweb's root.
        user: Name of the environment's variable that holds the user.
        password: Name of the one that holds the password.
        ca: File of the certificates that are believed; empty: the system's.
        host: Of a DIMSE server.
        port: Of it.
        title: Its name as an application entity.
        calling: The name this program gives itself there.
        tls: True to speak TLS with a DIMSE server.
        timeout_s: How long an answer may take.
    """

    name: str
    kind: str = "dicomweb"
    url: str = ""
    user: str = ""
    password: str = ""
    ca: str = ""
    host: str = ""
    port: int = 104
    title: str = "ANY-SCP"
    calling: str = "MEDCLS"
    tls: bool = False
    timeout_s: float = 20.0

    def credentials(self) -> tuple[str, str] | None:
        """Return what to log in with, from the environment.

        Returns:
            User and password; None if the server's entry names no user.

        Raises:
            BadSpec: If a variable that is named is not set.
        """
        if not self.user:
            return None
        missing = [name for name in (self.user, self.password) if name not in os.environ]
        if missing:
            raise BadSpec("inlets.no-secret", server=self.name, found=", ".join(missing))
        return os.environ[self.user], os.environ[self.password]


@dataclass(frozen=True)
class Rule(Record):
    """What is done by itself with a scan that comes in.

    Args:
        name: What the file calls it.
        task: Task that is asked.
        to: Servers the result is sent to.
        modality: Only scans of this kind, DICOM's code; empty for every.
        model: Model id; empty for the one recommended.
        site: Site whose settings the answer is read with; empty for none.
        ways: Exits that make DICOM objects; all of them if none is named.
    """

    name: str
    task: str
    to: tuple[str, ...]
    modality: str = ""
    model: str = ""
    site: str = ""
    ways: tuple[str, ...] = ()

    def takes(self, modality: str) -> bool:
        """Return whether the rule is about scans of a kind."""
        return self.modality in ("", modality)


@dataclass(frozen=True)
class PacsConfig:
    """Everything the file names."""

    receive: Receive = field(default_factory=Receive)
    servers: Mapping[str, Server] = field(default_factory=dict)
    watch: Path | None = None
    rules: tuple[Rule, ...] = ()

    def server(self, name: str) -> Server:
        """Return a server by its name.

        Raises:
            BadSpec: If there is none.
        """
        if name not in self.servers:
            raise BadSpec(
                "inlets.no-such-server", found=name[:40], allowed=", ".join(self.servers) or Note("inlets.none-named")
            )
        return self.servers[name]


def read_pacs_config(path: Path | None = None) -> PacsConfig:
    """Return what the file names; without a file there are no systems and nobody may send.

    Args:
        path: The file; None for `MEDCLS_HOME/servers.toml`.

    Raises:
        BadSpec: If the file is no TOML or names something unknown.
        BadRecord: If it cannot be read, or a value has the wrong type.
    """
    path = path or home.home() / "servers.toml"
    try:
        told = tomllib.loads(read_bounded(path, path.name).decode())
    except FileNotFoundError:
        return PacsConfig()
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, or TOML without an end
        raise BadSpec("inlets.no-toml", found=str(error)[:200]) from error
    check_plain(told, path.name)
    _only(told, {"receive", "rules", "servers", "watch"}, path.name)
    watch = _table(told, "watch").get("folder", "")
    if not isinstance(watch, str):
        raise wrong("watch.folder", f"{watch!r:.60}", Note("inlets.allowed-folder"))
    servers = {name: _server(name, _table(told["servers"], name)) for name in _table(told, "servers")}
    rules = tuple(_rule(name, _table(told["rules"], name), servers) for name in _table(told, "rules"))
    return PacsConfig(_receive(_table(told, "receive")), servers, Path(watch) if watch else None, rules)


def _table(told: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a table of the file; empty if there is none."""
    found = told.get(name, {})
    if not isinstance(found, dict):
        raise wrong(name, f"{found!r:.60}", Note("inlets.allowed-table"))
    return found


def _rule(name: str, row: dict[str, Any], servers: Mapping[str, Server]) -> Rule:
    _only(row, {f.name for f in fields(Rule)} - {"name"}, f"rules.{name}")
    made = Rule.from_dict({"task": "", "to": [], **row, "name": name}, f"rules.{name}")
    if not name.isalnum() or not made.task or not made.to or set(made.to) - set(servers):
        found = ", ".join(made.to) or "none"
        raise BadSpec("inlets.wrong-rule", rule=name, found=found, allowed=", ".join(servers))
    return made


def _receive(row: dict[str, Any]) -> Receive:
    _only(row, {f.name for f in fields(Receive)}, "receive")
    made = Receive.from_dict(row, "receive")
    _check_title(made.title, "receive")
    return made


def _server(name: str, row: dict[str, Any]) -> Server:
    _only(row, {f.name for f in fields(Server)} - {"name"}, f"servers.{name}")
    made = Server.from_dict({**row, "name": name}, f"servers.{name}")
    if made.kind not in ("dicomweb", "dimse") or (made.kind == "dicomweb") != bool(made.url):
        raise BadSpec("inlets.wrong-server", server=name, found=made.kind)
    _check_title(made.title, name)
    return made


def _only(row: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := set(row) - known:
        raise BadSpec(
            "inlets.unknown-key", where=where, found=", ".join(sorted(unknown)), allowed=", ".join(sorted(known))
        )


def _check_title(title: str, where: str) -> None:
    if not 0 < len(title) <= _TITLE_MOST or not title.isascii():
        raise BadSpec("inlets.wrong-title", where=where, found=title[:40])
