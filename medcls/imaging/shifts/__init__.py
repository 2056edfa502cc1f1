"""Named, seeded changes of a scan that leave its label what it is: how others mark, take, store and colour it.

The same functions serve as augmentation and as a test of how far an answer holds. None looks at what a scan shows, so
no label can be learned from them. A fixed seed makes the same draw at every strength: only its size grows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from medcls.core.scan import Scan
from medcls.core.shifts import KINDS, SHIFTS, STRENGTHS, shifts_for
from medcls.imaging.shifts import acquisition, strokes, tones

__all__ = ["KINDS", "SHIFTS", "STRENGTHS", "draw_shifted", "shift_pixels", "shift_scan", "shifts_for"]

Change = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
_ROOMS = (strokes, acquisition, tones)


def _change(name: str) -> Change:
    function = name.replace("-", "_")
    return next(getattr(room, function) for room in _ROOMS if hasattr(room, function))


_CHANGES: Mapping[str, Change] = MappingProxyType({name: _change(name) for name in SHIFTS})


def shift_pixels(pixels: np.ndarray, name: str, strength: float, seed: int) -> np.ndarray:
    """Return a changed copy of a picture.

    Args:
        pixels: (H, W) or (H, W, 3), float32 in [0, 1] or uint8.
        name: Out of `SHIFTS`.
        strength: Above 0 up to 1.
        seed: 0 or more; the same seed gives the same picture.

    Returns:
        The same dtype and channels (`tint` gives three); `crop`, `aspect`, `resolution` and frames change the size.

    Raises:
        KeyError: If there is no such shift.
        ValueError: If the strength is out of range.
    """
    if not 0 < strength <= 1:
        raise ValueError(f"strength must lie above 0 and up to 1, found {strength}")
    whole = pixels.dtype == np.uint8
    picture = pixels.astype(np.float32) / 255 if whole else np.asarray(pixels, np.float32)
    changed = np.clip(_CHANGES[name](picture, strength, np.random.default_rng([seed, SHIFTS.index(name)])), 0, 1)
    return np.rint(changed * 255).astype(np.uint8) if whole else changed.astype(np.float32)


def shift_scan(scan: Scan, name: str, strength: float, seed: int) -> Scan:
    """Return a scan changed by one shift; its hash stays, so that it is known as the same scan.

    Args:
        scan: The scan.
        name: Out of `SHIFTS`.
        strength: Above 0 up to 1.
        seed: 0 or more; the same seed gives the same picture.
    """
    return replace(scan, pixels=shift_pixels(scan.pixels, name, strength, seed))


@dataclass(frozen=True)
class Mixture:
    """What several shifts at once are drawn from.

    Args:
        names: Shifts to draw from.
        strength: The greatest strength.
        chance: Chance of each kind of shift (marks, acquisition, frame, colour) to be applied.
    """

    names: tuple[str, ...]
    strength: float = 1.0
    chance: float = 0.6


def draw_shifted(scan: Scan, mixture: Mixture, seed: int) -> Scan:
    """Return a scan changed by a random few shifts: of each kind none, one or two.

    Frames and colour come first, then how the scan was taken, then what was drawn on it, then how it was stored.

    Args:
        scan: The scan.
        mixture: What is drawn from.
        seed: The same seed gives the same scan.
    """
    rng = np.random.default_rng(seed)
    pixels = np.asarray(scan.pixels)
    for kind in KINDS:
        names = [name for name in mixture.names if name in KINDS[kind]]
        if not names or rng.random() > mixture.chance:
            continue
        for name in rng.permutation(names)[: 1 + int(rng.random() < 0.5)]:
            pixels = shift_pixels(pixels, str(name), mixture.strength * rng.uniform(0.15, 1), int(rng.integers(2**31)))
    return replace(scan, pixels=pixels)
