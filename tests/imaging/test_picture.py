"""Pictures for a screen hold each pixel as it is, and nothing beside."""

import io

import numpy as np
import pytest
from PIL import Image

from medcls.imaging.picture import to_png, to_screen


@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 2), (40, 60, 3), (1, 1), (1, 3, 3)])
def test_a_png_holds_the_pixels_and_no_text(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(len(shape)).integers(0, 256, shape, np.uint8)
    image = Image.open(io.BytesIO(to_png(pixels)))
    np.testing.assert_array_equal(np.asarray(image), pixels)
    assert image.mode == {2: "L", 3: {2: "LA", 3: "RGB"}.get(shape[-1])}[len(shape)]
    assert not image.info


def test_a_small_scan_comes_to_the_screen_as_it_is_and_a_large_one_as_a_jpeg() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    data, kind = to_screen(pixels, 1600)
    assert kind == "image/png"
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)
    data, kind = to_screen(np.zeros((800, 900), np.float32), 1600)
    assert kind == "image/jpeg"
    assert Image.open(io.BytesIO(data)).size == (900, 800)
