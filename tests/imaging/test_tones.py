"""A question about grey pictures sees grey, whatever tint a device gave them."""

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from medcls.core.scan import Preprocess, Scan
from medcls.core.task import Label, Task
from medcls.imaging.colour import is_tinted, other_kind
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.imaging.prepare import place
from medcls.imaging.shifts import shift_pixels
from medcls.tasks import list_tasks

GREY = Scan(np.asarray(read_scan(phantom("breast-ultrasound", "benign", 1)).pixels), "0" * 64)


def luma(pixels: np.ndarray) -> np.ndarray:
    return pixels @ np.array([0.299, 0.587, 0.114], np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_a_tinted_scan_gives_what_its_grey_gives(seed: int) -> None:
    tinted = Scan(shift_pixels(np.asarray(GREY.pixels), "tint", 1.0, seed), "0" * 64)
    by_hand = replace(GREY, pixels=luma(tinted.pixels))
    squares = [place(scan, Preprocess(96, grey=True)).pixels.astype(int) for scan in (tinted, by_hand)]
    assert np.abs(squares[0] - squares[1]).max() <= 1
    assert np.ptp(squares[0], axis=2).max() == 0
    assert np.ptp(place(tinted, Preprocess(96)).pixels.astype(int), axis=2).max() > 3


def test_a_tint_is_told_and_real_colour_is_another_kind() -> None:
    tinted = Scan(shift_pixels(np.asarray(GREY.pixels), "tint", 1.0, 0), "0" * 64)
    assert is_tinted(tinted)
    assert not is_tinted(GREY)
    assert not is_tinted(Scan(np.repeat(GREY.pixels[..., None], 3, 2), "0" * 64))
    assert other_kind(tinted, "ultrasound", 3) is None
    skin = read_scan(phantom("skin-melanoma", "melanoma", 1))
    assert other_kind(skin, "ultrasound", 3) is not None


@pytest.mark.parametrize("scale", [1, 4])
def test_colour_over_the_tissue_is_another_kind_and_thin_marks_or_a_logo_are_not(scale: int) -> None:
    grey = np.repeat(np.repeat(np.repeat(GREY.pixels, scale, 0), scale, 1)[..., None], 3, 2)
    height, width = grey.shape[:2]
    doppler, marked = grey.copy(), grey.copy()
    doppler[height // 2 : height // 2 + height // 8, width // 2 : width // 2 + width // 8] = (0.8, 0.2, 0.1)
    marked[: height // 8, : width // 8] = (0.1, 0.3, 0.9)
    marked[height // 2 : height // 2 + 2 * scale, width // 4 : -width // 4] = (0.9, 0.9, 0.1)
    refused = other_kind(Scan(doppler, "0" * 64), "ultrasound", 3)
    assert refused is not None
    assert refused.code == "imaging.kind-flow"
    assert other_kind(Scan(marked, "0" * 64), "ultrasound", 3) is None
    assert other_kind(Scan(doppler, "0" * 64), "dermoscopy", 3) is None
    sepia = np.array([1, 0.93, 0.8], np.float32)
    assert other_kind(Scan(marked * sepia, "0" * 64), "ultrasound", 3) is None
    assert other_kind(Scan(doppler * sepia, "0" * 64), "ultrasound", 3) is not None


@pytest.mark.parametrize("side", [170, 320, 500])
def test_measurement_marks_that_jpeg_smeared_are_no_flow(side: int) -> None:
    grey = cv2.resize(np.asarray(GREY.pixels), (side, side * 3 // 4))
    drawn = (np.repeat(grey[..., None], 3, 2) * 255).astype(np.uint8).copy()
    for n, colour in enumerate(((255, 255, 0), (0, 255, 0), (0, 255, 255))):
        x, y = int(side * (0.3 + n / 10)), int(side * (0.3 + n / 20))
        cv2.line(drawn, (x, y), (x + side // 4, y + side // 10), colour, 2)
        cv2.drawMarker(drawn, (x, y), colour, cv2.MARKER_CROSS, 9, 2)
    cv2.rectangle(drawn, (side // 5, side // 6), (side * 3 // 4, side * 3 // 5), (0, 255, 0), 2)
    packed = io.BytesIO()
    Image.fromarray(drawn).save(packed, "JPEG", quality=75)
    assert other_kind(read_scan(packed.getvalue()), "ultrasound", 3) is None


def test_a_task_says_whether_its_pictures_are_grey() -> None:
    labels = (Label("a", "a"), Label("b", "b"))
    assert Task("t", "?", labels, "ultrasound").is_grey
    assert not Task("t", "?", labels, "ultrasound", tones="colour").is_grey
    assert Task("t", "?", labels, "other", tones="grey").is_grey
    assert {name for name, task in list_tasks().items() if task.is_grey} == {"breast-ultrasound"}
