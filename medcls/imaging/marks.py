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
# Letters: how high they are, by how much those of a line differ in height and place, how far apart they are and how far
# a line goes on (in letters' heights), how many make one, and how much of one is clear.
_LETTER_PX, _LETTER_SLACK_PX, _LETTER_GAP, _LETTER_LINE, _LETTERS, _LETTER_CLEAR = (5.0, 20.0), 1.2, 1.2, 20, 3, 0.15
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
    width, height, area = (
        stats[:, k].astype(np.float64) for k in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA)
    )
    n_clear = np.bincount(labels[thin > _CLEAR], minlength=n)
    clear = n_clear / area
    longest = np.maximum(width, height)
    flat = (height < 0.35 * width) & (width > 8 * scale)  # lies as fasciae lie: must be drawn all along
    keep = (n_clear > 0) & (longest >= _SHORTEST_PX * scale) & (area <= _WIDEST * scale * (width + height))
    keep &= clear > np.where(flat, 0.75, 0.35)
    dots = np.flatnonzero((n_clear > 0) & (longest < 2 * _SHORTEST_PX * scale) & ~keep)
    keep[dots[_in_a_chain(centres[dots], scale)]] = True
    keep[0] = False
    written = np.flatnonzero(keep | (clear > _LETTER_CLEAR))
    written = written[written > 0]  # not the ground
    keep[written[_in_a_word(stats[written, : cv2.CC_STAT_AREA], keep[written], scale)]] = True
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


def _in_a_word(boxes: np.ndarray, sure: np.ndarray, scale: float) -> np.ndarray:
    """Return which pieces belong to a line of letters: several that touch each other look like a fascia alone.

    A piece belongs to it that is next to a sure letter, or to others that are, and lies on one line with several.

    Args:
        boxes: (N, 4) left, top, width and height of each piece, px.
        sure: (N,) bool, which of them are drawn in any case.
        scale: By how much the scan is larger than `_SIDE_PX`.

    Returns:
        (N,) bool.
    """
    height, found = boxes[:, 3], np.zeros(len(boxes), bool)
    sized = np.flatnonzero((height >= _LETTER_PX[0] * scale) & (height <= _LETTER_PX[1] * scale))
    if not _LETTERS <= len(sized) <= 2000:
        return found
    left, top, width, height = boxes[sized].T.astype(np.float32)
    slack = _LETTER_SLACK_PX * scale
    level = (abs(top[:, None] - top) <= slack) & (abs(height[:, None] - height) <= slack)
    apart = np.maximum(left[:, None], left) - np.minimum((left + width)[:, None], left + width)
    sure = sure[sized]
    on_a_line = sure | ((level & (apart <= _LETTER_LINE * height))[:, sure].sum(1) >= _LETTERS)
    next_to = level & (apart <= _LETTER_GAP * height) & on_a_line & on_a_line[:, None]
    _, word = scipy.sparse.csgraph.connected_components(next_to, directed=False)
    found[sized] = on_a_line & (np.bincount(word, sure)[word] > 0)
    return found


def _lines(grey: np.ndarray, thin: np.ndarray, scale: float) -> np.ndarray:
    """Keep straight lines, dotted or faint ones too, that are drawn along most of their length."""
    found = np.zeros(grey.shape, np.uint8)
    least = _LINE_SHARE * min(grey.shape)
    points = (thin > _LINE).astype(np.uint8) * 255
    segments = cv2.HoughLinesP(points, 1, np.pi / 180, 24, minLineLength=least, maxLineGap=5 * scale)
    if segments is None:
        return found.astype(bool)
    ends = segments.reshape(-1, 4).astype(np.int64)
    for x1, y1, x2, y2 in ends[_drawn_along(grey, ends, scale)].tolist():
        cv2.line(found, (x1, y1), (x2, y2), 1, max(1, round(scale)))
    return found.astype(bool)


def _drawn_along(grey: np.ndarray, ends: np.ndarray, scale: float) -> np.ndarray:
    """Return which lines, (N, 4) x1, y1, x2, y2, are brighter than both sides along most of their length, (N,) bool."""
    dx, dy = ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]
    length = np.hypot(dx, dy).astype(np.int64)  # (N,) px, how many points of it are looked at
    line = np.repeat(np.arange(len(ends)), length)  # (sum of lengths,) which line a point lies on
    last = np.cumsum(length) - 1
    nth = np.arange(len(line)) - (last + 1 - length)[line]
    x, y = (_between(ends[:, k], ends[:, k + 2], length, line, (nth, last)) for k in (0, 1))
    above = _above_sides(grey, max(2, round(2.5 * scale)))
    least = np.where(abs(dy) < 0.36 * abs(dx), 45, _LINE)  # lies as fasciae lie: must stand out more
    first = (abs(dy) > abs(dx)) * grey.size  # where the sides of steep lines begin, of those that lie before them
    stands_out = above.ravel()[y * grey.shape[1] + x + first[line]] > least.astype(np.uint8)[line]
    return np.bincount(line[stands_out], minlength=len(ends)) / length >= _LINE_COVER


def _between(
    start: np.ndarray, end: np.ndarray, length: np.ndarray, line: np.ndarray, places: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Return one coordinate of each point of each line, as `np.linspace` of its own would put it, rounded.

    `places` says which of its line's points each is, and which of all points is the last of each line.
    """
    nth, last = places
    at = nth * ((end - start) / (length - 1))[line]
    at += start[line]
    at[last] = end
    return np.rint(at, out=at).astype(np.intp)


def _above_sides(grey: np.ndarray, off: int) -> np.ndarray:
    """Return by how much each pixel exceeds the brighter of two others, `off` px to either side of it, 0 at least.

    Returns:
        (2, H, W) uint8: of those above and below it, and of those left and right.
    """
    down = cv2.copyMakeBorder(grey, off, off, 0, 0, cv2.BORDER_REPLICATE)
    along = cv2.copyMakeBorder(grey, 0, 0, off, off, cv2.BORDER_REPLICATE)
    sides = np.maximum(down[: -2 * off], down[2 * off :]), np.maximum(along[:, : -2 * off], along[:, 2 * off :])
    return np.stack([cv2.subtract(grey, brighter) for brighter in sides])
