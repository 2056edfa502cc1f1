"""How often a model's heatmaps point at the lesion, measured over every labelled case that has an outline."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medcls.core.collection import Case
from medcls.core.evaluation import Estimate
from medcls.core.note import Note
from medcls.core.pointing import PointingRow, PointingStudy
from medcls.core.progress import Progress, silent
from medcls.errors import BadData, MedclsError
from medcls.explain import METHODS
from medcls.explain.pointing import Pointing, centred_gaussian, point
from medcls.imaging.mask import read_mask

if TYPE_CHECKING:
    from medcls.core.scan import Scan
    from medcls.data.collections import Collection
    from medcls.models.predictor import Predictor

METHODS_MEASURED = ("gradcam", "hirescam", "layercam")
CENTRE, RANDOM_WEIGHTS = "centred Gaussian", "random weights"  # names of the controls in every record
_CONTROLS = {CENTRE: Note("evaluation.control-centre"), RANDOM_WEIGHTS: Note("evaluation.control-weights")}


@dataclass(frozen=True)
class Asked:
    """What to measure about heatmaps.

    Args:
        label: Truth of the cases, and the label whose evidence is drawn.
        methods: Names of `METHODS`.
        layer: Layer to read; None for the last one.
        everything: True to use every case of the collection, those the model learned from too.
    """

    label: str
    methods: tuple[str, ...] = METHODS_MEASURED
    layer: str | None = None
    everything: bool = False


def measure_pointing(
    collection: "Collection", classifier: "Predictor", asked: Asked, progress: Progress = silent
) -> PointingStudy:
    """Measure how a model's heatmaps point at lesions, on the cases of groups that it never learned from.

    Args:
        collection: A labelled collection with masks.
        classifier: The model.
        asked: Which heatmaps, on which cases.
        progress: Called with cases done and cases in all.

    Raises:
        BadData: If no case is left.
        MedclsError: If a method is unknown or does not work on this network.
    """
    from medcls.explain.random_weights import with_random_weights

    if unknown := [name for name in asked.methods if name not in METHODS]:
        raise MedclsError("workflows.unknown-method", found=", ".join(unknown)[:80], allowed=", ".join(METHODS))
    classifier.card.task.label(asked.label)
    by_model = _cases(collection, asked.label, classifier, asked.everything)
    n_cases = sum(len(cases) for _, cases in by_model)
    groups: list[str] = []
    found: list[dict[str, Pointing]] = []
    read, done = "", 0
    for drawn, cases in by_model:
        control = with_random_weights(drawn, 0)
        for case in cases:
            progress(done, n_cases)
            pointed, read = _one(collection, case, (drawn, control), asked)
            done += 1
            if pointed:
                found.append(pointed)
                groups.append(case.group)
    progress(n_cases, n_cases)
    if not found:
        raise BadData("workflows.no-heatmap-measured", n_cases=n_cases)
    names = [*asked.methods, CENTRE, RANDOM_WEIGHTS]
    rows = tuple(_row(name, [f[name] for f in found], [f[CENTRE] for f in found], groups) for name in names)
    share = float(np.mean([f[CENTRE].mask_share for f in found]))
    return PointingStudy(
        classifier.card.id,
        collection.name,
        asked.label,
        read,
        n_cases,
        len(found),
        share,
        rows,
        _notes(asked.everything, asked.methods[0], classifier.card.folds),
    )


def _notes(everything: bool, first: str, n_folds: int) -> tuple[Note, ...]:
    if everything:
        which = Note("evaluation.pointing-all")
    elif n_folds:
        which = Note("evaluation.pointing-by-fold", n=n_folds)
    else:
        which = Note("evaluation.pointing-unseen")
    controls = Note("evaluation.pointing-controls", method=METHODS[first].title)
    return (Note("evaluation.pointing-on", which=which), controls)


def _cases(
    collection: "Collection", label: str, classifier: "Predictor", everything: bool
) -> "list[tuple[Predictor, list[Case]]]":
    """Return outlined cases of this truth and who draws them: unless all are asked for, none that learned from them."""
    from medcls.evaluation.asking import assign_unseen

    if not everything and classifier.without_record:
        raise BadData("workflows.model-tells-not", model=classifier.without_record[0])
    chosen = [case for case in collection.cases if case.label == label and case.masks]
    asked = ([(classifier, chosen)] if chosen else []) if everything else assign_unseen(classifier, chosen, collection)
    if not asked:
        raise BadData("workflows.no-outlined-case", name=collection.name, label=label)
    return asked


def _one(
    collection: "Collection", case: Case, models: "tuple[Predictor, Predictor]", asked: Asked
) -> tuple[dict[str, Pointing] | None, str]:
    """Measure a case with a model and its twin of random weights (None if answered wrongly); also return the layer."""
    from medcls.explain.drawing import draw, forward
    from medcls.imaging.decode import read_scan

    scan = read_scan(collection.read(case))
    view = forward(models[0], scan, asked.layer)
    if view.prediction.top != asked.label:
        return None, view.layer
    mask = _mask(collection, case, scan)
    found = {name: point(draw(view, asked.label, name).values, mask) for name in asked.methods}
    found[CENTRE] = point(centred_gaussian(scan.size_px), mask)
    control = draw(forward(models[1], scan, asked.layer), asked.label, asked.methods[0])
    return found | {RANDOM_WEIGHTS: point(control.values, mask)}, view.layer


def _mask(collection: "Collection", case: Case, scan: "Scan") -> np.ndarray:
    """Join the outlines of a case's lesions, (H, W) bool."""
    return np.any([read_mask(collection.read_mask(case, mask), scan) for mask in case.masks], axis=0)


def _row(name: str, found: list[Pointing], centre: list[Pointing], groups: list[str]) -> PointingRow:
    from medcls.stats.intervals import wilson

    which = np.array(groups)
    hits, energy, iou = (
        np.array([getattr(p, field) for p in found], float) for field in ("hit", "energy_inside", "iou")
    )
    value, n = float(hits.mean()), len(set(groups))
    share = Estimate(value, *wilson(value * n, n), 0.95, n, Note("evaluation.how-share"))
    difference = hits - np.array([p.hit for p in centre], float)
    return PointingRow(
        name,
        METHODS[name].title if name in METHODS else str(_CONTROLS[name]),
        name not in METHODS,
        share,
        _mean_over_groups(energy, which),
        _mean_over_groups(iou, which),
        None if name == CENTRE else _mean_over_groups(difference, which),
    )


def _mean_over_groups(values: np.ndarray, groups: np.ndarray, resamples: int = 2000) -> Estimate:
    """Return a mean with a percentile interval over resampled groups."""
    _, which = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(which, values), np.bincount(which)
    rows = np.random.default_rng(0).integers(0, len(sums), (resamples, len(sums)))
    low, high = np.quantile(sums[rows].sum(1) / counts[rows].sum(1), [0.025, 0.975])
    how = Note("evaluation.how-mean", resamples=resamples)
    return Estimate(
        float(values.mean()),
        min(float(low), float(values.mean())),
        max(float(high), float(values.mean())),
        0.95,
        len(sums),
        how,
    )
