"""What a run would need, before it is started: data, findings, time, memory, disk space."""

import math
import os
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medcls import home
from medcls.core.collection import Case, CollectionRecord
from medcls.core.note import Note
from medcls.core.record import Record
from medcls.core.run import RunSpec
from medcls.core.scan import Preprocess
from medcls.core.task import Task
from medcls.errors import MedclsError
from medcls.workflows.set_aside import LeftOut, list_left_out

_FEW_SCANS, _DECODERS = 8, 4
_FEWEST = 10  # cases of a label in a part below which its scores say little
_MARGIN = 1.2


@dataclass(frozen=True)
class Preflight(Record):
    """What is known about a run before it starts.

    Args:
        task: Id of the task.
        labels: Label ids, in order.
        counts: Cases of each part, by label.
        split: How the cases were split, in words.
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
    split: str
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
        told = [
            Note("workflows.preflight-part", part=part, counts=[f"{n} {label}" for label, n in by.items()])
            for part, by in self.counts.items()
        ]
        if not math.isnan(self.total_s):
            told += self._costs()
        told += [Note("workflows.preflight-left-out", said=one.says) for one in self.left_out]
        told += [Note("workflows.preflight-note", said=note) for note in self.findings]
        return (*told, *(Note("workflows.preflight-blocked", said=note) for note in self.blockers))

    def _costs(self) -> list[Note]:
        times = {"read_s": self.read_s, "epoch_s": self.epoch_s, "total_s": self.total_s}
        needed, free = self.memory_bytes / 1e9, self.memory_free_bytes
        return [
            Note("workflows.preflight-time", computed_in=self.computed_in, **times),
            Note("workflows.preflight-memory", needed_gb=needed)
            if free is None
            else Note("workflows.preflight-memory-of", needed_gb=needed, free_gb=free / 1e9),
            Note("workflows.preflight-disk", needed_gb=self.disk_bytes / 1e9, free_gb=self.disk_free_bytes / 1e9),
        ]


def check_run(spec: RunSpec) -> Preflight:
    """Look at everything a run needs, and carry out a few of its steps.

    Args:
        spec: What would be started.

    Returns:
        What was found; what cannot work stands in `blockers`.

    Raises:
        BadData: If no collection is named, or one is unknown.
        BadTask: If the task is unknown.
        BadModel: If the initial weights cannot be found.
    """
    from medcls.runs.rehearsal import rehearse_apart
    from medcls.workflows.runs import check_spec

    check_spec(spec)
    data = check_data(spec)
    if data.blockers or spec.is_translator:  # a translator's steps are not tried beforehand: its first epoch tells
        return data
    data = _with(data, read_s=_read_s(spec) * sum(sum(by.values()) for by in data.counts.values()))
    try:
        told = rehearse_apart(spec, len(data.labels))
    except MedclsError as error:
        return _with(data, blockers=(Note.of(error),))
    return _with(data, **_estimate(spec, data, told))


def list_data() -> tuple[CollectionRecord, ...]:
    """Return the labelled collections there are, by name."""
    from medcls.data.collections import list_collections

    return list_collections()


def first_data(records: Sequence[CollectionRecord]) -> str:
    """Name the collection to begin with: the first that has cases of every label of its task, else the first.

    Args:
        records: At least one.
    """
    from medcls.tasks import list_tasks

    tasks = list_tasks(home.tasks())
    whole = [r for r in records if r.task_id not in tasks or set(tasks[r.task_id].label_ids) <= set(r.labels)]
    return (whole or list(records))[0].name


def list_foreign_labels(spec: RunSpec) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Return the labels of a run's collections that its task has not, by collection, and those of the task.

    They can be read as one of the task's, or left out, by `DataSpec.label_map`.

    Raises:
        BadData: If a collection is unknown.
        BadTask: If the task is unknown.
    """
    from medcls.data.sources import list_foreign

    return list_foreign(spec)


def check_data(spec: RunSpec) -> Preflight:
    """Count cases and collect findings; quick, nothing is computed.

    Raises:
        BadData: If no collection is named, or one is unknown.
        BadTask: If the task is unknown.
    """
    from medcls.data.sources import find_sources

    sources = find_sources(spec)
    labels = sources.task.label_ids
    counts = {
        part: {label: sum(c.label == label for cases in sources.cases for c in cases.get(part, ())) for label in labels}
        for part in ("train", "validate", "test")
    }
    free = shutil.disk_usage(_existing(home.home())).free
    return Preflight(
        sources.task.id,
        labels,
        counts,
        sources.by,
        _blockers(counts, sources.task, spec) + _made_blockers(sources, spec),
        _findings(sources, counts, spec),
        disk_free_bytes=free,
        memory_free_bytes=memory_free_bytes(),
        left_out=tuple(one for collection in sources.collections for one in list_left_out(collection.name)),
        title=sources.task.title,
        names=tuple(label.name for label in sources.task.labels),
    )


def _blockers(counts: dict[str, dict[str, int]], task: Task, spec: RunSpec) -> tuple[Note, ...]:
    asked = {spec.translation.from_label, spec.translation.to_label}
    needed = [label for label in task.label_ids if not spec.is_translator or label in asked]
    without = [(part, label) for part in ("train", "validate") for label in needed if counts[part][label] == 0]
    return tuple(
        Note("workflows.label-without-cases", label=task.label(label).name, part=part) for part, label in without
    )


