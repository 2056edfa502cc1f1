"""Teaching a gate: which pictures are of the kind a network answers, by contrast with all others at hand."""

import contextlib
import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from medcls import home
from medcls.core.scan import Preprocess, Scan
from medcls.core.task import Task
from medcls.data.collections import Collection, list_collections, open_collection
from medcls.disk import write_whole
from medcls.errors import MedclsError
from medcls.imaging.contrast import MADE, make_foreign, make_phantoms
from medcls.imaging.decode import read_scan
from medcls.imaging.kind import kind_numbers
from medcls.imaging.prepare import place
from medcls.stats.gate import Gate
from medcls.tasks import list_tasks
from medcls.training.inputs import TrainingData

EACH = 64  # pictures of every foreign kind
_MOST_OWN = 1200
_DRAWN = 1  # raised when pictures are made, or their numbers taken, in another way: what was kept before is made again
# The share of own pictures, changed copies among them, that the limit lets through; none is set tighter than even odds.
_KEPT = 0.995


def teach_gate(data: TrainingData, task: Task, seed: int) -> tuple[Gate, float] | None:
    """Teach a gate for a network from what it was fitted on.

    Args:
        data: The parts of the run; changed copies count as own.
        task: The question; other kinds than its modality are foreign.
        seed: Seed of the draws.

    Returns:
        The gate, and the score above which a picture is foreign; None for a task whose kind of picture is not said:
        nobody knows then what is foreign to it.
    """
    if task.modality == "other":
        return None
    own = np.concatenate([_numbers(part) for part in _own(data, seed)])
    gate = Gate.fit(own, _foreign(task, data.preprocess, seed))
    return gate, max(0.0, float(np.quantile(gate.score(own), _KEPT)))


def _own(data: TrainingData, seed: int) -> list[np.ndarray]:
    """Return draws of training and validation pictures (N, S, S, C) and of changed copies, at most as many of each."""
    rng, arrays = np.random.default_rng(seed), []
    for part in (data.train, data.validate):
        arrays += [part.pixels, *(() if part.copies is None else part.copies)]
    each = _MOST_OWN // len(arrays)
    return [pixels[np.sort(rng.permutation(len(pixels))[:each])] for pixels in arrays]


def _foreign(task: Task, preprocess: Preprocess, seed: int) -> Mapping[str, np.ndarray]:
    """Return the numbers of pictures of every foreign kind, each (N, A)."""
    here = {name: _numbers_of(scans, preprocess) for name, scans in _collections(task, seed).items()}
    return {**_made(task.modality, preprocess, seed), **here}


@lru_cache(maxsize=4)
def _made(modality: str, preprocess: Preprocess, seed: int) -> Mapping[str, np.ndarray]:
    """Return those of pictures made by program: the same for every run that feeds its network alike, so kept."""
    others = {f"phantoms/{task.id}": task for task in list_tasks().values() if task.modality != modality}
    told = repr((_DRAWN, EACH, *MADE, *others, preprocess.to_json(None), seed, np.__version__))
    path = home.cache() / "kinds" / hashlib.sha256(told.encode()).hexdigest()[:40]
    numbers = _kept(path)
    if numbers is None:
        kinds: dict[str, Iterable[Scan]] = {name: make_foreign(name, EACH, seed) for name in MADE}
        kinds |= {name: make_phantoms(task, EACH, seed) for name, task in others.items()}
        numbers = {name: _numbers_of(scans, preprocess) for name, scans in kinds.items()}
        _keep(path, numbers)
    return {name: numbers[name] for name in (*MADE, *others)}  # in one order: a gate's sums depend on it


def _kept(path: Path) -> Mapping[str, np.ndarray] | None:
    """Return the numbers of a file whose digest, its first 64 bytes, is right; None where there is no such file."""
    try:
        content = path.read_bytes()
        whole = hashlib.sha256(content[64:]).hexdigest().encode() == content[:64]
        return load(content[64:]) if whole else None
    except (OSError, SafetensorError):
        return None


def _keep(path: Path, numbers: Mapping[str, np.ndarray]) -> None:
    content = save(dict(numbers))
    with contextlib.suppress(OSError):  # a full or read-only disk costs the next run a few seconds, no answer
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, hashlib.sha256(content).hexdigest().encode() + content)


def _collections(task: Task, seed: int) -> dict[str, list[Scan]]:
    """Return scans of this machine's collections of other modalities."""
    modality = {known.id: known.modality for known in list_tasks(home.tasks()).values()}
    found: dict[str, list[Scan]] = {}
    for record in list_collections():
        if modality.get(record.task_id, "other") in ("other", task.modality):
            continue
        collection = open_collection(record.name)
        rows = np.random.default_rng(seed).permutation(len(collection.cases))[:EACH]
        if scans := _read(collection, rows):
            found[f"scans/{record.name}"] = scans
    return found


def _read(collection: Collection, rows: np.ndarray) -> list[Scan]:
    scans = []
    for row in rows:
        try:
            scans.append(read_scan(collection.read(collection.cases[int(row)])))
        except MedclsError:  # gone or damaged: the Data page tells of it; here any others of its kind will do
            continue
    return scans


def _numbers(pixels: np.ndarray) -> np.ndarray:
    return np.stack([kind_numbers(square) for square in pixels])


def _numbers_of(scans: Iterable[Scan], preprocess: Preprocess) -> np.ndarray:
    return np.stack([kind_numbers(place(scan, preprocess).pixels) for scan in scans])
