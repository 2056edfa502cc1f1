"""Teaching a gate: which pictures are of the kind a network answers, by contrast with all others at hand."""

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from medcls import disk, home
from medcls.core.scan import Preprocess, Scan
from medcls.core.task import Task
from medcls.data.collections import Collection, list_collections, open_collection
from medcls.disk import write_atomically
from medcls.errors import MedclsError
from medcls.imaging.contrast import MADE, make_foreign, make_phantoms, shrink, side_by_side
from medcls.imaging.decode import read_scan
from medcls.imaging.kind import kind_numbers
from medcls.imaging.prepare import place
from medcls.stats.gate import Gate
from medcls.tasks import list_tasks
from medcls.training.inputs import TrainingData

EACH = 64  # pictures of every foreign kind made by program, and sheets of patches
_SORTS = {"texture": 3}  # so many times as many of a kind that holds several sorts
_READ = 192  # scans of every collection of another kind
_MOST_OWN = 1200
_PATCHES = 16  # a collection with so many pictures of one patient holds patches; so many of a patient are laid out
_TILE_PX = 128  # longer side of a patch on a sheet at most
_SOFT = (0.004, 0.016)  # how far own pictures are blurred besides, as shares of their side
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
    """Return draws of training and validation pictures (N, S, S, C) and of changed copies, at most as many of each.

    Half of every draw comes once more out of focus: a sharp archive would else make whatever is not sharp foreign.
    """
    rng, arrays = np.random.default_rng(seed), []
    for part in (data.train, data.validate):
        arrays += [part.pixels, *(() if part.copies is None else part.copies)]
    each = _MOST_OWN // len(arrays)
    drawn = [pixels[np.sort(rng.permutation(len(pixels))[:each])] for pixels in arrays]
    return drawn + [np.stack([_soften(square, rng) for square in pixels[::2]]) for pixels in drawn if len(pixels)]


def _soften(square: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a picture (S, S, C) out of focus."""
    return cv2.GaussianBlur(square, (0, 0), len(square) * rng.uniform(*_SOFT)).reshape(square.shape)


def _foreign(task: Task, preprocess: Preprocess, seed: int) -> Mapping[str, np.ndarray]:
    """Return the numbers of pictures of every foreign kind, each (N, A)."""
    here = {name: _numbers_of(scans, preprocess) for name, scans in _collections(task, seed)}
    return {**_made(task.modality, preprocess, seed), **{name: rows for name, rows in here.items() if len(rows)}}


@lru_cache(maxsize=4)
def _made(modality: str, preprocess: Preprocess, seed: int) -> Mapping[str, np.ndarray]:
    """Return those of pictures made by program: the same for every run that feeds its network alike, so kept."""
    others = {f"phantoms/{task.id}": task for task in list_tasks().values() if task.modality != modality}
    told = repr((_DRAWN, EACH, _SORTS, *MADE, *others, preprocess.to_json(None), seed, np.__version__))
    path = home.cache() / "kinds" / hashlib.sha256(told.encode()).hexdigest()[:40]
    numbers = _kept(path)
    if numbers is None:
        kinds: dict[str, Iterable[Scan]] = {name: make_foreign(name, EACH * _SORTS.get(name, 1), seed) for name in MADE}
        kinds |= {name: make_phantoms(task, EACH, seed) for name, task in others.items()}
        numbers = {name: _numbers_of(scans, preprocess) for name, scans in kinds.items()}
        _keep(path, numbers)
    return {name: numbers[name] for name in (*MADE, *others)}  # in one order: a gate's sums depend on it


def _kept(path: Path) -> Mapping[str, np.ndarray] | None:
    """Return the numbers of a file whose digest, its first 64 bytes, is right; None where there is no such file."""
    try:
        content = disk.read_file(path)
        whole = hashlib.sha256(content[64:]).hexdigest().encode() == content[:64]
        return load(content[64:]) if whole else None
    except (OSError, SafetensorError):
        return None


def _keep(path: Path, numbers: Mapping[str, np.ndarray]) -> None:
    content = save(dict(numbers))
    with contextlib.suppress(OSError):  # a full or read-only disk costs the next run a few seconds, no answer
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, hashlib.sha256(content).hexdigest().encode() + content)


def _collections(task: Task, seed: int) -> Iterator[tuple[str, Iterator[Scan]]]:
    """Yield this machine's collections of other modalities, scan by scan, and sheets of those that hold patches."""
    modality = {known.id: known.modality for known in list_tasks(home.tasks()).values()}
    for record in list_collections():
        if modality.get(record.task_id, "other") in ("other", task.modality):
            continue
        collection = open_collection(record.name)
        rows = np.random.default_rng(seed).permutation(len(collection.cases))[:_READ]
        yield f"scans/{record.name}", _read(collection, rows)
        yield f"sheets/{record.name}", _sheets(collection, seed)


def _sheets(collection: Collection, seed: int) -> Iterator[Scan]:
    """Yield patches of a patient side by side, as a lower magnification shows the tissue; none of other collections.

    A gate for dermoscopies that knew single IDC patches refused 57 % of 200 pictures of BreakHis, with sheets 80 %.
    """
    of_group: dict[str, list[int]] = {}
    for row, case in enumerate(collection.cases):
        of_group.setdefault(case.group, []).append(row)
    many = [np.array(rows) for _, rows in sorted(of_group.items()) if len(rows) >= _PATCHES]
    rng = np.random.default_rng(seed)
    drawn = [many[i] for i in rng.permutation(len(many))[: _READ // _PATCHES]]
    tiles = [[shrink(one, _TILE_PX) for one in _read(collection, rng.permutation(rows)[:_PATCHES])] for rows in drawn]
    patients = [some for some in tiles if some]
    for _ in range(EACH if patients else 0):
        across, some = int(rng.integers(2, 6)), patients[rng.integers(len(patients))]
        yield side_by_side([some[i] for i in rng.integers(len(some), size=across**2)], across)


def _read(collection: Collection, rows: np.ndarray) -> Iterator[Scan]:
    for row in rows:
        try:
            yield read_scan(collection.read(collection.cases[int(row)]))
        except MedclsError:  # gone or damaged: the Data page tells of it; here any others of its kind will do
            continue


def _numbers(pixels: np.ndarray) -> np.ndarray:
    return np.stack([kind_numbers(square) for square in pixels])


def _numbers_of(scans: Iterable[Scan], preprocess: Preprocess) -> np.ndarray:
    return np.array([kind_numbers(place(scan, preprocess).pixels) for scan in scans])
