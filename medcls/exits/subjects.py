"""What else may leave beside a case: a table, what was measured of a model, a model's own files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medcls.audit import Line
from medcls.core.evaluation import CaseTable, Evaluation
from medcls.core.letter import Letter
from medcls.core.model import ModelCard
from medcls.exits.case import Case
from medcls.models.folder import ModelFolder, weights_digest


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
    """

    name: str
    columns: tuple[str, ...]
    rows: Sequence[Mapping[str, object]]
    kept: frozenset[str] = frozenset()
    facts: Mapping[str, str] = field(default_factory=dict)


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


Subject = Case | Table | Measured | ModelFiles | Letter | Trail


def facts_of(subject: Subject) -> dict[str, str]:
    """Return what the audit trail says of a thing that leaves: ids and digests."""
    if isinstance(subject, Case):
        digest = subject.scan.sha256
        return {"model": subject.card.id, "model_sha256": subject.model_sha256, "scan_sha256": digest}
    if isinstance(subject, Table):
        return dict(subject.facts)
    if isinstance(subject, ModelFiles):
        return {"model": subject.card.id, "model_sha256": weights_digest(subject.card)}
    if isinstance(subject, Measured):
        return {"model": subject.evaluation.model}
    if isinstance(subject, Trail):
        return {"lines": str(len(subject.lines))}
    return {"model": subject.model, "model_sha256": ", ".join(subject.weights)}


def stem_of(subject: Subject) -> str:
    """Return what the file of a thing that leaves is called, without its ending; never whom it shows."""
    if isinstance(subject, Case):
        return f"medcls-{subject.scan.sha256[:12]}"
    if isinstance(subject, Table):
        return subject.name
    if isinstance(subject, ModelFiles):
        return subject.card.id
    if isinstance(subject, Trail):
        return "audit"
    return subject.evaluation.model if isinstance(subject, Measured) else f"{subject.model}-card"
