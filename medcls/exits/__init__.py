"""What leaves: a table of exits, each one file, all behind one gate for personal data and written to the audit trail.

An exit is a module of this package with `make(case, mode) -> bytes`. To add one: write the file, add its line.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType

from medcls import audit
from medcls.errors import MedclsError
from medcls.exits.case import Case, Mode
from medcls.exits.gate import pass_gate


@dataclass(frozen=True)
class Exit:
    """One way out.

    Args:
        module: Name of its file in this package.
        title: What a person reads on its button.
        media_type: Of the bytes it makes.
        suffix: Ending of the file's name, with its point.
    """

    module: str
    title: str
    media_type: str
    suffix: str


EXITS: Mapping[str, Exit] = MappingProxyType(
    {
        "pdf": Exit("report_pdf", "Report (PDF)", "application/pdf", ".pdf"),
        "html": Exit("report_html", "Report (one HTML file)", "text/html", ".html"),
        "text": Exit("report_text", "Report as text", "text/plain", ".txt"),
        "json": Exit("answer_json", "Answer (JSON)", "application/json", ".json"),
        "csv": Exit("answer_csv", "Answer (CSV)", "text/csv", ".csv"),
        "dicom-sr": Exit("dicom_sr", "DICOM structured report", "application/dicom", ".sr.dcm"),
        "dicom-sc": Exit("dicom_sc", "DICOM secondary capture", "application/dicom", ".sc.dcm"),
        "fhir": Exit("fhir", "FHIR R4 bundle", "application/fhir+json", ".fhir.json"),
    }
)


@dataclass(frozen=True)
class Parcel:
    """What left.

    Args:
        name: File name; says the kind and a piece of the scan's digest, never whom it shows.
        data: The bytes.
        media_type: Of the bytes.
    """

    name: str
    data: bytes
    media_type: str


def leave(name: str, case: Case, mode: Mode) -> Parcel:
    """Return a case in one of the ways out, having passed the gate and been written to the audit trail.

    Args:
        name: A key of `EXITS`.
        case: The case.
        mode: `record` or `others`.

    Raises:
        MedclsError: If there is no such exit, or the gate or the exit refuses the case.
    """
    if name not in EXITS:
        raise MedclsError("exits.unknown", found=name[:40], allowed=", ".join(EXITS))
    chosen = EXITS[name]
    facts = {"model": case.card.id, "model_sha256": case.model_sha256, "scan_sha256": case.scan.sha256}
    try:
        data = import_module(f"medcls.exits.{chosen.module}").make(pass_gate(case, mode), mode)
    except MedclsError as error:
        audit.write(f"exit.{name}", outcome=error.code, who=case.made_by, mode=mode, **facts)
        raise
    audit.write(f"exit.{name}", outcome="done", who=case.made_by, mode=mode, **facts)
    return Parcel(f"medcls-{case.scan.sha256[:12]}{chosen.suffix}", data, chosen.media_type)
