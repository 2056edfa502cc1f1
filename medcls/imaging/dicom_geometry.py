"""Where in a DICOM frame the picture lies, how large its pixels are, and whether they are square."""

import math
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from medcls.core.note import Note
from medcls.imaging.dicom_values import groups_for, integer, numbers, sequence

_LEAST_REGION_PX = 16
_CM = 3

Pair = tuple[float, float]


@dataclass(frozen=True)
class Geometry:
    """The part of a frame that is shown, and its pixels.

    Args:
        box: Top, left, bottom and right (open) within the frame.
        spacing_mm: Height and width of a pixel in mm; None if unknown.
        aspect: Height and width of a pixel in one unit, whichever it is; (1, 1) if nothing says otherwise.
    """

    box: tuple[int, int, int, int]
    spacing_mm: Pair | None
    aspect: Pair


def geometry_of(ds: Dataset, frame: int, shape: tuple[int, ...], notes: list[Note]) -> Geometry:
    """Return the largest B-mode region an ultrasound file declares, else the whole frame, and the pixels' size there.

    Args:
        ds: The file's wanted elements.
        frame: Which frame, from 0.
        shape: Height and width of the frame, and more.
        notes: What was cut away is noted here.

    References:
        DICOM PS3.3 C.8.5.5, US Region Calibration: spatial format 1 is 2D, data type 1 is tissue, unit 3 is cm.
    """
    whole, spacing = (0, 0, shape[0], shape[1]), _spacing(ds, frame)
    aspect = spacing or _ratio(ds) or (1.0, 1.0)
    regions = [r for r in sequence(ds, "SequenceOfUltrasoundRegions") if _is_b_mode(r)]
    if not regions:
        return Geometry(whole, spacing, aspect)
    boxes = [(box, r) for r in regions if (box := _box(r, shape)) is not None]
    if not boxes:
        notes.append(Note("imaging.dicom-region-left-out"))
        return Geometry(whole, spacing, aspect)
    box, region = max(boxes, key=lambda b: (b[0][2] - b[0][0]) * (b[0][3] - b[0][1]))
    if box != whole:
        size = {"width": box[3] - box[1], "height": box[2] - box[0]}
        place = {"top": box[0], "left": box[1], "stored_width": shape[1], "stored_height": shape[0]}
        several = Note("imaging.cut-to-largest-region", **size, **place, n=len(boxes))
        notes.append(several if len(boxes) > 1 else Note("imaging.cut-to-region", **size, **place))
    spacing = _region_spacing(region) or spacing
    return Geometry(box, spacing, spacing or _region_ratio(region) or aspect)


def cut(pixels: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """Return a part of a frame, contiguous.

    Args:
        pixels: (R, C) or (R, C, 3).
        box: Top, left, bottom and right, in pixels; bottom and right lie outside.
    """
    top, left, bottom, right = box
    return np.ascontiguousarray(pixels[top:bottom, left:right])


def _is_b_mode(region: Dataset) -> bool:
    return integer(region, "RegionSpatialFormat") == 1 and integer(region, "RegionDataType") == 1


def _box(region: Dataset, shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """Return top, left, bottom and right (open) of a region; None if it does not lie on the picture or is tiny."""
    names = ("RegionLocationMinY0", "RegionLocationMinX0", "RegionLocationMaxY1", "RegionLocationMaxX1")
    values = [integer(region, name) for name in names]
    if any(v is None for v in values):
        return None
    top, left, bottom, right = (int(v) for v in values if v is not None)
    bottom, right = min(bottom + 1, shape[0]), min(right + 1, shape[1])
    if top < 0 or left < 0 or bottom - top < _LEAST_REGION_PX or right - left < _LEAST_REGION_PX:
        return None
    return top, left, bottom, right


def _region_spacing(region: Dataset) -> Pair | None:
    if integer(region, "PhysicalUnitsXDirection") != _CM or integer(region, "PhysicalUnitsYDirection") != _CM:
        return None
    return _plausible([10 * d for d in _deltas(region)])


def _region_ratio(region: Dataset) -> Pair | None:
    """Return the deltas of a region whose two directions have one unit, whichever it is: their ratio still holds."""
    same = integer(region, "PhysicalUnitsXDirection") == integer(region, "PhysicalUnitsYDirection")
    return _plausible(_deltas(region)) if same else None


def _deltas(region: Dataset) -> list[float]:
    return [abs(d) for d in numbers(region, "PhysicalDeltaY")[:1] + numbers(region, "PhysicalDeltaX")[:1]]


def _spacing(ds: Dataset, frame: int) -> Pair | None:
    """Return the first usable spacing the file states, in mm: from row to row, from column to column."""
    for source in groups_for(ds, frame, "PixelMeasuresSequence"):
        for name in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
            if found := _plausible(numbers(source, name)):
                return found
    return None


def _ratio(ds: Dataset) -> Pair | None:
    """Return the pixels' stated height and width, as two whole numbers (PS3.3 C.7.6.3.1.7)."""
    return _plausible(numbers(ds, "PixelAspectRatio"), most=1e6)


def _plausible(pair: list[float], most: float = 100) -> Pair | None:
    good = len(pair) == 2 and all(math.isfinite(v) and 1e-6 < v < most for v in pair)
    return (pair[0], pair[1]) if good else None
