"""Colour as another stain, lamp or camera gives it. Grey pictures come back as they are.

Every function takes `picture`, (H, W) or (H, W, 3) float32 in [0, 1], `strength` in (0, 1] and a generator `rng`.
"""

import cv2
import numpy as np

Picture = np.ndarray
# Optical densities of haematoxylin, eosin and DAB in red, green and blue, rows of length 1.
_STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]], np.float32)
_STAINS /= np.linalg.norm(_STAINS, axis=1, keepdims=True)
_UNMIX = np.linalg.inv(_STAINS).astype(np.float32)


def stain(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Make each stain stronger or weaker by up to 40 %, and shift it a little.

    References:
        Ruifrok and Johnston, Quantification of histochemical staining by color deconvolution, 2001; Tellez et al.,
        Quantifying the effects of data augmentation and stain color normalization, Med. Image Anal. 2019.
    """
    if picture.ndim == 2:
        return picture.copy()
    amounts = -np.log(np.clip(picture, 1 / 255, 1)) @ _UNMIX
    factor = (1 + strength * rng.uniform(-0.4, 0.4, 3)).astype(np.float32)
    moved = amounts * factor + (strength * rng.uniform(-0.04, 0.04, 3)).astype(np.float32)
    return np.clip(np.exp(-moved @ _STAINS), 0, 1).astype(np.float32)


def white_balance(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Multiply red, green and blue by up to 1.3 each way, brightness kept."""
    if picture.ndim == 2:
        return picture.copy()
    factor = 1.3 ** (strength * rng.uniform(-1, 1, 3))
    return np.clip(picture * (factor / np.exp(np.log(factor).mean())).astype(np.float32), 0, 1).astype(np.float32)


def saturation(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Make colours paler or stronger by up to 50 %."""
    if picture.ndim == 2:
        return picture.copy()
    luma = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)[..., None]
    factor = np.float32(1 + 0.5 * strength * rng.choice([-1.0, 1.0]))
    return np.clip(luma + (picture - luma) * factor, 0, 1).astype(np.float32)


def tint(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Tint a grey scale, as a device's colour map does: sepia or blue, by up to 0.06; a grey picture becomes colour."""
    colour = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    shift = np.array([1, 0.2, -1], np.float32) * np.float32(0.06 * strength * rng.choice([-1.0, 1.0]))
    return np.clip(colour + shift * colour, 0, 1).astype(np.float32)
