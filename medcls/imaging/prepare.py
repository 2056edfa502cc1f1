"""A `Scan` becomes what a network eats, and what a network says of a place finds its way back onto the scan."""

import hashlib
import weakref
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from PIL import Image

from medcls.core.scan import Preprocess, Scan
from medcls.imaging.cleaning import FINDERS, clean
from medcls.imaging.marks import paint_over
from medcls.imaging.picture import to_bytes8

# Cleaning looks at neighbourhoods of a few pixels: on a huge scan it would be slow and see only noise.
_CLEANING_SIDE_PX = 1024
# Where marks or hairs were found on a scan, by what was searched: networks of a mean, their heatmaps and what is told
# of them ask the same; and what was painted over them. It goes with the scan.
_found: "weakref.WeakKeyDictionary[Scan, dict[bytes, np.ndarray]]" = weakref.WeakKeyDictionary()
_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "nearest": Image.Resampling.NEAREST,
}


@dataclass(frozen=True)
class Box:
    """Where a network's square lies on a scan. Edges, not centres: pixel i covers [i, i + 1).

    Args:
        size_px: Side of the square.
        inside: Top, left, height and width, in pixels of the square, of the part that shows the scan.
        source: Top, left, height and width, in pixels of the scan, of what is shown there.
    """

    size_px: int
    inside: tuple[int, int, int, int]
    source: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Placed:
    """A scan cleaned, fitted and resized, before normalising.

    Args:
        pixels: (S, S, C) uint8.
        box: Where the square lies on the scan.
    """

    pixels: np.ndarray
    box: Box


def place(scan: Scan, preprocess: Preprocess) -> Placed:
    """Clean, fit and resize a scan; the same scan always gives the same bytes, on any processor.

    Resampling is Pillow's: antialiased when shrinking (`nearest` averages then), in integer arithmetic.

    Args:
        scan: Any scan. A grey one is repeated over three channels; a colour one becomes its luma where one channel or
            `preprocess.grey` asks for it.
        preprocess: What the model wants. With cleaning, a longer side above 1,024 px is first shrunk to that.

    Returns:
        Pixels (S, S, C) uint8, and the box that undoes it.
    """
    pixels, (top, left, down, right) = _cleaned(scan, preprocess)
    picture = _with_channels(to_bytes8(pixels), preprocess.channels)
    height, width = picture.shape[:2]
    (y, x, h, w), inside = _fit(height, width, preprocess)
    resized = _resize(picture[y : y + h, x : x + w], inside[2], inside[3], preprocess.interpolation)
    source = (top + y * down, left + x * right, h * down, w * right)
    return Placed(_on_square(resized, inside, preprocess), Box(preprocess.size_px, inside, source))


def grey_bytes(scan: Scan) -> np.ndarray:
    """Return a scan as its luma, (H, W) uint8."""
    return to_bytes8(_in_tones(scan.pixels, Preprocess(grey=True)))


def painted_over(scan: Scan, step: str = "mark-removal") -> np.ndarray:
    """Return where a scan carries what a step paints over.

    Args:
        scan: Any scan; one in colour is read as its luma.
        step: `mark-removal` or `hair-removal`.

    Returns:
        (H, W) bool on the scan's own pixels.

    Raises:
        KeyError: If the step paints over nothing.
    """
    grey = grey_bytes(scan)
    share = min(1.0, _CLEANING_SIDE_PX / max(grey.shape))
    small = cv2.resize(grey, None, fx=share, fy=share, interpolation=cv2.INTER_AREA) if share < 1 else grey
    mask = _find_once(scan, step, small).astype(np.uint8)
    return cv2.resize(mask, grey.shape[::-1], interpolation=cv2.INTER_NEAREST).astype(bool)


def normalise(pixels: np.ndarray, preprocess: Preprocess) -> np.ndarray:
    """Turn 8-bit pixels into a network's numbers: (value / 255 - mean) / std per channel.

    Args:
        pixels: (S, S, C) or (N, S, S, C) uint8, as `place` gives them.
        preprocess: Whose mean and std.

    Returns:
        (C, S, S) or (N, C, S, S) float32, contiguous.

    Raises:
        ValueError: If the last axis is not `preprocess.channels` long or the dtype is not uint8.
    """
    if pixels.dtype != np.uint8 or pixels.shape[-1] != preprocess.channels:
        raise ValueError(f"expected uint8 with {preprocess.channels} channels, found {pixels.dtype} {pixels.shape}")
    std = np.asarray(preprocess.std, np.float64)
    factor = (1 / (255 * std)).astype(np.float32)[:, None, None]
    offset = (-np.asarray(preprocess.mean, np.float64) / std).astype(np.float32)[:, None, None]
    out = np.multiply(np.moveaxis(pixels, -1, -3), factor, dtype=np.float32, order="C")
    out += offset
    return out


def prepare(scan: Scan, preprocess: Preprocess) -> np.ndarray:
    """Return a scan as a network takes it in: `place`, then `normalise`.

    Returns:
        (C, S, S) float32.
    """
    return normalise(place(scan, preprocess).pixels, preprocess)


