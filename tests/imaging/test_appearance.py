"""Brightness, colour and grain as numbers: what they are, what they tell apart and what they forgive."""

from functools import cache

import cv2
import numpy as np
import pytest

from medcls.core.scan import Preprocess
from medcls.imaging.appearance import SCALES, appearance
from medcls.imaging.phantom import phantom_scan
from medcls.imaging.prepare import place
from medcls.stats.familiarity import Normal
from medcls.tasks import list_tasks

TASKS = ("breast-ultrasound", "breast-histology-idc", "skin-melanoma")


@cache
def looks(task: str, seed: int) -> np.ndarray:
    labels = list_tasks()[task].label_ids
    scan = phantom_scan(task, labels[seed % len(labels)], seed)
    return appearance(place(scan, Preprocess(size_px=96, fit="stretch")).pixels)


def test_mean_and_spread_are_those_of_luma_and_chroma() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    found = appearance(pixels)
    luma = (pixels / 255) @ [0.299, 0.587, 0.114]
    assert found.shape == (6 + SCALES,)
    assert found[[0, 3]] == pytest.approx([luma.mean(), luma.std()], abs=0.003)
    red = (pixels[..., 0] / 255 - luma) * 0.713 + 0.5
    assert found[[1, 4]] == pytest.approx([red.mean(), red.std()], abs=0.004)


def test_grain_is_told_by_its_scale() -> None:
    rng = np.random.default_rng(0)
    coarse = cv2.resize(rng.integers(0, 256, (16, 16), np.uint8), (128, 128), interpolation=cv2.INTER_CUBIC)
    fine = rng.integers(0, 256, (128, 128), np.uint8)
    assert appearance(fine[..., None])[2:].argmax() == 0
    assert appearance(coarse[..., None])[2:].argmax() == SCALES - 1


@pytest.mark.parametrize("channels", [1, 3])
def test_the_smallest_square_and_any_layout_will_do(channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, channels), np.uint8)
    assert np.isfinite(appearance(pixels)).all()
    turned = np.asfortranarray(pixels)
    np.testing.assert_array_equal(appearance(turned), appearance(pixels))
    assert np.isfinite(appearance(np.zeros((32, 32, channels), np.uint8))).all()


def test_the_three_kinds_of_picture_lie_far_apart() -> None:
    for task in TASKS:
        reference = Normal.fit([looks(task, seed) for seed in range(60)])
        own = reference.distance([looks(task, seed) for seed in range(100, 120)])
        for other in set(TASKS) - {task}:
            foreign = reference.distance([looks(other, seed) for seed in range(20)])
            assert foreign.min() > 1.5 * own.max(), (task, other)
