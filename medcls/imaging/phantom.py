"""Synthetic scans for trying medcls and for its tests: plausible, drawn from a seed, of nobody.

They look enough like the real thing to exercise every step, and prove nothing about accuracy.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import cv2
import numpy as np
import scipy
from PIL import Image, PngImagePlugin

from medcls.core.scan import Scan
from medcls.errors import BadTask, MedclsError
from medcls.imaging.decoded import as_display
from medcls.imaging.picture import MARK

_LOWEST_PX, _HIGHEST_PX = 16, 2048
Drawn = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class _Kind:
    """How one task's phantoms are drawn: default height and width, labels, and the pen."""

    size_px: tuple[int, int]
    labels: tuple[str, ...]
    draw: Callable[[str, np.random.Generator, int, int], Drawn]


def phantom(
    task_id: str, label_id: str, seed: int, size_px: int | tuple[int, int] | None = None, *, clear: bool = False
) -> bytes:
    """Draw a synthetic scan.

    Args:
        task_id: A task that ships: `breast-ultrasound`, `breast-histology-idc` or `skin-melanoma`.
        label_id: What it should look like, a label of that task.
        seed: 0 or more; the same seed gives the same picture.
        size_px: Side, or height and width, 16 to 2,048; None for a usual size (360 x 480, 50 x 50, 300 x 400).
        clear: True for what networks tell best: a carcinoma of small crowded nuclei that fills a histology patch, a
            dense bright gland without a mass; no effect on other pictures.

    Returns:
        A PNG whose text says that it is synthetic; nothing is burned into the picture.

    Raises:
        BadTask: If the task or its label is not drawn.
        MedclsError: If the size is out of range.

    Example:
        >>> from medcls.imaging.decode import read_scan
        >>> read_scan(phantom("breast-ultrasound", "benign", 1)).size_px
        (360, 480)
    """
    text = PngImagePlugin.PngInfo()
    text.add_text("medcls", MARK)
    out = io.BytesIO()
    Image.fromarray(_levels(_draw(task_id, label_id, seed, size_px, clear)[0])).save(out, "PNG", pnginfo=text)
    return out.getvalue()


def phantom_scan(task_id: str, label_id: str, seed: int) -> Scan:
    """Return the pixels that `read_scan` gives of the same call of `phantom`, without the work of a file between.

    No file and no size of one's own; for the rest see `phantom`.

    Raises:
        BadTask: As `phantom`.
    """
    return Scan(as_display(_levels(_draw(task_id, label_id, seed, None)[0])), "0" * 64)


def phantom_mask(task_id: str, label_id: str, seed: int, size_px: int | tuple[int, int] | None = None) -> np.ndarray:
    """Return where the lesion of the same call of `phantom` lies; see `phantom`.

    Returns:
        (H, W) bool; all False for a label without a lesion.

    Raises:
        BadTask, MedclsError: As `phantom`.
    """
    return _draw(task_id, label_id, seed, size_px)[1]


def _draw(task_id: str, label_id: str, seed: int, size_px: int | tuple[int, int] | None, clear: bool = False) -> Drawn:
    kind = PHANTOMS.get(task_id)
    if kind is None:
        raise BadTask("imaging.phantom-task", found=repr(task_id)[:80], allowed=", ".join(PHANTOMS))
    if label_id not in kind.labels:
        raise BadTask("imaging.phantom-label", found=repr(label_id)[:80], allowed=", ".join(kind.labels))
    height, width = (size_px, size_px) if isinstance(size_px, int) else size_px or kind.size_px
    if not (_LOWEST_PX <= height <= _HIGHEST_PX and _LOWEST_PX <= width <= _HIGHEST_PX):
        raise MedclsError("imaging.phantom-size", found=f"{height} x {width}", allowed="16 to 2048 px")
    rng = np.random.default_rng([seed, *task_id.encode(), *label_id.encode()])
    draw = _CLEAR.get((task_id, label_id), kind.draw) if clear else kind.draw
    return draw(label_id, rng, height, width)


def _levels(picture: np.ndarray) -> np.ndarray:
    """Return drawn values as a file stores them, uint8."""
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def _blur(values: np.ndarray, sigma: float | Sequence[float]) -> np.ndarray:
    return scipy.ndimage.gaussian_filter(values, sigma)


