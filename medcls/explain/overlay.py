"""Painting a heatmap over its scan, and the picture as a PNG that says what it shows."""

import io
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from medcls import __version__
from medcls.core.prediction import Heatmap
from medcls.core.scan import Scan
from medcls.imaging.picture import to_bytes8
from medcls.imaging.picture import to_png as to_plain_png
from medcls.words import say

# Name -> OpenCV's table of colours, or one hue. Jet is there on request only: it has edges where the map has none.
COLOURS: Mapping[str, int | tuple[int, int, int]] = MappingProxyType(
    {
        "magma": cv2.COLORMAP_MAGMA,
        "viridis": cv2.COLORMAP_VIRIDIS,
        "cividis": cv2.COLORMAP_CIVIDIS,
        "orange": (230, 159, 0),
        "jet": cv2.COLORMAP_JET,
    }
)
STYLES = ("fill", "contour", "both")
LEVELS = (0.25, 0.5, 0.75)
_DARKEST = 0.3  # the lowest part of a table of colours is as dark as a scan's background
_OPAQUE_FROM = 0.5  # weaker evidence is shown fainter
_CAPTION_PX = 240  # width a caption needs at least
_STRIP, _INK = (11, 13, 16), (201, 209, 217)
MAP_SIDE_PX = 512  # longest side of a heatmap on its way to a browser
_UNSEEN = 0.55  # brightness left to what the network did not look at


@dataclass(frozen=True)
class Paint:
    """How a heatmap is painted over its scan.

    Args:
        style: `fill`, `contour` (lines at a quarter, a half and three quarters of the peak) or `both`.
        colours: A name of `COLOURS`.
        opacity: Of the fill where the evidence is strongest, 0 to 1.
        strongest: Peak that is painted as the full colour; a weaker heatmap is then painted fainter. None for its own.
    """

    style: str = "fill"
    colours: str = "magma"
    opacity: float = 0.6
    strongest: float | None = None

    def __post_init__(self) -> None:
        if self.style not in STYLES or self.colours not in COLOURS or not 0 <= self.opacity <= 1:
            raise ValueError(f"cannot paint {self.style}, {self.colours}, {self.opacity}")


PLAIN = Paint()


