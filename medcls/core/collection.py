"""Labelled scans: cases, the collection they form, and how it is split."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Literal

from medcls.core.note import Note
from medcls.core.record import Record
from medcls.errors import BadSplit

PARTS = ("train", "validate", "test")
SITES = ("site", "device")  # attributes that say where a case is from, the first that is there
LISTED = "listed-together-"  # what a group begins with that a mere list of pairs made: it says not whose its scans are


def names_owner(group: str | None) -> bool:
    """Return whether a group that a set gives says whose a scan is, as a lesion or an examination does.

    Example:
        >>> [names_owner(group) for group in ("lesion 3", "listed-together-1", None)]
        [True, False, False]
    """
    return bool(group) and not str(group).startswith(LISTED)


@dataclass(frozen=True)
class Case(Record):
    """One labelled scan of a collection.

    Args:
        id: Path below the collection's root with `/`, unique; for arrays `X.npy#17`.
        label: Label id; None if unlabelled.
        patient: Patient (or slide) id within the collection; None if unknown.
        group: What must not be split: patient, lesion or duplicate group; equal to `id` if alone.
        sha256: Digest of the file's bytes (of the array's row for `X.npy#17`).
        size_px: Height and width.
        masks: Paths of lesion masks below the root.
        attributes: Whatever else the set says of the case (device, birads, x, y, fold, …).
    """

    id: str
    label: str | None
    patient: str | None
    group: str
    sha256: str
    size_px: tuple[int, int]
    masks: tuple[str, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def site(self) -> str:
        """Hospital, archive or device the case is from; empty where the set does not say."""
        return next((self.attributes[key] for key in SITES if key in self.attributes), "")


@dataclass(frozen=True)
class Proof(Record):
    """What was checked about a split and found to hold.

    Args:
        caution: What the check cannot see: cases of which nobody knows whose they are; None where all are known.
        groups_shared: Groups with cases in two parts (0 in a split that was accepted).
        near_pairs_across: Near-duplicate pairs with one picture in each of two parts (likewise 0).
        pairs_compared: How many candidate pairs were compared for it.
        how: How the check was made.
    """

    caution: Note | None = field(default=None, kw_only=True)
    groups_shared: int
    near_pairs_across: int
    pairs_compared: int
    how: Note


@dataclass(frozen=True)
class Split(Record):
    """Which cases are for training, validation and testing.

    Args:
        name: What a person calls it.
        fingerprint: Fingerprint of the collection it was made for.
        by: What was kept together: `patient`, `group` or `published`.
        seed: Seed of the assignment.
        parts: Case ids of each part: `train`, `validate`, `test`, or `fold-0` to `fold-<k-1>`.
        proof: What was checked; None for one that was not.

    Raises:
        BadSplit: If a case stands in two parts.
    """

    name: str
    fingerprint: str
    by: str
    seed: int
    parts: dict[str, tuple[str, ...]]
    proof: Proof | None = None
    schema: int = 2

    def __post_init__(self) -> None:
        total = sum(map(len, self.parts.values()))
        if total != len(set().union(*map(set, self.parts.values()))):
            raise BadSplit("core.case-in-two-parts", split=self.name)

    @property
    def folds(self) -> tuple[str, ...]:
        """Names of the folds, in order; empty for a hold-out."""
        return tuple(sorted((p for p in self.parts if p.startswith("fold-")), key=lambda p: int(p[5:])))

    @property
    def digest(self) -> str:
        """SHA-256 over which case stands in which part: two splits of one name may differ."""
        parts = {part: sorted(cases) for part, cases in self.parts.items()}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def rotate(self, fold: int) -> "Split":
        """Return the hold-out in which `fold` is the test part and the next one validates.

        Raises:
            BadSplit: If there is no such fold or fewer than three.
        """
        names = self.folds
        if len(names) < 3:
            raise BadSplit("core.split-without-folds", split=self.name, fold=fold, n=len(names))
        if not 0 <= fold < len(names):
            raise BadSplit("core.no-such-fold", split=self.name, fold=fold, n=len(names), last=len(names) - 1)
        test, validate = names[fold], names[(fold + 1) % len(names)]
        train = tuple(c for name in names if name not in (test, validate) for c in self.parts[name])
        parts = {"train": train, "validate": self.parts[validate], "test": self.parts[test]}
        return Split(f"{self.name}, fold {fold}", self.fingerprint, self.by, self.seed, parts, self.proof)


@dataclass(frozen=True)
class CollectionRecord(Record):
    """What is known of a labelled collection as a whole; its cases stand in the index beside it.

    Args:
        name: What it is called here.
        root: Folder (or array file) the case ids are relative to.
        layout: Name of the layout it was read with.
        task_id: Task its labels belong to; `own` for a task made of the labels.
        labels: Label ids, in the task's order.
        fingerprint: Digest over id, label, group and bytes of every case in use.
        n_cases: Cases in use.
        n_set_aside: Files that could not be read.
        n_dropped: Cases left out by a decision.
        decisions: What a person decided on each finding of the audit (`drop`, `merge` or `keep`), and on single cases:
            `drop` under `drop:<case id>`, a label id under `label:<case id>`, `keep` under `keep:<case id>`; a label's
            new name under `rename:<label id>`.
        made: UTC time of import, ISO 8601.
        names: Names of the labels by id, as the set writes them; a label that is not there is called by its id.
        positive: Ids of the labels that mean disease; empty where the task says it, or nobody did.
        sites: Scans of each hospital, archive or device; empty where the set does not say.
        split: The split that the set brought: `part` or `fold`; empty for none.
        patients_from: Where patients are known from; older records hold texts.
        n_not_taken: Files under the path that were not taken; they are listed with their reasons.
        n_unlabelled: Cases without a label.
        version: Number of this state of the collection; every change that is seen in its fingerprint makes the next.
    """

    name: str
    root: str
    layout: str
    task_id: str
    labels: tuple[str, ...]
    fingerprint: str
    n_cases: int
    n_set_aside: int
    n_dropped: int
    decisions: dict[str, str]
    made: str
    names: dict[str, str] = field(default_factory=dict)
    positive: tuple[str, ...] = ()
    sites: dict[str, int] = field(default_factory=dict)
    split: str = ""
    patients_from: tuple[Note, ...] = ()
    n_not_taken: int = 0
    n_unlabelled: int = 0
    version: int = 1
    schema: int = 3

    def name_of(self, label: str) -> str:
        """Return the name of a label, as the set writes it."""
        return self.names.get(label, label)


@dataclass(frozen=True)
class Change(Record):
    """One change of a collection.

    Args:
        version: Version of the collection after it.
        at: UTC time, ISO 8601.
        who: Who made it.
        set: Decisions that were made, by key; None for one taken back.
        was: Decisions that stood under those keys before; None where there was none.
        fingerprint: Fingerprint of the collection after it.
        undoes: Number of the change (from 1) that it takes back; 0 for none.
    """

    version: int
    at: str
    who: str
    set: dict[str, str | None]
    was: dict[str, str | None]
    fingerprint: str
    undoes: int = 0
    schema: int = 1


@dataclass(frozen=True)
class Difference(Record):
    """What differs between two collections or versions.

    Args:
        before: The one, as `name@version (fingerprint)`.
        after: The other.
        n_added: Cases that only the second has.
        n_removed: Cases that only the first has.
        n_relabelled: Cases with another label.
        n_moved: Cases that stand in another part.
        added: Their ids, at most 1,000 as in the lists below.
        removed: Their ids.
        relabelled: Id, label before, label after; empty for none.
        moved: Id, part before, part after; empty for none.
        relabels: Number of cases of each kind of relabelling, as `benign -> malignant`.
    """

    before: str
    after: str
    n_added: int
    n_removed: int
    n_relabelled: int
    n_moved: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    relabelled: tuple[tuple[str, str, str], ...]
    moved: tuple[tuple[str, str, str], ...]
    relabels: dict[str, int]
    schema: int = 1


Kind = Literal[
    "contradiction",
    "duplicate",
    "leak",
    "mask",
    "marks",
    "colour",
    "size",
    "blank",
    "label",
    "balance",
    "patients",
    "unreadable",
]
Decision = Literal["drop", "merge", "keep"]


@dataclass(frozen=True)
class Finding(Record):
    """Something about a collection a person should know, and may settle.

    Args:
        key: Stable name; decisions are remembered under it.
        kind: What kind of finding it is.
        says: What was found.
        advice: What to do about it.
        n: How many cases it is about.
        cases: Ids of those cases, the clearest first, at most 200; of files where they are not cases.
        choices: Decisions that are possible; empty where there is nothing to decide.
        default: What is done unless a person decides otherwise.
        decided: What a person decided; None if nothing yet.
    """

    key: str
    kind: Kind
    says: Note
    advice: Note
    n: int
    cases: tuple[str, ...]
    choices: tuple[Decision, ...]
    default: Decision
    decided: Decision | None = None


@dataclass(frozen=True)
class Audit(Record):
    """What an audit found.

    Args:
        collection: Name of the collection.
        fingerprint: Its fingerprint with the decisions as they stand.
        findings: The gravest first.
        counts: Cases in use by label.
        pairs_compared: Candidate pairs of pictures laid over each other.
    """

    collection: str
    fingerprint: str
    findings: tuple[Finding, ...]
    counts: dict[str, int]
    pairs_compared: int
    schema: int = 2


@dataclass(frozen=True)
class Selection:
    """Which cases a model is asked.

    Args:
        collections: Names of labelled collections.
        part: `unseen` (cases of groups that the model was never trained or tuned on) or `all`.
        most: At most so many cases, drawn at random; 0 for all.
        seed: Seed of the draw, and of whatever is drawn for each case.
    """

    collections: tuple[str, ...]
    part: str = "unseen"
    most: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Part:
    """Which part of labelled collections is evaluated.

    Args:
        name: `unseen` (cases of groups that the model was never trained or tuned on), `all`, or a part of the split:
            `train`, `validate`, `test`.
        split: Name of the split, for its parts.
        fold: Fold that is the test part, where the split has folds.
    """

    name: str = "unseen"
    split: str = "auto"
    fold: int = 0


UNSEEN = Part()
