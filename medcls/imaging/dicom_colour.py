"""Three DICOM samples a pixel as red, green and blue: told by the coded stream, then the header, then their look."""

import numpy as np
from PIL import Image

from medcls.core.note import Note
from medcls.imaging.codestream import Stream
from medcls.imaging.decoded import blocks, is_grey, scale

_USUAL_BITS = (8, 10, 12, 14, 16)
_WORDS = {"rgb": "RGB", "ybr": "YCbCr", "partial": "YCbCr"}
_SAMPLED_PX = 512
# Colour differences lie flat beside the luminance; red, green and blue rise and fall together.
_FLAT, _ALIKE, _TOGETHER, _MIDDLE = 0.5, 0.6, 0.6, 0.2


def to_rgb(values: np.ndarray, bits: int, photometric: str, stream: Stream | None, notes: list[Note]) -> np.ndarray:
    """Turn three samples a pixel into red, green and blue.

    Args:
        values: (H, W, 3) whole numbers as stored or decoded.
        bits: How many bits of each count.
        photometric: What the header says they are; empty if it does not say.
        stream: What a compressed picture says of itself; None if it was stored plain.
        notes: What was done, and where header and stream contradict each other.

    Returns:
        (H, W, 3), uint8 or float32 in [0, 1].

    References:
        DICOM PS3.3 C.7.6.3.1.2; ITU-T T.871 for what a JPEG says.
    """
    space, why = _space(values, bits, photometric, stream)
    if why:
        notes.append(why)
    if space == "rgb":
        return _shown(values, bits, notes)
    notes.append(Note("imaging.dicom-ybr"))
    return _from_ybr(values, bits, partial=space == "partial")


def _space(values: np.ndarray, bits: int, photometric: str, stream: Stream | None) -> tuple[str, Note | None]:
    """Return `rgb`, `ybr` or `partial`, and a note if that is not what the header says."""
    stated = _stated(photometric)
    if stream is None or stream.codec in ("jpegls", "rle"):
        if photometric:
            return stated, None
        space = "ybr" if _look(values, bits) == "ybr" else "rgb"
        return space, Note("imaging.dicom-no-photometric", taken=_WORDS[space])
    space = _coded_space(values, bits, photometric, stream)
    if space == "ybr" and stated == "partial":
        space = "ybr" if stream.codec == "jpeg" else "partial"
    taken = _WORDS[space]
    if not photometric:
        return space, Note("imaging.dicom-no-photometric", taken=taken)
    if photometric in ("YBR_ICT", "YBR_RCT"):  # what a JPEG 2000 stream turns into RGB by itself
        agrees = stream.codec == "jpeg2000" and stream.colour == "rgb"
    else:
        agrees = (space == "rgb") == (stated == "rgb")
    return space, None if agrees else Note("imaging.dicom-colour-contradicts", stated=photometric, taken=taken)


def _stated(photometric: str) -> str:
    if photometric in ("", "RGB", "YBR_ICT", "YBR_RCT"):
        return "rgb"
    return "partial" if "PARTIAL" in photometric else "ybr"


def _coded_space(values: np.ndarray, bits: int, photometric: str, stream: Stream) -> str:
    """Return what decoded samples are: by the stream's word; where it says nothing, by their look, then by custom."""
    if stream.colour != "unsaid":
        return stream.colour
    if stream.codec == "jpeg2000" and photometric not in ("", "YBR_ICT", "YBR_RCT"):
        return "rgb" if photometric == "RGB" else "ybr"
    look = _look(values, bits)
    if look != "unsaid":
        return look
    if stream.codec == "jpeg" and not stream.lossless:
        return "ybr"  # as every decoder takes it
    return "ybr" if _stated(photometric) != "rgb" else "rgb"


