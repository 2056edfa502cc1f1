"""PNG, JPEG, TIFF, BMP and WebP, decoded by Pillow within the limits."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageCms

from medcls.errors import BadScan, TooLarge
from medcls.imaging.decoded import Decoded, finite_range, scale
from medcls.imaging.limits import Limits
from medcls.imaging.picture import MARK
from medcls.imaging.quiet import guarded, quiet, silence_logs

silence_logs()

_COUNTED_FRAMES = 1000
_WORK_FRAMES = 40
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
    8: lambda p: np.rot90(p, 1),
}


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
        BadScan: If the file is damaged, of a mode that is not read, or has no such frame.
    """
    notes: list[str] = []
    with quiet():
        image = _open(data, kind, limits)
        if kind == "PNG":
            _check_sums(data)
        _choose_frame(image, frame, limits, notes)
        notes += _said_of_depth(image)
        asked = _orientation(image)
        guarded(image.load)
        if image.info.get("medcls") == MARK:
            notes.append("A synthetic phantom drawn by medcls: no patient")
        turn = _orientation(image)  # Pillow turns a TIFF upright while it loads
        pixels = _display(image, notes)
    if turn in _UPRIGHT:
        pixels = _UPRIGHT[turn](pixels)
    if asked in _UPRIGHT:
        notes.append(f"Turned upright as the file asks (orientation {asked})")
    return Decoded(pixels, notes=[*notes])


def count_raster_frames(data: bytes, kind: str, limits: Limits) -> int:
    """Count the frames or pages of a picture file, `_COUNTED_FRAMES` at most.

    Raises:
        TooLarge: As `read_raster`.
        BadScan: If the header cannot be read.
    """
    with quiet():
        return _count(_open(data, kind, limits))


def count_raster_values(data: bytes, kind: str, limits: Limits) -> int:
    """Tell from the header how many numbers the first frame of a picture file decodes to.

    Raises:
        TooLarge, BadScan: As `count_raster_frames`.
    """
    with quiet():
        image = _open(data, kind, limits)
    grey = image.mode in ("1", "L", "LA", "I", "F") or image.mode.startswith("I;16")
    return image.height * image.width * (1 if grey else 3)


def _open(data: bytes, kind: str, limits: Limits) -> Image.Image:
    if kind == "WEBP":  # Pillow's decoder sets memory aside for the whole canvas when it opens the file
        limits.check_pixels(*_webp_size(data))
    image = guarded(lambda: Image.open(io.BytesIO(data), formats=[kind]))
    limits.check_pixels(image.height, image.width)
    return image


def _check_sums(data: bytes) -> None:
    """Refuse a PNG with a wrong checksum: Pillow decodes its pixels without looking, and a flipped byte spoils rows.

    Raises:
        BadScan: If a chunk was changed or is cut short.
    """
    guarded(lambda: Image.open(io.BytesIO(data), formats=["PNG"]).verify())


def _webp_size(data: bytes) -> tuple[int, int]:
    """Give height and width from a WebP header (RFC 9649); 1 x 1 if it is none, for the decoder to refuse."""
    number, chunk = (lambda start, n: int.from_bytes(data[start : start + n], "little")), data[12:16]
    if chunk == b"VP8X":
        return 1 + number(27, 3), 1 + number(24, 3)
    if chunk == b"VP8L":
        return 1 + (number(21, 4) >> 14 & 0x3FFF), 1 + (number(21, 4) & 0x3FFF)
    if chunk == b"VP8 ":
        return number(28, 2) & 0x3FFF, number(26, 2) & 0x3FFF
    return 1, 1


def _count(image: Image.Image) -> int:
    """Count frames without trusting a header, `_COUNTED_FRAMES` at most; leaves the picture at frame 0."""
    if image.format != "TIFF":
        return min(int(getattr(image, "n_frames", 1)), _COUNTED_FRAMES)
    n = 1
    try:
        while n < _COUNTED_FRAMES:
            image.seek(n)
            n += 1
    except EOFError:
        pass  # the way Pillow says that there is no further page
    except Exception:  # noqa: BLE001  a damaged later page does not harm the first
        return n
    finally:
        image.seek(0)
    return n


def _choose_frame(image: Image.Image, frame: int | None, limits: Limits, notes: list[str]) -> None:
    n, chosen = guarded(lambda: _count(image)), frame or 0
    if not 0 <= chosen < n:
        raise BadScan("This file has no such frame", found=f"frame {chosen + 1}", allowed=f"1 to {n}")
    if chosen * image.height * image.width > _WORK_FRAMES * limits.max_pixels:
        raise TooLarge("This frame lies too deep in an animation to be decoded", found=f"frame {chosen + 1}")
    if n > 1:
        guarded(lambda: image.seek(chosen))
        limits.check_pixels(image.height, image.width)
        of = f"{n:,} or more" if n == _COUNTED_FRAMES else f"{n:,}"
        notes.append(f"Frame {chosen + 1} of {of} was read; the others were not")


