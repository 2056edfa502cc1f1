"""PNG, JPEG, BMP and WebP, decoded by Pillow within the limits; TIFF and HEIF are handed on."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from medcls.core.made import MADE_MARK
from medcls.core.note import Note
from medcls.errors import BadScan, TooLarge
from medcls.imaging.alpha import lay_on_black, without_alpha
from medcls.imaging.bmp import bmp_in_doubt, check_bmp, is_run_length
from medcls.imaging.codec_process import run_apart
from medcls.imaging.decoded import Decoded, scale
from medcls.imaging.deep import show_unsigned, usual_bits
from medcls.imaging.heif import heif_size, read_heif
from medcls.imaging.jpeg import JpegHeader, check_kind, check_work, decode_flawless, read_jpeg_header, warning_of
from medcls.imaging.limits import Limits, check_memory
from medcls.imaging.picture import MARK, to_bytes8
from medcls.imaging.png import check_chunks, check_sums, exif_of, has_deep_colour, note_space
from medcls.imaging.profile import to_srgb
from medcls.imaging.quiet import guarded, quiet, silence_logs
from medcls.imaging.square import make_square
from medcls.imaging.tiff import count_tiff_frames, count_tiff_values, read_tiff
from medcls.imaging.upright import is_turned, swaps_sides, turn

silence_logs()

_COUNTED_FRAMES = 1000
_LONG_RUNS = 200_000
_WORK_FRAMES = 40


def read_raster(data: bytes, kind: str, frame: int | None, limits: Limits) -> Decoded:
    """Decode one frame of a picture file.

    Args:
        data: The whole file.
        kind: One of `medcls.imaging.formats.RASTERS`.
        frame: Which frame or page, from 0; None for the first.
        limits: Checked against the header before pixels are decoded.

    Returns:
        Upright display pixels. Only pixels leave: EXIF, text and GPS are not kept.

    Raises:
        TooLarge: If the header announces more than `limits` allow.
        BadScan: If the file is damaged, of a kind that is not read, or has no such frame.
    """
    with quiet():
        if kind == "TIFF":
            return read_tiff(data, frame, limits)
        if kind == "HEIF":
            _check_only(frame)
            return read_heif(data, limits)
        if kind == "JPEG" and not (header := _checked_jpeg(data, limits)).usual:
            _check_only(frame)
            return _rare_jpeg(data, header, limits)
        return _by_pillow(data, kind, frame, limits)


def count_raster_frames(data: bytes, kind: str, limits: Limits) -> int:
    """Count the frames or pages of a picture file, 1,000 at most.

    Args:
        data: The whole file.
        kind: Its format, as `medcls.imaging.formats` names it.
        limits: What one file may cost.

    Raises:
        TooLarge: As `read_raster`.
        BadScan: If the header cannot be read.
    """
    with quiet():
        if kind == "TIFF":
            return count_tiff_frames(data, limits)
        if kind == "HEIF":
            limits.check_pixels(*heif_size(data))
            return 1
        if kind == "JPEG" and not _checked_jpeg(data, limits).usual:
            return 1
        return _count(_open(data, kind, limits))


def count_raster_values(data: bytes, kind: str, limits: Limits) -> int:
    """Return, from the header, how many numbers the first frame of a picture file decodes to.

    Args:
        data: The whole file.
        kind: Its format, as `medcls.imaging.formats` names it.
        limits: What one file may cost.

    Raises:
        TooLarge, BadScan: As `count_raster_frames`.
    """
    with quiet():
        if kind == "TIFF":
            return count_tiff_values(data, limits)
        if kind == "HEIF":
            height, width = heif_size(data)
            limits.check_pixels(height, width)
            return height * width * 3
        if kind == "JPEG" and not (header := _checked_jpeg(data, limits)).usual:
            return header.height * header.width * len(header.components)
        image = _open(data, kind, limits)
    grey = image.mode in ("1", "L", "LA", "I", "F") or image.mode.startswith("I;16")
    return image.height * image.width * (1 if grey else 3)


def _check_only(frame: int | None) -> None:
    """Refuse any frame but the first of a file that holds one."""
    if frame:
        raise BadScan("imaging.no-such-frame", frame=frame + 1, n=1)


def _by_pillow(data: bytes, kind: str, frame: int | None, limits: Limits) -> Decoded:
    notes: list[Note] = []
    image = _open(data, kind, limits)
    if image.info.get("medcls") == MADE_MARK:
        raise BadScan("imaging.made-by-program")
    if kind == "PNG":
        check_sums(data)
        note_space(data, notes)
    _choose_frame(image, frame, limits, notes)
    deep = kind == "PNG" and has_deep_colour(data) and not frame
    if deep:
        check_memory(image.height, image.width, 2 * len(image.getbands()), min(3, len(image.getbands())))
    orientation = _orientation(lambda: exif_of(data) if deep else image.getexif())
    pixel_size = _pixel_size(image, swaps_sides(orientation))
    pixels = _deep_png(data, image, notes) if deep else _pixels(data, kind, image, frame, notes)
    if image.info.get("medcls") == MARK:
        notes.append(Note("imaging.synthetic"))
    pixels = turn(pixels, orientation)
    if is_turned(orientation):
        notes.append(Note("imaging.turned-upright", orientation=orientation))
    pixels, _ = make_square(pixels, pixel_size, limits.max_pixels, notes)
    return Decoded(pixels, notes=notes)


def _pixels(data: bytes, kind: str, image: Image.Image, frame: int | None, notes: list[Note]) -> np.ndarray:
    """Decode a frame, and say what the decoder warns of."""
    if kind == "JPEG" and not frame and (flawless := decode_flawless(data)) is not None:
        profile = image.info.get("icc_profile") or b""
        return np.asarray(to_srgb(Image.fromarray(flawless), profile, notes)) if profile else flawless
    if kind == "BMP" and is_run_length(data) and len(data) > _LONG_RUNS:  # Pillow's decoder of runs is slow
        return guarded(lambda: run_apart("bmp", data)[0].reshape(image.height, image.width, 3))
    guarded(image.load)
    if (kind == "JPEG" and warning_of(data)) or (kind == "BMP" and bmp_in_doubt(data)):
        notes.append(Note("imaging.may-be-damaged"))
    return _display(image, notes)


def _open(data: bytes, kind: str, limits: Limits) -> Image.Image:
    if kind == "WEBP":  # Pillow's decoder sets memory aside for the whole canvas when it opens the file
        limits.check_pixels(*_webp_size(data))
    if kind == "BMP":
        check_bmp(data)
    if kind == "PNG":
        check_chunks(data)
    image = guarded(lambda: Image.open(io.BytesIO(data), formats=[kind]))
    limits.check_pixels(image.height, image.width)
    return image


def _webp_size(data: bytes) -> tuple[int, int]:
    """Return height and width from a WebP header (RFC 9649); 1 x 1 if it is none, for the decoder to refuse."""
    number, chunk = (lambda start, n: int.from_bytes(data[start : start + n], "little")), data[12:16]
    if chunk == b"VP8X":
        return 1 + number(27, 3), 1 + number(24, 3)
    if chunk == b"VP8L":
        return 1 + (number(21, 4) >> 14 & 0x3FFF), 1 + (number(21, 4) & 0x3FFF)
    if chunk == b"VP8 ":
        return number(28, 2) & 0x3FFF, number(26, 2) & 0x3FFF
    return 1, 1


def _checked_jpeg(data: bytes, limits: Limits) -> JpegHeader:
    """Return a JPEG file's header once its size, kind and work are checked."""
    header = read_jpeg_header(data)
    if header is None:
        raise BadScan("imaging.damaged")
    check_kind(header)
    limits.check_pixels(header.height, header.width)
    check_work([data], limits.max_pixels)
    return header