def _look(values: np.ndarray, bits: int) -> str:
    """Judge three samples by how their planes change between pixels: `rgb`, `ybr`, or `unsaid` if that is not plain."""
    step = max(1, max(values.shape[:2]) // _SAMPLED_PX)
    some = values[::step].astype(np.float64) / (2**bits - 1)
    moves = np.diff(some, axis=1).reshape(-1, 3)
    energy = np.sqrt((moves**2).mean(0)) if len(moves) else np.zeros(3)
    if energy[0] == 0:
        return "unsaid"
    share = energy[1:] / energy[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        alike = np.nan_to_num((moves[:, :1] * moves[:, 1:]).mean(0) / (energy[0] * energy[1:]))
    if share.min() > _ALIKE and alike.min() > _TOGETHER:
        return "rgb"
    centred = np.abs(np.median(some.reshape(-1, 3)[:, 1:], axis=0) - 0.5) < _MIDDLE
    return "ybr" if share.max() < _FLAT and centred.all() else "unsaid"


def _shown(values: np.ndarray, bits: int, notes: list[Note]) -> np.ndarray:
    """Scale colours by the smallest usual depth that holds them, as deep grey is."""
    high = int(values.max(initial=0))
    used = next((b for b in _USUAL_BITS if b <= bits and high < 2**b), bits)
    if used < bits and bits > _USUAL_BITS[0]:
        notes.append(Note("imaging.dicom-depth-used", stated=bits, used=used, high=high))
        bits = used
    return values.astype(np.uint8) if bits == 8 else scale(values, 0, 2**bits - 1)


# Of the colour spaces that a header may name (DICOM PS3.3 C.11.15.1.2): linear values to those of sRGB, and the curve.
_TO_SRGB = {
    "ADOBERGB": ([[1.39836, -0.39836, 0.0], [0.0, 1.0, 0.0], [0.0, -0.04293, 1.04293]], 2.19921875),
    "ROMMRGB": ([[2.03432, -0.72764, -0.30668], [-0.22879, 1.23170, -0.00291], [-0.00856, -0.15327, 1.16183]], 1.8),
}


def to_srgb_from(space: str, shown: np.ndarray, notes: list[Note]) -> np.ndarray:
    """Turn display colours of the space that a header names, where the file has no profile, into those of sRGB.

    Args:
        space: `SRGB`, `ADOBERGB`, `ROMMRGB`; another, or none, changes nothing, and another is noted.
        shown: (H, W, 3), uint8 or float32 in [0, 1].
        notes: Told what was done.

    Returns:
        The same array, or (H, W, 3) float32 in [0, 1].
    """
    if space in ("", "SRGB"):
        return shown
    if space not in _TO_SRGB:
        notes.append(Note("imaging.dicom-space-unknown", space=space[:16]))
        return shown
    rows, gamma = _TO_SRGB[space]
    matrix = np.eye(3) if is_grey(shown) else np.array(rows)  # what is grey stays so to the last bit
    out = shown if shown.dtype == np.float32 and shown.flags.writeable else np.empty(shown.shape, np.float32)
    unit = 255 if shown.dtype == np.uint8 else 1
    for source, target in zip(blocks(shown), blocks(out), strict=True):
        linear = np.clip((source / unit) ** gamma @ matrix.T, 0, 1)
        target[...] = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    notes.append(Note("imaging.dicom-space-converted", space=space))
    return out


def _from_ybr(values: np.ndarray, bits: int, *, partial: bool) -> np.ndarray:
    """Turn luminance and two colour differences into red, green and blue (ITU-R BT.601)."""
    if bits == 8 and not partial:
        eight = np.ascontiguousarray(values.astype(np.uint8))
        return np.asarray(Image.frombytes("YCbCr", (values.shape[1], values.shape[0]), eight).convert("RGB"))
    out = np.empty(values.shape, np.float32)
    unit = 2.0 ** (bits - 8)
    for source, target in zip(blocks(values), blocks(out), strict=True):
        y, b, r = np.moveaxis(source.astype(np.float64), -1, 0) / unit
        y, b, r = (
            ((y - 16) * 255 / 219, (b - 128) * 255 / 224, (r - 128) * 255 / 224) if partial else (y, b - 128, r - 128)
        )
        rgb = (y + 1.402 * r, y - 0.344136 * b - 0.714136 * r, y + 1.772 * b)
        np.clip(np.stack(rgb, -1) / ((2**bits - 1) / unit), 0, 1, out=target)
    return out
