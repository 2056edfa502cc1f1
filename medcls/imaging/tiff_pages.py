"""Which page of a TIFF is its picture, and pages that are the channels of one."""

import re
from collections.abc import Sequence

from medcls.errors import BadScan
from medcls.imaging import tiff_tags as t
from medcls.imaging.tiff_tags import Page

# A page that is a smaller copy of another, or marks its transparent parts.
_NOT_THE_PICTURE = 0b101
_TEXT_BYTES, _LOOKED_AT, _ALIKE = 4096, 20, 0.05
_CHANNELS = re.compile(rb"\bchannels=(\d{1,6})\s|\bSizeC=[\"'](\d{1,6})[\"']")


def the_picture(pages: Sequence[Page]) -> int:
    """Return which page is read if nobody says: the first that is neither said to be a smaller copy nor plainly one.

    Args:
        pages: All pages, at least one. A page is plainly a smaller copy if another of its shape has twice its sides.
    """
    shown = [i for i, page in enumerate(pages) if not page.number(t.SUBFILE) & _NOT_THE_PICTURE]
    if not shown:
        return 0
    first = shown[0]
    larger = [i for i in shown[:_LOOKED_AT] if _enlarges(pages[i], pages[first])]
    return max(larger, key=lambda i: pages[i].number(t.WIDTH), default=first)


def _enlarges(page: Page, other: Page) -> bool:
    (wide, high), (wide_, high_) = ((p.number(t.WIDTH), p.number(t.HEIGHT)) for p in (page, other))
    if min(wide, high, wide_, high_) < 1:
        return False
    across, down = wide / wide_, high / high_
    return min(across, down) >= 2 and abs(across / down - 1) <= _ALIKE


def refuse_channels(pages: Sequence[Page]) -> None:
    """Refuse a file of ImageJ or OME whose pages are the channels of one picture: one channel is not the picture.

    Raises:
        BadScan: If it is one.
    """
    found = _CHANNELS.search(pages[0].raw(t.DESCRIPTION, _TEXT_BYTES))
    n = int(found[1] or found[2]) if found else 1
    if n > 1 and len(pages) > 1 and pages[0].number(t.SAMPLES, 1) == 1:
        raise BadScan("imaging.tiff-channels", n=n, wanted=1)
