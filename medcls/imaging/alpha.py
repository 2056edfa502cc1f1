"""Transparency: laid on black, unless nothing of the picture would be left."""

import numpy as np
from PIL import Image

from medcls.core.note import Note

# Below this share of full opacity everywhere nothing can be seen: a program that does not know alpha wrote it.
_NOTHING_LEFT = 0.04


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
    alpha = full.getchannel("A")
    plain = full.convert("L" if grey else "RGB")
    least, most = np.asarray(alpha).min(), np.asarray(alpha).max()
    if least == 255:
        return plain
    if most < 255 * _NOTHING_LEFT:
        notes.append(Note("imaging.alpha-empty"))
        return plain
    notes.append(Note("imaging.alpha-on-black"))
    black = Image.new(plain.mode, plain.size)
    black.paste(plain, mask=alpha)
    return black


def lay_on_black(colours: np.ndarray, alpha: np.ndarray, premultiplied: bool, notes: list[Note]) -> np.ndarray:
    """Lay display values on black by their opacity.

    Args:
        colours: (H, W) or (H, W, 3), float32 in [0, 1].
        alpha: (H, W), float32 in [0, 1].
        premultiplied: True where that was done before the file was written.
        notes: Told what was done.

    Returns:
        Same shape, float32.
    """
    if alpha.min(initial=1) >= 1:
        return colours
    if alpha.max(initial=0) < _NOTHING_LEFT:
        notes.append(Note("imaging.alpha-empty"))
        return colours
    notes.append(Note("imaging.alpha-on-black"))
    return colours if premultiplied else colours * (alpha if colours.ndim == 2 else alpha[..., None])