def _clouds(rng: np.random.Generator, shape: tuple[int, ...], sigma: float | tuple[float, ...]) -> np.ndarray:
    """Return smooth noise of mean 0 and standard deviation 1; wide clouds are drawn small and enlarged."""
    sigmas = sigma if isinstance(sigma, tuple) else (sigma,) * len(shape)
    steps = [max(1, int(s / 3)) for s in sigmas]
    small = [-(-n // step) + 2 for n, step in zip(shape, steps, strict=True)]
    smooth = _blur(rng.standard_normal(small), [s / step for s, step in zip(sigmas, steps, strict=True)])
    if max(steps) > 1:
        flat = smooth if len(shape) == 2 else smooth[None]
        size = (small[-1] * steps[-1], small[0] * steps[0] if len(shape) == 2 else 1)
        smooth = cv2.resize(flat, size, interpolation=cv2.INTER_CUBIC).reshape(
            *(n * s for n, s in zip(small, steps, strict=True))
        )
    smooth = smooth[tuple(slice(n) for n in shape)]
    apart = smooth - smooth.mean()
    return apart / (np.sqrt((apart * apart).mean()) + 1e-9)


def _blob(
    rng: np.random.Generator,
    shape: tuple[int, int],
    centre: tuple[float, float],
    radii: tuple[float, float],
    rough: float,
) -> np.ndarray:
    """Return how far each pixel lies from a centre, in radii of a closed wavy outline: 1 is the outline.

    Args:
        rng: Draws the waves and the tilt.
        shape: Height and width.
        centre: Row and column, in pixels.
        radii: Half height and half width, in pixels.
        rough: 0 for an ellipse; 0.05 is gently lobed, 0.2 spiky.
    """
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    tilt = rng.uniform(-0.35, 0.35)
    dy, dx = rows - centre[0], columns - centre[1]
    v, u = (np.cos(tilt) * dy + np.sin(tilt) * dx) / radii[0], (np.cos(tilt) * dx - np.sin(tilt) * dy) / radii[1]
    angle = np.linspace(-np.pi, np.pi, 721)
    outline = np.ones(len(angle))
    for waves in range(2, 4 if rough < 0.06 else 14):
        outline += rough * rng.uniform(0.3, 1) / waves**0.75 * np.cos(waves * angle + rng.uniform(0, 2 * np.pi))
    return np.hypot(u, v) / np.interp(np.arctan2(v, u), angle, np.maximum(outline, 0.2))


def _ultrasound(label: str, rng: np.random.Generator, height: int, width: int, dense: bool = False) -> Drawn:
    """Draw a B-mode picture of a breast by a linear probe: echoes in dB, times speckle, log-compressed."""
    echo, mask = _tissue(rng, height, width, dense), np.zeros((height, width), bool)
    if label != "normal":
        mask = _put_lesion(echo, label == "malignant", rng)
    return _scanned(echo, rng, dense), mask


def _tissue(rng: np.random.Generator, height: int, width: int, dense: bool = False) -> np.ndarray:
    """Return the echo strength in dB of skin, fat with its ligaments, gland (bright, coarse if dense), muscle."""
    bright, coarse, cords = (-2.5, 5.5, 7.5) if dense else (-7.0, 2.5, 4.0)
    rows, shape = np.linspace(0, 1, height)[:, None], (height, width)

    def border(depth: float, wave: float) -> np.ndarray:
        return depth + wave * _clouds(rng, (width,), width / 7)[None, :]

    fat_end, gland_end = border(rng.uniform(0.22, 0.3), 0.02), border(rng.uniform(0.68, 0.76), 0.015)
    strands = np.exp(-((_clouds(rng, shape, (height / 40, width / 12)) / 0.12) ** 2))
    streaks = _clouds(rng, shape, (height / 120, width / 10))
    fat = -17 + 9 * strands
    gland = bright + coarse * _clouds(rng, shape, (height / 50, width / 22)) - cords * strands
    muscle = -15 + 4 * streaks
    echo = np.where(rows < fat_end, fat, np.where(rows < gland_end, gland, muscle))
    echo = np.where(np.abs(rows - gland_end) < 0.008, -2.0, echo)
    skin = border(0.035, 0.003)
    echo = np.where(rows < skin, -6.0, echo)
    return np.where(np.abs(rows - skin) < 0.006, 0.0, echo)


def _put_lesion(echo: np.ndarray, malignant: bool, rng: np.random.Generator) -> np.ndarray:
    """Draw a mass into `echo` with what lies behind it (shadow or enhancement) and return its mask."""
    height, width = echo.shape
    side = min(height, width)
    centre = height * rng.uniform(0.4, 0.5), width * rng.uniform(0.34, 0.66)
    tall, wide = (
        (rng.uniform(0.13, 0.17), rng.uniform(0.1, 0.14))
        if malignant
        else (rng.uniform(0.08, 0.12), rng.uniform(0.15, 0.2))
    )
    distance = _blob(rng, echo.shape, centre, (side * tall, side * wide), 0.17 if malignant else 0.03)
    mask = distance <= 1
    behind = np.cumsum(mask, axis=0) / max(1, mask.sum(0).max())
    behind = scipy.ndimage.gaussian_filter1d(np.where(mask, 0, behind), width / 90, axis=1)
    inside = _blur(mask.astype(float), side / (130 if malignant else 260))
    texture = (3.0 if malignant else 1.5) * _clouds(rng, echo.shape, side / 40)
    target = (-26 if malignant else -25) + texture
    halo = (
        6 * np.exp(-(((distance - 1.15) / 0.12) ** 2)) if malignant else 5 * np.exp(-(((distance - 1.03) / 0.04) ** 2))
    )
    echo += halo * (1 - inside) + (-17 if malignant else 6) * behind
    echo += inside * (target - echo)
    return mask


def _scanned(echo: np.ndarray, rng: np.random.Generator, dense: bool = False) -> np.ndarray:
    """Return what the machine shows of echoes in dB: speckle, losses in depth, more if dense, and 55 dB of range."""
    rough, lost = (0.45, 24) if dense else (0.75, 12)
    height, width = echo.shape
    grain = max(0.45, height / 360), max(0.7, width / 210)
    scatter = [_blur(rng.standard_normal(echo.shape), grain) for _ in range(2)]
    envelope = np.hypot(*scatter)
    speckle = 20 * np.log10(envelope / np.sqrt((envelope**2).mean()) + 1e-3)
    depth = np.linspace(0, 1, height)[:, None]
    lit = 2 * _clouds(rng, (width,), width / 8)  # the probe presses unevenly
    seen = _blur((echo + lit + rough * speckle - lost * depth**2 + 40) / 52, (0.3, 0.5))
    return np.clip(seen, 0.01, 1) ** 1.4


_PINK, _PALE, _PURPLE = np.array([0.86, 0.62, 0.76]), np.array([0.95, 0.91, 0.94]), np.array([0.40, 0.24, 0.55])


def _histology(label: str, rng: np.random.Generator, height: int, width: int, filled: bool = False) -> Drawn:
    """Draw a patch stained with haematoxylin and eosin: fibres and small nuclei, or a nest of crowded large ones."""
    side, shape = min(height, width), (height, width)
    fibres = _clouds(rng, shape, (side / 28, side / 9))[..., None]
    picture = _PINK + 0.05 * fibres + 0.012 * rng.standard_normal((*shape, 3))
    gaps = _blur((_clouds(rng, shape, side / 8) > (1.3 if label == "idc" else 0.8)).astype(float), side / 60)[..., None]
    picture = picture * (1 - gaps) + _PALE * gaps
    mask = np.zeros(shape, bool)
    if label == "idc":
        centre = height * rng.uniform(0.35, 0.65), width * rng.uniform(0.35, 0.65)
        low, high = (0.85, 0.95) if filled else (0.3, 0.42)
        distance = _blob(rng, shape, centre, (side * rng.uniform(low, high), side * rng.uniform(low, high)), 0.1)
        mask = distance <= 1
        nest = _blur(mask.astype(float), side / 50)[..., None] * 0.55
        picture = picture * (1 - nest) + np.array([0.70, 0.47, 0.70]) * nest
    for row, column, radius in _nuclei(rng, mask, side, filled):
        _stain(picture, rng, row, column, radius)
    return _blur(picture, (side / 130, side / 130, 0)) + 0.012 * rng.standard_normal((*shape, 3)), mask


def _nuclei(
    rng: np.random.Generator, nest: np.ndarray, side: int, small: bool = False
) -> list[tuple[float, float, float]]:
    """Place nuclei: crowded inside the nest, large or small; few and small outside; row, column, radius."""
    height, width = nest.shape
    placed: list[tuple[float, float, float]] = []
    tries, low, high = (600, 0.02, 0.035) if small else (220, 0.035, 0.06)
    for _ in range(tries):
        row, column = rng.uniform(0, height), rng.uniform(0, width)
        inside = bool(nest[int(row), int(column)])
        if not inside and rng.uniform() > 0.06:
            continue
        radius = side * (rng.uniform(low, high) if inside else rng.uniform(0.022, 0.034))
        if all(np.hypot(row - r, column - c) > 0.8 * (radius + other) for r, c, other in placed):
            placed.append((row, column, radius))
    return placed


def _stain(picture: np.ndarray, rng: np.random.Generator, row: float, column: float, radius: float) -> None:
    """Draw one nucleus in place, on the few pixels around it."""
    reach = int(np.ceil(radius * 2))
    top, left = max(0, int(row) - reach), max(0, int(column) - reach)
    patch = picture[top : int(row) + reach + 1, left : int(column) + reach + 1]
    stretch = rng.uniform(0.75, 1.3)
    distance = _blob(rng, patch.shape[:2], (row - top, column - left), (radius * stretch, radius / stretch), 0.05)
    dye = (1 / (1 + np.exp((distance - 1) * 7)))[..., None] * rng.uniform(0.75, 0.95)
    patch[...] = patch * (1 - dye) + (_PURPLE + 0.05 * rng.standard_normal()) * dye


# Dermoscopies are drawn as three planes: numpy walks a last axis of three slowly.
_SKIN, _BROWN, _BLACK = np.array([[0.86, 0.67, 0.58], [0.55, 0.36, 0.26], [0.20, 0.14, 0.13]])[..., None, None]
_BLUE, _RED, _HAIR = np.array([[0.43, 0.44, 0.52], [0.66, 0.36, 0.34], [0.13, 0.10, 0.09]])[..., None, None]


def _skin(label: str, rng: np.random.Generator, height: int, width: int) -> Drawn:
    """Draw a dermoscopic picture: an even oval mole, or a ragged lesion of several colours."""
    side, shape = min(height, width), (height, width)
    malignant = label == "melanoma"
    picture = _SKIN * (1 + 0.03 * _clouds(rng, shape, side / 6) + 0.012 * _clouds(rng, shape, side / 150))
    centre = height * rng.uniform(0.43, 0.57), width * rng.uniform(0.43, 0.57)
    low, high = (0.26, 0.36) if malignant else (0.16, 0.24)
    radii = side * rng.uniform(low, high), side * rng.uniform(low, high)
    distance = _blob(rng, shape, centre, radii, 0.13 if malignant else 0.02)
    mask = distance <= 1
    depth = 1 / (1 + np.exp((distance - 1) * (16 if malignant else 9)))
    colour = _ragged_colour(rng, shape, side) if malignant else _even_colour(rng, distance)
    picture *= 1 - depth
    picture += colour * depth
    for _ in range(int(rng.integers(0, 6))):
        _hair(picture, rng)
    rows, columns = np.ogrid[:height, :width]
    picture *= 1 - 0.22 * (((rows / height - 0.5) ** 2 + (columns / width - 0.5) ** 2) * 2)
    noise = 0.01 * rng.standard_normal((*shape, 3))
    noise += np.moveaxis(picture, 0, 2)
    return noise, mask


def _even_colour(rng: np.random.Generator, distance: np.ndarray) -> np.ndarray:
    tone, net = _BROWN * rng.uniform(0.95, 1.2), 0.05 * _clouds(rng, distance.shape, min(distance.shape) / 110)
    return tone * (0.85 + 0.2 * np.clip(distance, 0, 1) + net)


def _ragged_colour(rng: np.random.Generator, shape: tuple[int, int], side: int) -> np.ndarray:
    """Return brown with islands of black, blue-grey and red, (3, H, W)."""
    colour = _BROWN * 0.8 * (1 + 0.12 * _clouds(rng, shape, side / 60))
    for island, level in ((_BLACK, 0.1), (_BLUE, 0.9), (_RED, 1.1)):
        share = 1 / (1 + np.exp(-(_clouds(rng, shape, side / 14) - level) * 5)) * 0.9
        colour *= 1 - share
        colour += island * share
    return colour


def _hair(picture: np.ndarray, rng: np.random.Generator) -> None:
    """Draw one dark, slightly bent hair across the picture (3, H, W), in place."""
    height, width = picture.shape[1:]
    along = np.linspace(0, 1, 2 * max(height, width))
    start, end = rng.uniform(-0.1, 1.1, 2), rng.uniform(-0.1, 1.1, 2)
    bend = 0.08 * rng.standard_normal() * np.sin(np.pi * along)
    rows = ((start[0] + (end[0] - start[0]) * along + bend) * height).astype(int)
    columns = ((start[1] + (end[1] - start[1]) * along + bend) * width).astype(int)
    line = np.zeros((height, width))
    kept = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    line[rows[kept], columns[kept]] = 1
    blurred = _blur(line, max(0.5, min(height, width) / 400))
    rows, columns = np.nonzero(blurred)
    thick = np.clip(blurred[rows, columns] * 2.5, 0, 0.85)
    picture[:, rows, columns] = picture[:, rows, columns] * (1 - thick) + _HAIR[..., 0] * thick


PHANTOMS: Mapping[str, _Kind] = MappingProxyType(
    {
        "breast-ultrasound": _Kind((360, 480), ("normal", "benign", "malignant"), _ultrasound),
        "breast-histology-idc": _Kind((50, 50), ("no-idc", "idc"), _histology),
        "skin-melanoma": _Kind((300, 400), ("not-melanoma", "melanoma"), _skin),
    }
)
# How labels are drawn that a network tells from others less well as drawn above.
_CLEAR: Mapping[tuple[str, str], Callable[[str, np.random.Generator, int, int], Drawn]] = MappingProxyType(
    {
        ("breast-histology-idc", "idc"): partial(_histology, filled=True),
        ("breast-ultrasound", "normal"): partial(_ultrasound, dense=True),
    }
)