def _orientation(image: Image.Image) -> int:
    """Give the EXIF orientation, 1 to 8; 1 if there is none or it cannot be read."""
    try:
        turn = image.getexif().get(274, 1)
    except Exception:  # noqa: BLE001  broken EXIF is no reason to refuse the picture
        return 1
    return turn if isinstance(turn, int) and turn in _UPRIGHT else 1


def _said_of_depth(image: Image.Image) -> list[str]:
    tiles = getattr(image, "tile", None)
    raw = str(tiles[0].args if tiles else "")
    return ["16 bits per colour read as 8"] if image.mode in ("RGB", "RGBA") and ";16" in raw else []


def _display(image: Image.Image, notes: list[str]) -> np.ndarray:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        inverted = _low_is_white(image)
        show = _real_grey if image.mode in ("I", "F") else _deep_grey
        shown = show(guarded(lambda: np.asarray(image)), inverted, notes)
        if inverted:
            notes.append("Stored with low values white (WhiteIsZero): inverted")
        return shown
    flat = guarded(lambda: _to_srgb(_without_alpha(image, notes), notes))
    return guarded(lambda: np.asarray(flat))


def _low_is_white(image: Image.Image) -> bool:
    """Tell if a TIFF is WhiteIsZero (tag 262 is 0): Pillow inverts such grey of up to 8 bits itself, and no deeper."""
    return image.format == "TIFF" and getattr(image, "tag_v2", {}).get(262) == 0


def _deep_grey(pixels: np.ndarray, inverted: bool, notes: list[str]) -> np.ndarray:
    """Scale unsigned 16-bit grey by the smallest usual depth that holds its values."""
    high = int(pixels.max(initial=0))
    bits = next(b for b in (8, 10, 12, 14, 16) if high < 2**b)
    end = "black" if inverted else "white"
    notes.append(f"16-bit grey with values up to {high:,}: shown as {bits}-bit, {2**bits - 1:,} is {end}")
    shown = scale(pixels, 0, 2**bits - 1)
    return np.subtract(1, shown, out=shown) if inverted else shown


def _real_grey(pixels: np.ndarray, inverted: bool, notes: list[str]) -> np.ndarray:
    low, high, bad = finite_range(pixels)
    if bad == pixels.size:
        raise BadScan("This picture holds no number", found="NaN or infinity in every pixel")
    ends = "white to black" if inverted else "black to white"
    if low == high:
        notes.append("Every pixel has the same value: shown black")
    else:
        notes.append(f"Values from {low:.6g} to {high:.6g} stretched from {ends}")
    if bad:
        dark, light = ("infinity", "negative infinity") if inverted else ("negative infinity", "infinity")
        notes.append(f"{bad:,} pixels are no finite numbers: NaN and {dark} shown black, {light} white")
    shown = scale(pixels, low, high)
    if inverted and low < high:
        np.subtract(1, shown, out=shown)
        shown[np.isnan(pixels)] = 0
    return shown


def _without_alpha(image: Image.Image, notes: list[str]) -> Image.Image:
    """Give a picture of mode L, RGB or CMYK: palettes looked up, transparency laid on black."""
    see_through = "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa")
    if see_through:
        grey = image.mode in ("L", "1", "LA", "La")
        full = image.convert("LA" if grey else "RGBA")
        alpha = full.getchannel("A")
        plain = full.convert("L" if grey else "RGB")
        if alpha.getextrema()[0] == 255:
            return plain
        notes.append("Transparent parts laid on black")
        black = Image.new(plain.mode, plain.size)
        black.paste(plain, mask=alpha)
        return black
    if image.mode == "1":
        return image.convert("L")
    if image.mode == "CMYK":
        notes.append("CMYK inks turned into RGB")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _to_srgb(image: Image.Image, notes: list[str]) -> Image.Image:
    """Apply an embedded colour profile; a profile that does not fit is left out, and that is said."""
    plain = image if image.mode in ("L", "RGB") else image.convert("RGB")
    embedded = image.info.get("icc_profile")
    if not embedded:
        return plain
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(embedded))
        if "srgb" in (profile.profile.profile_description or "").lower():
            return plain
        converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        notes.append("An embedded colour profile could not be used and was left out")
        return plain
    notes.append("Colours converted from the embedded profile to sRGB")
    return converted or plain
