"""Labels corrected by a page or a command: relabel, leave out, keep, rename, undo; versions and how they differ."""

from collections.abc import Mapping
from dataclasses import dataclass

from medcls.core.collection import Change, CollectionRecord, Difference, Finding
from medcls.workflows.acts import act


@dataclass(frozen=True)
class Doubt:
    """A scan whose label a judge doubts.

    Args:
        case: Its id.
        label: The label it has, by id.
        suggested: The label suggested, by id.
        prob: Probability of the suggested label, of networks or models that never learned from the scan's group.
        own: Probability of the label it has.
        by: Who suggests it: ids of models with commas between; empty for a simple model of the pictures themselves.
    """

    case: str
    label: str
    suggested: str
    prob: float
    own: float
    by: str


def list_doubts(name: str, most: int = 200, settled: bool = False) -> tuple[Doubt, ...]:
    """Return the scans on which labels and their judge disagree most: what to look at next.

    Args:
        name: Name of the collection.
        most: How many at most.
        settled: True to list those too that a person has looked at.

    Returns:
        The sharpest disagreement first; empty before the first audit.

    Raises:
        BadData: If there is no such collection.
    """
    from medcls.data.collections import open_collection

    stored = open_collection(name).stored[0]
    ids, labels, dropped = (stored.index.column(column) for column in ("id", "label", "dropped"))
    judge, decided = stored.index.fact("judge") or "", stored.record.decisions
    found = []
    for n, suggested, prob, own in stored.index.judged():
        case, label = str(ids[n]), labels[n]
        seen = any(f"{what}:{case}" in decided for what in ("keep", "label", "drop"))
        if label is not None and suggested != label and not dropped[n] and (settled or not seen):
            found.append(Doubt(case, label, suggested, prob, own, judge))
        if len(found) == most:
            break
    return tuple(found)


def given_labels(name: str, label: str) -> tuple[str, ...]:
    """Return the ids that a set gave to the cases that now have a label, as decisions under `rename:` take them.

    Raises:
        BadData: If there is no such collection.
    """
    from medcls.data.collections import open_collection
    from medcls.data.mending import first_record, renamed_ids

    stored = open_collection(name).stored[0]
    base = first_record(stored)
    renames = renamed_ids(base, stored.record.decisions)
    return tuple(one for one in base.labels if renames.get(one, one) == label)


@act("build", "data.change", "name")
def change(name: str, decisions: Mapping[str, str | None], *, who: str = "") -> CollectionRecord:
    """Decide on cases and labels; see `medcls.data.mending.change`.

    Raises:
        BadData: If there is no such collection, case or label.
    """
    from medcls.data.mending import change as make

    return make(name, decisions, who=who)


def merge_labels(name: str, finding: Finding, label: str, *, who: str = "") -> CollectionRecord:
    """Label all cases of a finding alike and merge them into one group, as one change.

    Args:
        name: The collection.
        finding: Says which cases.
        label: Label id for all of them.
        who: Who decided it; empty for whoever is at work.

    Raises:
        BadData: If there is no such collection or label.
    """
    given = {f"label:{case}": label for case in finding.cases}
    back = {f"drop:{case}": None for case in finding.cases}
    return change(name, {finding.key: "merge", **given, **back}, who=who)


@act("build", "data.undo", "name")
def undo(name: str, *, who: str = "") -> CollectionRecord:
    """Take back the last change that was not taken back yet.

    Raises:
        BadData: If there is none.
    """
    from medcls.data.mending import undo as take_back

    return take_back(name, who=who)


def list_changes(name: str) -> tuple[Change, ...]:
    """Return what was changed in a collection, by whom and when, the first change first.

    Raises:
        BadData: If there is no such collection.
    """
    from medcls.data.mending import list_changes as listed

    return listed(name)


def list_versions(name: str) -> tuple[int, ...]:
    """Return the versions of a collection, the first first.

    Raises:
        BadData: If there is no such collection.
    """
    return tuple(sorted({1, *(one.version for one in list_changes(name))}))


def compare_collections(before: str, after: str) -> Difference:
    """Return what was added, removed, relabelled and moved between two collections or versions (`name@2`).

    Raises:
        BadData: If there is no such collection or version.
    """
    from medcls.data.collections import open_collection
    from medcls.data.difference import compare

    return compare(open_collection(before), open_collection(after))


def label_names(*names: str) -> dict[str, str]:
    """Return the names of the labels of some collections or versions (`name@2`), by id; the later ones count.

    Raises:
        BadData: If there is no such collection or version.
    """
    from medcls.data.collections import open_collection

    records = [open_collection(name).record for name in names]
    return {label: record.name_of(label) for record in records for label in record.labels}
