"""Heatmaps as a page or a command asks for them: draw, paint, test, measure against masks.

Listing methods and painting load no torch; drawing does, through the classifier it is given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from medcls.core.outcome import Outcome
from medcls.core.prediction import Heatmap
from medcls.core.progress import Progress, silent
from medcls.core.scan import Scan
from medcls.exits.subjects import Drawing
from medcls.explain import METHODS, Stopped
from medcls.explain.caption import describe, describe_many
from medcls.explain.overlay import COLOURS, STYLES, Paint
from medcls.explain.overlay import caption as _caption
from medcls.explain.overlay import paint as _paint
from medcls.explain.overlay import to_png as _to_png
from medcls.explain.verdict import Check
from medcls.explain.watch import QUIET, Watch
from medcls.imaging.mask import read_mask
from medcls.imaging.picture import to_png

if TYPE_CHECKING:
    from medcls.explain.drawing import OpenMembers, OpenScan
    from medcls.models.network import Network
    from medcls.models.predictor import Predictor

__all__ = [
    "COLOURS",
    "DEFAULT",
    "METHODS",
    "STYLES",
    "Check",
    "Drawn",
    "HeatmapRequest",
    "Paint",
    "Stopped",
    "Watch",
    "describe",
    "describe_many",
    "read_mask",
]

DEFAULT = "gradcam"


@dataclass(frozen=True)
class HeatmapRequest:
    """Which heatmap of a scan is wanted.

    Args:
        label: Label id.
        method: A name of `METHODS`.
        layer: Name of a layer; None for the last one.
    """

    label: str
    method: str = DEFAULT
    layer: str | None = None


@dataclass(frozen=True, eq=False)
class Drawn:
    """One heatmap of several.

    Args:
        request: Which one was asked for; its layer by name, the last one's too.
        heatmap: The heatmap, or why it could not be drawn.
    """

    request: HeatmapRequest
    heatmap: Outcome[Heatmap]


def list_layers(classifier: "Predictor") -> tuple[str, ...]:
    """Return the layers worth looking at, lowest first; none for an ensemble."""
    from medcls.nets.layers import heatmap_layers

    return heatmap_layers(classifier.members[0].net) if len(classifier.members) == 1 else ()


def networks_of(classifier: "Predictor") -> "tuple[Network, ...]":
    """Return the networks behind a model: those it averages, or itself alone."""
    return classifier.members


def fit_to_machine(classifier: "Predictor", scan: Scan, progress: Progress = silent) -> None:
    """Answer an empty scan, so that the first real one is not kept waiting; not written to the trail.

    Args:
        classifier: From `classify.open_model`.
        scan: The scan.
        progress: Called with the networks that have answered and how many there are: on a new machine each is first
            written as what answers soonest there, which takes seconds.
    """
    for i, network in enumerate(classifier.members):
        progress(i, len(classifier.members))
        network.describe([scan])
    progress(len(classifier.members), len(classifier.members))


def rehearse(classifier: "Predictor", scan: Scan) -> None:
    """Answer and explain an empty scan, so that the first heatmap is not kept waiting either; not written to the trail.

    Raises:
        MedclsError: If its heatmap cannot be drawn.
    """
    from medcls.explain.drawing import predict_and_explain

    predict_and_explain(classifier, scan, None, DEFAULT, None)


def draw_one(
    scan: Scan,
    classifier: "Predictor",
    wanted: HeatmapRequest,
    watch: Watch = QUIET,
    view: "OpenScan | OpenMembers | None" = None,
) -> Heatmap:
    """Draw one heatmap.

    Args:
        scan: The scan.
        classifier: From `open_model`.
        wanted: Whose evidence is drawn, by which method, from which layer.
        watch: Told steps done and in all by slow methods, and asked between them whether to stop.
        view: The pass that answered the scan, from `classify.classify_open`; used where it was opened at that layer.

    Raises:
        MedclsError: If the method, the label or the layer is unknown, or the method does not work on this network.
        Stopped: If `watch` was asked to stop.
    """
    from medcls.explain.drawing import draw, forward

    if view is None or wanted.layer not in (None, view.layer):
        view = forward(classifier, scan, wanted.layer)
    return draw(view, wanted.label, wanted.method, watch)


def draw_many(
    scan: Scan,
    classifier: "Predictor",
    labels: Sequence[str],
    methods: Sequence[str] = (DEFAULT,),
    layers: Sequence[str | None] = (None,),
    progress: Progress = silent,
) -> tuple[Drawn, ...]:
    """Draw a scan's heatmaps for several labels, methods and layers; the network runs once per layer.

    Args:
        scan: The scan.
        classifier: From `classify.open_model`.
        labels: Label ids.
        methods: Names of `METHODS`.
        layers: Layers; None for the last one.
        progress: Called with steps of the slow method under way.

    Returns:
        One for each layer, method and label, in that order; what cannot be drawn comes with its reason.

    Raises:
        BadModel: If there is no such layer, or one is named for an ensemble.
    """
    from medcls.explain.drawing import draw, forward

    drawn: list[Drawn] = []
    for layer in layers:
        view = forward(classifier, scan, layer)
        for method in methods:
            for label in labels:
                found = Outcome.of(label, partial(draw, view, label, method, Watch(progress)))
                if isinstance(found.error, Stopped):
                    raise found.error
                drawn.append(Drawn(HeatmapRequest(label, method, view.layer), found))
    return tuple(drawn)


def check_heatmap(
    scan: Scan,
    classifier: "Predictor",
    wanted: HeatmapRequest,
    mask: np.ndarray | None = None,
    progress: Progress = silent,
) -> tuple[Check, ...]:
    """Test how far one heatmap can be believed.

    Args:
        scan: The scan.
        classifier: From `classify.open_model`; of an ensemble, one of `networks_of`.
        wanted: Which heatmap.
        mask: (H, W) bool, True on the lesion; None if unknown.
        progress: Called with steps done and in all.

    Returns:
        The checks, in words and numbers.

    Raises:
        MedclsError: As `draw_one`; also if the mask has another size than the scan.
    """
    from medcls.explain.drawing import open_scan
    from medcls.explain.faith import check
    from medcls.explain.memory import give_back_memory

    try:
        return check(
            open_scan(classifier, scan, wanted.layer), wanted.label, wanted.method, mask, watch=Watch(progress)
        )
    finally:
        give_back_memory()


def picture(scan: Scan, heatmap: Heatmap, how: Paint, side_px: int = 800) -> bytes:
    """Return a heatmap over its scan as a PNG for the screen.

    Args:
        scan: The scan.
        heatmap: Its heatmap.
        how: Style, colours, opacity.
        side_px: Longer side.
    """
    return to_png(_paint(scan, heatmap, how, side_px))


def export(scan: Scan, heatmap: Heatmap, how: Paint, captioned: bool = False) -> Drawing:
    """Return a heatmap over its scan, as a PNG, one pixel per scan pixel, that may leave.

    Args:
        scan: The scan.
        heatmap: Its heatmap.
        how: Style, colours, opacity.
        captioned: True to write them in a strip under the picture too, for whoever sees it elsewhere.
    """

    def draw(scan: Scan) -> bytes:
        painted = _paint(scan, heatmap, how)
        return _to_png(_caption(painted, heatmap, METHODS[heatmap.method].title) if captioned else painted, heatmap)

    method = heatmap.method.replace("+", "p")
    facts = {"model": heatmap.model, "label": heatmap.label, "method": heatmap.method}
    return Drawing(f"{scan.sha256[:16]}--{heatmap.model}--{heatmap.label}--{method}", scan, draw, facts)
