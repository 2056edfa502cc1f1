"""A region that a person drew on a scan, as a mask."""

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from medcls.core.note import Note
from medcls.core.scan import Scan
from medcls.errors import BadScan

KINDS = ("box", "ellipse", "outline")
_MOST_POINTS = 20_000
_FEWEST_PX = 16  # a region smaller than this says nothing to a network


def mask_of(region: Mapping[str, Any], size_px: tuple[int, int]) -> np.ndarray:
    """Return a region as a mask.

    Args:
        region: `kind`, one of `KINDS`, and `points`, [x, y] in pixels: opposite corners of a box or of the box around
            an ellipse, or the points of an outline in order.
        size_px: Height and width of the scan.

    Returns:
        (H, W) bool, True inside.

    Raises:
        BadScan: If the kind or the points cannot be used, or no pixel lies inside.

    Example:
        >>> int(mask_of({"kind": "box", "points": [[1, 1], [3, 2]]}, (4, 5)).sum())
        2
    """
    points = _points(region)
    mask = np.zeros(size_px, np.uint8)
    (x0, y0), (x1, y1) = points.min(0), points.max(0)
    if region["kind"] == "box":
        mask[max(0, round(y0)) : round(y1), max(0, round(x0)) : round(x1)] = 1
    elif region["kind"] == "ellipse":
        y, x = np.mgrid[: size_px[0], : size_px[1]] + 0.5
        rx, ry = max((x1 - x0) / 2, 1e-6), max((y1 - y0) / 2, 1e-6)
        mask[((x - (x0 + x1) / 2) / rx) ** 2 + ((y - (y0 + y1) / 2) / ry) ** 2 <= 1] = 1
    else:
        cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 1)
    if not mask.any():
        raise BadScan("imaging.empty-region")
    return mask > 0


def crop(scan: Scan, mask: np.ndarray) -> Scan:
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
        raise BadScan("imaging.small-region", found=f"{right - left} x {bottom - top} px", least=_FEWEST_PX)
    digest = hashlib.sha256(f"{scan.sha256} {top} {bottom} {left} {right}".encode()).hexdigest()
    return Scan(scan.pixels[top:bottom, left:right], digest, scan.modality, scan.spacing_mm)


def _points(region: Mapping[str, Any]) -> np.ndarray:
    """Return the points (N, 2) float64 of what a browser sent, which may be anything."""
    kind, points = region.get("kind"), region.get("points")
    least = 3 if kind == "outline" else 2
    if kind not in KINDS or not isinstance(points, list | tuple) or not least <= len(points) <= _MOST_POINTS:
        raise BadScan("imaging.wrong-region", found=f"{kind!r:.40}", allowed=", ".join(KINDS))
    for pair in points:
        numbers = isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(v, int | float) for v in pair)
        if not numbers or not all(math.isfinite(v) and abs(v) < 1e6 for v in pair):
            raise BadScan("imaging.wrong-region", found=f"{pair!r:.40}", allowed=Note("imaging.region-points"))
    return np.asarray(points, np.float64)
