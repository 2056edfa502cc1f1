"""A patient's tissue put together from patches that carry coordinates, with what a model says of each patch."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np

from medcls.core.evaluation import Estimate
from medcls.core.note import Note
from medcls.core.outcome import Outcome
from medcls.core.prediction import Prediction
from medcls.core.progress import Progress, silent
from medcls.core.scan import Scan
from medcls.errors import BadData, MedclsError
from medcls.evaluation.neighbours import grid_of, with_neighbours
from medcls.exits.subjects import Drawing
from medcls.imaging.decode import read_scan
from medcls.imaging.picture import to_png
from medcls.workflows.acts import allowed, write_answers

if TYPE_CHECKING:
    from medcls.models.predictor import Predictor

# Names of published patches: patient, place of the upper left corner, and the truth.
_PLACED = re.compile(
    r"(?:^|/)(?P<patient>[^/]+?)_idx\d+_x(?P<x>\d+)_y(?P<y>\d+)(?:_class(?P<truth>\d))?\.\w+$", re.IGNORECASE
)
_TILE_PX = 16
_BATCH = 32
_MOST = 20_000
_FEWEST = 4


@dataclass(frozen=True, eq=False)
class Patch:
    """One patch and where it lies.

    Args:
        x: Column of its left edge on the slide, in pixels.
        y: Row of its upper edge.
        data: The file's bytes.
        truth: True if it is known to show the disease, False if not, None if unknown.
    """

    x: int
    y: int
    data: bytes
    truth: bool | None = None


@dataclass(frozen=True, eq=False)
class TissueMap:
    """The tissue of one patient, a tile per patch.

    Args:
        scan: The patches put together, small; grey where there is none.
        label: Label that is mapped.
        prob: (rows, columns) probability of the label, averaged with the patches around; NaN where there is no patch.
        truth: (rows, columns) 1 disease, 0 none, NaN unknown.
        n_patches: Patches answered.
        n_unread: Patches that could not be read.
        agreement: AUROC of the probability against the truth within this patient; None where the truth is unknown or
            all one.
        alone: (rows, columns) probability of the label by the patch alone, NaN where there is no patch.
        agreement_alone: AUROC of that against the truth; None as above.
    """

    scan: Scan
    label: str
    prob: np.ndarray
    truth: np.ndarray
    n_patches: int
    n_unread: int
    agreement: Estimate | None
    alone: np.ndarray
    agreement_alone: Estimate | None


def tissue_map(
    classifier: "Predictor",
    collection: str,
    patient: str,
    label: str | None = None,
    progress: Progress = silent,
) -> TissueMap:
    """Map what a model says of every patch of a patient in a labelled collection.

    Args:
        classifier: From `classify.open_model`.
        collection: Name of the collection.
        patient: Patient id in it.
        label: Label to map; None for the task's first that means disease.
        progress: Called with patches done and in all.

    Raises:
        BadData: If there is no such collection or patient, or its patches have no coordinates.
        BadTask: If the label is unknown.
    """
    from medcls.data.sources import whole_sources

    task = classifier.card.task
    opened = whole_sources((collection,), task, classifier.card.label_map).collections[0]
    positive = {task.labels[i].id for i in task.positive}
    cases = [c for c in opened.cases if c.patient == patient and "x" in c.attributes and "y" in c.attributes]
    if not cases:
        raise BadData("workflows.no-tissue")
    patches = (
        Patch(
            int(c.attributes["x"]),
            int(c.attributes["y"]),
            opened.read(c),
            None if c.label is None else c.label in positive,
        )
        for c in cases
    )
    return map_patches(classifier, patches, len(cases), label, progress)


def list_patients(collection: str) -> dict[str, int]:
    """Count each patient's patches that have coordinates, most first.

    Raises:
        BadData: If there is no such collection.
    """
    from medcls.data.collections import open_collection

    counts: dict[str, int] = {}
    for case in open_collection(collection).cases:
        if case.patient and "x" in case.attributes:
            counts[case.patient] = counts.get(case.patient, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def placed_patches(files: Iterable[Outcome[bytes]]) -> dict[str, list[Patch]]:
    """Find the patches whose names say where they lie, by patient; patients with too few to make a map are left out.

    Args:
        files: The files of a drop; one that could not be opened is left out.
    """
    found: dict[str, list[Patch]] = {}
    for file in files:
        if file.value is not None and (match := _PLACED.search(file.name)):
            truth = None if match["truth"] is None else match["truth"] != "0"
            found.setdefault(match["patient"], []).append(Patch(int(match["x"]), int(match["y"]), file.value, truth))
    return {patient: patches for patient, patches in found.items() if len(patches) >= _FEWEST}


@allowed("read")
def map_patches(
    classifier: "Predictor",
    patches: Iterable[Patch],
    total: int,
    label: str | None = None,
    progress: Progress = silent,
) -> TissueMap:
    """Map what a model says of patches; each answer is written to the audit trail.

    Args:
        classifier: From `classify.open_model`.
        patches: The patches, in any order; two at one place: the last counts.
        total: How many there are.
        label: Label to map; None for the task's first that means disease.
        progress: Called with patches done and in all.

    Raises:
        BadData: If there are too many, or none can be read.
        BadTask: If the label is unknown.
        Denied: If the person at work may not ask.
        Conflict: If an answer cannot be written to the audit trail and must not be given unwritten.
    """
    task = classifier.card.task
    label = label or task.labels[task.positive[0]].id
    task.label(label)
    if total > _MOST:
        raise BadData("workflows.too-many-patches", total=total, most=_MOST)
    answered, unread = _answer(classifier, patches, total, progress)
    if not answered:
        raise BadData("workflows.no-patch-read", unread=unread)
    rows, columns = (grid_of(np.array([getattr(a.patch, axis) for a in answered])) for axis in ("y", "x"))
    index = task.label_ids.index(label)
    joined, _ = with_neighbours(np.stack([a.prob for a in answered]), rows, columns)  # (N, K)
    prob = np.full((rows.max() + 1, columns.max() + 1), np.nan)
    alone, truth, sheet = prob.copy(), prob.copy(), np.full((*prob.shape, _TILE_PX, _TILE_PX, 3), 0.5, np.float32)
    for one, row, column, told in zip(answered, rows, columns, joined, strict=True):
        prob[row, column], alone[row, column], sheet[row, column] = told[index], one.prob[index], one.tile
        truth[row, column] = np.nan if one.patch.truth is None else float(one.patch.truth)
    scan = Scan(sheet.swapaxes(1, 2).reshape(prob.shape[0] * _TILE_PX, -1, 3), _digest(answered))
    return TissueMap(
        scan, label, prob, truth, len(answered), unread, _agreement(prob, truth), alone, _agreement(alone, truth)
    )


def pictures(tissue: TissueMap) -> tuple[bytes, bytes, bytes | None]:
    """Return the tissue, plain, under its probabilities and under the truth (None if unknown): PNGs of one size."""
    truth = _layer(tissue.truth, tissue.scan) if _truth_known(tissue) else None
    return _layer(None, tissue.scan), _layer(tissue.prob, tissue.scan), truth


def exports(tissue: TissueMap, model: str) -> tuple[Drawing, ...]:
    """Return the pictures of `pictures` as they may leave, named after the digest of the patches.

    Args:
        tissue: The map.
        model: Id of the model asked.
    """
    layers = {"tissue": None, "prob": tissue.prob} | ({"truth": tissue.truth} if _truth_known(tissue) else {})
    facts = {"model": model, "label": tissue.label}
    return tuple(
        Drawing(f"{tissue.scan.sha256[:16]}--{name}", tissue.scan, partial(_layer, values), facts)
        for name, values in layers.items()
    )


def _layer(values: np.ndarray | None, scan: Scan) -> bytes:
    plain = _grown(scan.pixels)
    return to_png(plain if values is None else _washed(plain, values))


def _truth_known(tissue: TissueMap) -> bool:
    return bool(np.isfinite(tissue.truth).any())


@dataclass(frozen=True, eq=False)
class _Answered:
    patch: Patch
    prob: np.ndarray
    tile: np.ndarray
    sha256: str


def _answer(
    classifier: "Predictor", patches: Iterable[Patch], total: int, progress: Progress
) -> tuple[list[_Answered], int]:
    answered: list[_Answered] = []
    unread = 0
    for some in _batches(patches):
        progress(len(answered) + unread, total)
        read: list[tuple[Patch, Scan]] = []
        errors: list[Outcome[Prediction]] = []
        for patch in some:
            try:
                read.append((patch, read_scan(patch.data)))
            except MedclsError as error:  # told as a number beside the map
                errors.append(Outcome("", error=error))
        scans = [scan for _, scan in read]
        found = classifier.predict_many(scans)
        answers = [Outcome("", one) for one in found]
        write_answers(classifier.card, [*zip(scans, answers, strict=True), *((None, failed) for failed in errors)])
        unread += len(errors)
        answered += [
            _Answered(patch, p.prob, _tile(scan), scan.sha256) for (patch, scan), p in zip(read, found, strict=True)
        ]
    progress(total, total)
    return answered, unread


def _batches(patches: Iterable[Patch]) -> Iterator[list[Patch]]:
    some: list[Patch] = []
    for patch in patches:
        some.append(patch)
        if len(some) == _BATCH:
            yield some
            some = []
    if some:
        yield some


def _tile(scan: Scan) -> np.ndarray:
    rgb = scan.pixels if scan.pixels.ndim == 3 else np.repeat(scan.pixels[..., None], 3, 2)
    return cv2.resize(rgb, (_TILE_PX, _TILE_PX), interpolation=cv2.INTER_AREA)


def _digest(answered: Sequence[_Answered]) -> str:
    return hashlib.sha256("".join(sorted(a.sha256 for a in answered)).encode()).hexdigest()


def _agreement(prob: np.ndarray, truth: np.ndarray) -> Estimate | None:
    from medcls.stats.intervals import wilson_auroc

    known = np.isfinite(prob) & np.isfinite(truth)
    scores, positive = prob[known], truth[known] > 0.5
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        return None
    order = np.sort(scores)
    ranks = (np.searchsorted(order, scores, "left") + np.searchsorted(order, scores, "right") + 1) / 2
    auroc = float((ranks[positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))
    low, high = wilson_auroc(auroc, n_positive, n_negative)
    return Estimate(
        auroc,
        low,
        high,
        0.95,
        len(scores),
        Note("workflows.how-one-patient"),
    )


def _grown(pixels: np.ndarray) -> np.ndarray:
    """Enlarge a small map so that its tiles can be seen."""
    times = max(1, 640 // max(pixels.shape[:2]))
    return np.kron(pixels, np.ones((times, times, 1), np.float32)) if times > 1 else pixels


def _washed(plain: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Colour tiles: blue-green for 0, yellow for 1 (viridis), nothing where there is no value."""
    steps = np.rint(255 * np.clip(np.nan_to_num(values), 0, 1)).astype(np.uint8)
    colours = cv2.applyColorMap(steps, cv2.COLORMAP_VIRIDIS)[..., ::-1].astype(np.float32) / 255
    times = plain.shape[0] // values.shape[0]
    large = np.kron(colours, np.ones((times, times, 1), np.float32))
    known = np.kron(np.isfinite(values), np.ones((times, times)))[..., None] > 0
    return np.where(known, 0.35 * plain + 0.65 * large, plain)
