"""Asking a DICOMweb server for scans (QIDO, WADO), and giving a server of either kind a result (STOW, C-STORE)."""

import io
import logging
import ssl
from collections.abc import Sequence
from typing import Any

import pydicom
import requests
from dicomweb_client.api import DICOMwebClient
from pydicom.errors import InvalidDicomError
from pynetdicom import AE
from pynetdicom.association import Association
from requests.adapters import HTTPAdapter

from medcls.core.note import Note
from medcls.errors import BadSpec, Conflict, MedclsError
from medcls.inlets.inbox import Waiting, from_header
from medcls.inlets.servers import Server

# The client logs addresses, and an address of a search holds the patient's number.
logging.getLogger("dicomweb_client").setLevel(logging.CRITICAL + 1)
# What the client and pydicom raise of an answer that is no DICOMweb, as of a proxy's page for logging in.
_STRANGE = (AssertionError, AttributeError, IndexError, InvalidDicomError, KeyError, TypeError, ValueError)
_PICTURES = ("US", "IVUS", "BDUS", "SM", "GM", "XC", "ES", "DMS", "OT")


class Refused(MedclsError):
    """A server that took the connection and said no: asking again changes nothing."""


class _Patient(HTTPAdapter):
    """Ends a request that takes too long; without a limit a server that hangs holds its caller for ever."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        super().__init__()

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Send a request with the limit."""
        kwargs["timeout"] = self.timeout_s
        return super().send(request, *args, **kwargs)


def search(server: Server, *, patient_id: str = "", date: str = "", most: int = 100) -> tuple[Waiting, ...]:
    """Return pictures that a DICOMweb server has.

    Args:
        server: The server.
        patient_id: Only of this patient.
        date: Only of this day (`YYYYMMDD`) or span (`YYYYMMDD-YYYYMMDD`).
        most: At most so many.

    Raises:
        Conflict: If it does not answer.
        Refused: If it refuses.
    """
    wanted = {k: v for k, v in (("PatientID", patient_id), ("StudyDate", date)) if v}
    kept = ["PatientName", "PatientID", "StudyDate", "StudyDescription", "Modality"]

    def ask(web: DICOMwebClient) -> tuple[Waiting, ...]:
        rows = web.search_for_instances(search_filters=wanted, fields=kept, limit=most)
        found = (pydicom.Dataset.from_json(row) for row in rows)
        return tuple(
            from_header(ds, _address(ds), server.name) for ds in found if str(ds.get("Modality", "OT")) in _PICTURES
        )

    return _asked(server, ask)


def fetch(server: Server, address: str) -> bytes:
    """Return one object of a DICOMweb server as a file.

    Args:
        server: The server.
        address: The `id` that `search` gave.

    Raises:
        BadSpec: If the address is none that `search` gives.
        Conflict: If it does not answer.
        Refused: If it refuses or has no such object.
    """
    parts = address.split("/")
    if len(parts) != 3:
        raise BadSpec("inlets.not-waiting")
    out = io.BytesIO()
    _asked(server, lambda web: web.retrieve_instance(*parts).save_as(out, enforce_file_format=True))
    return out.getvalue()


def has(server: Server, ds: pydicom.Dataset) -> bool:
    """Return whether a DICOMweb server already has an object; of a DIMSE server that is not known, so False.

    Raises:
        Conflict: If it does not answer.
    """
    if server.kind != "dicomweb":
        return False
    study, one = str(ds.StudyInstanceUID), str(ds.SOPInstanceUID)

    def ask(web: DICOMwebClient) -> bool:
        rows = web.search_for_instances(study, search_filters={"SOPInstanceUID": one})
        return one in {str(pydicom.Dataset.from_json(row).get("SOPInstanceUID", "")) for row in rows}

    return _asked(server, ask)


