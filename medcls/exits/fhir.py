"""FHIR R4 bundle: report, an observation for the finding and for each label, the model as a device, the imaging study.

References:
    HL7 FHIR R4 (4.0.1), DiagnosticReport, Observation, Device, ImagingStudy; HL7 "DICOM SR to FHIR Resource Mapping".
"""

import json
import uuid
from collections.abc import Iterator
from typing import Any

from fhir.resources.R4B.bundle import Bundle

from medcls import __version__
from medcls.core.prediction import Prediction
from medcls.exits.case import Case, Mode
from medcls.exits.coding import (
    ASSESSMENT,
    ASSESSMENTS,
    CANNOT_TELL,
    FINDING,
    HELD,
    READING,
    SYSTEMS,
    Code,
    check_code,
    label_code,
    probability_code,
    reading_code,
)
from medcls.exits.sheet import describe_views
from medcls.exits.study import source_of, uid, usable
from medcls.words import say

_OURS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:medcls")
_UID_SYSTEM = "urn:dicom:uid"
_SOP_SYSTEM = "urn:ietf:rfc:3986"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_GENDERS = {"M": "male", "F": "female", "O": "other"}

Resource = dict[str, Any]


def make(case: Case, mode: Mode) -> bytes:
    """Return the answer to a case as a FHIR R4 bundle in JSON, UTF-8.

    Args:
        case: The case, having passed the gate.
        mode: `record` or `others`.

    Raises:
        BadScan: If the source's header cannot be read again, or holds a value that no resource may hold.
    """
    with usable():
        return _bundle(case, mode)


