"""Transparency: laid on black, unless nothing of the picture would be left."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from medcls.core.note import Note
from medcls.imaging.decoded import blocks

# Where less than this share of full opacity is nothing can be seen; where hardly a pixel can be seen nothing of the
# picture is left: a program that does not know alpha wrote it.
_NOTHING_LEFT, _HARDLY_ANY, _BLOCK_PX = 0.04, 0.002, 1 << 20
_SEEN = 11  # of 255: the first at or above that share


def without_alpha(image: Image.Image, notes: list[Note]) -> Image.Image:
    """Return a picture of mode L, RGB or CMYK: palettes looked up, transparency laid on black.

    Args:
        image: Any mode of eight bits a channel.
        notes: Told what was done.
    """
    see_through = "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa")
    if see_through:
        return _on_black(image, notes)
    if image.mode == "1":
        return image.convert("L")
    if image.mode == "CMYK":
        notes.append(Note("imaging.inks"))
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _on_black(image: Image.Image, notes: list[Note]) -> Image.Image:
    grey = image.mode in ("L", "1", "LA", "La")
    full = image.convert("LA" if grey else "RGBA")
    if full.getchannel("A").getextrema()[0] == 255:
        return full.convert("L" if grey else "RGB")
    seen = sum(full.getchannel("A").histogram()[_SEEN:])
    if seen < _HARDLY_ANY * full.width * full.height:
        notes.append(Note("imaging.alpha-empty"))
        return full.convert("L" if grey else "RGB")
    notes.append(Note("imaging.alpha-on-black"))
    black = Image.new("L" if grey else "RGB", full.size)
    rows = max(1, _BLOCK_PX // full.width)
    for top in range(0, full.height, rows):
        strip = full.crop((0, top, full.width, min(top + rows, full.height)))
        black.paste(strip.convert(black.mode), (0, top), strip.getchannel("A"))
    return black


def lay_on_black(
    colours: np.ndarray, alpha: np.ndarray, most: float, premultiplied: bool, notes: list[Note]
) -> np.ndarray:
    """Lay display values on black by their opacity, in their own place.

    Args:
        colours: (H, W) or (H, W, 3), float32 in [0, 1].
        alpha: (H, W), any real dtype; NaN is transparent.
        most: The alpha that hides nothing.
        premultiplied: True where that was done before the file was written.
        notes: Told what was done.

    Returns:
        `colours`.
    """
    if alpha.min(initial=most) >= most:
        return colours
    seen = sum(int(np.count_nonzero(block >= _NOTHING_LEFT * most)) for block in blocks(alpha))
    if seen < _HARDLY_ANY * alpha.size:
        notes.append(Note("imaging.alpha-empty"))
        return colours
    notes.append(Note("imaging.alpha-on-black"))
    if premultiplied:
        return colours
    for target, source in zip(blocks(colours), _like(alpha, colours), strict=True):
        opacity = np.clip(np.nan_to_num(source.astype(np.float32) / np.float32(most)), 0, 1)
        target *= opacity if colours.ndim == 2 else opacity[..., None]
    return colours


def _like(alpha: np.ndarray, colours: np.ndarray) -> Iterator[np.ndarray]:
    """Return the rows of an alpha that go with the blocks of its colours."""
    top = 0
    for block in blocks(colours):
        yield alpha[top : top + len(block)]
        top += len(block)
