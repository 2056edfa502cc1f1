"""Marks that a device or a hand drew on a grey scan: found by how they are drawn, and painted over.

A drawn stroke is thin, ends within a pixel and is far brighter than what lies around it. Tissue has bright spots
(calcifications) and bright bands (fasciae): spots stay as they are too short, bands as they are too thick or fade out.
"""

import cv2
import numpy as np
import scipy

# Lengths are for a scan whose sides have a geometric mean of so many pixels; they grow with it.
_SIDE_PX = 280
_FAINT, _CLEAR = 24, 62  # grey levels by which a stroke stands out: where it goes on, and where it begins
_AROUND = 40  # grey levels above the median around it
_SHORTEST_PX, _WIDEST = 5.0, 4.6  # of a stroke; mean width of one, in pixels
_LINE, _LINE_SHARE, _LINE_COVER = 13, 0.16, 0.72  # contrast, least length as a share of the side, share drawn
# Dots of a dotted curve: how far apart, how many at least, over what length, and with how few neighbours on average.
# The specks of a cluster of calcifications lie closer, in all directions, and over a shorter length.
_DOTS_APART_PX, _DOTS, _DOTS_LONG_PX, _DOTS_BESIDE = 11.0, 8, 30.0, 2.8
_MOST = 0.12  # of a scan's area; where more seems drawn, it is texture


def find_marks(grey: np.ndarray) -> np.ndarray:
    """Return where marks were drawn.

    Args:
        grey: (H, W) uint8.

    Returns:
        (H, W) bool, with a margin of a pixel; all False where a scan is too small or seems drawn over everywhere.
    """
    if min(grey.shape) < 32:
        return np.zeros(grey.shape, bool)
    scale = max(1.0, float(np.sqrt(grey.shape[0] * grey.shape[1])) / _SIDE_PX)
    thin, around = _stands_out(grey, scale)
    mask = _strokes(thin, around, scale) | _lines(grey, thin, scale)
    mask = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=max(1, round(scale * 0.7)))
    return mask.astype(bool) if np.count_nonzero(mask) <= _MOST * mask.size else np.zeros(grey.shape, bool)


def paint_over(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Fill a mask from what lies around it (Telea, 3 px).

    Args:
        pixels: (H, W) or (H, W, 3) uint8.
        mask: (H, W) bool.

    References:
        Telea, An image inpainting technique based on the fast marching method, J. Graph. Tools 2004.
    """
    return cv2.inpaint(pixels, mask.astype(np.uint8), 3, cv2.INPAINT_TELEA) if mask.any() else pixels


def _stands_out(grey: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return by how much each pixel exceeds what is left without thin structures, and the median around it."""
    wide = 2 * round(2 * scale) + 1
    thin = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide)))
    across = min(255, 2 * round(8 * scale) + 1)
    return thin, cv2.subtract(grey, cv2.medianBlur(grey, across))


def _strokes(thin: np.ndarray, around: np.ndarray, scale: float) -> np.ndarray:
    """Keep thin, long enough pieces that are clear somewhere."""
    weak = ((thin > _FAINT) & (around > _AROUND)).astype(np.uint8)
    n, labels, stats, centres = cv2.connectedComponentsWithStats(weak, connectivity=8)
    peak = np.zeros(n, np.float64)
    np.maximum.at(peak, np.asarray(labels.ravel(), np.intp), thin.ravel())
    width, height, area = (
        stats[:, k].astype(np.float64) for k in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA)
    )
    clear = np.bincount(labels.ravel(), (thin > _CLEAR).ravel(), n) / area
    longest = np.maximum(width, height)
    flat = (height < 0.35 * width) & (width > 8 * scale)  # lies as fasciae lie: must be drawn all along
    keep = (peak > _CLEAR) & (longest >= _SHORTEST_PX * scale) & (area <= _WIDEST * scale * (width + height))
    keep &= clear > np.where(flat, 0.75, 0.35)
    dots = np.flatnonzero((peak > _CLEAR) & (longest < 2 * _SHORTEST_PX * scale) & ~keep)
    keep[dots[_in_a_chain(centres[dots], scale)]] = True
    keep[0] = False
    return keep[labels]


def _in_a_chain(centres: np.ndarray, scale: float) -> np.ndarray:
    """Return which of some dots, (N, 2) px, belong to a long row of them."""
    if not _DOTS <= len(centres) <= 2000:
        return np.zeros(len(centres), bool)
    a, b = scipy.spatial.cKDTree(centres).query_pairs(_DOTS_APART_PX * scale, output_type="ndarray").T
    pairs = scipy.sparse.coo_matrix((np.ones(len(a)), (a, b)), (len(centres), len(centres)))
    _, chain = scipy.sparse.csgraph.connected_components(pairs, directed=False)
    count = np.bincount(chain)
    beside = np.bincount(np.concatenate([a, b]), minlength=len(centres))
    mean_beside = np.bincount(chain, beside) / count
    low, high = np.full((len(count), 2), np.inf), np.full((len(count), 2), -np.inf)
    np.minimum.at(low, chain, centres)
    np.maximum.at(high, chain, centres)
    long = (high - low).max(1) >= _DOTS_LONG_PX * scale
    return ((count >= _DOTS) & long & (mean_beside <= _DOTS_BESIDE))[chain]


def _lines(grey: np.ndarray, thin: np.ndarray, scale: float) -> np.ndarray:
    """Keep straight lines, dotted or faint ones too, that are drawn along most of their length."""
    found = np.zeros(grey.shape, np.uint8)
    least = _LINE_SHARE * min(grey.shape)
    points = (thin > _LINE).astype(np.uint8) * 255
    segments = cv2.HoughLinesP(points, 1, np.pi / 180, 24, minLineLength=least, maxLineGap=5 * scale)
    for x1, y1, x2, y2 in np.zeros((0, 4), int) if segments is None else segments.reshape(-1, 4):
        n = int(np.hypot(x2 - x1, y2 - y1))
        x, y = np.rint(np.linspace(x1, x2, n)).astype(int), np.rint(np.linspace(y1, y2, n)).astype(int)
        level = abs(y2 - y1) < 0.36 * abs(x2 - x1)
        if _drawn_along(grey, x, y, abs(y2 - y1) > abs(x2 - x1), scale, 45 if level else _LINE):
            cv2.line(found, (int(x1), int(y1)), (int(x2), int(y2)), 1, max(1, round(scale)))
    return found.astype(bool)


def _drawn_along(grey: np.ndarray, x: np.ndarray, y: np.ndarray, steep: bool, scale: float, least: int) -> bool:
    """Return whether a line is brighter than both its sides along most of its length."""
    off = max(2, round(2.5 * scale))
    dx, dy = (off, 0) if steep else (0, off)
    height, width = grey.shape
    sides = [
        grey[np.clip(y + s * dy, 0, height - 1), np.clip(x + s * dx, 0, width - 1)].astype(np.int16) for s in (-1, 1)
    ]
    above = grey[y, x].astype(np.int16) - np.maximum(*sides)
    return bool((above > least).mean() >= _LINE_COVER)
