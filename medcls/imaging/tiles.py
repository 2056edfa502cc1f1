"""Small tiles that stand for patches of a tissue, and colour over them."""

import cv2
import numpy as np

from medcls.core.scan import Scan

TILE_PX = 16
_LEAST_PX = 640


def tile_of(scan: Scan) -> np.ndarray:
    """Return a scan made small, of shape (TILE_PX, TILE_PX, 3), float32 in [0, 1]."""
    rgb = scan.pixels if scan.pixels.ndim == 3 else np.repeat(scan.pixels[..., None], 3, 2)
    return cv2.resize(rgb, (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA)


def paint_tiles(pixels: np.ndarray, values: np.ndarray | None) -> np.ndarray:
    """Return tiles enlarged so that they can be seen, and coloured by a value each.

    Args:
        pixels: (H, W, 3) float32 in [0, 1]: tiles beside each other.
        values: (rows, columns) in [0, 1], a value a tile, NaN for none; None to leave them as they are.

    Returns:
        Float32, the longer side at least 640 px where that is a whole number of times; blue-green for 0, yellow for 1
        (viridis), nothing over a tile without a value.
    """
    plain = _enlarge(pixels)
    if values is None:
        return plain
    steps = np.rint(255 * np.clip(np.nan_to_num(values), 0, 1)).astype(np.uint8)
    colours = cv2.applyColorMap(steps, cv2.COLORMAP_VIRIDIS)[..., ::-1].astype(np.float32) / 255
    times = plain.shape[0] // values.shape[0]
    large = np.kron(colours, np.ones((times, times, 1), np.float32))
    known = np.kron(np.isfinite(values), np.ones((times, times)))[..., None] > 0
    return np.where(known, 0.35 * plain + 0.65 * large, plain)


def _enlarge(pixels: np.ndarray) -> np.ndarray:
    times = max(1, _LEAST_PX // max(pixels.shape[:2]))
    return np.kron(pixels, np.ones((times, times, 1), np.float32)) if times > 1 else pixels
