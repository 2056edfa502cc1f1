"""How another device, setting or archive would have given the same scan: light, grain, sharpness, coding, frame.

Every function takes `picture`, (H, W) or (H, W, 3) float32 in [0, 1], `strength` in (0, 1] and a generator `rng`, and
returns a changed copy in [0, 1]; none looks at what the picture shows.
"""

import cv2
import numpy as np

Picture = np.ndarray


def gain(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Make the picture brighter or darker by a factor of up to 1.5."""
    return _within(picture * np.float32(1.5 ** (strength * _sign(rng))))


def gamma(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Bend the tone curve, gamma 0.55 to 1.8."""
    return _within(picture ** np.float32(1.8 ** (strength * _sign(rng))))


def contrast(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Spread or press values around their mean, by up to 45 %."""
    middle = picture.mean()
    return _within((picture - middle) * np.float32(1 + 0.45 * strength * _sign(rng)) + middle)


def depth_gain(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Change gain with depth, as time gain compensation set otherwise would."""
    ends = 1.5 ** (strength * rng.uniform(-1, 1, 3))
    curve = np.interp(np.linspace(0, 2, picture.shape[0]), [0, 1, 2], ends).astype(np.float32)
    return _within(picture * curve.reshape(-1, *[1] * (picture.ndim - 1)))


def speckle(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Multiply by grain a little wider than a pixel, with a deviation of up to 0.2."""
    grain = cv2.GaussianBlur(rng.standard_normal(picture.shape[:2]).astype(np.float32), (0, 0), rng.uniform(0.6, 1.2))
    grain = grain * np.float32(0.2 * strength / max(float(grain.std()), 1e-6))
    return _within(picture * (1 + (grain if picture.ndim == 2 else grain[..., None])))


def noise(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Add the noise of a sensor, with a deviation of up to 0.05."""
    return _within(picture + np.float32(0.05 * strength) * rng.standard_normal(picture.shape).astype(np.float32))


def blur(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Blur with a Gaussian of up to 0.7 % of the shorter side (2.2 px of 320)."""
    return _within(cv2.GaussianBlur(picture, (0, 0), max(0.3, 0.007 * strength * min(picture.shape[:2]))))


def sharpen(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Stress edges, as a device's edge enhancement does."""
    soft = cv2.GaussianBlur(picture, (0, 0), max(0.5, 0.004 * min(picture.shape[:2])))
    return _within(picture + np.float32(1.2 * strength) * (picture - soft))


def resolution(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Take pixels off the picture, down to four in ten along each side."""
    share = 1 - 0.6 * strength
    height, width = (max(8, round(n * share)) for n in picture.shape[:2])
    return _within(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))


def jpeg(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Store the picture as JPEG, quality 65 to 12, and read it again."""
    eight = np.rint(picture * 255).astype(np.uint8)
    eight = eight[..., ::-1] if eight.ndim == 3 else eight
    _, coded = cv2.imencode(".jpg", np.ascontiguousarray(eight), [cv2.IMWRITE_JPEG_QUALITY, round(65 - 53 * strength)])
    back = np.asarray(cv2.imdecode(coded, cv2.IMREAD_UNCHANGED))
    return np.ascontiguousarray(back[..., ::-1] if back.ndim == 3 else back).astype(np.float32) / 255


def crop(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Cut off up to a fifth of each side, unevenly."""
    height, width = picture.shape[:2]
    top, left, bottom, right = (strength * rng.uniform(0, 0.2, 4) * (height, width, height, width)).astype(int)
    return np.ascontiguousarray(picture[top : height - bottom, left : width - right])


def aspect(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Stretch one side against the other by up to 1.4, as archives that squeeze to a square do."""
    factor = 1.4 ** (strength * _sign(rng))
    height, width = picture.shape[:2]
    size = (max(8, round(width * factor**0.5)), max(8, round(height / factor**0.5)))
    return _within(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR))


def linear_frame(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Put the picture on a larger dark screen, off its middle."""
    height, width = picture.shape[:2]
    top, bottom, left, right = (strength * rng.uniform(0, 0.25, 4) * (height, height, width, width)).astype(int)
    edges = [(top, bottom), (left, right), (0, 0)][: picture.ndim]
    return np.pad(picture, edges, constant_values=np.float32(rng.choice([0.0, 0.0, 0.06])))


def sector_frame(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Show only the fan that a curved probe would see."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    far = height * (0.4 + 2 * (1 - strength) + rng.uniform(0, 0.4))
    dx, dy = x - width / 2, y + far
    seen = (
        (np.hypot(dx, dy) >= far) & (np.hypot(dx, dy) <= far + height) & (np.abs(np.arctan2(dx, dy)) <= width / 2 / far)
    )
    return np.where(seen if picture.ndim == 2 else seen[..., None], picture, np.float32(0))


def vignette(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Darken towards the edges, by up to 60 % in the corners."""
    fall = np.clip(_radius(picture, rng.uniform(-0.1, 0.1, 2)) / 2**0.5, 0, 1) ** 2
    return _within(picture * (1 - 0.6 * strength * (fall if picture.ndim == 2 else fall[..., None])))


def dark_corners(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Show a round field with black around it, as a dermatoscope's tube does."""
    edge = 2**0.5 - (0.12 + 0.4 * strength) * rng.uniform(0.7, 1)
    cover = np.clip((_radius(picture, rng.uniform(-0.06, 0.06, 2)) - edge) * 20 + 0.5, 0, 1).astype(np.float32)
    return picture * (1 - (cover if picture.ndim == 2 else cover[..., None]))


def border(picture: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Add an even border of one grey, up to a tenth of each side."""
    top, bottom, left, right = (
        max(1, int(strength * 0.1 * n * rng.uniform(0.3, 1))) for n in np.repeat(picture.shape[:2], 2)
    )
    edges = [(top, bottom), (left, right), (0, 0)][: picture.ndim]
    return np.pad(picture, edges, constant_values=np.float32(rng.choice([0.0, 0.1, 0.5, 1.0])))


def _radius(picture: Picture, off: np.ndarray) -> np.ndarray:
    """Distance from a point near the middle; 1 at the middle of the edges."""
    height, width = picture.shape[:2]
    y, x = np.linspace(-1, 1, height)[:, None] - off[0], np.linspace(-1, 1, width)[None] - off[1]
    return np.hypot(y, x).astype(np.float32)


def _sign(rng: np.random.Generator) -> float:
    return float(rng.choice([-1.0, 1.0]))


def _within(picture: Picture) -> Picture:
    return np.clip(picture, 0, 1).astype(np.float32)
