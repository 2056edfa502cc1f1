"""Text on a picture is found wherever it stands; phantoms without any are left alone."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from medcls.imaging.burned_in import find_text
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom


def drawn(task: str, label: str, size: int, ink: tuple[int, int, int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A phantom with a name on it, and where the name is."""
    pixels = (read_scan(phantom(task, label, seed)).pixels * 255).astype(np.uint8)
    image = Image.fromarray(pixels).convert("RGB")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    at = (8, 20 + 37 * seed % (image.height - 2 * size - 20))
    pen.text(at, "KIM MINSU 1971", font=font, fill=ink)
    left, top, right, bottom = (int(v) for v in pen.textbbox(at, "KIM MINSU 1971", font=font))
    mask = np.zeros(pixels.shape[:2], bool)
    mask[top:bottom, left : min(right, image.width)] = True
    return np.asarray(image), mask


@pytest.mark.parametrize("ink", [(255, 255, 255), (255, 255, 0), (0, 255, 0)], ids=["white", "yellow", "green"])
@pytest.mark.parametrize("size", [10, 16, 24, 36])
@pytest.mark.parametrize(("task", "label"), [("breast-ultrasound", "malignant"), ("skin-melanoma", "melanoma")])
def test_text_is_found(task: str, label: str, size: int, ink: tuple[int, int, int]) -> None:
    """At least six tenths of where it stands lie in a box."""
    for seed in range(2):
        picture, where = drawn(task, label, size, ink, seed)
        found = np.zeros_like(where)
        for left, top, right, bottom in find_text(picture):
            found[top:bottom, left:right] = True
        assert found[where].mean() > 0.6


def test_pictures_without_text_are_left_alone() -> None:
    """Speckle, hairs and tissue are no letters: at most one phantom in ten."""
    tasks = {"breast-ultrasound": "malignant", "skin-melanoma": "melanoma", "breast-histology-idc": "idc"}
    found = [
        bool(find_text(read_scan(phantom(t, label, seed)).pixels)) for t, label in tasks.items() for seed in range(7)
    ]
    assert np.mean(found) <= 0.1


def test_an_empty_picture_has_none() -> None:
    """Neither has one pixel."""
    assert find_text(np.zeros((40, 60), np.float32)) == ()
    assert find_text(np.zeros((1, 1), np.float32)) == ()
