"""What tells kinds of picture apart (ultrasound, histology, photograph, mask, screenshot), as a few numbers.

They are taken from the picture alone, not from what a network makes of it: a network taught to tell tumours apart
knows its own hospital's scans too well, and took 70 % of another hospital's for foreign.
"""

import cv2
import numpy as np

from medcls.imaging.appearance import appearance

_GRID, _BINS = 4, 12


def kind_numbers(square: np.ndarray) -> np.ndarray:
    """Return brightness, colour and grain, all their pairs multiplied, the layout of light, and each level's share.

    Args:
        square: (S, S, C) uint8, C 1 or 3, as `medcls.imaging.prepare.place` gives it; S at least 16.

    Returns:
        (A,) float64; A depends on C alone.
    """
    looks = appearance(square)
    i, j = np.triu_indices(len(looks))
    grey = cv2.cvtColor(square, cv2.COLOR_RGB2GRAY) if square.shape[2] == 3 else square[..., 0]  # (S, S)
    layout = cv2.resize(grey, (_GRID, _GRID), interpolation=cv2.INTER_AREA).ravel() / 255
    levels = np.bincount(grey.ravel() // (256 // _BINS + 1), minlength=_BINS)[:_BINS] / grey.size
    level = grey.astype(np.float32) / 255
    across, down = np.abs(np.diff(level, axis=1)).mean(), np.abs(np.diff(level, axis=0)).mean()
    flat = float((np.diff(grey.astype(np.int16), axis=1) == 0).mean())
    slant = float(np.log((across + 1e-3) / (down + 1e-3)))
    return np.concatenate([looks, looks[i] * looks[j], layout, np.sqrt(levels), [slant, flat]])