def _made_blockers(sources: Any, spec: RunSpec) -> tuple[Note, ...]:
    """Say why the made pictures that a spec names may not be learned from."""
    from medcls.runs.made import find_made

    try:
        if spec.data.made_from:
            find_made(spec, sources)
    except MedclsError as error:
        return (Note.of(error),)
    return ()


def _findings(sources: Any, counts: dict[str, dict[str, int]], spec: RunSpec) -> tuple[Note, ...]:
    said: list[Note] = []
    names_of = {label.id: label.name for label in sources.task.labels}
    for collection in sources.collections:
        record = collection.record
        if record.n_set_aside:
            said.append(Note("workflows.files-set-aside", n=record.n_set_aside, collection=record.name))
        said += _open_findings(record.name)
    # What a blocker says already is not said again.
    missing = {label for part in ("train", "validate") for label, n in counts[part].items() if n == 0}
    train = {label: n for label, n in counts["train"].items() if label not in missing}
    if train and max(train.values()) > 3 * min(train.values()) and spec.value("balance") == "none":
        most, least = max(train, key=train.get), min(train, key=train.get)  # type: ignore[arg-type]
        names = {"most": names_of[most], "least": names_of[least]}
        said.append(Note("workflows.classes-uneven", n_most=train[most], n_least=train[least], **names))
    for part in ("validate", "test"):
        few = [f"{n} {names_of[label]}" for label, n in counts[part].items() if n < _FEWEST and label not in missing]
        if few:
            said.append(Note("workflows.few-cases", part=part, few=few))
    return tuple(said)


def _open_findings(name: str) -> list[Note]:
    """What the audit found and nobody settled; a collection that was never audited says so."""
    from medcls.data.audit import read_audit

    found = read_audit(name)
    if found is None:
        return [Note("workflows.never-audited", collection=name)]
    undecided = [f for f in found.findings if f.choices and f.decided is None]
    if not undecided:
        return []
    kinds = Counter(f.kind for f in undecided)
    told = Note(
        "workflows.findings-open", n=len(undecided), collection=name, kinds=[f"{n} {k}" for k, n in kinds.items()]
    )
    return [told, *(f.says for f in undecided if kinds[f.kind] == 1)]


def _read_s(spec: RunSpec) -> float:
    """Measure reading on a few scans; seconds per scan with the threads a run uses."""
    from medcls.data.sources import find_sources
    from medcls.imaging.decode import read_scan
    from medcls.imaging.prepare import place

    preprocess = Preprocess(
        spec.data.size_px,
        spec.data.channels,
        (0.5,) * spec.data.channels,
        (0.5,) * spec.data.channels,
        cleaning=spec.data.cleaning,
        fit=spec.data.fit,  # type: ignore[arg-type]
    )
    sources = find_sources(spec)
    few = [
        (c, case)
        for c, cases in zip(sources.collections, sources.cases, strict=True)
        for case in _spread(cases.get("train", ()))
    ]
    started = time.perf_counter()
    for collection, case in few[:_FEW_SCANS]:
        place(read_scan(collection.read(case)), preprocess)
    each = (time.perf_counter() - started) / max(1, len(few[:_FEW_SCANS]))
    return each / min(_DECODERS, os.cpu_count() or 1)


def _spread(cases: Sequence[Case]) -> Sequence[Case]:
    return cases[:: max(1, len(cases) // _FEW_SCANS)]


def _estimate(spec: RunSpec, data: Preflight, told: dict[str, Any]) -> dict[str, Any]:
    n_train, n_validate = (sum(data.counts[part].values()) for part in ("train", "validate"))
    n_train = min(n_train, spec.data.max_cases) if spec.data.max_cases else n_train
    steps = max(1, n_train // spec.optimisation.batch_size)
    once_s = data.read_s
    if told["keeps_features"]:
        once_s += (n_train + n_validate) * told["look_s"]
        epoch_s = steps * told["step_s"]
    else:
        epoch_s = steps * told["step_s"] + n_validate * told["look_s"]
    pixels = (n_train + n_validate) * spec.data.size_px**2 * spec.data.channels
    memory = told["peak_bytes"] + min(pixels, 2_000_000_000)
    disk = 2 * (3 * told["learning_bytes"] + 2 * told["weights_bytes"]) + max(0, pixels - 2_000_000_000)
    return {
        "epoch_s": epoch_s,
        "total_s": once_s + spec.optimisation.epochs * epoch_s,
        "memory_bytes": memory,
        "disk_bytes": disk,
        "computed_in": told["computed_in"],
        "blockers": _no_room(memory, disk, data, told),
    }


def _no_room(memory: int, disk: int, data: Preflight, told: dict[str, Any]) -> tuple[Note, ...]:
    said = []
    on_card = "cuda" in told["computed_in"]
    if not on_card and data.memory_free_bytes is not None and memory > data.memory_free_bytes:
        said.append(Note("workflows.no-memory", needed_gb=memory / 1e9, free_gb=data.memory_free_bytes / 1e9))
    if disk * _MARGIN > data.disk_free_bytes:
        said.append(Note("workflows.no-disk", needed_gb=disk / 1e9, free_gb=data.disk_free_bytes / 1e9))
    return tuple(said)


def memory_free_bytes() -> int | None:
    """Return the memory this machine (or the container) can still hand out; None where that cannot be known."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return None
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
    except (OSError, ValueError):  # no limit ("max"), or another kind of container
        return free
    return min(free, max(0, limit - used))


def _existing(path: Path) -> Path:
    return next(p for p in (path, *path.parents) if p.exists())


def _with(data: Preflight, **changes: Any) -> Preflight:
    import dataclasses

    return dataclasses.replace(data, **changes)
