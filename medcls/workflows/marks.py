"""Which marks drawn on a scan are painted over before it is read: shown, and as pictures that may leave."""

from medcls.core.scan import Scan
from medcls.exits.subjects import Drawing
from medcls.imaging.painted import Painted, painted_pictures, show_painted

__all__ = ["PAINTED", "Painted", "exports", "show_painted"]

PAINTED = ("models.marks-painted", "models.marks-matter")  # cautions on drawn marks


def exports(scan: Scan) -> tuple[Drawing, ...]:
    """Return both pictures of `show_painted` as they may leave, named after the scan's digest; none without marks."""
    if show_painted(scan) is None:
        return ()
    stem = scan.sha256[:16]
    return (
        Drawing(f"{stem}--marks", scan, lambda given: painted_pictures(given).marked),
        Drawing(f"{stem}--without", scan, lambda given: painted_pictures(given).without),
    )