def _rare_jpeg(data: bytes, header: JpegHeader, limits: Limits) -> Decoded:
    """Decode a lossless JPEG, or one of other than eight bits."""
    notes: list[Note] = []
    values, more = run_apart("jpeg", data)
    limits.check_pixels(*values.shape[:2])
    if len(header.components) == 4:
        raise BadScan("imaging.jpeg-components", n=4, bits=header.bits)
    if more["warned"]:
        notes.append(Note("imaging.may-be-damaged"))
    if header.bits == 16:
        return Decoded(show_unsigned(values, False, notes), notes=notes)
    if header.bits != 8:
        notes.append(Note("imaging.bits-each", bits=header.bits))
    return Decoded(scale(values, 0, 2**header.bits - 1), notes=notes)


def _deep_png(data: bytes, image: Image.Image, notes: list[Note]) -> np.ndarray:
    """Decode a PNG of 16 bits and more than grey, with all its bits."""
    values = run_apart("png", data)[0]
    profile = image.info.get("icc_profile") or b""
    colours, alpha = (values[..., :-1], values[..., -1]) if values.shape[-1] in (2, 4) else (values, None)
    shown = show_unsigned(colours[..., 0] if colours.shape[-1] == 1 else colours, False, notes)
    if profile:
        shown = np.asarray(to_srgb(Image.fromarray(to_bytes8(shown)), profile, notes), np.float32) / 255
    if alpha is None:
        return shown
    return lay_on_black(shown, alpha, 2 ** usual_bits(int(alpha.max(initial=0))) - 1, False, notes)


