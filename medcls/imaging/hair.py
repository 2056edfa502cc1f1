"""Hairs across a skin picture: found by how they run, so that they can be painted over.

A hair is thin, darker than both its sides, and runs on nearly straight far beyond the meshes of a pigment network and
the streaks at the edge of a lesion, which are as thin and as dark.
"""

from functools import lru_cache

import cv2
import numpy as np

# It is searched on a picture whose sides have a geometric mean of at most so many pixels; lengths grow from the other.
_SEARCHED_PX, _SIDE_PX = 384, 280
_CLEAR, _FAINT = 14, 8  # grey levels by which a hair is darker than its sides, where it is sure and where it goes on
_WIDEST_PX = 3.0  # half the width of what still counts as thin
_RUNS, _SHORTEST_PX = 0.09, 9  # how far it runs on straight: a share of the side, and pixels at least
_DIRECTIONS = 18
_MOST = 0.35  # of a picture's area; where more seems hair, it is texture
_LEAST_PX = 120  # geometric mean of a picture's sides; below it what is thin may be anything


def find_hair(grey: np.ndarray) -> np.ndarray:
    """Return where hairs lie.

    Args:
        grey: (H, W) uint8, the picture's luma.

    Returns:
        (H, W) bool, with a margin of about a pixel; all False where a picture is too small or hairy everywhere.

    References:
        After Lee et al., DullRazor: a software approach to hair removal from images, Comput. Biol. Med. 1997: closings
        along lines. Here in 18 directions, on what is thin alone, and followed to where it fades.
    """
    if (side := float(np.sqrt(grey.size))) < _LEAST_PX:
        return np.zeros(grey.shape, bool)
    share = min(1.0, _SEARCHED_PX / side)
    small = cv2.resize(grey, None, fx=share, fy=share, interpolation=cv2.INTER_AREA) if share < 1 else grey
    mask = _find(small)
    if np.count_nonzero(mask) > _MOST * mask.size:
        return np.zeros(grey.shape, bool)
    return cv2.resize(mask, grey.shape[::-1], interpolation=cv2.INTER_NEAREST).astype(bool)


def _find(grey: np.ndarray) -> np.ndarray:
    """Return hairs as (H, W) uint8."""
    side = float(np.sqrt(grey.size))
    scale = max(1.0, side / _SIDE_PX)
    wide = 2 * round(_WIDEST_PX * scale) + 1
    thin = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide)))
    along = np.zeros_like(thin)
    for line in _lines(max(_SHORTEST_PX, round(_RUNS * side)) | 1):
        np.maximum(along, _open(thin, line), out=along)
    near = cv2.dilate(along, np.ones((5, 5), np.uint8))
    n, pieces = cv2.connectedComponents(((thin > _FAINT) & (near > _FAINT)).astype(np.uint8), connectivity=8)
    keep = np.zeros(n, np.uint8)
    keep[np.unique(pieces[along > _CLEAR])] = 1
    keep[0] = 0
    return cv2.dilate(keep[pieces], np.ones((3, 3), np.uint8), iterations=max(1, round(0.7 * scale)))


def _open(thin: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Keep what a line fits into; it ends with the picture, or else whatever meets the edge would run on."""
    return cv2.morphologyEx(thin, cv2.MORPH_OPEN, line, borderType=cv2.BORDER_CONSTANT, borderValue=0)


@lru_cache
def _lines(length_px: int) -> tuple[np.ndarray, ...]:
    """Return straight lines of a length in all directions, each (L, L) uint8."""
    middle = length_px // 2
    lines = []
    for turn in np.arange(_DIRECTIONS) * np.pi / _DIRECTIONS:
        x, y = round(np.cos(turn) * middle), round(np.sin(turn) * middle)
        line = np.zeros((length_px, length_px), np.uint8)
        cv2.line(line, (middle - x, middle - y), (middle + x, middle + y), 1, 1)
        lines.append(line)
    return tuple(lines)
