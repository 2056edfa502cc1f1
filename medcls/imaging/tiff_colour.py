"""What the samples of a TIFF mean: they become display values, grey or RGB."""

import numpy as np
from PIL import Image, ImageCms

from medcls.core.note import Note
from medcls.errors import BadScan
from medcls.imaging import tiff_layout as layouts
from medcls.imaging import tiff_tags as t
from medcls.imaging.alpha import lay_on_black
from medcls.imaging.decoded import blocks, scale
from medcls.imaging.deep import show_real, show_unsigned, usual_bits
from medcls.imaging.picture import to_bytes8
from medcls.imaging.profile import MOST_BYTES, to_srgb
from medcls.imaging.tiff_layout import Layout
from medcls.imaging.tiff_tags import Page
from medcls.imaging.upright import turn


def show_samples(values: np.ndarray, layout: Layout, page: Page, notes: list[Note]) -> np.ndarray:
    """Turn the samples of a page into display values, upright.

    Args:
        values: (H, W), (H, W, S), or (S, H, W) where the colours are stored in planes; dtype as the file has it.
        layout: Of the page.
        page: Its tags.
        notes: Told what was done.

    Returns:
        (H, W) or (H, W, 3): uint8, or float32 in [0, 1].

    Raises:
        BadScan: If the samples are not as many as the tags say, or a palette is missing.
    """
    values = turn(_arranged(values, layout), page.number(t.ORIENTATION, 1))
    colours, extra = values[..., : layout.colours], values[..., layout.colours :]
    pixels = _colours(colours, layout, page, notes)
    if layout.photometric != layouts.INKS and (profile := page.raw(t.PROFILE, MOST_BYTES)):
        pixels = np.asarray(to_srgb(Image.fromarray(to_bytes8(pixels)), profile, notes))
    if not extra.size:
        return pixels
    kind = (*layout.extra, 0)[0]
    if kind not in (layouts.ALPHA, layouts.ALPHA_PREMULTIPLIED):
        notes.append(Note("imaging.extra-channel"))
        return pixels
    shown = np.divide(pixels, 255, dtype=np.float32) if pixels.dtype == np.uint8 else pixels
    alpha = extra[..., 0]
    return lay_on_black(shown, alpha, _full_alpha(alpha, layout), kind == layouts.ALPHA_PREMULTIPLIED, notes)


def _arranged(values: np.ndarray, layout: Layout) -> np.ndarray:
    """Return samples as (H, W, S)."""
    shape = (layout.height, layout.width, layout.samples)
    if layout.planes and values.shape == (layout.samples, layout.height, layout.width):
        values = np.moveaxis(values, 0, -1)
    if values.dtype == bool:
        values = values.view(np.uint8)
    if values.size != np.prod(shape) or values.shape[:2] != shape[:2]:
        raise BadScan("imaging.damaged")
    return values.reshape(shape)


def _colours(values: np.ndarray, layout: Layout, page: Page, notes: list[Note]) -> np.ndarray:
    if layout.photometric == layouts.PALETTE:
        return _looked_up(values[..., 0], layout, page)
    if layout.photometric == layouts.INKS:
        inks = Image.fromarray(_inks(values, layout, notes), "CMYK")
        notes.append(Note("imaging.inks"))
        return np.asarray(to_srgb(inks, page.raw(t.PROFILE, MOST_BYTES), notes))
    if layout.photometric == layouts.YCBCR and layout.compression != layouts.JPEG:
        return _from_ycbcr(values, layout, page, notes)
    if layout.photometric in (layouts.LAB, layouts.ICC_LAB):
        return _from_lab(values, layout, notes)
    inverted = layout.photometric == layouts.WHITE_IS_ZERO
    shown = _linear(values[..., 0] if layout.colours == 1 else values, layout, inverted, notes)
    if inverted and layout.bits > 8:
        notes.append(Note("imaging.white-is-zero"))
    return shown


def _inks(values: np.ndarray, layout: Layout, notes: list[Note]) -> np.ndarray:
    """Return inks in eight bits, (H, W, 4) uint8; those of sixteen bits are large and go by blocks."""
    if layout.format != layouts.UNSIGNED or layout.bits != 16:
        return to_bytes8(_linear(values, layout, False, notes))
    bits = usual_bits(int(values.max(initial=0)))
    notes.append(Note("imaging.deep-colour", high=int(values.max(initial=0)), bits=bits, end=2**bits - 1))
    eight = to_bytes8(scale(np.arange(2**bits), 0, 2**bits - 1)[None]).reshape(-1)
    out = np.empty(values.shape, np.uint8)
    for source, target in zip(blocks(values), blocks(out), strict=True):
        target[...] = eight[source]
    return out


