"""What the viewer is given and what it hands back."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from medcls.core.note import Note
from medcls.core.prediction import Heatmap
from medcls.core.scan import Scan
from medcls.errors import BadScan
from medcls.imaging.phantom import phantom
from medcls.workflows import classify, explain, viewer
from medcls.workflows.scans import read

LABELS = ("normal", "benign", "malignant")


def heatmap(values: np.ndarray, peak: float = 1.0) -> Heatmap:
    return Heatmap(values.astype(np.float32), "malignant", "m", "gradcam", "last", (7, 7), peak)


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_a_small_scan_is_sent_without_loss_and_a_large_one_small() -> None:
    small = read(phantom("breast-ultrasound", "benign", 1))
    data, kind = viewer.scan_picture(small)
    assert kind == "image/png"
    assert np.array_equal(opened(data), np.rint(small.pixels * 255))
    large = Scan(np.random.default_rng(0).random((2000, 3000, 3)), "0" * 64)
    data, kind = viewer.scan_picture(large)
    assert kind == "image/jpeg"
    assert max(Image.open(io.BytesIO(data)).size) == 1600


def test_a_map_says_how_strong_and_what_was_not_seen() -> None:
    values = np.full((40, 60), 0.5)
    values[:, :10] = np.nan
    values[20, 30] = 1
    picture = opened(viewer.map_picture(heatmap(values, peak=0.5), strongest=1.0))
    assert picture.shape == (40, 60, 2)
    assert not picture[:, :10, 1].any()
    assert (picture[:, 10:, 1] == 255).all()
    assert (picture[20, 30, 0], picture[5, 40, 0]) == (128, 64)  # half as strong as the strongest label
    alone = opened(viewer.map_picture(heatmap(values, peak=0.5)))
    assert alone[20, 30, 0] == 255


def test_every_table_of_colours_is_a_strip() -> None:
    strips = {name: opened(png) for name, png in viewer.palettes().items()}
    assert "magma" in strips
    assert {strip.shape for strip in strips.values()} == {(1, 256, 3)}


def test_labels_of_one_network_share_its_unit(tiny_model) -> None:
    scan, model = read(phantom("breast-ultrasound", "malignant", 7)), classify.open_model(tiny_model.id)
    found = viewer.find_evidence(viewer.open_pass(scan, model), LABELS)
    answer, maps = found.prediction, found.maps
    assert answer.labels == LABELS
    assert [m.label for m in maps] == list(LABELS)
    for one in maps:
        if not one.empty:
            assert np.nanmax(one.values) <= 1.0


def test_labels_of_a_mean_share_one_scale(tiny_model, tiny_made, home) -> None:
    """A mean of a network with itself is that network: the shares of its labels' peaks are the network's own."""
    from medcls.workflows.ensemble import make_ensemble
    from tests.tiny import install

    install(tiny_made, home / "weights", "breast-ultrasound--tiny--0002")
    mean = make_ensemble(["breast-ultrasound--tiny--0001", "breast-ultrasound--tiny--0002"], "Mean")
    scan = read(phantom("breast-ultrasound", "malignant", 7))
    alone = viewer.find_evidence(viewer.open_pass(scan, classify.open_model(tiny_model.id)), LABELS).maps
    told: list[tuple[int, int]] = []
    model = classify.open_model(mean.id)
    found = viewer.find_evidence(
        viewer.open_pass(scan, model), LABELS, lambda done, total, stage="": told.append((done, total))
    )
    assert told == [(i, 2 * len(LABELS)) for i in range(2 * len(LABELS))]
    explain.fit_to_machine(model, scan, lambda done, total, stage="": told.append((done, total)))
    assert told[-3:] == [(0, 2), (1, 2), (2, 2)]
    both = found.maps
    assert len(found.members) == 2
    sure = replace(found.members[0], refusal=None, unfamiliarity=None, called="benign")
    said = (sure, replace(sure, refusal=Note("models.no-label")), replace(sure, called="normal"))
    assert (viewer.agreeing(said, "benign"), viewer.unsure(said)) == (1, 1), "one that cannot tell agrees with nobody"
    top = max(m.peak for m in alone)
    assert top > 0
    for one, mean_map in zip(alone, both, strict=True):
        assert mean_map.values * mean_map.peak == pytest.approx(one.values * one.peak / top, abs=1e-5)


def test_pointing_at_a_region() -> None:
    values = np.zeros((20, 20))
    values[5, 5], values[15, 15] = 1, 0.5
    scan = Scan(np.zeros((20, 20), np.float32), "0" * 64)
    mask = viewer.region_mask({"kind": "box", "points": [[0, 0], [10, 10]]}, scan)
    found = viewer.point(heatmap(values), mask)
    assert found is not None
    assert (found.hit, found.energy_inside, found.mask_share) == (True, pytest.approx(2 / 3), pytest.approx(0.25))
    other = viewer.point(heatmap(values), ~mask)
    assert other is not None
    assert not other.hit
    assert viewer.point(heatmap(np.zeros((20, 20)), 0.0), mask) is None


def test_a_region_is_a_scan_of_its_own() -> None:
    scan = Scan(np.arange(10_000, dtype=np.float32).reshape(100, 100) / 1e4, "0" * 64, "ultrasound", (0.1, 0.2))
    mask = viewer.region_mask({"kind": "box", "points": [[10, 20], [50, 60]]}, scan)
    part = viewer.crop_region(scan, mask)
    assert np.array_equal(part.pixels, scan.pixels[20:60, 10:50])
    assert (part.spacing_mm, part.sha256 == scan.sha256) == ((0.1, 0.2), False)
    with pytest.raises(BadScan) as error:
        viewer.crop_region(scan, viewer.region_mask({"kind": "box", "points": [[10, 20], [14, 60]]}, scan))
    assert error.value.code == "imaging.small-region"
