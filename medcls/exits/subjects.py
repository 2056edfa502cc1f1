"""What else may leave beside a case: a picture, a table, what was measured of a model, a model's own files."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medcls.audit import Line
from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.letter import Letter
from medcls.core.model import ModelCard
from medcls.core.scan import Scan
from medcls.exits.case import Box, Case
from medcls.models.folder import ModelFolder, weights_digest

if TYPE_CHECKING:
    from medcls.evaluation.comparison import Comparison
    from medcls.evaluation.costs import Cost
    from medcls.stats.difference import Difference


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of answers or of cases.

    Args:
        name: What the file is called, without its ending.
        columns: Its columns, in order.
        rows: A mapping for each line; a missing column is left empty.
        kept: Columns that hold nothing but what medcls or a model says. For others any other column is emptied, and
            those that name a file, a case or a group are numbered.
        facts: For the audit trail.
        numbered: Columns that are numbered beside these, with the word that stands before the number.
    """

    name: str
    columns: tuple[str, ...]
    rows: Sequence[Mapping[str, object]]
    kept: frozenset[str] = frozenset()
    facts: Mapping[str, str] = field(default_factory=dict)
    numbered: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of a model, with its cases."""

    evaluation: Evaluation
    cases: CaseTable


@dataclass(frozen=True, eq=False)
class ModelFiles:
    """A model's files, and those of the members of a mean before them.

    Args:
        card: The model.
        texts: Files that are written as text, by model and name: what was changed here is in them.
        files: All other files, by model and name.
        folders: Where they are from.
    """

    card: ModelCard
    texts: Mapping[str, Mapping[str, str]]
    files: Mapping[str, Mapping[str, Path]]
    folders: tuple[ModelFolder, ...]


@dataclass(frozen=True)
class Trail:
    """Lines of the audit trail."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, eq=False)
class Drawing:
    """A picture made of a scan.

    Args:
        name: What the file is called, without its ending: ids and digests, no file's name.
        scan: The scan.
        draw: Returns the PNG of the scan it is given: of this one, or of this one with text painted over.
        facts: For the audit trail.
        covers: Parts of the scan painted over because text was found there.
        accepts_text: True if a person looked at the text found and says that it names nobody.
    """

    name: str
    scan: Scan
    draw: Callable[[Scan], bytes]
    facts: Mapping[str, str] = field(default_factory=dict)
    covers: tuple[Box, ...] = ()
    accepts_text: bool = False


@dataclass(frozen=True, eq=False)
class NetworkFile:
    """A model's network as the bytes of an ONNX file."""

    card: ModelCard
    data: bytes


@dataclass(frozen=True, eq=False)
class Compared:
    """Models compared on cases.

    Args:
        name: What the file is called, without its ending.
        comparison: The models and their cases.
        differences: Of each pair of models.
        costs: What the models cost; empty leaves that section out.
        nameless: True where no site may be named.
    """

    name: str
    comparison: "Comparison"
    differences: Sequence["Difference"]
    costs: Sequence["Cost"] = ()
    nameless: bool = False


@dataclass(frozen=True, eq=False)
class Markdown:
    """A table of figures as Markdown, to be put between its marks in a file.

    Args:
        name: What the file is called, without its ending.
        write: Returns the text; told whether it may name sites.
        facts: For the audit trail.
        nameless: True where it may not.
    """

    name: str
    write: Callable[[bool], str]
    facts: Mapping[str, str] = field(default_factory=dict)
    nameless: bool = False


@dataclass(frozen=True, eq=False)
class OwnFile:
    """A file that names cases or files of one's own.

    Args:
        name: What it is called, without its ending.
        data: Its bytes.
        what: What it is, for the audit trail: `plan`, `split`.
    """

    name: str
    data: bytes
    what: str


@dataclass(frozen=True, eq=False)
class Received:
    """A file from the worklist as it came, with all that it says of a patient.

    Args:
        name: What it is called, without its ending; nothing that it says.
        data: Its bytes.
    """

    name: str
    data: bytes


Subject = (
    Case
    | Table
    | Measured
    | ModelFiles
    | Letter
    | Trail
    | Drawing
    | NetworkFile
    | Compared
    | Markdown
    | OwnFile
    | Received
)


def _model(card: ModelCard) -> dict[str, str]:
    return {"model": card.id, "model_sha256": weights_digest(card)}


_FACTS: Mapping[type, Callable[[Any], dict[str, str]]] = {
    Case: lambda s: {"model": s.card.id, "model_sha256": s.model_sha256, "scan_sha256": s.scan.sha256},
    Table: lambda s: dict(s.facts),
    Measured: lambda s: {"model": s.evaluation.model},
    ModelFiles: lambda s: _model(s.card),
    NetworkFile: lambda s: _model(s.card),
    Letter: lambda s: {"model": s.model, "model_sha256": ", ".join(s.weights)},
    Trail: lambda s: {"lines": str(len(s.lines))},
    Drawing: lambda s: {"scan_sha256": s.scan.sha256, **s.facts},
    Compared: lambda s: {"models": ", ".join(s.comparison.cards)},
    Markdown: lambda s: dict(s.facts),
    OwnFile: lambda s: {"kind": s.what},
    Received: lambda s: {"scan_sha256": hashlib.sha256(s.data).hexdigest()},
}


def facts_of(subject: Subject) -> dict[str, str]:
    """Return what the audit trail says of a thing that leaves: ids and digests."""
    return _FACTS[type(subject)](subject)


def stem_of(subject: Subject) -> str:
    """Return what the file of a thing that leaves is called, without its ending; never whom it shows."""
    if isinstance(subject, Case):
        return f"medcls-{subject.scan.sha256[:12]}"
    if isinstance(subject, Table | Drawing | Compared | Markdown | OwnFile | Received):
        return subject.name
    if isinstance(subject, ModelFiles | NetworkFile):
        return subject.card.id
    if isinstance(subject, Trail):
        return "audit"
    return subject.evaluation.model if isinstance(subject, Measured) else f"{subject.model}-card"
