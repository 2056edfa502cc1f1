"""The worklist and the way back: scans from the systems around, results to them."""

import re

from medcls import audit
from medcls.errors import BadSpec, Conflict
from medcls.exits import CASE_EXITS, leave
from medcls.exits.case import Case
from medcls.exits.subjects import Received
from medcls.inlets import inbox, outbox, watched
from medcls.inlets.inbox import Waiting
from medcls.inlets.outbox import Sending
from medcls.inlets.servers import PacsConfig, read_pacs_config
from medcls.workflows.acts import allowed

__all__ = ["PacsConfig", "Sending", "Waiting", "read_pacs_config"]

DICOM = "application/dicom"
_DATES = re.compile(r"\d{8}(-(\d{8})?)?|-\d{8}")


@allowed("read")
def worklist(source: str = "", *, patient_id: str = "", date: str = "") -> tuple[Waiting, ...]:
    """Return what waits to be read.

    Args:
        source: A server's name, `inbox`, `folder`, or empty for inbox and folder.
        patient_id: Only this patient's.
        date: Only this day's (`YYYYMMDD`) or span's (`YYYYMMDD-YYYYMMDD`; either end may be left out).

    Raises:
        BadSpec: If the date is none.
        MedclsError: If the source is not there or does not answer.
    """
    if date and not _DATES.fullmatch(date):
        raise BadSpec("workflows.bad-dates", found=repr(date)[:40])
    around = read_pacs_config()
    if source and source not in ("inbox", "folder"):
        from medcls.inlets import asking

        return asking.search(around.server(source), patient_id=patient_id, date=date)
    found = inbox.waiting() if source in ("", "inbox") else ()
    seen = watched.waiting(around.watch) if around.watch and source in ("", "folder") else ()
    return tuple(item for item in (*found, *seen) if _is_asked_for(item, patient_id, date))


def _is_asked_for(item: Waiting, patient_id: str, date: str) -> bool:
    """Return whether something here is of the patient and the days asked for; one that does not say is not."""
    if patient_id and item.patient_id != patient_id:
        return False
    first, dash, last = date.partition("-")
    return not date or (bool(item.date) and first <= item.date <= ((last or "99999999") if dash else first))


@allowed("read")
def fetch(item: Waiting) -> bytes:
    """Return the file of something on the worklist.

    Raises:
        MedclsError: If it is not there any more or its server does not answer.
    """
    around = read_pacs_config()
    if item.source == "inbox":
        return inbox.read(item.id)
    if item.source == "folder" and around.watch:
        return watched.read(around.watch, item.id)
    from medcls.inlets import asking

    return asking.fetch(around.server(item.source), item.id)


def export(item: Waiting, name: str) -> Received:
    """Return the file of something on the worklist as it may leave, called `name`.

    Raises:
        MedclsError: As `fetch`.
    """
    return Received(name, fetch(item))


@allowed("read")
def put_away(item: Waiting) -> None:
    """Take a scan off the worklist once it was read; only the copy sent here is deleted, nothing elsewhere.

    Written to the audit trail by the scan's digest.

    Raises:
        Conflict: If it cannot be deleted.
    """
    if item.source != "inbox":
        return
    try:
        inbox.put_away(item.id)
    except OSError as error:
        audit.write("put-away", outcome="workflows.not-put-away", scan_sha256=item.id)
        found = error.strerror or type(error).__name__
        raise Conflict("workflows.not-put-away", found=found) from error
    audit.write("put-away", scan_sha256=item.id)


@allowed("read")
def send_back(case: Case, server: str, ways: tuple[str, ...] = ()) -> Sending:
    """Send a result to a server: kept until it has it, whatever happens in between.

    Args:
        case: The case.
        server: The server's name.
        ways: Exits that make DICOM objects; all of them if none is named.

    Raises:
        MedclsError: If there is no such server, the gate refuses, or the result cannot be kept.
    """
    around = read_pacs_config()
    around.server(server)
    chosen = ways or tuple(name for name, way in CASE_EXITS.items() if way.media_type == DICOM)
    sending = outbox.put(server, [leave(name, case, "record").data for name in chosen], case.scan.sha256)
    return outbox.try_one(sending.id, around)


@allowed("read")
def sendings() -> tuple[Sending, ...]:
    """Return what is or was on its way, the oldest first."""
    return outbox.sendings()


def try_waiting() -> tuple[Sending, ...]:
    """Try what waits and whose time has come."""
    return outbox.work(read_pacs_config())


@allowed("read")
def try_again(name: str) -> Sending:
    """Try a result that failed once more, now."""
    outbox.again(name)
    return outbox.try_one(name, read_pacs_config())
