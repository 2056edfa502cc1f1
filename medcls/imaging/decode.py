"""Bytes become a `Scan`: recognised by content, limited by the header, with nothing kept of the patient."""

import hashlib

from medcls.core.note import Note
from medcls.core.scan import Scan
from medcls.errors import MedclsError
from medcls.imaging.decoded import Decoded, as_display
from medcls.imaging.formats import recognise
from medcls.imaging.limits import Limits
from medcls.imaging.raster import count_raster_frames, count_raster_values, read_raster

__all__ = ["Limits", "count_frames", "count_values", "read_scan"]


def read_scan(data: bytes, *, frame: int | None = None, limits: Limits | None = None) -> Scan:
    """Decode a PNG, JPEG, TIFF, BMP, WebP or DICOM file.

    Args:
        data: The whole file. Its name is never asked for.
        frame: Which frame or page of several, from 0; None for the first.
        limits: What a file may cost; None takes `Limits.from_env()`.

    Returns:
        The scan: upright, display values in [0, 1], grey as (H, W) even where it was stored in colour.

    Raises:
        TooLarge: If the file or the picture its header announces is above a limit; nothing was decoded then.
        BadScan: If it is empty, damaged, foreign, or has no such frame.

    Example:
        >>> from medcls.imaging.picture import to_png
        >>> import numpy as np
        >>> read_scan(to_png(np.zeros((2, 3), np.float32))).size_px
        (2, 3)
    """
    limits = limits or Limits.from_env()
    limits.check_bytes(len(data))
    kind = recognise(data)
    decoded = _decode(data, kind, frame, limits)
    stored_in_colour = decoded.pixels.ndim == 3
    pixels = as_display(decoded.pixels)
    if stored_in_colour and pixels.ndim == 2:
        decoded.notes.append(Note("imaging.grey-in-colour"))
    title = Note(
        "imaging.format-and-size",
        kind="WebP" if kind == "WEBP" else kind,
        width=pixels.shape[1],
        height=pixels.shape[0],
    )
    return Scan(
        pixels,
        hashlib.sha256(data).hexdigest(),
        decoded.modality,
        decoded.spacing_mm,
        (title, *decoded.notes),
        decoded.kind,
    )


def count_frames(data: bytes, limits: Limits | None = None) -> int:
    """Count the frames or pages of a file from its header, 1,000 at most for picture files.

    Raises:
        TooLarge: If the file or the picture its header announces is above a limit.
        BadScan: If its header cannot be read.
    """
    limits = limits or Limits.from_env()
    limits.check_bytes(len(data))
    kind = recognise(data)
    if kind == "DICOM":
        from medcls.imaging.dicom import count_dicom_frames

        return count_dicom_frames(data, limits)
    return count_raster_frames(data, kind, limits)


def count_values(data: bytes, limits: Limits | None = None) -> int:
    """Return, from a file's header, how many numbers its decoded scan will hold at most; 0 if that cannot be told.

    Args:
        data: The whole file; a compressed one may hold thousands of times its own size.
        limits: As for `read_scan`.

    Returns:
        Height times width times colours; 0 where `read_scan` would refuse the file by its header.
    """
    limits = limits or Limits.from_env()
    try:
        limits.check_bytes(len(data))
        kind = recognise(data)
        if kind == "DICOM":
            from medcls.imaging.dicom import count_dicom_values

            return count_dicom_values(data, limits)
        return count_raster_values(data, kind, limits)
    except MedclsError:
        return 0


def _decode(data: bytes, kind: str, frame: int | None, limits: Limits) -> Decoded:
    if kind != "DICOM":
        return read_raster(data, kind, frame, limits)
    from medcls.imaging.dicom import read_dicom  # pydicom costs a fifth of a second: only for those who need it

    return read_dicom(data, frame, limits)