def _bundle(case: Case, mode: Mode) -> bytes:
    resources = _resources(case, mode)
    entries = [{"fullUrl": f"urn:uuid:{r['id']}", "resource": r} for r in resources]
    bundle = {
        "resourceType": "Bundle",
        "id": _id(case, mode, "Bundle"),
        "type": "collection",
        "timestamp": case.made_at.isoformat(timespec="seconds"),
        "entry": entries,
    }
    checked = Bundle.model_validate(bundle).model_dump_json(exclude_none=True)
    return (json.dumps(json.loads(checked), ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def _resources(case: Case, mode: Mode) -> list[Resource]:
    patient, study, device = _patient(case, mode), _study(case, mode), _device(case, mode)
    finding = _finding(case, mode)
    told = () if case.prediction.foreign or not case.numbers else range(len(case.prediction.labels))
    probabilities = [_probability(case, mode, n) for n in told]
    about: Resource = {"subject": _to(patient)}
    for observation in (finding, *probabilities):
        observation.update(about, device=_to(device), derivedFrom=[_to(study)], effectiveDateTime=_time(case))
    if probabilities:
        finding["hasMember"] = [_to(one) for one in probabilities]
    study.update(about)
    report = {
        "resourceType": "DiagnosticReport",
        "id": _id(case, mode, "DiagnosticReport"),
        "status": "preliminary",
        "code": {"text": f"{case.card.task.title}: answer of a network, {say('exits.stamp')}"},
        "effectiveDateTime": _time(case),
        "issued": _time(case),
        "result": [_to(finding), *(_to(one) for one in probabilities)],
        "imagingStudy": [_to(study)],
        "conclusion": _conclusion(case),
        **about,
    }
    return [report, finding, *probabilities, device, study, patient]


def _patient(case: Case, mode: Mode) -> Resource:
    """Return the patient: as the source file says, else as entered; for others nothing but that there is one."""
    source, person = source_of(case, mode), case.person
    header = source.header if source else None
    name = str(header.PatientName) if header else person.name
    names = [" ".join(part.replace("^", " ").split()) for part in name.split("=")]  # one for each script
    number = str(header.PatientID) if header else person.id
    born = str(header.PatientBirthDate or "") if header else person.birth_date
    sex = str(header.PatientSex or "") if header else person.sex
    made: Resource = {"resourceType": "Patient", "id": _id(case, mode, "Patient")}
    if number:
        made["identifier"] = [{"value": number}]
    if texts := [{"text": one} for one in names if one]:
        made["name"] = texts
    if sex in _GENDERS:
        made["gender"] = _GENDERS[sex]
    digits = born.replace("-", "")
    if len(digits) == 8 and digits.isdecimal():
        made["birthDate"] = f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"
    return made


def _study(case: Case, mode: Mode) -> Resource:
    """Return the study the scan belongs to: the source file's, else that of the Secondary Capture made of it."""
    source = source_of(case, mode)
    if source:
        ids = (source.header.StudyInstanceUID, source.header.SeriesInstanceUID, source.header.SOPInstanceUID)
        kind, modality = str(source.header.SOPClassUID), str(source.header.get("Modality") or "OT")
    else:
        ids = (uid(case, mode, "study"), uid(case, mode, "capture series"), uid(case, mode, "capture"))
        kind, modality = _SECONDARY_CAPTURE, "OT"
    study, series, instance = (str(one) for one in ids)
    coded = {"system": SYSTEMS["DCM"], "code": modality}
    return {
        "resourceType": "ImagingStudy",
        "id": _id(case, mode, "ImagingStudy"),
        "identifier": [{"system": _UID_SYSTEM, "value": f"urn:oid:{study}"}],
        "status": "available",
        "modality": [coded],
        "series": [
            {
                "uid": series,
                "modality": coded,
                "instance": [{"uid": instance, "sopClass": {"system": _SOP_SYSTEM, "code": f"urn:oid:{kind}"}}],
            }
        ],
    }


def _device(case: Case, mode: Mode) -> Resource:
    made: Resource = {
        "resourceType": "Device",
        "id": _id(case, mode, "Device"),
        "manufacturer": "medcls",
        "deviceName": [{"name": case.card.id, "type": "model-name"}],
        "version": [{"value": __version__}],
        "note": [{"text": say("exits.stamp")}],
    }
    if case.model_sha256:
        made["identifier"] = [{"system": "urn:medcls:model-sha256", "value": case.model_sha256}]
    return made


def _finding(case: Case, mode: Mode) -> Resource:
    task, decided = case.card.task, case.prediction.decided
    made = _observation(case, mode, "finding", FINDING)
    if decided:
        made["valueCodeableConcept"] = _concept(label_code(task, task.label(decided)))
    else:
        reason = {"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}
        made["dataAbsentReason"] = {"coding": [reason, *_concept(CANNOT_TELL)["coding"]], "text": CANNOT_TELL.meaning}
    if components := list(_components(case)):
        made["component"] = components
    notes = [*(str(note) for note in case.prediction.notes), *describe_views(case)]
    comment = [case.reading.comment] if case.reading.comment.strip() else []
    if texts := [*notes, *comment]:
        made["note"] = [{"text": text} for text in texts]
    return made


def _components(case: Case) -> Iterator[Resource]:
    """Yield what the reader found, whether they stand by the answer, and what each test of the heatmap said."""
    task = case.card.task
    if case.reading.after:
        yield _coded(READING, reading_code(task, case.reading.after))
    if case.assessment:
        yield _coded(ASSESSMENT, ASSESSMENTS[case.assessment])
    for check in case.checks if case.numbers else ():
        yield _coded(check_code(check), HELD[check.holds])


def _coded(name: Code, value: Code) -> Resource:
    return {"code": _concept(name), "valueCodeableConcept": _concept(value)}


def _probability(case: Case, mode: Mode, n: int) -> Resource:
    task, p = case.card.task, case.prediction
    label = task.label(p.labels[n])
    made = _observation(case, mode, f"probability {n}", probability_code(task, label))
    made["code"]["text"] = f"Probability of {label.name}"
    percent = {"unit": "%", "system": "http://unitsofmeasure.org", "code": "%"}
    made["valueQuantity"] = {"value": _percent(p, n), **percent}
    return made


def _observation(case: Case, mode: Mode, what: str, code: Code) -> Resource:
    return {
        "resourceType": "Observation",
        "id": _id(case, mode, what),
        "status": "preliminary",
        "category": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "imaging"}]}
        ],
        "code": _concept(code),
    }


def _percent(prediction: Prediction, n: int) -> float:
    return round(100 * float(prediction.prob[n]), 4)


def _conclusion(case: Case) -> str:
    task, decided = case.card.task, case.prediction.decided
    answer = task.label(decided).name if decided else CANNOT_TELL.meaning
    return f"{answer} ({say('exits.stamp')})"


def _concept(code: Code) -> Resource:
    return {"coding": [{"system": SYSTEMS[code.scheme], "code": code.value, "display": code.meaning}]}


def _to(resource: Resource) -> Resource:
    return {"reference": f"urn:uuid:{resource['id']}"}


def _time(case: Case) -> str:
    return case.made_at.isoformat(timespec="seconds")


def _id(case: Case, mode: Mode, what: str) -> str:
    return str(uuid.uuid5(_OURS, str(uid(case, mode, what))))
