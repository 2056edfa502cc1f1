"""What importing a folder of labelled scans would do, before anything is written.

A plan is shown, changed by a person, saved and used again.
"""

from dataclasses import dataclass, field

from medcls.core.note import Note
from medcls.core.record import Record

MISSING = "data.row-missing"


@dataclass(frozen=True)
class PlanChoices(Record):
    """What a person decided about a set; empty where the program recognised it.

    Args:
        layout: Name of the layout.
        folders: Roles of the levels of folders, as `part/label/patient`: `part`, `site`, `label`, `patient` or `other`.
        names: Name of a label, by its name as written; two labels of one name become one.
        disease: Names or ids of the labels that mean disease.
        columns: A table's column by what it says: `path`, `label`, `patient`, `group`, `part`, `site`; `-` for none.
        table: Path of the table to take the labels from.
        encoding: Encoding of the tables.
        leave_out: Folders, or patterns of paths as `*/models/*`, that are not taken.
        task: Task the labels belong to.
        parts: Part of a split (`train`, `validate`, `test`, `fold`, `nothing`) that a cell of a column of parts means,
            by the cell; `*` for every number.
        patients: Whether an id that stands at several sites is one patient (`shared`), or another at each (`per-site`).
        beginnings: What the beginnings of files' names are (`P001_L_1.png`): `patient`, `group` or `nothing`.
    """

    layout: str = ""
    folders: str = ""
    names: dict[str, str] = field(default_factory=dict)
    disease: tuple[str, ...] = ()
    columns: dict[str, str] = field(default_factory=dict)
    table: str = ""
    encoding: str = ""
    leave_out: tuple[str, ...] = ()
    task: str = ""
    beginnings: str = ""
    parts: dict[str, str] = field(default_factory=dict)
    patients: str = ""


@dataclass(frozen=True)
class PlanLabel(Record):
    """A label of the set.

    Args:
        id: Its id.
        name: Its name, as the set writes it.
        written: All the ways in which the set writes it.
        positive: True if it means disease, None where a person must say.
        n: Scans that have it.
    """

    id: str
    name: str
    written: tuple[str, ...]
    positive: bool | None
    n: int


@dataclass(frozen=True)
class PlanCount(Record):
    """Scans of a label in a part of a site; empty where the set does not say.

    Args:
        label: Label id; empty for unlabelled scans.
        part: `train`, `validate`, `test` or `fold-…`.
        site: Hospital, archive or device.
        n: How many.
    """

    label: str
    part: str
    site: str
    n: int


@dataclass(frozen=True)
class NotTaken(Record):
    """Files that are not taken, of one folder, ending and reason.

    Args:
        folder: Folder below the path; `.` for the path itself.
        ending: Ending of their names with its dot; empty for none.
        reason: Why.
        n: How many.
        names: Their paths, at most 20; the collection's list has all.
    """

    folder: str
    ending: str
    reason: Note
    n: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class PlanTable(Record):
    """A table that was found.

    Args:
        path: Its path below the root.
        columns: The column that says a thing (`path`, `label`, `patient`, …), by that thing; empty if it is not used.
        n_rows: Rows below the header.
        notes: What it was read as, and why it is not used where it is not.
        header: Names of its columns.
    """

    path: str
    columns: dict[str, str]
    n_rows: int
    notes: tuple[Note, ...] = ()
    header: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question(Record):
    """A question that only a person can answer.

    Args:
        asks: The question.
        option: Option of `data add` that answers it.
        allowed: Answers to choose from; empty for a free one.
        default: What is done unless it is answered; empty where nothing can be done until then.
    """

    asks: Note
    option: str
    allowed: tuple[str, ...] = ()
    default: str = ""


@dataclass(frozen=True)
class Plan(Record):
    """What would be taken of a folder, how it is read, and what is left out.

    Args:
        path: What was looked at.
        root: Folder below it that the scans' ids start at; empty for the path itself.
        layout: Name of the layout recognised.
        why: Why it was recognised.
        task_id: Task its labels belong to.
        labels: Its labels.
        counts: Scans by label, part and site.
        folders: Roles of the levels of folders, as `site/label`; empty where folders say nothing.
        tables: Tables found.
        n_files: Files under the path, and files that tables name but are not there.
        n_scans: Files that are taken as scans.
        n_masks: Files that are taken as lesion masks.
        n_tables: Files that are read as tables.
        n_not_taken: The rest.
        not_taken: The rest, by folder, ending and reason.
        n_unlabelled: Scans among `n_scans` without a label.
        n_patients: Patients named.
        n_owned: Scans whose patient, or else lesion, is known.
        patients_from: Where patients are known from: columns, folders, DICOM, file names.
        split: The split the set brings: `part` or `fold`; empty for none.
        notes: What a person should know.
        questions: A question that only a person can answer.
        choices: What a person decided.
    """

    path: str
    root: str
    layout: str
    why: tuple[Note, ...]
    task_id: str
    labels: tuple[PlanLabel, ...]
    counts: tuple[PlanCount, ...]
    folders: str
    tables: tuple[PlanTable, ...]
    n_files: int
    n_scans: int
    n_masks: int
    n_tables: int
    n_not_taken: int
    not_taken: tuple[NotTaken, ...]
    n_unlabelled: int
    n_patients: int
    n_owned: int
    patients_from: tuple[Note, ...]
    split: str
    notes: tuple[Note, ...]
    questions: tuple[Question, ...]
    choices: PlanChoices
    schema: int = 2

    @property
    def open_questions(self) -> tuple[Question, ...]:
        """Questions that have no default answer: nothing can be added until a person answers them."""
        return tuple(question for question in self.questions if not question.default)

    def count_by(self, what: str) -> dict[str, int]:
        """Return the number of scans by `label`, `part` or `site`; scans for which the set says none are left out."""
        found: dict[str, int] = {}
        for row in self.counts:
            if key := getattr(row, what):
                found[key] = found.get(key, 0) + row.n
        return found
