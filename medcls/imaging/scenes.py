"""Pictures made by program that look like nothing medical, more like a photograph: surfaces, and things before them.

A photograph's levels and edges are close to those of things that lie before each other, large ones seldom and small
ones often, each with a surface of its own; its colours are few. A gate is taught with both.

References:
    Lee, Mumford, Huang, Occlusion models for natural images, International Journal of Computer Vision 2001.
    Baradad et al., Learning to see by looking at noise, NeurIPS 2021.
"""

import cv2
import numpy as np

_LEAST_PX, _MOST_PX = 120, 420


def surface(rng: np.random.Generator) -> np.ndarray:
    """Return one surface, lit from somewhere, (H, W, 3) or a third of the time (H, W), float64 about [0, 1]."""
    height, width = (int(n) for n in rng.integers(_LEAST_PX, _MOST_PX, 2))
    made = _lit(_coloured(_relief(rng, height, width), rng), rng)
    return made.mean(axis=2) if rng.random() < 1 / 3 else made


def scene(rng: np.random.Generator) -> np.ndarray:
    """Return things that lie before each other, (H, W, 3) or a third of the time (H, W), float64 about [0, 1]."""
    height, width = (int(n) for n in rng.integers(_LEAST_PX, _MOST_PX, 2))
    made = _coloured(_relief(rng, height, width), rng)
    largest = 0.45 * min(height, width)
    kinds = [_coloured(_relief(rng, height, width), rng) for _ in range(int(rng.integers(2, 5)))]
    for _ in range(int(rng.integers(6, 90))):
        inside = _thing(height, width, largest * max(0.05, rng.random() ** 3), rng)
        made[inside] = kinds[int(rng.integers(len(kinds)))][inside] * rng.uniform(0.5, 1.2)
    made = cv2.GaussianBlur(_lit(made, rng), (0, 0), rng.uniform(0.3, 2))
    return made.mean(axis=2) if rng.random() < 1 / 3 else made


def _relief(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Return a surface's height, (H, W) float64 in [0, 1]: rough at all scales, in waves, or even; stretched or not."""
    stretch = rng.uniform(1, 5) if rng.random() < 0.5 else 1.0
    rough, fall = np.zeros((height, width)), rng.uniform(1.2, 2.6)
    for octave in range(int(rng.integers(1, 4)), int(rng.integers(5, 8))):
        cells = max(2, round(2**octave * stretch)), max(2, round(2**octave / stretch))
        coarse = rng.random(cells if rng.random() < 0.5 or stretch == 1 else cells[::-1])
        grown = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        rough += np.asarray(grown, np.float64) / fall**octave
    rough = (rough - rough.min()) / (np.ptp(rough) + 1e-6)
    way = int(rng.integers(4))
    if way == 0:
        return rough
    y, x = np.mgrid[:height, :width]
    turn = rng.uniform(0, 2 * np.pi)
    along = np.cos(turn) * x + np.sin(turn) * y
    if way == 1:  # veins and grain
        return np.abs(np.sin(along / rng.uniform(4, 40) + rng.uniform(0, 10) * rough)) ** rng.uniform(0.3, 1.5)
    if way == 2:  # one end lighter than the other
        return (along - along.min()) / np.ptp(along) * (1 - 0.3 * rng.random() * rough)
    weave = np.sin(x / rng.uniform(1, 8)) * np.sin(y / rng.uniform(1, 8))
    return np.clip(0.5 + 0.4 * weave + 0.3 * (rough - 0.5), 0, 1)


def _coloured(relief: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a relief in two or three colours, mostly shades of one, half the time a warm one, (H, W, 3)."""
    first = rng.random(3)
    first = np.sort(first)[::-1] if rng.random() < 0.5 else first  # as wood, earth, fur and skin: red before blue
    first = first.mean() + (first - first.mean()) * rng.uniform(0.1, 1)
    n = int(rng.integers(2, 4))
    near = np.clip(first * rng.uniform(0.2, 1.6, (n, 1)) + rng.normal(0, 0.06, (n, 3)), 0, 1)
    colours = near if rng.random() < 0.7 else rng.random((n, 3))
    at = np.linspace(0, 1, n)
    return np.stack([np.interp(relief, at, colours[:, channel]) for channel in range(3)], axis=2)


def _lit(made: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a picture (H, W, 3) lit from one side, with a sensor's noise."""
    height, width = made.shape[:2]
    y, x = np.mgrid[:height, :width]
    light = 1 + rng.uniform(-0.4, 0.4) * (x / width - 0.5) + rng.uniform(-0.4, 0.4) * (y / height - 0.5)
    return made * light[..., None] + rng.normal(0, rng.uniform(0, 0.04), made.shape)


def _thing(height: int, width: int, size: float, rng: np.random.Generator) -> np.ndarray:
    """Return where something lies, (H, W) bool: an ellipse or a polygon of three to seven corners."""
    cover = np.zeros((height, width), np.uint8)
    centre = rng.random(2) * (width, height)
    axes = np.maximum(2, size * rng.uniform(0.3, 1, 2))
    if rng.random() < 0.5:
        whole = tuple(int(v) for v in centre), tuple(int(v) for v in axes)
        cv2.ellipse(cover, *whole, float(rng.uniform(0, 180)), 0, 360, 1, -1)
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
        corners = centre + np.stack([np.cos(angles) * axes[0], np.sin(angles) * axes[1]], axis=1)
        cv2.fillPoly(cover, [corners.astype(np.int32)], 1)
    return cover.astype(bool)
