"""What a picture looks like before anybody asks what it shows: its brightness, colour and grain, as a few numbers.

A network taught to tell tumours apart need not notice that a picture is no scan of its kind; these numbers do.
"""

import cv2
import numpy as np

# Grain is measured at this many scales, each half as fine as the one before.
SCALES = 4
_FAINTEST = 1e-3  # of the display range: what is fainter counts as smooth


def appearance(pixels: np.ndarray) -> np.ndarray:
    """Describe a picture by its brightness, colour and grain.

    Args:
        pixels: (S, S, C) uint8, C 1 or 3, as `medcls.imaging.prepare.place` gives it; S at least 16.

    Returns:
        Mean and standard deviation of luma, and with three channels of both chroma (ITU-R BT.601), as shares of the
        display range; then the natural logarithm of the mean detail at `SCALES` scales. (6,) or (10,) float64.

    Example:
        >>> appearance(np.full((32, 32, 1), 51, np.uint8)).round(1).tolist()  # a fifth bright, without spread or grain
        [0.2, 0.0, -6.9, -6.9, -6.9, -6.9]
    """
    planes = cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb) if pixels.shape[2] == 3 else pixels
    mean, deviation = cv2.meanStdDev(planes)
    level, grain = np.ascontiguousarray(planes[..., 0]), []
    for _ in range(SCALES):
        smooth = cv2.blur(level, (3, 3))
        grain.append(np.log(cv2.mean(cv2.absdiff(level, smooth))[0] / 255 + _FAINTEST))
        level = cv2.resize(smooth, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.concatenate([mean[:, 0] / 255, deviation[:, 0] / 255, grain])
