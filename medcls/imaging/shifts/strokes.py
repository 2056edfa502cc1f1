"""Marks that people and devices draw on scans: calipers, lines, letters, rulers; hair and ink on skin.

Every function takes `picture`, (H, W) or (H, W, 3) float32 in [0, 1], `strength` in (0, 1] and a generator `rng`, and
returns a changed copy. Where a mark lies, and how it looks, comes from the generator alone: never from what the
picture shows.
"""

import string

import cv2
import numpy as np

Picture = np.ndarray
_FINE = 4  # bits of sub-pixel positions that OpenCV draws with


def blend(picture: Picture, cover: np.ndarray, value: np.ndarray | float) -> Picture:
    """Lay a value over a picture.

    Args:
        picture: (H, W) or (H, W, 3) float32.
        cover: (H, W) uint8, 255 where only the value is seen.
        value: Grey level, or red, green and blue, in [0, 1].
    """
    share = cover.astype(np.float32) / 255
    if picture.ndim == 3:
        return picture * (1 - share[..., None]) + share[..., None] * np.asarray(value, np.float32)
    grey = value if np.ndim(value) == 0 else float(np.dot(np.asarray(value), (0.299, 0.587, 0.114)))
    return (picture * (1 - share) + share * np.float32(grey)).astype(np.float32)


def calipers_plus(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Draw pairs of upright crosses."""
    return _calipers(picture, strength, rng, 0.0)


def calipers_x(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Draw pairs of slanted crosses."""
    return _calipers(picture, strength, rng, np.pi / 4)


def line(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Draw a straight line, as a measuring tool leaves it."""
    cover = _blank(picture)
    for _ in range(1 + int(strength > 0.9)):
        start, end = _segment(picture, rng, 0.2 + 0.5 * strength)
        _stroke(cover, start, end, _thickness(picture, strength))
    return blend(picture, cover, _ink(rng))


def dotted_line(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Draw dotted lines between ends that are crosses."""
    cover = _blank(picture)
    for _ in range(1 + round(strength)):
        start, end = _segment(picture, rng, 0.2 + 0.4 * strength)
        _dots(cover, start + np.linspace(0, 1, _n_dots(start, end))[:, None] * (end - start), picture, strength)
        for where in (start, end):
            _cross(cover, where, _arm(picture, strength), rng.choice([0, np.pi / 4]), _thickness(picture, strength))
    return blend(picture, cover, _ink(rng))


def ellipse(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Draw an ellipse, solid or dotted."""
    cover, side = _blank(picture), min(picture.shape[:2])
    centre, axes = _spot(picture, rng), side * (0.08 + 0.22 * strength) * rng.uniform(0.5, 1, 2)
    turn = rng.uniform(0, np.pi)
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    flat = np.stack([axes[0] * np.cos(angles), axes[1] * np.sin(angles)], 1)
    ring = centre + flat @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    if rng.random() < 0.5:
        _dots(cover, ring[::3], picture, strength)
    else:
        points = np.rint(ring * 2**_FINE).astype(np.int32)
        cv2.polylines(cover, [points], True, 255, _thickness(picture, strength), cv2.LINE_AA, _FINE)
    return blend(picture, cover, _ink(rng))


def text(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Write short lines of letters and figures."""
    cover, side = _blank(picture), min(picture.shape[:2])
    signs = np.array(list(string.ascii_uppercase + string.digits + "  .:-+="))
    scale = side * (0.0010 + 0.0012 * strength)
    for _ in range(1 + round(3 * strength)):
        words = "".join(rng.choice(signs, rng.integers(3, 6 + int(10 * strength))))
        x, y = (rng.uniform(0, 0.8) * picture.shape[1], rng.uniform(0.05, 1) * picture.shape[0])
        font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_PLAIN, cv2.FONT_HERSHEY_DUPLEX]))
        size = scale * (1.6 if font == cv2.FONT_HERSHEY_PLAIN else 1)
        cv2.putText(cover, words, (int(x), int(y)), font, max(size, 0.25), 255, _thickness(picture, 0.1), cv2.LINE_AA)
    return blend(picture, cover, _ink(rng))


