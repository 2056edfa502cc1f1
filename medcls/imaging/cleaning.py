"""Steps a scan may go through before it is resized, by the names of `medcls.core.scan.CLEANING`."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import cv2
import numpy as np

from medcls.imaging.marks import find_marks, paint_over

# What a step gives: the pixels, and where their top left corner lay in what it was given.
Cleaned = tuple[np.ndarray, tuple[int, int]]
Cleaner = Callable[[np.ndarray], Cleaned]
# Finds drawn marks: (H, W) uint8 to (H, W) bool.
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


def remove_hair(pixels: np.ndarray) -> Cleaned:
    """Paint over dark hairs on a skin picture with what lies beside them (DullRazor's idea).

    Thin dark lines stand out in a black-hat filter; they are filled by inpainting (Telea, 3 px). Where more
    than a quarter of the picture stands out, that is texture and not hair: it stays as it is.

    Args:
        pixels: (H, W) or (H, W, 3) float32 in [0, 1].

    Returns:
        Same shape and range, at (0, 0).

    References:
        Lee et al., DullRazor: a software approach to hair removal from images, Comput. Biol. Med. 1997.
    """
    side = max(9, round(max(pixels.shape[:2]) / 25)) | 1
    hat = cv2.morphologyEx(_bytes8(_grey(pixels)), cv2.MORPH_BLACKHAT, np.ones((side, side), np.uint8))
    hair = cv2.dilate((hat > 20).astype(np.uint8), np.ones((3, 3), np.uint8))
    if not 0 < np.count_nonzero(hair) <= hair.size / 4:
        return pixels, (0, 0)
    filled = cv2.inpaint(_bytes8(pixels), hair, 3, cv2.INPAINT_TELEA).astype(np.float32) / 255
    chosen = hair.astype(bool) if pixels.ndim == 2 else hair.astype(bool)[..., None]
    return np.where(chosen, filled, pixels), (0, 0)


def remove_marks(pixels: np.ndarray, find: Finder = find_marks, paint: Painter = paint_over) -> Cleaned:
    """Paint over calipers, lines and letters that were drawn on a grey scan (see `medcls.imaging.marks`).

    Args:
        pixels: (H, W) or (H, W, 3) float32 in [0, 1].
        find: What finds them; whoever reads a scan several times remembers what was found.
        paint: What paints over them; the same.

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


CLEANERS: Mapping[str, Cleaner] = MappingProxyType(
    {
        "bilateral": smooth_bilateral,
        "contour-crop": crop_to_contour,
        "hair-removal": remove_hair,
        "mark-removal": remove_marks,
        "clahe": equalise_locally,
    }
)


def clean(
    pixels: np.ndarray, steps: tuple[str, ...], find: Finder = find_marks, paint: Painter = paint_over
) -> Cleaned:
    """Carry out steps in order.

    Args:
        pixels: (H, W) or (H, W, 3) float32 in [0, 1].
        steps: Names out of `CLEANERS`.
        find: What finds drawn marks, for `mark-removal`.
        paint: What paints over them.

    Returns:
        The pixels, and where their top left corner lay in `pixels`.
    """
    top = left = 0
    for step in steps:
        cleaner = partial(remove_marks, find=find, paint=paint) if step == "mark-removal" else CLEANERS[step]
        pixels, (down, right) = cleaner(pixels)
        top, left = top + down, left + right
    return pixels, (top, left)


def _grey(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.ndim == 2 else cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)


def _bytes8(pixels: np.ndarray) -> np.ndarray:
    return cv2.convertScaleAbs(np.ascontiguousarray(pixels), alpha=255)
