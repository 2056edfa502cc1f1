"""Pictures as a phone takes them or a desk has them, drawn by program; no gate was ever taught with these kinds.

`python tests/bench/gate.py … --strange 100` asks gates of them.
"""

from collections.abc import Callable, Iterator

import cv2
import numpy as np

from medcls.core.scan import Scan

Rng = np.random.Generator
_TONES = ((0.93, 0.76, 0.65), (0.8, 0.6, 0.47), (0.55, 0.38, 0.28), (0.36, 0.24, 0.18))
_LEAVES = ((0.25, 0.5, 0.15), (0.45, 0.6, 0.2), (0.6, 0.45, 0.15), (0.7, 0.3, 0.12))


def make_strange(kind: str, n: int, seed: int) -> Iterator[Scan]:
    """Yield pictures of a kind of `STRANGE`; the same seed gives the same pictures."""
    for i in range(n):
        rng = np.random.default_rng([seed, i, list(STRANGE).index(kind)])
        yield Scan(np.clip(STRANGE[kind](rng), 0, 1).astype(np.float32), "0" * 64)


def as_grey(scan: Scan) -> Scan:
    """Return a picture in grey."""
    return Scan(np.ascontiguousarray(scan.pixels @ np.array([0.299, 0.587, 0.114], np.float32)), scan.sha256)


def _size(rng: Rng) -> tuple[int, int]:
    return int(rng.integers(160, 520)), int(rng.integers(160, 520))


def _rough(
    rng: Rng, size: tuple[int, int], octaves: tuple[int, int] = (1, 7), fall: float = 2, stretch: tuple = (1, 1)
):
    """Return noise of several scales, (H, W) float64 in [0, 1]."""
    out = np.zeros(size, np.float64)
    for octave in range(*octaves):
        cells = tuple(max(2, int(2**octave * s)) for s in stretch)
        out += cv2.resize(rng.random(cells), size[::-1], interpolation=cv2.INTER_CUBIC) / fall**octave
    return (out - out.min()) / (np.ptp(out) + 1e-6)


def _ramp(level: np.ndarray, *colours: np.ndarray) -> np.ndarray:
    table, at = np.array(colours), np.linspace(0, 1, len(colours))
    return np.stack([np.interp(level, at, table[:, channel]) for channel in range(3)], axis=2)


def _near(rng: Rng, colour: object, by: float = 0.08) -> np.ndarray:
    return np.clip(np.array(colour) + rng.normal(0, by, 3), 0, 1)