def _linear(values: np.ndarray, layout: Layout, inverted: bool, notes: list[Note]) -> np.ndarray:
    """Scale samples to black and white: whole numbers by their depth, all others by their range."""
    if layout.format != layouts.UNSIGNED or layout.bits > 16:
        return show_real(values, inverted, notes)
    if layout.bits == 16:
        return show_unsigned(values, inverted, notes)
    if layout.bits == 8:
        return 255 - values if inverted else values
    most = 2**layout.bits - 1
    if layout.bits > 8:
        notes.append(Note("imaging.bits-each", bits=layout.bits))
    shown = scale(values, 0, most)
    return np.subtract(1, shown, out=shown) if inverted else shown


def _full_alpha(alpha: np.ndarray, layout: Layout) -> float:
    """Return the alpha that hides nothing: of 16 bits, by the smallest usual depth that holds all."""
    if layout.format == layouts.REAL:
        return 1.0
    if layout.format == layouts.SIGNED:
        return 2.0 ** (layout.bits - 1) - 1
    return 2.0 ** (usual_bits(int(alpha.max(initial=0))) if layout.bits == 16 else layout.bits) - 1


def _looked_up(index: np.ndarray, layout: Layout, page: Page) -> np.ndarray:
    """Look colours up; a palette that stays below 256 was written in 8 bits, as some programs do."""
    table = page.values(t.COLOUR_MAP).astype(np.uint16)
    if len(table) < 3 * 2**layout.bits:
        raise BadScan("imaging.palette-missing")
    entries = table[: 3 * 2**layout.bits].reshape(3, -1).T
    eight = (entries if entries.max(initial=0) < 256 else entries >> 8).astype(np.uint8)
    return eight[index]


def _from_ycbcr(values: np.ndarray, layout: Layout, page: Page, notes: list[Note]) -> np.ndarray:
    """Turn YCbCr into RGB (TIFF 6.0, section 21)."""
    most = 2**layout.bits - 1
    ends = page.values(t.BLACK_WHITE).astype(np.float64)
    if len(ends) < 6 or not np.isfinite(ends).all() or (ends[1::2] <= ends[::2])[:3].any():
        middle = (most + 1) / 2
        ends = np.array([0, most, middle, most, middle, most])
    weights = page.values(t.YCBCR_COEFFICIENTS).astype(np.float64)
    red, green, blue = weights[:3] if len(weights) >= 3 and (weights[:3] > 0).all() else (0.299, 0.587, 0.114)
    notes.append(Note("imaging.from-ycbcr"))
    out = np.empty(values.shape, np.float32)
    for source, target in zip(blocks(values), blocks(out), strict=True):
        coded = source.astype(np.float64)
        y = (coded[..., 0] - ends[0]) / (ends[1] - ends[0])
        cb, cr = ((coded[..., i] - ends[2 * i]) / (ends[2 * i + 1] - ends[2 * i]) * 127 / 255 for i in (1, 2))
        r, b = y + cr * (2 - 2 * red), y + cb * (2 - 2 * blue)
        g = (y - blue * b - red * r) / green
        np.clip(np.stack([r, g, b], -1), 0, 1, out=target)
    return out


def _from_lab(values: np.ndarray, layout: Layout, notes: list[Note]) -> np.ndarray:
    """Turn CIE L*a*b* into sRGB by way of eight bits, as lcms takes them: a and b with 128 as their middle."""
    if layout.colours == 1:
        return values[..., 0] if layout.bits == 8 else scale(values[..., 0], 0, 2**layout.bits - 1)
    to_rgb = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
    out = np.empty(values.shape, np.uint8)
    for source, target in zip(blocks(values), blocks(out), strict=True):
        lab = _lab_in_8_bits(source, layout) ^ np.array([0, 128, 128], np.uint8)
        image = Image.frombytes("LAB", (source.shape[1], source.shape[0]), np.ascontiguousarray(lab))
        target[...] = np.asarray(ImageCms.applyTransform(image, to_rgb))
    notes.append(Note("imaging.from-lab"))
    return out


def _lab_in_8_bits(values: np.ndarray, layout: Layout) -> np.ndarray:
    """Return lightness, a and b as lcms takes them: (H, W, 3) uint8, a and b with 128 as their middle."""
    if layout.bits == 16:
        lightness = np.rint(values[..., :1].view(np.uint16) / 257)
        others = np.rint(values[..., 1:].view(np.int16 if layout.photometric == layouts.LAB else np.uint16) / 256)
    else:
        lightness = values[..., :1].view(np.uint8).astype(np.float64)
        others = values[..., 1:].view(np.int8 if layout.photometric == layouts.LAB else np.uint8).astype(np.float64)
    if layout.photometric == layouts.LAB:
        others = others + 128
    return np.clip(np.concatenate([lightness, others], -1), 0, 255).astype(np.uint8)
