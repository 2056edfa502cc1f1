"""Pointing measured over a collection: counted again here, case by case."""

import numpy as np
import pytest

from medcls.data.collections import add_collection, open_collection
from medcls.errors import BadData, MedclsError
from medcls.explain.pointing import centred_gaussian, point
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom, phantom_mask
from medcls.imaging.picture import to_png
from medcls.workflows import classify, pointing

TASK = "breast-ultrasound"


@pytest.fixture
def busi(tmp_path, home):
    """A small collection in BUSI's layout, with outlines, of phantoms."""
    root = tmp_path / "busi"
    for label in ("benign", "malignant", "normal"):
        folder = root / label
        folder.mkdir(parents=True)
        for i in range(1, 5):
            (folder / f"{label} ({i}).png").write_bytes(phantom(TASK, label, 50 + i, (90, 120)))
            if label != "normal":
                mask = phantom_mask(TASK, label, 50 + i, (90, 120))
                (folder / f"{label} ({i})_mask.png").write_bytes(to_png(mask.astype(np.float32)))
    add_collection(root)
    return open_collection("busi")


def test_counts_are_those_of_the_cases(busi, tiny_model) -> None:
    study = pointing.measure(tiny_model.id, "busi", "malignant", ("gradcam", "layercam"), everything=True)
    classifier = classify.open_model(tiny_model.id)
    cases = [c for c in busi.cases if c.label == "malignant" and c.masks]
    scans = [read_scan(busi.read(c)) for c in cases]
    right = [i for i, s in enumerate(scans) if classifier.predict(s).top == "malignant"]
    assert (study.n_cases, study.n_right) == (len(cases), len(right))
    assert [row.name for row in study.rows] == ["gradcam", "layercam", pointing.CENTRE, pointing.UNTAUGHT]
    masks = [read_scan(busi.read_mask(cases[i], cases[i].masks[0])).pixels > 0.5 for i in right]
    centre = [point(centred_gaussian(m.shape), m) for m in masks]
    row = study.rows[2]
    assert row.hits.value == pytest.approx(np.mean([c.hit for c in centre]))
    assert row.energy_inside == pytest.approx(np.mean([c.energy_inside for c in centre]))
    assert row.above_centre.value == 0
    assert study.rows[0].above_centre.value == pytest.approx(study.rows[0].hits.value - row.hits.value)
    told = pointing.table(study)
    assert "| Grad-CAM |" in told
    assert "never learned from" not in told
    assert f"{len(right)} of {len(cases)} cases" in told


def test_only_cases_the_model_was_tested_on(busi, tiny_model) -> None:
    """The tiny model was tested on phantoms of other names: none of these cases is held out."""
    with pytest.raises(BadData, match="held out"):
        pointing.measure(tiny_model.id, "busi", "malignant")


def test_unknown_method(busi, tiny_model) -> None:
    with pytest.raises(MedclsError, match="no such heatmap method"):
        pointing.measure(tiny_model.id, "busi", "malignant", ("nocam",), everything=True)


def test_interval_of_a_difference_by_groups() -> None:
    """All equal: no width. One group: no width either. Two opposite groups: from one to the other."""
    even = pointing._mean_over_groups(np.ones(6), np.arange(6))
    assert (even.low, even.value, even.high) == (1, 1, 1)
    two = pointing._mean_over_groups(np.array([1.0, 1.0, -1.0, -1.0]), np.array(["a", "a", "b", "b"]))
    assert (two.low, two.value, two.high, two.n) == (-1, 0, 1, 2)
