"""How well a heatmap points at a lesion whose outline is known, and the controls that keep the figure honest."""

from dataclasses import dataclass

import numpy as np

from medcls.core.prediction import Heatmap


@dataclass(frozen=True)
class Pointing:
    """A heatmap against a mask.

    Args:
        hit: True if the brightest place lies on the lesion (the pointing game).
        energy_inside: Share of the heatmap's sum that lies on the lesion, 0 to 1.
        iou: Overlap over union of the lesion with the brightest pixels, as many of them as the lesion has.
        mask_share: Share of the scan that is lesion: what chance would reach in the other three.
    """

    hit: bool
    energy_inside: float
    iou: float
    mask_share: float


def point(values: np.ndarray, mask: np.ndarray) -> Pointing:
    """Measure a heatmap against a lesion mask; an empty heatmap hits nothing.

    Args:
        values: (H, W) real, 0 or more; NaN where the network did not look counts as 0.
        mask: (H, W) bool, True on the lesion.

    Raises:
        ValueError: If the shapes differ or the mask marks nothing.

    References:
        Zhang et al., Top-down neural attention by excitation backprop, IJCV 2018 (pointing game).

    Example:
        >>> point(np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[False, True], [False, True]]))
        Pointing(hit=True, energy_inside=1.0, iou=0.5, mask_share=0.5)
    """
    if values.shape != mask.shape or not mask.any():
        raise ValueError(
            f"a heatmap of {values.shape} cannot be measured against a mask of {mask.shape}, {int(mask.sum())} marked"
        )
    values, mask = np.nan_to_num(np.asarray(values, np.float64)), mask.astype(bool)
    share, total = float(mask.mean()), float(values.sum())
    if total <= 0:
        return Pointing(False, 0.0, 0.0, share)
    brightest = values >= values.max()
    hit = bool(mask[brightest].mean() > 0.5)
    top = _brightest(values, int(mask.sum()))
    iou = float((top & mask).sum() / (top | mask).sum())
    return Pointing(hit, float(values[mask].sum() / total), iou, share)


def point_heatmap(heatmap: Heatmap, mask: np.ndarray) -> Pointing | None:
    """Return how a heatmap relates to a region; None if the heatmap is empty.

    Args:
        heatmap: The heatmap.
        mask: (H, W) bool, True inside.
    """
    return None if heatmap.empty or not np.nansum(heatmap.values) > 0 else point(heatmap.values, mask)


def centred_gaussian(size_px: tuple[int, int], width: float = 0.25) -> np.ndarray:
    """Return the map of someone who always points at the middle: a control that looks at nothing.

    Args:
        size_px: Height and width.
        width: Standard deviation, as a share of each side.

    Returns:
        (H, W) float32, at most 1.
    """
    y, x = (np.arange(n) - (n - 1) / 2 for n in size_px)
    rows, columns = np.exp(-0.5 * (y / (width * size_px[0])) ** 2), np.exp(-0.5 * (x / (width * size_px[1])) ** 2)
    return np.outer(rows, columns).astype(np.float32)


def _brightest(values: np.ndarray, n: int) -> np.ndarray:
    """Mark the n brightest pixels above 0; of equal ones, the first in reading order."""
    order = np.argsort(-values, axis=None, kind="stable")[:n]
    top = np.zeros(values.size, bool)
    top[order] = values.reshape(-1)[order] > 0
    return top.reshape(values.shape)
