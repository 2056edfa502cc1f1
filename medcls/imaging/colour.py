"""Whether a scan is in colour: the plainest sign that it is not the kind of picture a network was taught."""

import math

import cv2
import numpy as np

from medcls.core.note import Note
from medcls.core.scan import Scan

IN_COLOUR, IN_GREY = ("histology", "dermoscopy"), ("ultrasound", "radiograph")
_MOSTLY = 0.5  # a picture in colour has more coloured pixels than this
_COLOURED = 0.1  # spread of red, green and blue from which a pixel is coloured
_STRONG = 0.3  # the same, from which it is more than a tint
_DARK = 0.1  # brightness up to which a pixel shows no tint
# Doppler lays areas of strong colour over the tissue; letters and calipers are thin, logos and scales at the border.
_FLOW = 0.005  # share of the middle from which such areas count
_THICK, _THICK_PX = 1 / 36, 11  # the least that is no stroke: of the shorter side, and in pixels with what JPEG smears
_SAMPLED_PX = 128
_FINE_PX, _COARSE_PX = 32, 8  # two sizes at which a scan in colour is looked at
_STAINED = -0.185  # from which it is rather stained tissue than skin
_TINTED = 0.004  # mean spread of red, green and blue from which a grey scan counts as tinted


def colour_share(scan: Scan) -> float:
    """Return the share of coloured pixels, 0 to 1, from a grid of about 128 along the shorter side."""
    if scan.pixels.ndim == 2:
        return 0.0
    step = max(1, min(scan.size_px) // _SAMPLED_PX)
    some = scan.pixels[::step, ::step]
    return float((some.max(2) - some.min(2) > _COLOURED).mean())


def flow_share(scan: Scan) -> float:
    """Return the share of the middle of a scan, 0 to 1, that lies under areas of strong colour, as Doppler draws them.

    A tint of the whole scan is no such colour, however strong.
    """
    if scan.pixels.ndim == 2:
        return 0.0
    step = max(1, min(scan.size_px) // _SAMPLED_PX)
    some = scan.pixels[::step, ::step]
    light = some.mean(2)
    lit = light > _DARK
    tint = np.median(some[lit] / light[lit, None], 0) if lit.any() else np.ones(3)
    own = some - light[..., None] * tint
    strong = (own.max(2) - own.min(2) > _STRONG).astype(np.uint8)
    thick = min(math.ceil(max(_THICK_PX, _THICK * min(scan.size_px)) / step), max(3, min(strong.shape) // 8))
    areas = cv2.morphologyEx(strong, cv2.MORPH_OPEN, np.ones((thick, thick), np.uint8))
    top, left = areas.shape[0] // 6, areas.shape[1] // 6
    return float(areas[top : areas.shape[0] - top, left : areas.shape[1] - left].mean())


def kind_in_colour(scan: Scan) -> str:
    """Return which kind of picture in colour a scan looks like, a name of `IN_COLOUR`; empty for a grey one.

    Stained tissue is pink to purple and uneven all over; skin is rather brown, and its lesion is what is uneven. A
    guess, good for an order, not for a refusal: on 400 scans each it was right on 0.94 of IDC, 0.96 of BreakHis, 0.84
    of HAM10000 and 0.98 of ISIC 2017.
    """
    if scan.pixels.ndim == 2:
        return ""
    fine = cv2.resize(scan.pixels, (_FINE_PX, _FINE_PX), interpolation=cv2.INTER_AREA)
    red, green, blue = fine.reshape(-1, 3).mean(0)
    coarse = cv2.resize(fine[..., 1], (_COARSE_PX, _COARSE_PX), interpolation=cv2.INTER_AREA)
    large = coarse.std() / (fine[..., 1].std() + 1e-3)  # how much of what is uneven is as large as a lesion
    purple = blue - green + (blue - red) / 4
    return "histology" if purple - large / 4 > _STAINED else "dermoscopy"


def is_tinted(scan: Scan) -> bool:
    """Return whether a scan that should be grey carries a tint, coloured letters or a logo."""
    if scan.pixels.ndim == 2:
        return False
    step = max(1, min(scan.size_px) // _SAMPLED_PX)
    some = scan.pixels[::step, ::step]
    return float((some.max(2) - some.min(2)).mean()) > _TINTED


def other_kind(scan: Scan, modality: str, channels: int) -> Note | None:
    """Return why a scan cannot be what a network of a modality was taught, going by colour alone; None if it can.

    Args:
        scan: The scan.
        modality: Kind of picture the network was taught.
        channels: How many channels it sees; one that sees grey alone was taught grey pictures, whatever they show.

    Example:
        >>> import numpy as np
        >>> str(other_kind(Scan(np.zeros((8, 8), np.float32), "0" * 64), "histology", 3))
        'this scan is grey, and the network was taught histology in colour'
    """
    if modality in IN_COLOUR and channels == 3 and scan.pixels.ndim == 2:
        return Note("imaging.kind-grey", taught=modality)
    if modality in IN_GREY and colour_share(scan) > _MOSTLY:
        return Note("imaging.kind-colour", taught=modality)
    if modality in IN_GREY and flow_share(scan) > _FLOW:
        return Note("imaging.kind-flow", taught=modality)
    return None
