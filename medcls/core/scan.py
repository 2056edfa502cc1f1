"""One decoded image, and how it is prepared for a network."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from medcls.core.note import Note
from medcls.core.record import Record
from medcls.core.task import Modality
from medcls.errors import BadModel

Fit = Literal["stretch", "pad", "crop"]
Interpolation = Literal["bilinear", "bicubic", "nearest"]
# Steps a scan may go through before it is resized, by name; medcls.imaging.cleaning carries them out.
CLEANING = ("bilateral", "contour-crop", "hair-removal", "mark-removal", "clahe")
# Steps that paint over what they find, with the codes of what is told of it: that it was done, and that it matters.
PAINTING: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "hair-removal": ("models.hair-painted", "models.hair-matters"),
        "mark-removal": ("models.marks-painted", "models.marks-matter"),
    }
)
ORIENTATIONS = (1, 2, 8)

# Sides of the square a network may see; every backbone that is offered was made for one of these.
LEAST_PX, MOST_PX = 32, 768


def readonly(values: Any, dtype: Any = None) -> np.ndarray:
    """Return an array nobody can write to; copied only if it is writable.

    Args:
        values: Anything NumPy takes for an array, of any shape.
        dtype: Type to convert to; None keeps it.
    """
    array = np.asarray(values, dtype=dtype)
    if array.flags.writeable:
        array = array.copy()
        array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Scan:
    """One decoded image. Holds nothing about the patient: no name, no path, no tags.

    Args:
        pixels: (H, W) grey or (H, W, 3) RGB, float32, display values: 0 black, 1 white, upright.
        sha256: Hex digest of the file's bytes: the same bytes are the same scan under any name.
        modality: What the file says it is; None if it does not say.
        spacing_mm: Height and width of a pixel in mm; None if the file does not say.
        notes: What decoding did, and what a reader must know of it.
        kind: What its DICOM header says it is beyond doubt, by the standard's code: `US`, `CT`; empty if it does not.

    Raises:
        ValueError: If `pixels` has another shape, no pixel, or a value that is not finite.
    """

    pixels: np.ndarray
    sha256: str
    modality: Modality | None = None
    spacing_mm: tuple[float, float] | None = None
    notes: tuple[Note, ...] = ()
    kind: str = ""

    def __post_init__(self) -> None:
        pixels = readonly(self.pixels, np.float32)
        if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3) or pixels.size == 0:
            raise ValueError(f"pixels must be (H, W) or (H, W, 3) and not empty, found {pixels.shape}")
        if not np.isfinite(pixels).all():
            raise ValueError("pixels hold NaN or infinity")
        object.__setattr__(self, "pixels", pixels)

    @property
    def size_px(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def history(self) -> tuple[str, ...]:
        """The notes as short sentences, for a person."""
        return tuple(map(str, self.notes))


@dataclass(frozen=True)
class Preprocess(Record):
    """How a scan becomes a network's input; stored with the weights.

    Args:
        size_px: Side of the square the network sees, `LEAST_PX` to `MOST_PX`.
        channels: 1 (grey) or 3 (RGB; a grey scan is repeated).
        mean: One value per channel, subtracted from display values in [0, 1].
        std: One value per channel, divided by after that; above 0.
        interpolation: How pixels are resampled (always antialiased when shrinking).
        fit: `stretch` ignores the aspect ratio, `pad` adds black, `crop` keeps the middle square.
        cleaning: Steps before resizing, in order, out of `CLEANING`.
        grey: True if a scan in colour is reduced to its luma before anything else.
        orientations: How many of its eight orientations are asked, logits averaged: 1 as it is, 2 also mirrored left to
            right, 8 all (see `medcls.imaging.orientations`).

    Raises:
        BadModel: If a value is out of range or the lengths disagree.
    """

    size_px: int = 224
    channels: int = 3
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    interpolation: Interpolation = "bilinear"
    fit: Fit = "pad"
    cleaning: tuple[str, ...] = ()
    grey: bool = False
    orientations: int = 1
    schema: int = 2

    def __post_init__(self) -> None:
        if not LEAST_PX <= self.size_px <= MOST_PX:
            found, allowed = f"{self.size_px} px", f"{LEAST_PX} to {MOST_PX} px"
            raise BadModel("core.input-size", found=found, allowed=allowed)
        if self.channels not in (1, 3) or not len(self.mean) == len(self.std) == self.channels:
            raise BadModel("core.channels-disagree", channels=self.channels, means=len(self.mean), stds=len(self.std))
        if not all(math.isfinite(m) for m in self.mean) or not all(math.isfinite(s) and s > 0 for s in self.std):
            raise BadModel("core.mean-or-std", found=f"{self.mean}, {self.std}")
        if unknown := [step for step in self.cleaning if step not in CLEANING]:
            raise BadModel("core.cleaning-step", found=", ".join(unknown), allowed=", ".join(CLEANING))
        if self.orientations not in ORIENTATIONS:
            raise BadModel("core.orientations", found=self.orientations, allowed=", ".join(map(str, ORIENTATIONS)))
