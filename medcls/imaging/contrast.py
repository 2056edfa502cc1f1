"""Pictures made by program that no network here answers: textures, screenshots, masks, blanks, others' phantoms.

A gate is taught by contrast with them, and tested with them under other seeds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import cv2
import numpy as np

from medcls.core.scan import Scan
from medcls.core.task import Task
from medcls.imaging.phantom import phantom_scan

_NOBODY = "0" * 64
Draw = Callable[[np.random.Generator], np.ndarray]


def _size(rng: np.random.Generator) -> tuple[int, int]:
    height, width = rng.integers(120, 420, 2)
    return int(height), int(width)


def _noise(rng: np.random.Generator) -> np.ndarray:
    return rng.random(_size(rng))


def _stripes(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[tuple(slice(n) for n in _size(rng))]
    return (np.sin(x / rng.uniform(2, 20) + y * rng.uniform(-0.3, 0.3)) + 1) / 2


def _checks(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[tuple(slice(n) for n in _size(rng))]
    side = int(rng.integers(4, 40))
    return ((x // side + y // side) % 2) * rng.uniform(0.3, 1)


def _gradient(rng: np.random.Generator) -> np.ndarray:
    height, width = _size(rng)
    y, x = np.mgrid[:height, :width]
    return x / width * rng.random() + y / height * rng.random()


def _clouds(rng: np.random.Generator) -> np.ndarray:
    height, width = _size(rng)
    whole = np.zeros((height, width), np.float32)
    for octave in range(1, int(rng.integers(3, 8))):
        coarse = rng.random((2**octave, 2**octave)).astype(np.float32)
        whole += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    return (whole - whole.min()) / (np.ptp(whole) + 1e-6)


def _smooth(rng: np.random.Generator) -> np.ndarray:
    spots = cv2.GaussianBlur(rng.random(_size(rng)).astype(np.float32), (0, 0), rng.uniform(2, 30))
    return (spots - spots.min()) / (np.ptp(spots) + 1e-6)


def _blank(rng: np.random.Generator) -> np.ndarray:
    return np.clip(rng.random() + 0.01 * rng.standard_normal(_size(rng)), 0, 1)


_TEXTURES: tuple[Draw, ...] = (_noise, _stripes, _checks, _gradient, _clouds, _smooth)


def _texture(rng: np.random.Generator) -> np.ndarray:
    made = np.asarray(_TEXTURES[int(rng.integers(len(_TEXTURES)))](rng), np.float32)
    if rng.random() < 1 / 3:  # coloured
        return np.stack([made, np.roll(made, int(rng.integers(30)), 1) * rng.random(), made * rng.random()], axis=2)
    return made


def _mask(rng: np.random.Generator) -> np.ndarray:
    height, width = _size(rng)
    made = np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (int(rng.integers(8, width // 3)), int(rng.integers(8, height // 3)))
        cv2.ellipse(made, centre, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
    return made / 255


def _screenshot(rng: np.random.Generator) -> np.ndarray:
    height, width = int(rng.integers(300, 520)), int(rng.integers(400, 720))
    ground = int(rng.choice([255, 245, 30, 240]))
    made = np.full((height, width, 3), ground, np.uint8)
    for _ in range(int(rng.integers(2, 6))):
        x, y = int(rng.integers(width - 60)), int(rng.integers(height - 40))
        far = (x + int(rng.integers(40, 300)), y + int(rng.integers(20, 200)))
        colour = tuple(int(v) for v in rng.integers(0, 255, 3))
        cv2.rectangle(made, (x, y), far, colour, -1 if rng.random() < 0.6 else 1)
    ink = (0, 0, 0) if ground > 100 else (230, 230, 230)
    for _ in range(int(rng.integers(8, 30))):
        text = "".join(chr(c) for c in rng.integers(97, 122, int(rng.integers(3, 30))))
        at = (int(rng.integers(width - 80)), int(rng.integers(10, height)))
        cv2.putText(made, text, at, cv2.FONT_HERSHEY_SIMPLEX, float(rng.uniform(0.3, 0.8)), ink, 1, cv2.LINE_AA)
    shown = made.astype(np.float32) / 255
    return shown.mean(axis=2) if rng.random() < 1 / 3 else shown


MADE: Mapping[str, Draw] = MappingProxyType(
    {"texture": _texture, "blank": _blank, "mask": _mask, "screenshot": _screenshot}
)


def make_foreign(kind: str, n: int, seed: int) -> Iterator[Scan]:
    """Yield pictures of a kind made by program.

    Args:
        kind: A name of `MADE`.
        n: How many.
        seed: The same seed gives the same pictures.
    """
    for i in range(n):
        pixels = MADE[kind](np.random.default_rng([seed, i, list(MADE).index(kind)]))
        yield Scan(np.clip(pixels, 0, 1).astype(np.float32), _NOBODY)


def make_phantoms(task: Task, n: int, seed: int) -> Iterator[Scan]:
    """Yield synthetic scans of a task that ships, its labels in turn.

    Args:
        task: A task that ships.
        n: How many.
        seed: Of the first; each further one has the next.
    """
    labels = task.label_ids
    for i in range(n):
        yield phantom_scan(task.id, labels[i % len(labels)], seed + i)


def shrink(scan: Scan, most_px: int) -> Scan:
    """Return a scan whose longer side has at most so many pixels."""
    height, width = scan.size_px
    share = most_px / max(height, width)
    if share >= 1:
        return scan
    size = max(1, round(width * share)), max(1, round(height * share))
    return replace(scan, pixels=cv2.resize(scan.pixels, size, interpolation=cv2.INTER_AREA))


def side_by_side(scans: Sequence[Scan], across: int) -> Scan:
    """Return scans as the tiles of one square picture, row by row; too few of them are repeated.

    Args:
        scans: At least one; each is brought to the size of the first, in colour if any is.
        across: How many tiles side by side.
    """
    height, width = scans[0].pixels.shape[:2]
    colour = any(scan.pixels.ndim == 3 for scan in scans)
    tiles = [cv2.resize(scan.pixels, (width, height), interpolation=cv2.INTER_AREA) for scan in scans]
    if colour:
        tiles = [tile if tile.ndim == 3 else np.repeat(tile[..., None], 3, axis=2) for tile in tiles]
    rows = [[tiles[(down * across + i) % len(tiles)] for i in range(across)] for down in range(across)]
    return Scan(np.concatenate([np.concatenate(row, axis=1) for row in rows]), _NOBODY)
