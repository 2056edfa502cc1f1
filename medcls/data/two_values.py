"""Whether a picture is a mask by its content: two values, but for what smoothing or JPEG made of its edges."""

from pathlib import Path

import numpy as np
from PIL import Image

_MOST_PX, _SIDE_PX, _NEAR, _NEARLY_ALL = 25_000_000, 512, 0.1, 0.97


def has_two_values(path: Path) -> bool:
    """Return whether nearly all pixels of a picture are near its darkest or near its lightest value.

    Args:
        path: A picture of a kind that Pillow reads. One that is of a single value, damaged or too large is none.

    Example:
        >>> has_two_values(Path("no such file"))
        False
    """
    try:
        with Image.open(path) as image:
            if image.width * image.height > _MOST_PX:
                return False
            step = max(1, max(image.size) // _SIDE_PX)
            deep = image.mode.startswith(("I", "F"))
            grey = np.asarray(image if deep else image.convert("L"))[::step, ::step].astype(float)
    except Exception:  # noqa: BLE001  what cannot be read is set aside, with its reason, when it is brought in
        return False
    low, high = float(grey.min()), float(grey.max())
    near = _NEAR * (high - low)
    return bool(high > low and ((grey <= low + near) | (grey >= high - near)).mean() >= _NEARLY_ALL)
