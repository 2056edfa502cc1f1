"""How large a scan may be, found out from its header before anything is decoded."""

import os
from dataclasses import dataclass

from medcls.errors import MedclsError, TooLarge

_MOST_BYTES = 450_000_000


@dataclass(frozen=True)
class Limits:
    """What one file may cost.

    Args:
        max_pixels: Most pixels (height times width) of one decoded frame.
        max_bytes: Most bytes of one file; a deflated DICOM file may inflate to twice this.

    Raises:
        MedclsError: If a limit is below 1.
    """

    max_pixels: int = 25_000_000
    max_bytes: int = 50_000_000

    def __post_init__(self) -> None:
        for value in (self.max_pixels, self.max_bytes):
            if value < 1:
                raise MedclsError("imaging.wrong-limit", value=value)

    @classmethod
    def from_env(cls) -> "Limits":
        """Return the limits, with `MEDCLS_MAX_PIXELS` and `MEDCLS_MAX_BYTES` in place of the defaults where set.

        Raises:
            MedclsError: If a variable is not a whole number of at least 1.
        """
        return cls(_number("MEDCLS_MAX_PIXELS", cls.max_pixels), _number("MEDCLS_MAX_BYTES", cls.max_bytes))

    def check_bytes(self, n_bytes: int) -> None:
        """Refuse a file that is too long.

        Raises:
            TooLarge: If `n_bytes` is above `max_bytes`.
        """
        if n_bytes > self.max_bytes:
            raise TooLarge("imaging.file-too-large", mb=n_bytes / 1e6, most_mb=self.max_bytes / 1e6)

    def check_pixels(self, height: int, width: int) -> None:
        """Refuse a picture that would be too large once decoded.

        Raises:
            TooLarge: If `height` times `width` is above `max_pixels`.
        """
        if height * width > self.max_pixels:
            raise TooLarge("imaging.too-many-pixels", width=width, height=height, most=self.max_pixels / 1e6)


def check_memory(height: int, width: int, stored: int, colours: int) -> None:
    """Refuse a picture whose decoded and shown values together take more than a file may.

    Args:
        height: Rows.
        width: Columns.
        stored: Bytes of a pixel as decoded.
        colours: Colours of a pixel as shown, four bytes each.

    Raises:
        TooLarge: If they take more than 450 MB: what one file may cost (500 MB), less the file and what decoding needs.
    """
    n = height * width * (stored + 4 * colours)
    if n > _MOST_BYTES:
        raise TooLarge("imaging.too-many-bytes", n=n, most=_MOST_BYTES)


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal() or len(text) > 15:
        raise MedclsError("imaging.wrong-setting", name=name, value=text[:40])
    return int(text)
