"""What the viewer is given: a scan, maps and colours as compressed pictures; and what it hands back, a drawn region."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from medcls.core.evidence import Evidence, agreeing, unsure
from medcls.core.progress import Progress, silent
from medcls.core.scan import Scan
from medcls.explain.overlay import map_picture, palettes
from medcls.explain.pointing import point_heatmap as point
from medcls.imaging.picture import to_screen
from medcls.imaging.region import crop as crop_region
from medcls.imaging.region import mask_of

if TYPE_CHECKING:
    from medcls.core.prediction import Prediction
    from medcls.explain.drawing import OpenMembers, OpenScan
    from medcls.models.predictor import Predictor

__all__ = [
    "Evidence",
    "agreeing",
    "crop_region",
    "find_evidence",
    "map_picture",
    "members_of",
    "open_pass",
    "palettes",
    "point",
    "region_mask",
    "scan_picture",
    "unsure",
]


def scan_picture(scan: Scan, side_px: int = 1600) -> tuple[bytes, str]:
    """Return a scan as a compressed picture: lossless where it is small, else a JPEG of quality 95.

    Args:
        scan: The scan.
        side_px: Longest side at most.

    Returns:
        The picture's bytes, and its media type.
    """
    return to_screen(scan.pixels, side_px)


def open_pass(scan: Scan, classifier: "Predictor") -> "OpenScan | OpenMembers":
    """Run a scan through a network once, for its heatmaps; its answer was given, and written down, before.

    Raises:
        MedclsError: If the network has no layer that a heatmap can be read from.
    """
    from medcls.explain.drawing import forward

    return forward(classifier, scan)


def find_evidence(view: "OpenScan | OpenMembers", labels: Sequence[str], progress: Progress = silent) -> Evidence:
    """Draw a scan's heatmaps for several labels on one scale, from one pass through the network.

    Args:
        view: The pass, from `classify.classify_open` or `open_pass`.
        labels: Label ids.
        progress: Called with the maps drawn and how many there are.

    Raises:
        MedclsError: If a label is unknown, or the method does not work on this network.
    """
    from medcls.explain.labels import find_evidence

    return find_evidence(view, labels, progress)


def members_of(view: "OpenScan | OpenMembers") -> "tuple[Prediction, ...]":
    """Return what each network of a mean answered in a pass; empty for one network."""
    from medcls.explain.labels import members_of

    return members_of(view)


def region_mask(region: Mapping[str, Any], scan: Scan) -> np.ndarray:
    """Return a drawn region as a mask, (H, W) bool.

    Args:
        region: `kind` (`box`, `ellipse` or `outline`) and `points`, [x, y] in the scan's pixels.
        scan: The scan it was drawn on.

    Raises:
        BadScan: If it is no region, or covers no pixel.
    """
    return mask_of(region, scan.size_px)
