"""How often a model's heatmaps point at the lesion: measured over every labelled case that has an outline."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medcls import store
from medcls.core.collection import Case
from medcls.core.evaluation import Estimate
from medcls.errors import BadData, MedclsError
from medcls.explain import METHODS
from medcls.explain.pointing import Pointing, centred_gaussian, point
from medcls.workflows.explain import read_mask

if TYPE_CHECKING:
    from medcls.classifier import Classifier
    from medcls.core.scan import Scan
    from medcls.data.collections import Collection

CENTRE, UNTAUGHT = "centred Gaussian", "random weights"


@dataclass(frozen=True)
class Row:
    """One way of pointing, over all cases.

    Args:
        name: A method's name, or one of the controls `CENTRE` and `UNTAUGHT`.
        hits: Share of cases whose brightest place lies on the lesion, with Wilson's interval.
        energy_inside: Mean share of the heatmap that lies on the lesion.
        iou: Mean overlap over union with the lesion, at the lesion's area.
        above_centre: Hits above the centred Gaussian's on the same cases, with an interval over resampled groups.
    """

    name: str
    hits: Estimate
    energy_inside: float
    iou: float
    above_centre: Estimate


@dataclass(frozen=True)
class Study:
    """A model's heatmaps against the outlines of lesions.

    Args:
        model: Id of the model.
        collection: Name of the collection.
        label: Label whose evidence was drawn; also the truth of the cases.
        layer: Layer that was read.
        n_cases: Cases with this truth and an outline.
        n_right: Those that the model answered rightly: the rows are about these.
        mask_share: Mean share of a scan that is lesion.
        rows: The methods in the order asked for, then the controls.
        notes: Sentences a reader must know.
    """

    model: str
    collection: str
    label: str
    layer: str
    n_cases: int
    n_right: int
    mask_share: float
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def measure(
    model_id: str, collection: str, label: str, methods: Sequence[str] = ("gradcam", "hirescam", "layercam"), *,
    layer: str | None = None, everything: bool = False, progress: Callable[[int, int], None] = lambda done, total: None,
) -> Study:  # fmt: skip
    """Measure how a model's heatmaps point at lesions, on the cases its own evaluation was made on.

    Args:
        model_id: The model.
        collection: Name of a labelled collection with masks.
        label: Truth of the cases, and the label whose evidence is drawn.
        methods: Names of `METHODS`.
        layer: Layer to read; None for the last one.
        everything: True to use every case of the collection, those the model learned from too.
        progress: Called with cases done and cases in all.

    Raises:
        BadModel: If the model is missing or damaged.
        BadData: If the collection is missing, or no case is left.
        MedclsError: If a method is unknown or does not work on this network.
    """
    from medcls.classifier import Classifier
    from medcls.data.collections import open_collection
    from medcls.nets.layers import heatmap_layer

    if unknown := [name for name in methods if name not in METHODS]:
        raise MedclsError("There is no such heatmap method", found=", ".join(unknown)[:80], allowed=", ".join(METHODS))
    opened, classifier = open_collection(collection), Classifier.open(model_id)
    cases = _cases(opened, label, None if everything else _tested_on(model_id, collection))
    groups: list[str] = []
    found: list[dict[str, Pointing]] = []
    for i, case in enumerate(cases):
        progress(i, len(cases))
        pointed = _one(opened, case, classifier, label, methods, layer)
        if pointed:
            found.append(pointed)
            groups.append(case.group)
    progress(len(cases), len(cases))
    if not found:
        raise BadData("No heatmap can be measured", found=f"0 of {len(cases)} cases answered rightly")
    names = [*methods, CENTRE, UNTAUGHT]
    rows = tuple(_row(name, [f[name] for f in found], [f[CENTRE] for f in found], groups) for name in names)
    share = float(np.mean([f[CENTRE].mask_share for f in found]))
    return Study(
        model_id,
        collection,
        label,
        layer or heatmap_layer(classifier.net),
        len(cases),
        len(found),
        share,
        rows,
        _notes(everything),
    )


def _notes(everything: bool) -> tuple[str, ...]:
    which = (
        "every case of the collection, those the model learned from too"
        if everything
        else "cases the model never learned from"
    )
    return (
        f"Measured on {which}, where the model's most probable answer was right.",
        f"{UNTAUGHT}: the first method, on the same network with weights drawn anew.",
    )


def table(study: Study) -> str:
    """Give a study as a Markdown table with its notes, for a model's card."""
    lines = [
        f"Pointing at lesions: {study.model}, layer {study.layer}, on {study.collection}, {study.label}; {study.n_right} of {study.n_cases} cases answered "
        f"rightly; the lesion is {study.mask_share:.2f} of the scan on average.", "",
        "| heatmap | pointing game | above the centred Gaussian | energy inside | IoU |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for row in study.rows:
        title = METHODS[row.name].title if row.name in METHODS else row.name
        above = (
            ""
            if row.name == CENTRE
            else f"{row.above_centre.value:+.2f} ({row.above_centre.low:+.2f} to {row.above_centre.high:+.2f})"
        )
        hits = f"{row.hits.value:.2f} ({row.hits.low:.2f}–{row.hits.high:.2f}, n = {row.hits.n})"
        lines.append(f"| {title} | {hits} | {above} | {row.energy_inside:.2f} | {row.iou:.2f} |")
    return "\n".join([*lines, "", *study.notes]) + "\n"


def _tested_on(model_id: str, collection: str) -> frozenset[str]:
    """Give the ids of the cases a model was evaluated on; where several collections were, they begin with its name."""
    cases = store.read_cases(model_id)
    if cases is None:
        raise BadData(f"Model {model_id} does not say which cases it was tested on", do="Measure on every case instead")
    names = cases.attributes.get("collection")
    rows = np.ones(len(cases), bool) if names is None else names == collection
    return frozenset(str(case) for case in cases.case[rows])


def _cases(collection: "Collection", label: str, allowed: frozenset[str] | None) -> list[Case]:
    chosen = [
        c
        for c in collection.cases
        if c.label == label and c.masks and (allowed is None or allowed & {c.id, f"{collection.name}/{c.id}"})
    ]
    if not chosen:
        raise BadData(
            f"No case of {collection.name} can be used", found=f"0 cases of {label} with an outline, held out"
        )
    return chosen


def _one(
    collection: "Collection",
    case: Case,
    classifier: "Classifier",
    label: str,
    methods: Sequence[str],
    layer: str | None,
) -> dict[str, Pointing] | None:
    """Measure one case; None if the model's answer is wrong."""
    from medcls.explain.drawing import chosen, draw, open_scan
    from medcls.explain.faith import random_square
    from medcls.explain.watch import QUIET
    from medcls.imaging.decode import read_scan
    from medcls.imaging.prepare import unplace

    scan = read_scan(collection.read(case))
    view = open_scan(classifier, scan, layer)
    if view.prediction.top != label:
        return None
    mask = _mask(collection, case, scan)
    found = {name: point(draw(view, label, name).values, mask) for name in methods}
    found[CENTRE] = point(centred_gaussian(scan.size_px), mask)
    index = classifier.card.task.label_ids.index(label)
    square, _ = random_square(view, index, chosen(methods[0]), 0, QUIET)
    return found | {UNTAUGHT: point(unplace(square, view.box, scan.size_px), mask)}


def _mask(collection: "Collection", case: Case, scan: "Scan") -> np.ndarray:
    """Join the outlines of a case's lesions, (H, W) bool."""
    return np.any([read_mask(collection.read_mask(case, mask), scan) for mask in case.masks], axis=0)


def _row(name: str, found: list[Pointing], centre: list[Pointing], groups: list[str]) -> Row:
    from medcls.stats.intervals import wilson

    hits = np.array([p.hit for p in found], float)
    low, high = wilson(float(hits.sum()), len(hits))
    share = Estimate(float(hits.mean()), low, high, 0.95, len(hits), "share of cases, Wilson's interval")
    difference = hits - np.array([p.hit for p in centre], float)
    return Row(
        name, share, float(np.mean([p.energy_inside for p in found])), float(np.mean([p.iou for p in found])),
        _mean_over_groups(difference, np.array(groups)),
    )  # fmt: skip


def _mean_over_groups(values: np.ndarray, groups: np.ndarray, resamples: int = 2000) -> Estimate:
    """Give a mean with a percentile interval over resampled groups."""
    _, which = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(which, values), np.bincount(which)
    rows = np.random.default_rng(0).integers(0, len(sums), (resamples, len(sums)))
    low, high = np.quantile(sums[rows].sum(1) / counts[rows].sum(1), [0.025, 0.975])
    how = f"mean difference, percentiles of {resamples} resamples of groups"
    return Estimate(
        float(values.mean()),
        min(float(low), float(values.mean())),
        max(float(high), float(values.mean())),
        0.95,
        len(sums),
        how,
    )