def unplace(values: np.ndarray, box: Box, size_px: tuple[int, int]) -> np.ndarray:
    """Carry values from a network's square back onto the scan's own grid, bilinearly.

    Args:
        values: (h, w) real, covering the whole square: (S, S), or coarser like a 7 x 7 feature map.
        box: As `place` gave it.
        size_px: Height and width of the scan.

    Returns:
        (H, W) float32; NaN where the network did not see the scan.

    Raises:
        ValueError: If `values` is not two-dimensional or empty.
    """
    if values.ndim != 2 or not values.size:
        raise ValueError(f"values must be (h, w) and not empty, found {values.shape}")
    out = np.full(size_px, np.nan, np.float32)
    rows, y = _along(
        size_px[0], box.source[0], box.source[2], box.inside[0], box.inside[2], values.shape[0] / box.size_px
    )
    columns, x = _along(
        size_px[1], box.source[1], box.source[3], box.inside[1], box.inside[3], values.shape[1] / box.size_px
    )
    across = _between(np.asarray(values, np.float32), y)
    out[rows, columns] = _between(across.T, x).T
    return out


def _in_tones(pixels: np.ndarray, preprocess: Preprocess) -> np.ndarray:
    """Reduce colour to luma (ITU-R BT.601) where the question is about grey pictures."""
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if preprocess.grey and pixels.ndim == 3 else pixels


def _find_once(scan: Scan, step: str, grey: np.ndarray) -> np.ndarray:
    """Return what a step paints over on a picture, (H, W) uint8, as (H, W) bool; searched once for the same bytes."""
    known = _found.setdefault(scan, {})
    key = hashlib.blake2b(f"{step} {grey.shape}".encode() + grey.tobytes()).digest()
    if key not in known:
        known[key] = FINDERS[step](grey)
    return known[key]


def _paint_once(scan: Scan, pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return pixels, (H, W) or (H, W, 3) uint8, with a mask painted over, as `paint_over`; painted once as they are."""
    known = _found.setdefault(scan, {})
    key = hashlib.blake2b(repr(pixels.shape).encode() + pixels.tobytes() + mask.tobytes()).digest()
    if key not in known:
        known[key] = paint_over(pixels, mask)
    return known[key]


def _cleaned(scan: Scan, preprocess: Preprocess) -> tuple[np.ndarray, tuple[int, int, float, float]]:
    """Return cleaned pixels; top, left of the part kept, and height, width of its pixels, in pixels of the scan."""
    pixels = _in_tones(scan.pixels, preprocess)
    if not preprocess.cleaning:
        return pixels, (0, 0, 1.0, 1.0)
    height, width = pixels.shape[:2]
    if max(height, width) > _CLEANING_SIDE_PX:
        share = _CLEANING_SIDE_PX / max(height, width)
        small = cv2.resize(
            pixels, (max(1, round(width * share)), max(1, round(height * share))), interpolation=cv2.INTER_AREA
        )
    else:
        small = pixels
    down, right = height / small.shape[0], width / small.shape[1]
    finders = {step: partial(_find_once, scan, step) for step in FINDERS}
    cleaned, (top, left) = clean(small, preprocess.cleaning, finders, partial(_paint_once, scan))
    return cleaned, (top * down, left * right, down, right)


def _with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Return (H, W) for one channel; for three, (H, W) if grey (repeated once small) or (H, W, 3)."""
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if channels == 1 and pixels.ndim == 3 else pixels


def _fit(
    height: int, width: int, preprocess: Preprocess
) -> tuple[tuple[int, int, int, int], tuple[int, int, int, int]]:
    """Return what to take of the picture and where it goes on the square, each as top, left, height, width."""
    side = preprocess.size_px
    if preprocess.fit == "crop":
        short = min(height, width)
        return ((height - short) // 2, (width - short) // 2, short, short), (0, 0, side, side)
    if preprocess.fit == "stretch":
        return (0, 0, height, width), (0, 0, side, side)
    long = max(height, width)
    h, w = max(1, round(side * height / long)), max(1, round(side * width / long))
    return (0, 0, height, width), ((side - h) // 2, (side - w) // 2, h, w)


def _resize(picture: np.ndarray, height: int, width: int, interpolation: str) -> np.ndarray:
    """Resample uint8 (H, W[, 3]); `nearest` still averages along an axis that shrinks."""
    image, kernel = Image.fromarray(np.ascontiguousarray(picture)), _FILTERS[interpolation]
    if kernel != Image.Resampling.NEAREST:
        return np.asarray(image.resize((width, height), kernel))
    smaller = (min(width, image.width), min(height, image.height))
    return np.asarray(image.resize(smaller, Image.Resampling.BOX).resize((width, height), kernel))


def _on_square(resized: np.ndarray, inside: tuple[int, int, int, int], preprocess: Preprocess) -> np.ndarray:
    top, left, height, width = inside
    square = np.zeros((preprocess.size_px, preprocess.size_px, preprocess.channels), np.uint8)
    if resized.ndim == 2 and preprocess.channels == 3:
        resized = cv2.cvtColor(resized, cv2.COLOR_GRAY2RGB)
    square[top : top + height, left : left + width] = resized if resized.ndim == 3 else resized[..., None]
    return square


def _along(
    length: int, start: float, extent: float, inside: int, shown: int, per_px: float
) -> tuple[slice, np.ndarray]:
    """Return which pixels of one axis of the scan were seen, and where their centres lie on the values' own axis."""
    seen = slice(max(0, int(np.ceil(start - 0.5))), min(length, int(np.floor(start + extent - 0.5)) + 1))
    centres = np.arange(seen.start, seen.stop, dtype=np.float64) + 0.5
    return seen, (inside + (centres - start) / extent * shown) * per_px - 0.5


def _between(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Read (n, m) values between rows, at (k,) positions, repeating the outermost: (k, m)."""
    at = np.clip(at, 0, len(values) - 1)
    low = np.floor(at).astype(np.intp)
    high = np.minimum(low + 1, len(values) - 1)
    share = (at - low).astype(np.float32)[:, None]
    return values[low] * (1 - share) + values[high] * share
