"""Pictures that a program made from scans: written so that no file of them is ever taken for a scan again.

Every such file bears a mark in its text, by which `read_scan` refuses it; sheets that people look at bear it on the
picture itself as well.
"""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from medcls.core.made import MADE_MARK

_GAP_PX, _LEAST_PX, _STRIP = 4, 128, 22


def to_made_png(pixels: np.ndarray) -> bytes:
    """Return a made picture as a PNG that bears the mark.

    Args:
        pixels: (S, S) or (S, S, C) uint8, C 1 or 3.
    """
    flat = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    return _marked(Image.fromarray(np.ascontiguousarray(flat)))


def read_made_png(content: bytes) -> np.ndarray:
    """Return the pixels of a made picture that `to_made_png` wrote, (S, S) or (S, S, 3) uint8.

    Raises:
        OSError: If it is damaged.
    """
    with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
        return np.asarray(image)


def draw_sheet(samples: np.ndarray, titles: tuple[str, ...]) -> bytes:
    """Return a sheet of samples as a PNG: a row for each scan, its made pictures beside it with the mark drawn above.

    Args:
        samples: (R, K, S, S, C) uint8: of each row first a scan, then pictures made from it.
        titles: K headings of the columns.
    """
    rows, columns, side = samples.shape[:3]
    zoom = -(-_LEAST_PX // side)
    cell = side * zoom + _GAP_PX
    sheet = Image.new("RGB", (columns * cell, rows * cell + 2 * _STRIP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for k, title in enumerate(titles):
        pen.text((k * cell + 2, 2), title, "black", font)
    pen.rectangle((cell, _STRIP, columns * cell, 2 * _STRIP - 2), "#b00020")
    pen.text((cell + 4, _STRIP + 3), MADE_MARK, "white", font)
    for r in range(rows):
        for k in range(columns):
            pixels = np.broadcast_to(samples[r, k], (side, side, 3)).repeat(zoom, 0).repeat(zoom, 1)
            sheet.paste(Image.fromarray(np.ascontiguousarray(pixels)), (k * cell, r * cell + 2 * _STRIP))
    return _marked(sheet)


def _marked(image: Image.Image) -> bytes:
    text, out = PngImagePlugin.PngInfo(), io.BytesIO()
    text.add_text("medcls", MADE_MARK)
    image.save(out, "PNG", pnginfo=text, compress_level=4)
    return out.getvalue()
