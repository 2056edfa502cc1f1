"""The audit trail as FHIR R4 AuditEvents, one for each line, with the line's own digest.

References:
    HL7 FHIR R4 (4.0.1), AuditEvent; DICOM PS3.16 CID 400, Audit Event ID.
"""

import json
import uuid
from typing import Any

from fhir.resources.R4B.bundle import Bundle

from medcls.audit import Line
from medcls.exits.case import Mode
from medcls.exits.coding import SYSTEMS
from medcls.exits.subjects import Trail

_OURS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:medcls:audit")
_ACTIVITY = ("110100", "Application Activity")
_KINDS = {
    "exit": ("110106", "Export"),
    "send": ("110104", "DICOM Instances Transferred"),
    "receive": ("110107", "Import"),
    "audit": ("110101", "Audit Log Used"),
    "login": ("110114", "User Authentication"),
    "logout": ("110114", "User Authentication"),
}
# More closely than by its kind, in DICOM's words.
_SORTS = {"login": ("110122", "Login"), "logout": ("110123", "Logout")}
_ACTIONS = {"exit": "R", "classify": "E", "receive": "C", "send": "R", "login": "E", "logout": "E"}
_DIGESTS = ("model_sha256", "scan_sha256")


def make(trail: Trail, mode: Mode) -> bytes:
    """Return the trail as a FHIR R4 bundle of AuditEvents in JSON, UTF-8.

    Args:
        trail: The lines, having passed the gate.
        mode: `record` or `others`.
    """
    events = [_event(line) for line in trail.lines]
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "collection"}
    if events:
        bundle["timestamp"] = events[-1]["recorded"]
        bundle["entry"] = [{"fullUrl": f"urn:uuid:{event['id']}", "resource": event} for event in events]
    checked = Bundle.model_validate(bundle).model_dump_json(exclude_none=True)
    return (json.dumps(json.loads(checked), ensure_ascii=False, indent=1) + "\n").encode("utf-8")


def _event(line: Line) -> dict[str, Any]:
    kind, _, _ = line.what.partition(".")
    code, meaning = _KINDS.get(kind, _ACTIVITY)
    done = line.outcome in ("done", "sent", "waiting")
    made: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": str(uuid.uuid5(_OURS, line.digest)),
        "type": {"system": SYSTEMS["DCM"], "code": code, "display": meaning},
        "subtype": [{"system": "urn:medcls:audit", "code": line.what}, *_sort(kind)],
        "action": _ACTIONS.get(kind, "U"),
        "recorded": line.at,
        "outcome": "0" if done else "4",
        "agent": [{"who": {"display": line.who}, "requestor": True}],
        "source": {"observer": {"display": "medcls"}},
        "entity": [_entity(name, line.facts[name]) for name in _DIGESTS if line.facts.get(name)] + [_rest(line)],
    }
    return made if done else made | {"outcomeDesc": line.outcome}


def _sort(kind: str) -> list[dict[str, str]]:
    if kind not in _SORTS:
        return []
    code, meaning = _SORTS[kind]
    return [{"system": SYSTEMS["DCM"], "code": code, "display": meaning}]


def _entity(name: str, digest: object) -> dict[str, Any]:
    system = f"urn:medcls:{name.replace('_', '-')}"
    return {"what": {"identifier": {"system": system, "value": str(digest)}}}


def _rest(line: Line) -> dict[str, Any]:
    """Return the line itself as an entity: its number, its digest, and the facts that are no digests."""
    facts = {"n": line.n, "outcome": line.outcome, **{k: v for k, v in line.facts.items() if k not in _DIGESTS}}
    told = [{"type": name, "valueString": str(value)} for name, value in facts.items()]
    return {"what": {"identifier": {"system": "urn:medcls:audit-line", "value": line.digest}}, "detail": told}
