"""Synthetic scans: seeded, marked, and with the lesion where the mask says."""

import numpy as np
import pytest

from medcls.errors import BadTask, MedclsError
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import PHANTOMS, phantom, phantom_mask, phantom_scan

phantom = phantom.__wrapped__  # drawn anew at every call here; see tests/conftest.py
DRAWN = [(task, label) for task, kind in PHANTOMS.items() for label in kind.labels]
HEALTHY = {"normal", "no-idc"}


@pytest.mark.parametrize(("task", "label"), DRAWN)
def test_a_seed_is_a_picture(task, label):
    first = phantom(task, label, 3)
    assert phantom(task, label, 3) == first
    assert phantom(task, label, 4) != first
    scan = read_scan(first)
    assert scan.size_px == PHANTOMS[task].size_px
    assert any("synthetic" in line for line in scan.history)
    assert 0.1 < scan.pixels.mean() < 0.9
    assert scan.pixels.std() > 0.04
    assert (scan.pixels.ndim == 2) == (task == "breast-ultrasound")


@pytest.mark.parametrize(("task", "label"), DRAWN)
def test_without_a_file_it_is_the_same_picture(task, label):
    read, drawn = read_scan(phantom(task, label, 5)).pixels, phantom_scan(task, label, 5).pixels
    assert (drawn.dtype, drawn.flags.writeable) == (read.dtype, False)
    assert np.array_equal(drawn, read)


@pytest.mark.parametrize(("task", "label"), DRAWN)
@pytest.mark.parametrize("size_px", [32, (64, 96)])
def test_any_size(task, label, size_px):
    expected = (32, 32) if size_px == 32 else size_px
    assert read_scan(phantom(task, label, 0, size_px)).size_px == expected
    assert phantom_mask(task, label, 0, size_px).shape == expected


@pytest.mark.parametrize(("task", "label"), DRAWN)
@pytest.mark.parametrize("seed", range(3))
def test_the_mask_is_the_lesion(task, label, seed):
    mask, pixels = phantom_mask(task, label, seed), read_scan(phantom(task, label, seed)).pixels
    if label in HEALTHY:
        assert not mask.any()
        return
    grey = pixels if pixels.ndim == 2 else pixels.mean(2)
    assert 0.01 < mask.mean() < 0.75
    assert grey[mask].mean() < grey[~mask].mean() - 0.05


def test_a_benign_mass_is_wide_and_bright_behind_and_a_malignant_one_is_not():
    for seed in range(4):
        for label, tall in (("benign", False), ("malignant", True)):
            mask = phantom_mask("breast-ultrasound", label, seed)
            pixels = read_scan(phantom("breast-ultrasound", label, seed)).pixels
            rows, columns = np.nonzero(mask)
            assert (np.ptp(rows) > np.ptp(columns)) == tall
            below = slice(rows.max() + 5, rows.max() + 40)
            middle = slice(int(np.percentile(columns, 30)), int(np.percentile(columns, 70)))
            behind, beside = pixels[below, middle].mean(), pixels[below, : columns.min() - 10].mean()
            assert (behind < beside) == tall


def test_what_is_not_drawn_is_refused():
    with pytest.raises(BadTask, match="breast-ultrasound"):
        phantom("toe", "normal", 0)
    with pytest.raises(BadTask, match="benign"):
        phantom("breast-ultrasound", "melanoma", 0)
    with pytest.raises(MedclsError, match="16 to 2048"):
        phantom("skin-melanoma", "melanoma", 0, 4)
