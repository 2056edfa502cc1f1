"""Which marks drawn on a scan are painted over before it is read: shown, and as pictures that may leave."""

from dataclasses import dataclass

import numpy as np

from medcls.core.scan import Scan
from medcls.exits.subjects import Drawing

PAINTED = ("models.marks-painted", "models.marks-matter")  # cautions on drawn marks
_TINT = np.array([213, 94, 0], np.float32)  # vermilion
_SHARE = 0.75  # of the tint where marks are


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
    from medcls.imaging.prepare import painted_over

    return _drawn(scan) if painted_over(scan).any() else None


def exports(scan: Scan) -> tuple[Drawing, ...]:
    """Return both pictures of `show_painted` as they may leave, named after the scan's digest; none without marks."""
    if show_painted(scan) is None:
        return ()
    stem = scan.sha256[:16]
    return (
        Drawing(f"{stem}--marks", scan, lambda given: _drawn(given).marked),
        Drawing(f"{stem}--without", scan, lambda given: _drawn(given).without),
    )


def _drawn(scan: Scan) -> Painted:
    from medcls.imaging.marks import paint_over
    from medcls.imaging.picture import to_png
    from medcls.imaging.prepare import grey_bytes, painted_over

    mask, grey = painted_over(scan), grey_bytes(scan)
    tinted = np.repeat(grey[..., None], 3, axis=2).astype(np.float32)
    tinted[mask] = (1 - _SHARE) * tinted[mask] + _SHARE * _TINT
    return Painted(to_png(np.rint(tinted).astype(np.uint8)), to_png(paint_over(grey, mask)), float(mask.mean()))
