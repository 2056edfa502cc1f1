"""Heatmaps of one scan for several labels on one scale: weak evidence for one label looks weak beside another's."""

from collections.abc import Sequence

import numpy as np

from medcls.core.evidence import Evidence
from medcls.core.prediction import Heatmap, Prediction
from medcls.core.progress import Progress, silent
from medcls.explain.drawing import OpenMembers, OpenScan, draw


def draw_labels(
    view: OpenScan | OpenMembers, labels: Sequence[str], method: str = "gradcam", progress: Progress = silent
) -> tuple[Heatmap, ...]:
    """Return the heatmaps of several labels, their peaks comparable with one another.

    A network's maps for its labels have one unit, so their peaks compare as they are. Networks have units of their own:
    each member's maps are divided by the highest peak among its labels before they are averaged.

    Args:
        view: The opened scan.
        labels: Label ids.
        method: A name of `METHODS`.
        progress: Called with the maps drawn and how many there are: one for each network and label.

    Returns:
        One for each label. `values` (H, W) float32 are 0 to 1; `peak` says how strong, in a unit all of them share.

    Raises:
        MedclsError: As `medcls.explain.drawing.draw`.
    """
    views = (view,) if isinstance(view, OpenScan) else view.views
    by_member: list[list[Heatmap]] = []
    for i, one in enumerate(views):
        by_member.append([])
        for k, label in enumerate(labels):
            progress(i * len(labels) + k, len(views) * len(labels))
            by_member[-1].append(draw(one, label, method))
    if isinstance(view, OpenScan):
        return tuple(by_member[0])
    strongest = [max((m.peak for m in maps), default=0.0) for maps in by_member]
    return tuple(_mean(view, label, [maps[i] for maps in by_member], strongest) for i, label in enumerate(labels))


def find_evidence(view: OpenScan | OpenMembers, labels: Sequence[str], progress: Progress = silent) -> Evidence:
    """Return a pass with its heatmaps for several labels, drawn by the default method.

    Args:
        view: The opened scan.
        labels: Label ids.
        progress: As `draw_labels` takes it.

    Raises:
        MedclsError: As `medcls.explain.drawing.draw`.
    """
    return Evidence(view.prediction, draw_labels(view, labels, progress=progress), members_of(view))


def members_of(view: OpenScan | OpenMembers) -> tuple[Prediction, ...]:
    """Return what each network of a mean answered in a pass; empty for one network."""
    return tuple(one.prediction for one in view.views) if isinstance(view, OpenMembers) else ()


def _mean(view: OpenMembers, label: str, maps: Sequence[Heatmap], strongest: Sequence[float]) -> Heatmap:
    shares = [m.peak / top if top > 0 else 0.0 for m, top in zip(maps, strongest, strict=True)]
    values = np.mean([m.values * share for m, share in zip(maps, shares, strict=True)], axis=0)  # (H, W); NaN: not seen
    top = float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
    coarsest = min((m.grid_px for m in maps), key=lambda grid: grid[0])
    values = values / top if top > 0 else values
    return Heatmap(values, label, view.model.card.id, maps[0].method, view.layer, coarsest, top)
