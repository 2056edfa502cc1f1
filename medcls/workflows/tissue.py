"""A patient's tissue put together from patches that carry coordinates, with what a model says of each patch."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from medcls.core.outcome import Outcome
from medcls.core.prediction import Prediction
from medcls.core.progress import Progress, silent
from medcls.core.scan import Scan
from medcls.errors import BadData, MedclsError
from medcls.evaluation.tissue import AnsweredPatch, TissueMap, lay_out
from medcls.exits.subjects import Drawing
from medcls.imaging.decode import read_scan
from medcls.imaging.picture import to_png
from medcls.imaging.tiles import paint_tiles, tile_of
from medcls.workflows.acts import allowed, write_answers

if TYPE_CHECKING:
    from medcls.models.predictor import Predictor

# Names of published patches: patient, place of the upper left corner, and the truth.
_PLACED = re.compile(
    r"(?:^|/)(?P<patient>[^/]+?)_idx\d+_x(?P<x>\d+)_y(?P<y>\d+)(?:_class(?P<truth>\d))?\.\w+$", re.IGNORECASE
)
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
    return lay_out(answered, task, label, unread)


def pictures(tissue: TissueMap) -> tuple[bytes, bytes, bytes | None]:
    """Return tissue as pictures.

    Returns:
        PNGs of one size: plain, under its probabilities, and under the truth, None where that is unknown.
    """
    truth = _layer(tissue.truth, tissue.scan) if tissue.truth_known else None
    return _layer(None, tissue.scan), _layer(tissue.prob, tissue.scan), truth


def exports(tissue: TissueMap, model: str) -> tuple[Drawing, ...]:
    """Return the pictures of `pictures` as they may leave, named after the digest of the patches.

    Args:
        tissue: The map.
        model: Id of the model asked.
    """
    layers = {"tissue": None, "prob": tissue.prob} | ({"truth": tissue.truth} if tissue.truth_known else {})
    facts = {"model": model, "label": tissue.label}
    return tuple(
        Drawing(f"{tissue.scan.sha256[:16]}--{name}", tissue.scan, partial(_layer, values), facts)
        for name, values in layers.items()
    )


def _layer(values: np.ndarray | None, scan: Scan) -> bytes:
    return to_png(paint_tiles(scan.pixels, values))


def _answer(
    classifier: "Predictor", patches: Iterable[Patch], total: int, progress: Progress
) -> tuple[list[AnsweredPatch], int]:
    answered: list[AnsweredPatch] = []
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
            AnsweredPatch(patch.x, patch.y, patch.truth, p.prob, tile_of(scan), scan.sha256)
            for (patch, scan), p in zip(read, found, strict=True)
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
