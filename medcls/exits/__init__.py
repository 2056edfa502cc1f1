"""What leaves: a table of exits, each one file, all behind one gate for personal data and written to the audit trail.

An exit is a module of this package with `make(subject, mode) -> bytes`. To add one: write the file, add its line.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType

from medcls import audit
from medcls.core.letter import Letter
from medcls.errors import MedclsError
from medcls.exits.case import Case, Mode
from medcls.exits.gate import pass_gate
from medcls.exits.subjects import (
    Compared,
    Drawing,
    Markdown,
    Measured,
    ModelFiles,
    NetworkFile,
    OwnFile,
    Received,
    Subject,
    Table,
    Trail,
    facts_of,
    stem_of,
)


@dataclass(frozen=True)
class Exit:
    """One way out.

    Args:
        module: Name of its file in this package.
        title: What a person reads on its button.
        media_type: Of the bytes it makes.
        suffix: Ending of the file's name, with its point.
        of: What it takes.
    """

    module: str
    title: str
    media_type: str
    suffix: str
    of: type = Case


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
        "table-csv": Exit("table_csv", "Table (CSV)", "text/csv", ".csv", Table),
        "table-json": Exit("table_json", "Table (JSON)", "application/json", ".json", Table),
        "evaluation": Exit("measured_json", "Figures (JSON)", "application/json", ".evaluation.json", Measured),
        "cases": Exit("measured_cases", "Cases (CSV)", "text/csv", ".cases.csv", Measured),
        "model": Exit("model_zip", "Model (ZIP)", "application/zip", ".zip", ModelFiles),
        "onnx": Exit("network_onnx", "Network (ONNX)", "application/octet-stream", ".onnx", NetworkFile),
        "drawing": Exit("drawing", "Picture (PNG)", "image/png", ".png", Drawing),
        "comparison": Exit("comparison_html", "Comparison (one HTML file)", "text/html", ".html", Compared),
        "markdown": Exit("markdown", "Table (Markdown)", "text/markdown", ".md", Markdown),
        "own-file": Exit("own_file", "File of one's own cases (JSON)", "application/json", ".json", OwnFile),
        "received": Exit("own_file", "File as it came (DICOM)", "application/dicom", ".dcm", Received),
        "letter": Exit("letter", "Evaluation card (JSON)", "application/json", ".json", Letter),
        "audit": Exit("audit_fhir", "Audit trail (FHIR AuditEvents)", "application/fhir+json", ".fhir.json", Trail),
    }
)
# Those that take a case: what the report sheet and the `report` verb offer.
CASE_EXITS: Mapping[str, Exit] = MappingProxyType({name: way for name, way in EXITS.items() if way.of is Case})


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


def leave(name: str, subject: Subject, mode: Mode) -> Parcel:
    """Return a thing in one of the ways out, having passed the gate and been written to the audit trail.

    Args:
        name: A key of `EXITS`.
        subject: What leaves, of the kind that the exit takes.
        mode: `record` or `others`.

    Raises:
        MedclsError: If there is no such exit for it, or the gate or the exit refuses it. Any other fault of an exit is
            written down as well, and goes on.
    """
    allowed = [other for other, way in EXITS.items() if isinstance(subject, way.of)]
    if name not in allowed:
        raise MedclsError("exits.unknown", found=name[:40], allowed=", ".join(allowed))
    chosen = EXITS[name]
    facts = facts_of(subject) | {"who": subject.made_by if isinstance(subject, Case) else "", "mode": mode}
    try:
        data = import_module(f"medcls.exits.{chosen.module}").make(pass_gate(subject, mode), mode)
    except Exception as error:
        audit.write(f"exit.{name}", **facts | {"outcome": audit.outcome_of(error)})
        raise
    audit.write(f"exit.{name}", **facts)
    return Parcel(f"{stem_of(subject)}{chosen.suffix}", data, chosen.media_type)
