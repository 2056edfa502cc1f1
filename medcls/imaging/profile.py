"""Embedded colour profiles: colours become those of sRGB, which is what screens and networks take them for."""

import io

from PIL import Image, ImageCms

from medcls.core.note import Note

MOST_BYTES = 8_000_000


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
