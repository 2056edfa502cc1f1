"""The pictures of a report: the scan with what was measured on it, the heatmap over it, the notice burned into both."""

import io
from functools import cache
from importlib.resources import files

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from medcls.core.scan import Scan
from medcls.exits.case import Case, Ruler
from medcls.explain.overlay import PLAIN, paint, unpainted
from medcls.words import say

SIDE_PX = 800  # longer side of a picture in a report
_REGION, _RULER = (86, 180, 233), (240, 228, 66)  # Okabe–Ito: sky blue, yellow
_FAINT = 90  # opacity of the notice out of 255, on a dark rim as faint


def scan_picture(case: Case) -> np.ndarray:
    """Return the scan with region and rulers drawn, (H, W, 3) uint8, the notice across it."""
    picture, scale = _sized(case.scan)
    thick = max(2, SIDE_PX // 400)
    if case.region:
        left, top, right, bottom = (round(v * scale) for v in case.region)
        cv2.rectangle(picture, (left, top), (right, bottom), _REGION, thick, cv2.LINE_AA)
    for ruler in case.rulers:
        _draw_ruler(picture, ruler, scale, thick)
    return stamp(picture)


def heatmap_picture(case: Case) -> np.ndarray | None:
    """Return the heatmap over the scan, (H, W, 3) uint8, the notice across it; None if none leaves."""
    return None if case.heatmap is None or not case.numbers else stamp(paint(case.scan, case.heatmap, PLAIN, SIDE_PX))


def captioned_views(case: Case) -> list[tuple[str, np.ndarray]]:
    """Return caption and picture, (H, W, 3) uint8 with the notice across it, of each further scan of a case."""
    return [
        (say("exits.picture-view", {"n": n}), stamp(_sized(view.scan)[0])) for n, view in enumerate(case.views, start=2)
    ]


def stamp(picture: np.ndarray) -> np.ndarray:
    """Return a picture with "research use" written faintly across it, so often that no useful part is without.

    Args:
        picture: (H, W, 3) uint8.
    """
    height, width = picture.shape[:2]
    size = max(11, min(height, width) // 22)
    sheet = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    pen, font, text = ImageDraw.Draw(sheet), _font(size), say("exits.stamp")
    step_x, step_y = int(font.getlength(text)) + 4 * size, 5 * size
    for row, y in enumerate(range(size // 2, height, step_y)):
        for x in range(-(row % 2) * step_x // 2, width, step_x):
            pen.text(
                (x, y), text, font=font, fill=(255, 255, 255, _FAINT), stroke_width=1, stroke_fill=(0, 0, 0, _FAINT)
            )
    return np.asarray(Image.alpha_composite(Image.fromarray(picture).convert("RGBA"), sheet).convert("RGB"))


def to_png(picture: np.ndarray) -> bytes:
    """Return a picture as the bytes of a PNG without any text in it.

    Args:
        picture: (H, W) or (H, W, 3), uint8.
    """
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG", compress_level=6)
    return out.getvalue()


def _sized(scan: Scan) -> tuple[np.ndarray, float]:
    """Return a scan as RGB whose longer side is that of a report's pictures, and how much larger it became."""
    return unpainted(scan, SIDE_PX).copy(), SIDE_PX / max(scan.size_px)


def _draw_ruler(picture: np.ndarray, ruler: Ruler, scale: float, thick: int) -> None:
    x0, y0, x1, y1 = (round(v * scale) for v in ruler.ends_px)
    cv2.line(picture, (x0, y0), (x1, y1), _RULER, thick, cv2.LINE_AA)
    for x, y in ((x0, y0), (x1, y1)):
        cv2.drawMarker(picture, (x, y), _RULER, cv2.MARKER_TILTED_CROSS, 6 * thick, thick, cv2.LINE_AA)
    if ruler.length_mm is not None:
        told, right = f"{ruler.length_mm:.1f} mm", max((x0, y0), (x1, y1))
        x = min(right[0] + 5 * thick, picture.shape[1] - 55 * thick)
        for colour, width in (((0, 0, 0), 3 * thick), (_RULER, thick)):
            cv2.putText(
                picture, told, (x, right[1]), cv2.FONT_HERSHEY_SIMPLEX, 0.3 * thick, colour, width // 2, cv2.LINE_AA
            )


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    with files("medcls.exits").joinpath("fonts/sans.ttf").open("rb") as file:
        return ImageFont.truetype(io.BytesIO(file.read()), size)