def _bytes(picture: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def _ink(colour: object) -> tuple[int, ...]:
    return tuple(int(255 * v) for v in np.clip(np.ravel(colour), 0, 1))


def _taken(rng: Rng, picture: np.ndarray, noise: float = 0.02) -> np.ndarray:
    """Return a picture lit from one side, with noise."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width]
    light = 1 + rng.uniform(-0.3, 0.3) * (x / width - 0.5) + rng.uniform(-0.3, 0.3) * (y / height - 0.5)
    return picture * light[..., None] + rng.normal(0, rng.uniform(0, noise), picture.shape)


def _document(rng: Rng) -> np.ndarray:
    height, width = _size(rng)
    page = _bytes(np.ones((height, width, 3)) * _near(rng, (0.93, 0.91, 0.86), 0.05))
    y, left = int(rng.integers(10, 40)), int(rng.integers(10, 40))
    size, step = rng.uniform(0.25, 0.7), int(rng.integers(10, 26))
    while y < height - 10:
        text = "".join(rng.choice(list("abcdefghijklmnop  rstu,."), int(rng.integers(10, 70))))
        cv2.putText(page, text, (left, y), cv2.FONT_HERSHEY_COMPLEX, size, (25, 25, 30), 1, cv2.LINE_AA)
        y += step if rng.random() < 0.9 else 3 * step
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    held = (flat + rng.uniform(-0.08, 0.08, (4, 2)) * (width, height)).astype(np.float32)
    turn = cv2.getPerspectiveTransform(flat, held)
    desk = _ink(_near(rng, (0.35, 0.25, 0.18)))
    return _taken(rng, cv2.warpPerspective(page, turn, (width, height), borderValue=desk) / 255)


def _chart(rng: Rng) -> np.ndarray:
    height, width = _size(rng)
    page, n = np.full((height, width, 3), 255, np.uint8), int(rng.integers(3, 14))
    left, foot = width // 8, height - height // 8
    levels = [foot - k * (foot - 10) // 6 for k in range(6)]
    for k, y in enumerate(levels):
        cv2.line(page, (left, y), (width - 5, y), (216, 216, 216), 1)
        cv2.putText(page, str(k * 20), (2, y), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (0, 0, 0), 1, cv2.LINE_AA)
    for shift in range(int(rng.integers(1, 4))):
        colour, values = _ink(rng.random(3)), (rng.random(n) * (foot - 20)).astype(int)
        across, half = np.linspace(left + 8, width - 12, n).astype(int), width // (4 * n)
        if rng.random() < 0.5:
            for x, value in zip(across.tolist(), values.tolist(), strict=True):
                cv2.rectangle(page, (x - half + 4 * shift, foot), (x + half + 4 * shift, foot - value), colour, -1)
        else:
            points = np.stack([across, foot - values], axis=1).astype(np.int32)
            cv2.polylines(page, [points], False, colour, int(rng.integers(1, 4)), cv2.LINE_AA)
    cv2.line(page, (left, 5), (left, foot), (0, 0, 0), 1)
    cv2.line(page, (left, foot), (width - 4, foot), (0, 0, 0), 1)
    return page / 255


def _face(rng: Rng) -> np.ndarray:
    size = height, width = _size(rng)
    made = _bytes(_ramp(_rough(rng, size, (1, 5)), rng.random(3), rng.random(3)))
    tone, hair = _near(rng, _TONES[int(rng.integers(4))], 0.04), _ink(_near(rng, (0.2, 0.13, 0.08)))
    x, y = (int(side * rng.uniform(0.4, 0.6)) for side in (width, height))
    wide, high = int(width * rng.uniform(0.18, 0.38)), int(height * rng.uniform(0.25, 0.45))

    def oval(at: tuple[int, int], axes: tuple[int, int], colour: tuple[int, ...]) -> None:
        cv2.ellipse(made, at, tuple(max(1, a) for a in axes), 0, 0, 360, colour, -1, cv2.LINE_AA)

    oval((x, y - high // 5), (int(wide * 1.15), int(high * 1.05)), hair)
    oval((x, y), (wide, high), _ink(tone))
    for side in (-1, 1):
        eye = (x + side * wide // 2, y - high // 5)
        oval(eye, (wide // 6, high // 12), (242, 242, 242))
        oval(eye, (high // 14, high // 14), hair)
        oval((eye[0], eye[1] - high // 6), (wide // 5, high // 40), hair)
    oval((x, y + high // 10), (wide // 20, high // 10), _ink(tone * 0.8))
    oval((x, y + high // 2), (wide // 3, high // 12), (178, 76, 76))
    soft = cv2.GaussianBlur(made / 255, (0, 0), rng.uniform(0.5, 2.5))
    return _taken(rng, soft * (0.95 + 0.1 * _rough(rng, size, (3, 7))[..., None]))


def _gradient(rng: Rng) -> np.ndarray:
    height, width = _size(rng)
    y, x = np.mgrid[:height, :width]
    turn = rng.uniform(0, 2 * np.pi)
    along = np.cos(turn) * x / width + np.sin(turn) * y / height
    made = _ramp((along - along.min()) / np.ptp(along), rng.random(3), rng.random(3), rng.random(3))
    return made + rng.normal(0, rng.uniform(0, 0.1), made.shape)


def _fabric(rng: Rng) -> np.ndarray:
    size = height, width = _size(rng)
    y, x = np.mgrid[:height, :width]
    pitch, colour = rng.uniform(3, 14), _near(rng, rng.random(3))
    over = (x // pitch + y // pitch) % 2
    threads = np.abs(np.sin(np.pi * x / pitch)) * over + np.abs(np.sin(np.pi * y / pitch)) * (1 - over)
    return _taken(rng, _ramp(_rough(rng, size, (1, 4)), colour * 0.8, colour) * (0.5 + 0.5 * threads[..., None]))


def _wood(rng: Rng) -> np.ndarray:
    size = height, width = _size(rng)
    y, x = np.mgrid[:height, :width]
    across = (x - width * rng.uniform(-1, 2)) / rng.uniform(2, 8)
    rings = np.hypot(across, y - height * rng.uniform(-1, 2)) / rng.uniform(4, 20)
    grown = (np.sin(rings + 5 * _rough(rng, size, (1, 5), stretch=(2, 0.5))) + 1) / 2
    grain = _rough(rng, size, (4, 8), 1.3, (3, 0.2))
    made = _ramp(0.7 * grown + 0.3 * grain, _near(rng, (0.38, 0.24, 0.14)), _near(rng, (0.78, 0.58, 0.38)))
    return _taken(rng, made if rng.random() < 0.5 else made.transpose(1, 0, 2))


def _marble(rng: Rng) -> np.ndarray:
    size = height, width = _size(rng)
    y, x = np.mgrid[:height, :width]
    veins = np.abs(np.sin((x * rng.uniform(-1, 1) + y) / rng.uniform(15, 60) + rng.uniform(3, 9) * _rough(rng, size)))
    dark, pale = _near(rng, (0.35, 0.33, 0.33), 0.12), _near(rng, (0.9, 0.88, 0.85), 0.06)
    return _taken(rng, _ramp(veins ** rng.uniform(0.2, 0.6), dark, pale))


def _bark(rng: Rng) -> np.ndarray:
    ridges = 1 - np.abs(2 * _rough(rng, _size(rng), (2, 8), 1.6, (0.5, 2)) - 1)
    colours = _near(rng, (0.5, 0.38, 0.28)), _near(rng, (0.35, 0.27, 0.2)), _near(rng, (0.12, 0.09, 0.07), 0.04)
    return _taken(rng, _ramp(ridges ** rng.uniform(1, 3), *colours), 0.05)


def _leaves(rng: Rng) -> np.ndarray:
    size = height, width = _size(rng)
    made = _bytes(np.full((height, width, 3), 0.12) * _near(rng, (0.5, 1, 0.4)))
    for _ in range(int(rng.integers(40, 220))):
        at, long = np.array([rng.integers(width), rng.integers(height)]), int(rng.integers(10, 60))
        turn, green = float(rng.uniform(0, 360)), _near(rng, _LEAVES[int(rng.choice(4, p=[0.5, 0.3, 0.12, 0.08]))])
        axes = (long, max(3, int(long * rng.uniform(0.25, 0.5))))
        cv2.ellipse(made, tuple(at.tolist()), axes, turn, 0, 360, _ink(green), -1, cv2.LINE_AA)
        rib = long * np.array([np.cos(np.radians(turn)), np.sin(np.radians(turn))])
        ends = [tuple((at + sign * rib).astype(int).tolist()) for sign in (-1, 1)]
        cv2.line(made, *ends, _ink(green * 0.7), 1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(made / 255, (0, 0), rng.uniform(0.4, 1.5))
    return _taken(rng, soft * (0.8 + 0.4 * _rough(rng, size, (2, 7))[..., None]))


def _sky(rng: Rng) -> np.ndarray:
    size = height, width = _size(rng)
    down = np.mgrid[:height, :width][0] / height
    made = _ramp(down, _near(rng, (0.25, 0.48, 0.8)), _near(rng, (0.75, 0.85, 0.95), 0.05))
    clouds = np.clip((_rough(rng, size, (1, 8), 1.8, (1.2, 0.7)) - rng.uniform(0.3, 0.6)) * 3, 0, 1)[..., None]
    made = made * (1 - clouds) + clouds * _near(rng, (0.95, 0.94, 0.92), 0.04)
    if rng.random() < 0.5:
        line = rng.uniform(0.5, 0.9) + 0.1 * _rough(rng, (2, width), (1, 6))[0]
        land = _ramp(_rough(rng, size, (3, 8), 1.3), _near(rng, (0.15, 0.25, 0.1)), _near(rng, (0.4, 0.42, 0.25)))
        made = np.where((down > line)[..., None], land, made)
    return made + rng.normal(0, rng.uniform(0, 0.02), made.shape)


STRANGE: dict[str, Callable[[Rng], np.ndarray]] = {
    "document": _document,
    "chart": _chart,
    "face": _face,
    "gradient": _gradient,
    "fabric": _fabric,
    "wood": _wood,
    "marble": _marble,
    "bark": _bark,
    "leaves": _leaves,
    "sky": _sky,
}
