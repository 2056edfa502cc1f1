"""What painting over drawn marks, or hairs, does to a scan, as two pictures."""

from dataclasses import dataclass

import numpy as np

from medcls.core.scan import Scan
from medcls.imaging.marks import paint_over
from medcls.imaging.picture import to_bytes8, to_png
from medcls.imaging.prepare import grey_bytes, painted_over

# Vermilion on grey; on skin, where that could be skin, sky blue.
_TINTS = {
    "mark-removal": np.array([213, 94, 0], np.float32),
    "hair-removal": np.array([86, 180, 233], np.float32),
}
_OPACITY = 0.75  # of the tint where something is painted over


@dataclass(frozen=True)
class Painted:
    """Two pictures of one scan.

    Args:
        marked: PNG of the scan, what is painted over in a colour that stands out.
        without: PNG of the scan as it is read without it.
        share: Share of the scan's pixels painted over.
    """

    marked: bytes
    without: bytes
    share: float


def show_painted(scan: Scan, step: str = "mark-removal") -> Painted | None:
    """Return what a step paints over on a scan; None where it finds nothing.

    Args:
        scan: Any scan; for `mark-removal` one in colour is read as its luma.
        step: As for `painted_over`.
    """
    return painted_pictures(scan, step) if painted_over(scan, step).any() else None


def painted_pictures(scan: Scan, step: str = "mark-removal") -> Painted:
    """Return both pictures of a scan, alike where nothing is painted over."""
    mask = painted_over(scan, step)  # (H, W) bool
    plain = grey_bytes(scan) if step == "mark-removal" else to_bytes8(scan.pixels)  # (H, W) or (H, W, 3) uint8
    tinted = (plain if plain.ndim == 3 else np.repeat(plain[..., None], 3, axis=2)).astype(np.float32)
    tinted[mask] = (1 - _OPACITY) * tinted[mask] + _OPACITY * _TINTS[step]
    return Painted(to_png(np.rint(tinted).astype(np.uint8)), to_png(paint_over(plain, mask)), float(mask.mean()))