def give(server: Server, objects: Sequence[bytes]) -> None:
    """Store objects on a server; one it already has is not sent again.

    Args:
        server: The server.
        objects: DICOM files.

    Raises:
        Conflict: If it does not answer, or does not say that it has them all now; trying again later may help.
        Refused: If it refuses.
    """
    files = [pydicom.dcmread(io.BytesIO(data)) for data in objects]
    left = [ds for ds in files if not has(server, ds)]
    if not left:
        return
    if server.kind == "dimse":
        _store(server, left)
        return
    answer = _asked(server, lambda web: web.store_instances(left))
    if failed := answer.get("FailedSOPSequence"):
        raise Refused("inlets.refused", server=server.name, found=f"reason {failed[0].get('FailureReason', '?')}")
    stored = {str(one.get("ReferencedSOPInstanceUID", "")) for one in answer.get("ReferencedSOPSequence") or ()}
    if n_open := sum(str(ds.SOPInstanceUID) not in stored for ds in left):
        raise Conflict("inlets.not-confirmed", server=server.name, found=f"{n_open} of {len(left)}")


def _address(ds: pydicom.Dataset) -> str:
    return "/".join(str(ds.get(k, "")) for k in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"))


def _asked(server: Server, ask: Any) -> Any:
    """Return what a DICOMweb server answers; how it failed as one of two mistakes."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Patient(server.timeout_s))
    session.auth = server.credentials()
    session.trust_env = False
    if server.ca:
        session.verify = server.ca
    web = DICOMwebClient(server.url, session=session)
    web.set_http_retry_params(
        retry=False
    )  # the outbox tries again, with the reason told; a person must not wait a minute
    try:
        return ask(web)
    except requests.exceptions.SSLError as error:
        raise Refused("inlets.wrong-certificate", server=server.name) from error
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        kind = Conflict if status >= 500 or status in (0, 408, 429) else Refused
        raise kind("inlets.refused", server=server.name, found=f"status {status}") from error
    except _STRANGE as error:
        raise Conflict("inlets.strange-answer", server=server.name, found=type(error).__name__) from error
    except (requests.RequestException, OSError) as error:
        raise Conflict("inlets.no-answer", server=server.name, found=type(error).__name__) from error


def _store(server: Server, files: Sequence[pydicom.Dataset]) -> None:
    """Store objects by C-STORE: all, or none where the server does not take their kind."""
    entity = AE(ae_title=server.calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = server.timeout_s
    for ds in files:
        entity.add_requested_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
    link = entity.associate(server.host, server.port, ae_title=server.title, tls_args=_tls(server))
    taken = {(c.abstract_syntax, *c.transfer_syntax) for c in link.accepted_contexts}
    kinds = [ds.SOPClassUID for ds in files if (ds.SOPClassUID, ds.file_meta.TransferSyntaxUID) not in taken]
    if kinds and (taken or link.rejected_contexts):
        link.release()
        raise Refused("inlets.refused", server=server.name, found=Note("inlets.takes-none", kind=kinds[0].name))
    if not link.is_established:
        kind, code = (Refused, "inlets.refused") if link.is_rejected else (Conflict, "inlets.no-answer")
        raise kind(code, server=server.name, found=Note("inlets.no-association"))
    try:
        for ds in files:
            _store_one(link, ds, server.name)
    finally:
        link.release()


def _store_one(link: Association, ds: pydicom.Dataset, name: str) -> None:
    try:
        status = link.send_c_store(ds)
    except RuntimeError as error:  # the association ended in between
        raise Conflict("inlets.no-answer", server=name, found=Note("inlets.broke")) from error
    if not status:
        raise Conflict("inlets.no-answer", server=name, found=Note("inlets.broke"))
    if status.Status >> 12 == 0xA:  # out of resources, or does not match
        raise Conflict("inlets.refused", server=name, found=Note("inlets.status", status=f"{status.Status:04X}"))
    if status.Status != 0 and status.Status >> 12 != 0xB:  # B: a warning, stored all the same
        raise Refused("inlets.refused", server=name, found=Note("inlets.status", status=f"{status.Status:04X}"))


def _tls(server: Server) -> tuple[ssl.SSLContext, str] | None:
    if not server.tls:
        return None
    try:
        return ssl.create_default_context(cafile=server.ca or None), server.host
    except (OSError, ssl.SSLError) as error:
        raise Refused("inlets.wrong-certificate", server=server.name, found=type(error).__name__) from error
