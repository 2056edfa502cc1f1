"""Which marks drawn on a scan are painted over before it is read: shown, and written as pictures."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medcls.core.scan import Scan
from medcls.errors import Conflict

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
    from medcls.imaging.marks import paint_over
    from medcls.imaging.picture import to_png
    from medcls.imaging.prepare import grey_bytes, painted_over

    mask = painted_over(scan)
    if not mask.any():
        return None
    grey = grey_bytes(scan)
    tinted = np.repeat(grey[..., None], 3, axis=2).astype(np.float32)
    tinted[mask] = (1 - _SHARE) * tinted[mask] + _SHARE * _TINT
    return Painted(to_png(np.rint(tinted).astype(np.uint8)), to_png(paint_over(grey, mask)), float(mask.mean()))


def write_painted(scan: Scan, name: str, folder: Path) -> tuple[Path, ...]:
    """Write both pictures of `show_painted` into a folder, named after the scan's file and its digest.

    Args:
        scan: The scan.
        name: Name of its file.
        folder: Made if missing.

    Returns:
        The files written; none where no marks are found.

    Raises:
        Conflict: If they cannot be written.
    """
    found = show_painted(scan)
    if found is None:
        return ()
    stem = f"{Path(name).stem}-{scan.sha256[:8]}"
    pictures = {folder / f"{stem}-marks.png": found.marked, folder / f"{stem}-without.png": found.without}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, data in pictures.items():
            path.write_bytes(data)
    except OSError as error:
        raise Conflict("workflows.file-not-written", found=error.strerror or type(error).__name__) from error
    return tuple(pictures)
