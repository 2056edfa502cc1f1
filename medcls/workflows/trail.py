"""The audit trail: checked, listed, handed on. The command line does it for whoever keeps the machine."""

from collections.abc import Iterator

from medcls import audit
from medcls.audit import Line, Verdict
from medcls.exits import Parcel, leave
from medcls.exits.case import Mode
from medcls.exits.subjects import Trail
from medcls.workflows.acts import allowed

__all__ = ["Line", "Verdict"]


@allowed("admin")
def verify() -> Verdict:
    """Return whether a line of the trail was changed, taken out or moved.

    Raises:
        OSError: If a file cannot be read.
    """
    return audit.verify()


@allowed("admin")
def lines() -> Iterator[Line]:
    """Return the lines of the trail in order.

    Raises:
        OSError: If a file cannot be read.
    """
    return audit.lines()


@allowed("admin")
def export(mode: Mode = "record") -> Parcel:
    """Return the trail as a bundle of FHIR AuditEvents; for others, who did something is numbered.

    Raises:
        OSError: If a file cannot be read.
    """
    return leave("audit", Trail(tuple(audit.lines())), mode)