def paint(scan: Scan, heatmap: Heatmap, how: Paint = PLAIN, side_px: int | None = None) -> np.ndarray:
    """Paint a heatmap over its scan.

    Args:
        scan: The scan.
        heatmap: Its heatmap; NaN (not looked at) is shown darker.
        how: Style, colours, opacity, scale.
        side_px: Longer side of the picture; None for the scan's own size.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: If the heatmap has another size than the scan.
    """
    if heatmap.values.shape != scan.size_px:
        raise ValueError(f"a heatmap of {heatmap.values.shape} does not lie on a scan of {scan.size_px}")
    size = _size_of(scan, side_px)
    seen = cv2.resize(np.isfinite(heatmap.values).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    values = _resize(np.nan_to_num(heatmap.values), size) * _strength(heatmap, how.strongest)
    picture = _base(scan, size).astype(np.float32)
    picture[~seen] *= _UNSEEN
    if heatmap.empty:
        return picture.astype(np.uint8)
    if how.style != "contour":
        alpha = (how.opacity * np.clip(values / _OPAQUE_FROM, 0, 1) * seen)[..., None]
        picture = picture * (1 - alpha) + colour(values, how.colours) * alpha
    out = np.rint(picture).astype(np.uint8)
    if how.style != "fill":
        _outline(out, values, how)
    return out


def unpainted(scan: Scan, side_px: int | None = None) -> np.ndarray:
    """Return a scan as it stands under a heatmap, (H, W, 3) uint8 RGB, of the size that `paint` gives."""
    return _base(scan, _size_of(scan, side_px))


def _base(scan: Scan, size: tuple[int, int]) -> np.ndarray:
    pixels = np.ascontiguousarray(to_bytes8(scan.pixels))
    rgb = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels
    return rgb if size == (rgb.shape[1], rgb.shape[0]) else _resize(rgb, size)


def colour(values: np.ndarray, colours: str) -> np.ndarray:
    """Return the colour of values 0 to 1, (…, 3) uint8 RGB; the darkest colours of a table are left out."""
    table = COLOURS[colours]
    if isinstance(table, tuple):
        return np.broadcast_to(np.array(table, np.uint8), (*values.shape, 3))
    low = 0.0 if colours == "jet" else _DARKEST
    steps = np.rint(255 * (low + (1 - low) * np.clip(values, 0, 1))).astype(np.uint8)
    return cv2.applyColorMap(steps.reshape(-1, 1), table)[:, 0, ::-1].reshape(*values.shape, 3)


def caption(picture: np.ndarray, heatmap: Heatmap, method: str) -> np.ndarray:
    """Put a strip under a painted picture that says what it shows; the picture itself stays as it is.

    Args:
        picture: As `paint` gave it, (H, W, 3) uint8.
        heatmap: What it shows.
        method: The method as a person reads it.

    Returns:
        (H + strip, max(W, 240), 3) uint8; beside a narrower picture stands near-black.
    """
    height, width = picture.shape[:2]
    wide = max(width, _CAPTION_PX)
    size = int(np.clip(wide / 40, 11, 40))
    font = ImageFont.load_default(size)
    told = {"method": method, "label": heatmap.label}
    facts = (
        say("explain.caption-empty" if heatmap.empty else "explain.caption", told),
        heatmap.model,
        f"medcls {__version__}. {say('words.research-use')}",
    )
    columns = max(8, int((wide - size) / font.getlength("n")))
    lines = [line for fact in facts for line in textwrap.wrap(fact, columns)]
    canvas = Image.new("RGB", (wide, height + round(size * (1.4 * len(lines) + 0.8))), _STRIP)
    canvas.paste(Image.fromarray(picture), (0, 0))
    pen = ImageDraw.Draw(canvas)
    for i, line in enumerate(lines):
        pen.text((size / 2, height + size * (0.4 + 1.4 * i)), line, font=font, fill=_INK)
    return np.asarray(canvas)


def to_png(picture: np.ndarray, heatmap: Heatmap) -> bytes:
    """Return a painted picture as PNG; its text names model, method, label, layer, grid and peak, not the patient.

    Args:
        picture: (H, W, 3) uint8, as `paint` made it.
        heatmap: What it shows.
    """
    text = PngImagePlugin.PngInfo()
    rows, columns = heatmap.grid_px
    facts = {
        "Software": f"medcls {__version__}",
        "Model": heatmap.model,
        "Method": heatmap.method,
        "Label": heatmap.label,
        "Layer": heatmap.layer,
        "Grid": f"{rows} x {columns}",
        "Peak": f"{heatmap.peak:.6g}",
        "Comment": say("words.research-use"),
    }
    for key, value in facts.items():
        text.add_itxt(key, value)
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG", pnginfo=text, compress_level=4)
    return out.getvalue()


def map_picture(heatmap: Heatmap, strongest: float | None = None) -> bytes:
    """Return a heatmap as a grey PNG with alpha: grey 0 to 255 is the evidence, alpha 0 what the network did not see.

    Args:
        heatmap: The heatmap.
        strongest: Peak that is white; None for the heatmap's own.
    """
    seen = np.isfinite(heatmap.values)  # (H, W)
    grey = np.rint(255 * _strength(heatmap, strongest) * np.clip(np.nan_to_num(heatmap.values), 0, 1)).astype(np.uint8)
    return to_plain_png(np.dstack([grey, np.where(seen, 255, 0).astype(np.uint8)]), MAP_SIDE_PX)


@cache
def palettes() -> Mapping[str, bytes]:
    """Return each table of colours as a PNG of 256 x 1 pixels, weakest first."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None]  # (1, 256)
    return {name: to_plain_png(np.ascontiguousarray(colour(ramp, name))) for name in COLOURS}


def _strength(heatmap: Heatmap, strongest: float | None) -> np.float32:
    """Return how strong a heatmap's peak is beside the peak that is painted in full, at most 1."""
    return np.float32(1.0 if not strongest or strongest <= 0 else min(1.0, heatmap.peak / strongest))


def _size_of(scan: Scan, side_px: int | None) -> tuple[int, int]:
    """Return a scan's width and height with a longer side of so many pixels; its own for None."""
    share = side_px / max(scan.size_px) if side_px else 1.0
    return max(1, round(scan.size_px[1] * share)), max(1, round(scan.size_px[0] * share))


def _resize(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    shrinks = size[0] < values.shape[1]
    return cv2.resize(values, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _outline(picture: np.ndarray, values: np.ndarray, how: Paint) -> None:
    """Draw the contour lines into a picture, each on a dark rim so that it is seen on any scan."""
    width = max(1, round(max(picture.shape) / 450))
    for level in LEVELS:
        lines, _ = cv2.findContours((values >= level).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        r, g, b = (int(c) for c in colour(np.array(level), how.colours))
        cv2.drawContours(picture, lines, -1, (0, 0, 0), width + 2, cv2.LINE_AA)
        cv2.drawContours(picture, lines, -1, (r, g, b), width, cv2.LINE_AA)
