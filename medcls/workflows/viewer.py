"""What the viewer is given: a scan, maps and colours as compressed pictures; and what it hands back, a drawn region."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from medcls.core.prediction import Heatmap, Prediction
from medcls.core.scan import Scan
from medcls.errors import BadScan
from medcls.explain.overlay import COLOURS, colour
from medcls.imaging.picture import to_png, to_screen
from medcls.imaging.region import mask_of

if TYPE_CHECKING:
    from medcls.explain.drawing import OpenMembers, OpenScan
    from medcls.explain.pointing import Pointing
    from medcls.models.predictor import Predictor

MAP_SIDE_PX = 512
_FEWEST_PX = 16  # a region smaller than this says nothing to a network


def scan_picture(scan: Scan, side_px: int = 1600) -> tuple[bytes, str]:
    """Return a scan as a compressed picture and its media type: lossless where it is small, else a JPEG of quality 95.

    Args:
        scan: The scan.
        side_px: Longest side at most.
    """
    return to_screen(scan.pixels, side_px)


def map_picture(heatmap: Heatmap, strongest: float | None = None) -> bytes:
    """Return a heatmap as a grey PNG with alpha: grey 0 to 255 is the evidence, alpha 0 what the network did not see.

    Args:
        heatmap: The heatmap.
        strongest: Peak that is white; None for the heatmap's own.
    """
    share = 1.0 if not strongest or strongest <= 0 else min(1.0, heatmap.peak / strongest)
    seen = np.isfinite(heatmap.values)  # (H, W)
    grey = np.rint(255 * share * np.clip(np.nan_to_num(heatmap.values), 0, 1)).astype(np.uint8)
    return to_png(np.dstack([grey, np.where(seen, 255, 0).astype(np.uint8)]), MAP_SIDE_PX)


@cache
def palettes() -> Mapping[str, bytes]:
    """Return each table of colours as a PNG of 256 x 1 pixels, weakest first."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None]  # (1, 256)
    return {name: to_png(np.ascontiguousarray(colour(ramp, name))) for name in COLOURS}


@dataclass(frozen=True, eq=False)
class Evidence:
    """One pass of a scan through a model: the answer, maps for labels on one scale, and what each network said.

    Args:
        prediction: The model's answer.
        maps: A heatmap for each label asked for; their peaks compare.
        members: The answer of each network, where the model is a mean of several; else empty.
    """

    prediction: Prediction
    maps: tuple[Heatmap, ...]
    members: tuple[Prediction, ...]

    @property
    def strongest(self) -> float:
        """Highest peak among the labels: what is painted in full colour."""
        return max((m.peak for m in self.maps), default=0.0)

    def agreeing(self, label: str) -> int:
        """Return how many networks answer a label; one that cannot tell answers none.

        Args:
            label: Label id.
        """
        return sum(m.decided == label for m in self.members)

    @property
    def unsure(self) -> int:
        """How many networks cannot tell."""
        return sum(m.decided is None for m in self.members)


def open_pass(scan: Scan, classifier: "Predictor") -> "OpenScan | OpenMembers":
    """Run a scan through a network once, for its heatmaps; its answer was given, and written down, before.

    Raises:
        MedclsError: If the network has no layer that a heatmap can be read from.
    """
    from medcls.explain.drawing import forward

    return forward(classifier, scan)


def find_evidence(view: "OpenScan | OpenMembers", labels: Sequence[str]) -> Evidence:
    """Draw a scan's heatmaps for several labels on one scale, from one pass through the network.

    Args:
        view: The pass, from `classify.classify_open` or `open_pass`.
        labels: Label ids.

    Raises:
        MedclsError: If a label is unknown, or the method does not work on this network.
    """
    from medcls.explain.drawing import OpenMembers
    from medcls.explain.labels import draw_labels

    members = tuple(one.prediction for one in view.views) if isinstance(view, OpenMembers) else ()
    return Evidence(view.prediction, draw_labels(view, labels), members)


def region_mask(region: Mapping[str, Any], scan: Scan) -> np.ndarray:
    """Return a drawn region as a mask, (H, W) bool.

    Args:
        region: `kind` (`box`, `ellipse` or `outline`) and `points`, [x, y] in the scan's pixels.
        scan: The scan it was drawn on.

    Raises:
        BadScan: If it is no region, or covers no pixel.
    """
    return mask_of(region, scan.size_px)


def point(heatmap: Heatmap, mask: np.ndarray) -> "Pointing | None":
    """Return how a heatmap relates to a region; None if the heatmap is empty.

    Args:
        heatmap: The heatmap.
        mask: (H, W) bool, as `region_mask` gives it.
    """
    from medcls.explain.pointing import point as point_at

    return None if heatmap.empty or not np.nansum(heatmap.values) > 0 else point_at(heatmap.values, mask)


def crop_region(scan: Scan, mask: np.ndarray) -> Scan:
    """Return the box around a region as a scan of its own, to be asked alone.

    Args:
        scan: The scan.
        mask: (H, W) bool.

    Raises:
        BadScan: If the box is too small to be read.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    if min(bottom - top, right - left) < _FEWEST_PX:
        raise BadScan("workflows.small-region", found=f"{right - left} x {bottom - top} px", least=_FEWEST_PX)
    digest = hashlib.sha256(f"{scan.sha256} {top} {bottom} {left} {right}".encode()).hexdigest()
    return Scan(scan.pixels[top:bottom, left:right], digest, scan.modality, scan.spacing_mm)
