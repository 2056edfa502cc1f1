"""What is known of a run before it starts: its cases by part and label, what to settle first, what it would need."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from medcls.core.collection import Kind
from medcls.core.note import Note
from medcls.core.record import Record
from medcls.core.run import RunSpec
from medcls.core.task import Task
from medcls.data.audit import read_audit
from medcls.data.left_out import LeftOut, list_left_out
from medcls.data.sources import Sources, find_sources
from medcls.errors import MedclsError
from medcls.runs.made import find_made
from medcls.runs.room import disk_free_bytes, memory_free_bytes

_OPEN: Mapping[Kind, str] = {
    "contradiction": "runs.open-contradiction",
    "duplicate": "runs.open-duplicate",
    "mask": "runs.open-mask",
    "label": "runs.open-label",
    "blank": "runs.open-blank",
    "marks": "runs.open-marks",
    "colour": "runs.open-colour",
    "size": "runs.open-size",
}
_FEWEST = 10  # cases of a label in a part below which its scores say little


@dataclass(frozen=True)
class Preflight(Record):
    """What is known about a run before it starts.

    Args:
        task: Id of the task.
        labels: Label ids, in order.
        counts: Cases of each part, by label.
        split: How each collection was split, then what was left out of its parts.
        blockers: Why the run would fail; it may be started only if there are none.
        findings: What a person should know or settle first.
        read_s: Seconds to read all scans once.
        epoch_s: Seconds of an epoch.
        total_s: Seconds of the whole run, if no early stop cuts it short; NaN if it could not be measured.
        memory_bytes: Memory it needs, measured.
        memory_free_bytes: Memory there is; None if that cannot be known.
        disk_bytes: Room its checkpoints and result need.
        disk_free_bytes: Room there is.
        computed_in: Number format and device.
        left_out: Cases that the audit or a person leaves out.
        title: What a person calls the task.
        names: The labels' names, in order.
    """

    task: str
    labels: tuple[str, ...]
    counts: dict[str, dict[str, int]]
    split: tuple[Note, ...]
    blockers: tuple[Note, ...]
    findings: tuple[Note, ...]
    read_s: float = math.nan
    epoch_s: float = math.nan
    total_s: float = math.nan
    memory_bytes: int = 0
    memory_free_bytes: int | None = None
    disk_bytes: int = 0
    disk_free_bytes: int = 0
    computed_in: str = ""
    left_out: tuple[LeftOut, ...] = ()
    title: str = ""
    names: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[Note, ...]:
        """All of it, a note a line."""
        lines = [
            Note("runs.preflight-part", part=part, counts=[f"{n} {label}" for label, n in by.items()])
            for part, by in self.counts.items()
        ]
        if not math.isnan(self.total_s):
            lines += self._costs()
        lines += [Note("runs.preflight-left-out", said=one.says) for one in self.left_out]
        lines += [Note("runs.preflight-note", said=note) for note in self.findings]
        return (*lines, *(Note("runs.preflight-blocked", said=note) for note in self.blockers))

    def _costs(self) -> list[Note]:
        times = {"read_s": self.read_s, "epoch_s": self.epoch_s, "total_s": self.total_s}
        needed, free = self.memory_bytes / 1e9, self.memory_free_bytes
        return [
            Note("runs.preflight-time", computed_in=self.computed_in, **times),
            Note("runs.preflight-memory", needed_gb=needed)
            if free is None
            else Note("runs.preflight-memory-of", needed_gb=needed, free_gb=free / 1e9),
            Note("runs.preflight-disk", needed_gb=self.disk_bytes / 1e9, free_gb=self.disk_free_bytes / 1e9),
        ]


def survey(spec: RunSpec) -> Preflight:
    """Count a run's cases and collect findings; quick, nothing is computed.

    Raises:
        BadData: If no collection is named, or one is unknown.
        BadTask: If the task is unknown.
    """
    sources = find_sources(spec)
    counts = {
        part: {label: _count(sources, part, label) for label in sources.task.label_ids}
        for part in ("train", "validate", "test")
    }
    return Preflight(
        sources.task.id,
        sources.task.label_ids,
        counts,
        sources.by,
        _blockers(counts, sources.task, spec) + _made_blockers(sources, spec),
        _findings(sources, counts, spec),
        disk_free_bytes=disk_free_bytes(),
        memory_free_bytes=memory_free_bytes(),
        left_out=tuple(one for collection in sources.collections for one in list_left_out(collection.name)),
        title=sources.task.title,
        names=tuple(label.name for label in sources.task.labels),
    )


def _count(sources: Sources, part: str, label: str) -> int:
    return sum(case.label == label for cases in sources.cases for case in cases.get(part, ()))


def _blockers(counts: dict[str, dict[str, int]], task: Task, spec: RunSpec) -> tuple[Note, ...]:
    asked = {spec.translation.from_label, spec.translation.to_label}
    needed = [label for label in task.label_ids if not spec.is_translator or label in asked]
    without = [(part, label) for part in ("train", "validate") for label in needed if counts[part][label] == 0]
    return tuple(Note("runs.label-without-cases", label=task.label(label).name, part=part) for part, label in without)


def _made_blockers(sources: Sources, spec: RunSpec) -> tuple[Note, ...]:
    """Say why the made pictures that a spec names may not be learned from."""
    try:
        if spec.data.made_from:
            find_made(spec, sources)
    except MedclsError as error:
        return (Note.of(error),)
    return ()


def _findings(sources: Sources, counts: dict[str, dict[str, int]], spec: RunSpec) -> tuple[Note, ...]:
    """Return what should be settled first; what a blocker says already is not said again."""
    found: list[Note] = []
    for collection in sources.collections:
        record = collection.record
        if record.n_set_aside:
            found.append(Note("runs.files-set-aside", n=record.n_set_aside, collection=record.name))
        found += _open_findings(record.name)
    missing = {label for part in ("train", "validate") for label, n in counts[part].items() if n == 0}
    present = {part: {label: n for label, n in by.items() if label not in missing} for part, by in counts.items()}
    if spec.value("balance") == "none":
        found += _imbalance(present["train"], sources.task)
    return (*found, *_small_parts(present, sources.task))


def _imbalance(counts: dict[str, int], task: Task) -> list[Note]:
    """Return a note where one label has over three times the training cases of another."""
    if not counts or max(counts.values()) <= 3 * min(counts.values()):
        return []
    most, least = (end(counts, key=lambda label: counts[label]) for end in (max, min))
    names = {"most": task.label(most).name, "least": task.label(least).name}
    return [Note("runs.classes-uneven", n_most=counts[most], n_least=counts[least], **names)]


def _small_parts(counts: dict[str, dict[str, int]], task: Task) -> list[Note]:
    """Return a note for each part to be scored on that has few cases of a label."""
    few = {
        part: [f"{n} {task.label(label).name}" for label, n in counts[part].items() if n < _FEWEST]
        for part in ("validate", "test")
    }
    return [Note("runs.few-cases", part=part, few=found) for part, found in few.items() if found]


def _open_findings(name: str) -> list[Note]:
    """Return what the audit found and nobody settled; that a collection was never audited counts."""
    found = read_audit(name)
    if found is None:
        return [Note("runs.never-audited", collection=name)]
    undecided = [f for f in found.findings if f.choices and f.decided is None]
    if not undecided:
        return []
    kinds = Counter(f.kind for f in undecided)
    by_kind = [Note(_OPEN[kind], n=n) for kind, n in kinds.items()]
    unsettled = Note("runs.findings-open", n=len(undecided), collection=name, kinds=by_kind)
    return [unsettled, *(f.says for f in undecided if kinds[f.kind] == 1)]
