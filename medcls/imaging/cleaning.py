"""Steps a scan may go through before it is resized, by the names of `medcls.core.scan.CLEANING`."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import cv2
import numpy as np

from medcls.imaging.hair import find_hair
from medcls.imaging.marks import find_marks, paint_over

# What a step gives: the pixels, and where their top left corner lay in what it was given.
Cleaned = tuple[np.ndarray, tuple[int, int]]
Cleaner = Callable[[np.ndarray], Cleaned]
# Finds what is painted over: (H, W) uint8 to (H, W) bool.
Finder = Callable[[np.ndarray], np.ndarray]
Painter = Callable[[np.ndarray, np.ndarray], np.ndarray]

_MIN_SHARE = 0.05


def smooth_bilateral(pixels: np.ndarray) -> Cleaned:
    """Smooth noise and speckle but keep edges (bilateral filter, 7 px across, 0.1 in value, 3 px in space).

    Args:
        pixels: (H, W) or (H, W, 3) float32 in [0, 1].

    Returns:
        Same shape and range, at (0, 0).

    References:
        Tomasi and Manduchi, Bilateral filtering for gray and color images, ICCV 1998.
    """
    return cv2.bilateralFilter(np.ascontiguousarray(pixels), 7, 0.1, 3), (0, 0)


def crop_to_contour(pixels: np.ndarray) -> Cleaned:
    """Cut out the box around the largest bright contour: the scan without the black around it.

    The picture is smoothed and split in two by Otsu's threshold. A contour below 5 % of the picture is
    taken for text or noise, and the picture stays whole.

    Args:
        pixels: (H, W) or (H, W, 3) float32 in [0, 1].

    Returns:
        (h, w) or (h, w, 3) float32, h <= H and w <= W, and the box's top left corner.
    """
    grey = cv2.GaussianBlur(_bytes8(_grey(pixels)), (5, 5), 0)
    _, bright = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    bright = cv2.morphologyEx(bright, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    contours, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    boxes = [cv2.boundingRect(contour) for contour in contours]
    left, top, width, height = max(boxes, key=lambda box: box[2] * box[3], default=(0, 0, 0, 0))
    if width * height < _MIN_SHARE * grey.size:
        return pixels, (0, 0)
    return pixels[top : top + height, left : left + width], (top, left)


def paint_found(pixels: np.ndarray, find: Finder, paint: Painter = paint_over) -> Cleaned:
    """Paint over what does not belong to the picture: drawn marks on a grey scan, hairs on a skin picture.

    Args:
        pixels: (H, W) or (H, W, 3) float32 in [0, 1].
        find: What finds it on the picture's luma; whoever reads a scan several times remembers what was found.
        paint: What paints over it; the same.

    Returns:
        Same shape and range, at (0, 0).
    """
    mask = find(_bytes8(_grey(pixels)))
    if not mask.any():
        return pixels, (0, 0)
    filled = paint(_bytes8(pixels), mask).astype(np.float32) / 255
    return np.where(mask if pixels.ndim == 2 else mask[..., None], filled, pixels), (0, 0)


def equalise_locally(pixels: np.ndarray) -> Cleaned:
    """Raise local contrast (CLAHE, 8 x 8 tiles, clip limit 2); of a colour picture, its lightness only.

    Args:
        pixels: (H, W) or (H, W, 3) float32 in [0, 1].

    Returns:
        Same shape and range, at (0, 0), of 8-bit precision (in lightness).

    References:
        Zuiderveld, Contrast limited adaptive histogram equalization, Graphics Gems IV, 1994.
    """
    clahe = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))
    if pixels.ndim == 2:
        return clahe.apply(_bytes8(pixels)).astype(np.float32) / 255, (0, 0)
    lab = cv2.cvtColor(_bytes8(pixels), cv2.COLOR_RGB2LAB)
    lab[..., 0] = clahe.apply(np.ascontiguousarray(lab[..., 0]))
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB).astype(np.float32) / 255, (0, 0)


# Steps that paint over what they find; see `medcls.imaging.marks` and `medcls.imaging.hair`.
FINDERS: Mapping[str, Finder] = MappingProxyType({"hair-removal": find_hair, "mark-removal": find_marks})
CLEANERS: Mapping[str, Cleaner] = MappingProxyType(
    {
        "bilateral": smooth_bilateral,
        "contour-crop": crop_to_contour,
        **{step: partial(paint_found, find=find) for step, find in FINDERS.items()},
        "clahe": equalise_locally,
    }
)


def clean(
    pixels: np.ndarray,
    steps: tuple[str, ...],
    finders: Mapping[str, Finder] = FINDERS,
    paint: Painter = paint_over,
) -> Cleaned:
    """Carry out steps in order.

    Args:
        pixels: (H, W) or (H, W, 3) float32 in [0, 1].
        steps: Names out of `CLEANERS`.
        finders: What finds what is painted over, by the name of the step.
        paint: What paints over it.

    Returns:
        The pixels, and where their top left corner lay in `pixels`.
    """
    top = left = 0
    for step in steps:
        cleaner = partial(paint_found, find=finders[step], paint=paint) if step in FINDERS else CLEANERS[step]
        pixels, (down, right) = cleaner(pixels)
        top, left = top + down, left + right
    return pixels, (top, left)


def _grey(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.ndim == 2 else cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)


def _bytes8(pixels: np.ndarray) -> np.ndarray:
    return cv2.convertScaleAbs(np.ascontiguousarray(pixels), alpha=255)