def _count(image: Image.Image) -> int:
    """Count frames without trusting a header, `_COUNTED_FRAMES` at most."""
    return min(int(getattr(image, "n_frames", 1)), _COUNTED_FRAMES)


def _choose_frame(image: Image.Image, frame: int | None, limits: Limits, notes: list[Note]) -> None:
    n, chosen = guarded(lambda: _count(image)), frame or 0
    if not 0 <= chosen < n:
        raise BadScan("imaging.no-such-frame", frame=chosen + 1, n=n)
    if chosen * image.height * image.width > _WORK_FRAMES * limits.max_pixels:
        raise TooLarge("imaging.frame-too-deep", frame=chosen + 1)
    if n > 1:
        guarded(lambda: image.seek(chosen))
        limits.check_pixels(image.height, image.width)
        notes.append(Note("imaging.frame-of", frame=chosen + 1, n=n))


def _orientation(exif: Callable[[], Image.Exif]) -> int:
    """Return the EXIF orientation, 1 to 8; 1 if there is none or it cannot be read."""
    try:
        found = exif().get(274, 1)
    except Exception:  # noqa: BLE001  broken EXIF is no reason to refuse the picture
        return 1
    return found if isinstance(found, int) and is_turned(found) else 1


def _pixel_size(image: Image.Image, swapped: bool) -> tuple[float, float]:
    """Return height and width of a pixel in some unit, of the picture once upright; 0 and 0 if unknown."""
    info = image.info
    across, down = info.get("dpi") or info.get("aspect") or (0, 0)
    if "jfif" in info:
        across, down = info.get("jfif_density") or (0, 0)
    elif image.format == "JPEG":  # what Pillow gives then is the EXIF resolution across, twice
        across, down = _exif_resolution(image)
    if not (across > 0 and down > 0):
        return 0.0, 0.0
    return (1 / across, 1 / down) if swapped else (1 / down, 1 / across)


def _exif_resolution(image: Image.Image) -> tuple[float, float]:
    """Return pixels across and down in the same unit as EXIF has them; 0 and 0 if it says nothing usable."""
    try:
        exif = image.getexif()
        return float(exif.get(282) or 0), float(exif.get(283) or 0)
    except Exception:  # noqa: BLE001  as in `_orientation`
        return 0.0, 0.0


def _display(image: Image.Image, notes: list[Note]) -> np.ndarray:
    if image.mode.startswith("I;16") or image.mode == "I":
        return show_unsigned(guarded(lambda: np.asarray(image).astype(np.uint16)), False, notes)
    profile = image.info.get("icc_profile") or b""
    return guarded(lambda: np.asarray(to_srgb(without_alpha(image, notes), profile, notes)))
