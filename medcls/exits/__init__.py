"""What leaves: a table of exits, each one file, all behind one gate for personal data and written to the audit trail.

An exit is a module of this package with `make(subject, mode) -> bytes`. To add one: write the file, add its line.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType

from medcls import audit
from medcls.core.letter import Letter
from medcls.core.note import Note
from medcls.errors import MedclsError
from medcls.exits.case import Case, Mode
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
    title: Note
    media_type: str
    suffix: str
    of: type = Case


EXITS: Mapping[str, Exit] = MappingProxyType(
    {
        "pdf": Exit("report_pdf", Note("exits.way-pdf"), "application/pdf", ".pdf"),
        "html": Exit("report_html", Note("exits.way-html"), "text/html", ".html"),
        "text": Exit("report_text", Note("exits.way-text"), "text/plain", ".txt"),
        "json": Exit("answer_json", Note("exits.way-json"), "application/json", ".json"),
        "csv": Exit("answer_csv", Note("exits.way-csv"), "text/csv", ".csv"),
        "dicom-sr": Exit("dicom_sr", Note("exits.way-dicom-sr"), "application/dicom", ".sr.dcm"),
        "dicom-sc": Exit("dicom_sc", Note("exits.way-dicom-sc"), "application/dicom", ".sc.dcm"),
        "fhir": Exit("fhir", Note("exits.way-fhir"), "application/fhir+json", ".fhir.json"),
        "table-csv": Exit("table_csv", Note("exits.way-table-csv"), "text/csv", ".csv", Table),
        "table-json": Exit("table_json", Note("exits.way-table-json"), "application/json", ".json", Table),
        "evaluation": Exit(
            "measured_json", Note("exits.way-evaluation"), "application/json", ".evaluation.json", Measured
        ),
        "cases": Exit("measured_cases", Note("exits.way-cases"), "text/csv", ".cases.csv", Measured),
        "model": Exit("model_zip", Note("exits.way-model"), "application/zip", ".zip", ModelFiles),
        "onnx": Exit("network_onnx", Note("exits.way-onnx"), "application/octet-stream", ".onnx", NetworkFile),
        "drawing": Exit("drawing", Note("exits.way-drawing"), "image/png", ".png", Drawing),
        "comparison": Exit("comparison_html", Note("exits.way-comparison"), "text/html", ".html", Compared),
        "markdown": Exit("markdown", Note("exits.way-markdown"), "text/markdown", ".md", Markdown),
        "own-file": Exit("own_file", Note("exits.way-own-file"), "application/json", ".json", OwnFile),
        "received": Exit("own_file", Note("exits.way-received"), "application/dicom", ".dcm", Received),
        "letter": Exit("letter", Note("exits.way-letter"), "application/json", ".json", Letter),
        "audit": Exit("audit_fhir", Note("exits.way-audit"), "application/fhir+json", ".fhir.json", Trail),
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
    from medcls.exits.gate import pass_gate  # loads pydicom: for whoever lets something out, not for a list of the ways

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
