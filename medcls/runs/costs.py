"""What a run would take, measured on a few scans and a few steps: seconds, memory, disk space."""

import dataclasses
import os
import time
from collections.abc import Sequence

from medcls.core.collection import Case
from medcls.core.note import Note
from medcls.core.rehearsal import Rehearsal
from medcls.core.run import RunSpec
from medcls.core.scan import Preprocess
from medcls.data.batches import MAX_MEMORY_BYTES
from medcls.data.sources import find_sources
from medcls.imaging.decode import read_scan
from medcls.imaging.prepare import place
from medcls.runs.preflight import Preflight

_FEW_SCANS, _DECODERS = 8, 4
_MARGIN = 1.2  # of free disk space, over what is needed


def reading_s(spec: RunSpec) -> float:
    """Return the seconds to read one scan with the threads that a run uses, measured on a few of its scans.

    Raises:
        BadData: If no collection is named, or one is unknown.
        BadScan: If one of the scans cannot be read.
    """
    data = spec.data
    middle = (0.5,) * data.channels
    preprocess = Preprocess(data.size_px, data.channels, middle, middle, cleaning=data.cleaning, fit=data.fit)  # type: ignore[arg-type]
    sources = find_sources(spec)
    few = [
        (collection, case)
        for collection, cases in zip(sources.collections, sources.cases, strict=True)
        for case in _spread(cases.get("train", ()))
    ][:_FEW_SCANS]
    started = time.perf_counter()
    for collection, case in few:
        place(read_scan(collection.read(case)), preprocess)
    each_s = (time.perf_counter() - started) / max(1, len(few))
    return each_s / min(_DECODERS, os.cpu_count() or 1)


def _spread(cases: Sequence[Case]) -> Sequence[Case]:
    return cases[:: max(1, len(cases) // _FEW_SCANS)]


def with_costs(data: Preflight, spec: RunSpec, rehearsal: Rehearsal, scan_s: float) -> Preflight:
    """Return a preflight with what the whole run would take, and a blocker for each thing there is too little of.

    Args:
        data: What was counted.
        spec: The run's spec.
        rehearsal: What a few steps took.
        scan_s: Seconds to read one scan.
    """
    n_train, n_validate, n_test = (sum(data.counts[part].values()) for part in ("train", "validate", "test"))
    n_train = min(n_train, spec.data.max_cases) if spec.data.max_cases else n_train
    read_s = scan_s * sum(sum(by.values()) for by in data.counts.values())
    features_s = (n_train + n_validate) * rehearsal.forward_s if rehearsal.keeps_features else 0.0
    epoch_s = max(1, n_train // spec.optimisation.batch_size) * rehearsal.step_s
    if not rehearsal.keeps_features:
        epoch_s += n_validate * rehearsal.forward_s
    asked_s = (n_validate + n_test) * spec.data.orientations * rehearsal.forward_s  # at the end, as an answer asks
    pixels = (n_train + n_validate) * spec.data.size_px**2 * spec.data.channels
    measured = dataclasses.replace(
        data,
        read_s=read_s,
        epoch_s=epoch_s,
        total_s=read_s + features_s + spec.optimisation.epochs * epoch_s + asked_s,
        memory_bytes=rehearsal.peak_bytes + min(pixels, MAX_MEMORY_BYTES),
        disk_bytes=_checkpoint_bytes(rehearsal) + max(0, pixels - MAX_MEMORY_BYTES),
        computed_in=rehearsal.computed_in,
    )
    return dataclasses.replace(measured, blockers=_shortages(measured))


def _checkpoint_bytes(rehearsal: Rehearsal) -> int:
    """Return the size of two checkpoints: weights, those of the best epoch, and the optimiser's state."""
    return 2 * (3 * rehearsal.learning_bytes + 2 * rehearsal.weights_bytes)


def _shortages(data: Preflight) -> tuple[Note, ...]:
    found, free = [], data.memory_free_bytes
    on_card = "cuda" in data.computed_in  # its memory is not this machine's
    if not on_card and free is not None and data.memory_bytes > free:
        found.append(Note("runs.no-memory", needed_gb=data.memory_bytes / 1e9, free_gb=free / 1e9))
    if data.disk_bytes * _MARGIN > data.disk_free_bytes:
        found.append(Note("runs.no-disk", needed_gb=data.disk_bytes / 1e9, free_gb=data.disk_free_bytes / 1e9))
    return tuple(found)
