"""Text that is part of the picture: where it is, not what it says.

Letters are small, of one ink, with sharp edges, and stand in a row. Found by their edges: bright letters on dark as a
white top-hat, dark ones on bright as a black one; then by size, evenness of the ink, and neighbours on one line. A
speckle of ultrasound is as small but blurred, a hair or a ruler as sharp but alone.
"""

import cv2
import numpy as np

from medcls.imaging.picture import to_bytes8

_HEIGHTS_PX = (6, 64)  # of a letter
_LETTERS = 3  # in a row, at least
_CONTRASTS = (45, 90, 140)  # of ink and ground, out of 255; a high one parts letters from a bright ground
_EVEN, _SOLID = (
    0.25,
    0.4,
)  # at least this share of the ink lies within a quarter of its full contrast: the rest are soft edges
_GREY = 12  # channels that differ by less are one
_KERNELS_PX = (9, 21, 45)  # widest stroke that each top-hat sees, small letters first


def find_text(pixels: np.ndarray) -> tuple[tuple[int, int, int, int], ...]:
    """Return where lines of text stand on a picture.

    Args:
        pixels: (H, W) or (H, W, 3) float in [0, 1] or uint8.

    Returns:
        A box for each line, left, top, right, bottom in pixels (right and bottom outside), with a margin of a quarter
        of the letters' height; from top to bottom.
    """
    picture = to_bytes8(pixels)
    lines = [line for grey in _channels(picture) for ink in _inks(grey) for line in _lines(_letters(grey, ink))]
    return tuple(sorted(_merged(lines, picture.shape), key=lambda b: (b[1], b[0])))


def _channels(picture: np.ndarray) -> list[np.ndarray]:
    """Return the one channel of a grey picture, or all three: green letters on skin differ in red alone."""
    if picture.ndim == 2:
        return [picture]
    if int(np.ptp(picture, axis=2).max()) < _GREY:
        return [np.ascontiguousarray(picture[..., 0])]
    return [np.ascontiguousarray(picture[..., i]) for i in range(3)]


def _inks(grey: np.ndarray) -> list[np.ndarray]:
    """Return masks of what stands out from its surroundings, for each width of stroke and for both inks."""
    masks = []
    for side in _KERNELS_PX:
        kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))
        for way in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT):
            hat = cv2.morphologyEx(grey, way, kernel)
            masks += [(hat > contrast).astype(np.uint8) for contrast in _CONTRASTS]
    return masks


def _letters(grey: np.ndarray, ink: np.ndarray) -> list[np.ndarray]:
    """Return the boxes (left, top, width, height) of parts that could be a letter."""
    n, parts, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    found = []
    for i in range(1, n):
        left, top, width, height, area = (int(v) for v in stats[i])
        if not (_HEIGHTS_PX[0] <= height <= _HEIGHTS_PX[1] and width <= 2 * height and area >= height):
            continue
        if area > 0.9 * width * height and width > 0.4 * height:  # a filled block
            continue
        if _is_even(grey, parts, i, (left, top, width, height)):
            found.append(np.array((left, top, width, height)))
    return found


def _is_even(grey: np.ndarray, parts: np.ndarray, i: int, box: tuple[int, int, int, int]) -> bool:
    """Return whether a part is of one ink that differs from what is around it."""
    left, top, width, height = box
    area = np.s_[max(0, top - 1) : top + height + 1, max(0, left - 1) : left + width + 1]
    values, mine = grey[area].astype(np.float32), parts[area] == i
    ground = float(np.median(values[~mine])) if (~mine).any() else 0.0
    away = np.abs(values[mine] - ground)
    contrast = float(np.percentile(away, 90))
    return contrast > 1.3 * _CONTRASTS[0] and float((away > (1 - _EVEN) * contrast).mean()) >= _SOLID


def _lines(letters: list[np.ndarray]) -> list[tuple[int, int, int, int]]:
    """Return boxes of letters that stand beside each other, of about one height and on one line."""
    lines: list[list[np.ndarray]] = []
    for box in sorted(letters, key=lambda b: int(b[0])):
        home = next((line for line in lines if _continues(line[-1], box)), None)
        lines.append([box]) if home is None else home.append(box)
    return [_around(line) for line in lines if len(line) >= _LETTERS and not _is_grid(line)]


def _continues(last: np.ndarray, box: np.ndarray) -> bool:
    height = max(int(last[3]), int(box[3]))
    gap = int(box[0]) - int(last[0] + last[2])
    foot = abs(int(box[1] + box[3]) - int(last[1] + last[3]))
    alike = min(int(last[3]), int(box[3])) > 0.5 * height
    return alike and -0.3 * height <= gap <= 1.2 * height and foot <= 0.35 * height


def _is_grid(line: list[np.ndarray]) -> bool:
    """Return whether the parts are copies of each other, evenly spaced: marks of a scale, no letters."""
    widths = {int(b[2]) for b in line}
    return len(widths) == 1 and max(widths) <= 3


def _around(line: list[np.ndarray]) -> tuple[int, int, int, int]:
    boxes = np.array(line)
    left, top = boxes[:, 0].min(), boxes[:, 1].min()
    right, bottom = (boxes[:, 0] + boxes[:, 2]).max(), (boxes[:, 1] + boxes[:, 3]).max()
    margin = max(2, int(0.25 * (bottom - top)))
    return int(left - margin), int(top - margin), int(right + margin), int(bottom + margin)


def _merged(lines: list[tuple[int, int, int, int]], shape: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    """Return one box for those that overlap, as the same letters found in two ways do."""
    mask = np.zeros(shape[:2], np.uint8)
    for left, top, right, bottom in lines:
        mask[max(0, top) : bottom, max(0, left) : right] = 1
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return [(int(x), int(y), int(x + w), int(y + h)) for x, y, w, h, _ in stats[1:]]
