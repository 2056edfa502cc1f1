"""DICOM files: opened, checked by their header, decoded frame by frame, and shown as they ask."""

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset

from medcls.core.note import Note
from medcls.errors import BadScan
from medcls.imaging.decoded import Decoded
from medcls.imaging.deidentify import OVERLAY_GROUPS, modality_of
from medcls.imaging.dicom_colour import to_rgb, to_srgb_from
from medcls.imaging.dicom_file import open_dicom
from medcls.imaging.dicom_geometry import cut, geometry_of
from medcls.imaging.dicom_grey import display_grey
from medcls.imaging.dicom_header import COLOURS, PALETTE, Header, check_header
from medcls.imaging.dicom_kind import kind_of
from medcls.imaging.dicom_palette import apply_palette
from medcls.imaging.dicom_pixels import Stored, stored_values
from medcls.imaging.dicom_values import sequence, text, value
from medcls.imaging.formats import also_claims
from medcls.imaging.limits import Limits
from medcls.imaging.picture import to_bytes8
from medcls.imaging.profile import to_srgb
from medcls.imaging.quiet import guarded, quiet
from medcls.imaging.square import make_square


def read_dicom(data: bytes, frame: int | None, limits: Limits) -> Decoded:
    """Decode one frame of a DICOM file.

    Args:
        data: The whole file, with or without the preamble.
        frame: Which frame, from 0; None for the first.
        limits: Checked against the header before pixels are decoded, and while a deflated file is inflated.

    Returns:
        Display pixels, cut to the B-mode region where an ultrasound file declares one and made square, with modality
        and spacing.

    Raises:
        TooLarge: If the header announces more than `limits` allow, or decoding would take too long.
        BadScan: If the file is damaged, contradicts itself, holds no picture, or has no such frame.
    """
    with quiet():
        ds, header, notes = _opened(data, limits)
        chosen = frame or 0
        if not 0 <= chosen < header.frames:
            raise BadScan("imaging.no-such-frame", frame=chosen + 1, n=header.frames)
        notes = [*_opening_notes(data, ds, header, chosen), *notes]
        pixels = _display(ds, header, chosen, stored_values(ds, header, chosen, notes), notes)
        place = geometry_of(ds, chosen, pixels.shape, notes)
        square, sides = make_square(cut(pixels, place.box), place.aspect, limits.max_pixels, notes)
        spacing = sides if place.spacing_mm else None
        return Decoded(square, modality_of(text(ds, "Modality")), spacing, notes, kind_of(ds))


def count_dicom_frames(data: bytes, limits: Limits) -> int:
    """Count the frames of a DICOM file that can be read.

    Raises:
        TooLarge, BadScan: As `read_dicom`.
    """
    with quiet():
        return _opened(data, limits)[1].frames


def count_dicom_values(data: bytes, limits: Limits) -> int:
    """Return, from the header, how many numbers a frame of a DICOM file decodes to.

    Raises:
        TooLarge, BadScan: As `read_dicom`.
    """
    with quiet():
        header = _opened(data, limits)[1]
    return header.rows * header.columns * (3 if header.photometric == PALETTE else header.samples)


def _opened(data: bytes, limits: Limits) -> tuple[Dataset, Header, list[Note]]:
    ds, notes = open_dicom(data, limits)
    return ds, check_header(ds, limits, notes), notes


def _opening_notes(data: bytes, ds: Dataset, header: Header, frame: int) -> list[Note]:
    notes = []
    if raster := also_claims(data):
        notes.append(Note("imaging.dicom-also-claims", kind=raster))
    if header.frames > 1:
        notes.append(Note("imaging.frame-of", frame=frame + 1, n=header.frames))
    if text(ds, "BurnedInAnnotation") == "YES":
        notes.append(Note("imaging.dicom-burned-in"))
    if any((group, 0x0010) in ds for group in OVERLAY_GROUPS):
        notes.append(Note("imaging.dicom-overlay"))
    return notes


def _display(ds: Dataset, header: Header, frame: int, stored: Stored, notes: list[Note]) -> np.ndarray:
    """Turn stored values into uint8, or float32 in [0, 1], and colours into those of sRGB."""
    if stored.values.ndim == 3:
        photometric = header.photometric if header.samples == 3 else ""
        shown = guarded(lambda: to_rgb(stored.values, stored.bits, photometric, stored.stream, notes))
    elif header.photometric == PALETTE:
        notes.append(Note("imaging.dicom-palette"))
        shown = guarded(lambda: apply_palette(ds, stored.values))
    else:
        photometric = "MONOCHROME2" if header.photometric in COLOURS or not header.photometric else header.photometric
        shown = display_grey(ds, frame, stored.values, stored.bits, photometric, notes)
    profile = _profile(ds)
    if not profile and stored.stream and stored.values.ndim == 3:  # a photograph that was wrapped as it was
        profile = stored.stream.profile
    if not profile:
        return to_srgb_from(text(ds, "ColorSpace") or "", shown, notes) if shown.ndim == 3 else shown
    return np.asarray(guarded(lambda: to_srgb(Image.fromarray(to_bytes8(shown)), profile, notes)))


def _profile(ds: Dataset) -> bytes:
    """Return the file's colour profile, its own or that of its first optical path; empty if it has none."""
    for source in (ds, *sequence(ds, "OpticalPathSequence")):
        if isinstance(found := value(source, "ICCProfile"), bytes) and found:
            return found
    return b""
