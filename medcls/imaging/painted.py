"""What painting over drawn marks does to a scan, as two pictures."""

from dataclasses import dataclass

import numpy as np

from medcls.core.scan import Scan
from medcls.imaging.marks import paint_over
from medcls.imaging.picture import to_png
from medcls.imaging.prepare import grey_bytes, painted_over

_TINT = np.array([213, 94, 0], np.float32)  # vermilion
_OPACITY = 0.75  # of the tint where marks are


@dataclass(frozen=True)
class Painted:
    """Two pictures of one scan.

    Args:
        marked: PNG of the scan, the marks that are painted over in vermilion.
        without: PNG of the scan as it is read without them.
        share: Share of the scan's pixels painted over.
    """

    marked: bytes
    without: bytes
    share: float


def show_painted(scan: Scan) -> Painted | None:
    """Return what the step `mark-removal` paints over on a scan; None where it finds no marks.

    Args:
        scan: Any scan; one in colour is read as its luma.
    """
    return painted_pictures(scan) if painted_over(scan).any() else None


def painted_pictures(scan: Scan) -> Painted:
    """Return both pictures of a scan, alike where it has no marks."""
    mask, grey = painted_over(scan), grey_bytes(scan)  # (H, W) bool, (H, W) uint8
    tinted = np.repeat(grey[..., None], 3, axis=2).astype(np.float32)  # (H, W, 3)
    tinted[mask] = (1 - _OPACITY) * tinted[mask] + _OPACITY * _TINT
    return Painted(to_png(np.rint(tinted).astype(np.uint8)), to_png(paint_over(grey, mask)), float(mask.mean()))
