"""The DICOM listener: takes what named senders store here and answers their echo; a process of its own.

An object is acknowledged only when it lies whole in the inbox and would outlive a power cut. Killed before that, the
sender has no acknowledgement and sends it again; killed after it, the inbox has it, and a second copy is the same file.
"""

import ssl
from collections.abc import Callable
from typing import Any

from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from medcls import audit
from medcls.errors import BadSpec, Conflict
from medcls.imaging.limits import Limits
from medcls.inlets import inbox
from medcls.inlets.servers import Receive

_OK, _NO_ROOM, _REFUSED = 0x0000, 0xA700, 0xC001
_SYNTAXES = [
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
]


def start(how: Receive, told: Callable[[str], None] = lambda digest: None) -> Any:
    """Return a listener at work in threads of its own; `shutdown()` ends it.

    Args:
        how: Address, names, TLS.
        told: Called with the digest of each object that was kept.

    Raises:
        BadSpec: If nobody may send, or the certificate cannot be used.
        Conflict: If the port is taken.
    """
    if not how.callers:
        raise BadSpec("inlets.nobody-may-send")
    entity = AE(ae_title=how.title)
    entity.require_calling_aet = list(how.callers)
    entity.require_called_aet = True
    entity.add_supported_context(Verification)
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(str(context.abstract_syntax), _SYNTAXES)
    handlers: list[Any] = [(evt.EVT_C_STORE, _kept, [told]), (evt.EVT_C_ECHO, lambda event: _OK)]
    try:
        return entity.start_server((how.host, how.port), block=False, evt_handlers=handlers, ssl_context=_tls(how))
    except OSError as error:
        found = f"{how.host}:{how.port}, {error.strerror or type(error).__name__}"
        raise Conflict("inlets.cannot-listen", found=found) from error


def _kept(event: evt.Event, told: Callable[[str], None]) -> int:
    """Keep an object; the status says whether it is kept."""
    data = event.encoded_dataset()
    if len(data) > Limits.from_env().max_bytes:
        audit.write("receive", outcome="inlets.too-large", who=event.assoc.requestor.ae_title)
        return _REFUSED
    try:
        digest = inbox.put(data)
    except OSError:
        audit.write("receive", outcome="inlets.no-room", who=event.assoc.requestor.ae_title)
        return _NO_ROOM
    audit.write("receive", who=event.assoc.requestor.ae_title, scan_sha256=digest)
    told(digest)
    return _OK


def _tls(how: Receive) -> ssl.SSLContext | None:
    if not how.cert:
        return None
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=how.ca or None)
        context.load_cert_chain(how.cert, how.key or None)
    except (OSError, ssl.SSLError) as error:
        raise BadSpec("inlets.no-certificate", found=error.strerror or type(error).__name__) from error
    if how.ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context