def ruler(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Draw a scale of ticks along an edge."""
    cover, (height, width) = _blank(picture), picture.shape[:2]
    step = max(4.0, min(height, width) * rng.uniform(0.03, 0.08))
    inset, arm, along = rng.uniform(1, 0.08 * min(height, width)), _arm(picture, strength), rng.random() < 0.5
    length, across = (width, height) if along else (height, width)
    base = inset if rng.random() < 0.5 else across - inset
    towards = arm if base < across / 2 else -arm
    for i, at in enumerate(np.arange(step / 2, length, step)):
        tick = towards * (1 if i % 5 == 0 else 0.5)
        ends = np.array([[at, base], [at, base + tick]])
        start, end = ends if along else ends[:, ::-1]
        _stroke(cover, start, end, _thickness(picture, 0.1))
    if strength > 0.5:
        ends = np.array([[0, base], [length, base]])
        start, end = ends if along else ends[:, ::-1]
        _stroke(cover, start, end, _thickness(picture, 0.1))
    return blend(picture, cover, _ink(rng))


def hair(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Lay dark curved hairs over a picture."""
    cover, side = _blank(picture), max(picture.shape[:2])
    for _ in range(2 + round(14 * strength)):
        start, turn = _spot(picture, rng, 0.0), rng.uniform(0, 2 * np.pi)
        bend, steps = rng.normal(0, 0.03), 40
        angles = turn + bend * np.arange(steps)
        path = start + np.cumsum(np.stack([np.cos(angles), np.sin(angles)], 1), 0) * side * rng.uniform(0.005, 0.02)
        points = np.rint(path * 2**_FINE).astype(np.int32)
        cv2.polylines(
            cover, [points], False, 255, max(1, round(side / 220 * rng.uniform(0.6, 1.6))), cv2.LINE_AA, _FINE
        )
    dark = np.array([0.16, 0.11, 0.08]) * rng.uniform(0.4, 1.8)
    return blend(picture, (cover * rng.uniform(0.6, 1)).astype(np.uint8), dark)


def ink(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Draw strokes of a skin marker at random places."""
    cover, side = _blank(picture), max(picture.shape[:2])
    for _ in range(1 + round(2 * strength)):
        path = _spot(picture, rng, 0.0) + np.cumsum(rng.normal(0, side * 0.05 * (0.5 + strength), (8, 2)), 0)
        points = np.rint(path * 2**_FINE).astype(np.int32)
        cv2.polylines(cover, [points], False, 255, max(2, round(side * 0.02 * (0.4 + strength))), cv2.LINE_AA, _FINE)
    colour = rng.uniform(0, 0.3, 3) + np.array([0.05, 0.0, 0.35])
    return blend(picture, (cover * rng.uniform(0.3, 0.7)).astype(np.uint8), colour)


def _calipers(picture: Picture, strength: float, rng: np.random.Generator, turn: float) -> Picture:
    cover = _blank(picture)
    for _ in range(1 + round(1.5 * strength)):
        for where in _segment(picture, rng, rng.uniform(0.1, 0.45)):
            _cross(cover, where, _arm(picture, strength), turn, _thickness(picture, strength))
    return blend(picture, cover, _ink(rng))


def _blank(picture: Picture) -> np.ndarray:
    return np.zeros(picture.shape[:2], np.uint8)


def _ink(rng: np.random.Generator) -> np.ndarray:
    """White most often; else the yellow, green or cyan of a device."""
    shades = np.array([[1, 1, 1], [1, 1, 1], [1, 1, 0.2], [0.3, 1, 0.3], [0.3, 0.95, 1]])
    return shades[rng.integers(len(shades))] * rng.uniform(0.75, 1)


def _spot(picture: Picture, rng: np.random.Generator, margin: float = 0.1) -> np.ndarray:
    height, width = picture.shape[:2]
    return rng.uniform(margin, 1 - margin, 2) * (width, height)


def _segment(picture: Picture, rng: np.random.Generator, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw two ends so far apart, as a share of the shorter side."""
    middle, turn = _spot(picture, rng, 0.2), rng.uniform(0, np.pi)
    half = min(picture.shape[:2]) * share / 2 * np.array([np.cos(turn), np.sin(turn)])
    return middle - half, middle + half


def _arm(picture: Picture, strength: float) -> float:
    return max(3.0, min(picture.shape[:2]) * (0.012 + 0.025 * strength))


def _thickness(picture: Picture, strength: float) -> int:
    return max(1, round(min(picture.shape[:2]) / 400 * (0.6 + 1.4 * strength)))


def _stroke(cover: np.ndarray, start: np.ndarray, end: np.ndarray, thickness: int) -> None:
    a, b = (tuple(int(v) for v in np.rint(np.asarray(p) * 2**_FINE)) for p in (start, end))
    cv2.line(cover, a, b, 255, thickness, cv2.LINE_AA, _FINE)


def _cross(cover: np.ndarray, where: np.ndarray, arm: float, turn: float, thickness: int) -> None:
    for angle in (turn, turn + np.pi / 2):
        half = arm * np.array([np.cos(angle), np.sin(angle)])
        _stroke(cover, where - half, where + half, thickness)


def _n_dots(start: np.ndarray, end: np.ndarray) -> int:
    return max(4, int(np.hypot(*(end - start)) / 6))


def _dots(cover: np.ndarray, points: np.ndarray, picture: Picture, strength: float) -> None:
    radius = max(1, round(min(picture.shape[:2]) / 350 * (0.5 + strength)))
    for x, y in points:
        cv2.circle(cover, (round(x), round(y)), radius - 1, 255, -1, cv2.LINE_AA)
