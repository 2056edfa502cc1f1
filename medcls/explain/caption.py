"""What a heatmap shows, in a sentence or two for whoever looks at it."""

from collections.abc import Sequence

from medcls.core.note import Note
from medcls.core.prediction import MEMBERS_LAST, Heatmap
from medcls.core.scan import Scan
from medcls.explain.method_table import METHODS
from medcls.words import say

_PATCH_PX = 64  # a scan with no side above this is a patch: a cell of the heatmap covers a good part of it


def describe(heatmap: Heatmap, label_name: str, scan: Scan) -> str:
    """Return a sentence or two on what a heatmap shows, or that it shows nothing.

    Args:
        heatmap: The heatmap.
        label_name: Name of its label, as a person reads it.
        scan: The scan it was drawn for, of which only the size is read.
    """
    facts: dict[str, object] = {"title": METHODS[heatmap.method].title, "label": label_name}
    if heatmap.empty:
        return say("explain.map-empty", facts)
    rows, columns = heatmap.grid_px
    where = Note("explain.map-for-label" if METHODS[heatmap.method].per_label else "explain.map-for-any", **facts)
    read = Note("explain.map-read-members" if heatmap.layer == MEMBERS_LAST else "explain.map-read-layer")
    facts |= {"where": where, "read": read, "rows": rows, "columns": columns}
    if max(scan.size_px) <= _PATCH_PX:
        return say("explain.map-of-patch", facts)
    return say("explain.map-of-scan", facts | {"cell_px": max(scan.size_px) / max(rows, 1)})


def describe_many(heatmaps: Sequence[Heatmap], scan: Scan) -> str:
    """Return a sentence or two on how several heatmaps of one scan are to be read; empty if all of them are empty."""
    cells_px = sorted(round(max(scan.size_px) / max(h.grid_px)) for h in heatmaps if not h.empty)
    if not cells_px:
        return ""
    if max(scan.size_px) <= _PATCH_PX:
        return say("explain.maps-of-patch")
    least, most = cells_px[0], cells_px[-1]
    return (
        say("explain.maps-of-scan", {"cell_px": least})
        if least == most
        else say("explain.maps-of-scan-range", {"least": least, "most": most})
    )
