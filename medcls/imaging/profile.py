"""Embedded colour profiles: colours become those of sRGB, which is what screens and networks take them for."""

import io

import numpy as np
from PIL import Image, ImageCms

from medcls.core.note import Note
from medcls.imaging.decoded import blocks

MOST_BYTES = 8_000_000


def to_srgb_by_rows(pixels: np.ndarray, profile: bytes, notes: list[Note]) -> np.ndarray:
    """Apply a colour profile as `to_srgb` does, some rows at a time: a large picture needs no further copies.

    Args:
        pixels: (H, W) or (H, W, 3), uint8.
        profile: An ICC profile; empty for none.
        notes: Told what was done.

    Returns:
        (H, W) or (H, W, 3), uint8; the same array where nothing is to be done.
    """
    if not profile:
        return pixels
    out, said = pixels, list[Note]()
    for n, block in enumerate(blocks(pixels)):
        said = []
        shown = np.asarray(to_srgb(Image.fromarray(block), profile, said))
        if n == 0:
            if not said or said[0].code != "imaging.profile-converted":
                break
            out, top = np.empty((*pixels.shape[:2], *shown.shape[2:]), np.uint8), 0
        out[top : top + len(shown)] = shown
        top += len(shown)
    notes += said
    return out


def to_srgb(image: Image.Image, profile: bytes, notes: list[Note]) -> Image.Image:
    """Apply a colour profile; one that does not fit is left out, and that is said.

    Args:
        image: Mode L, RGB or CMYK.
        profile: An ICC profile; empty for none.
        notes: Told what was done.

    Returns:
        A picture of mode L or RGB.
    """
    plain = image if image.mode in ("L", "RGB") else image.convert("RGB")
    if not profile:
        return plain
    try:
        found = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in (found.profile.profile_description or "").lower():
            return plain
        converted = ImageCms.profileToProfile(image, found, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        notes.append(Note("imaging.profile-left-out"))
        return plain
    notes.append(Note("imaging.profile-converted"))
    return converted or plain
