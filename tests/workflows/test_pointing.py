"""Pointing measured over a collection: counted again here, case by case."""

from dataclasses import replace

import numpy as np
import pytest

from medcls.data.collections import add_collection, open_collection
from medcls.errors import BadData, BadModel, MedclsError
from medcls.evaluation.pointing import CENTRE, RANDOM_WEIGHTS, Asked, _mean_over_groups
from medcls.explain.pointing import centred_gaussian, point
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom, phantom_mask
from medcls.imaging.picture import to_png
from medcls.models import store
from medcls.workflows import classify, models, pointing
from medcls.workflows.ensemble import make_ensemble
from tests.tiny import install, recast

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
    study = pointing.measure(tiny_model.id, "busi", Asked("malignant", ("gradcam", "layercam"), everything=True))
    classifier = classify.open_model(tiny_model.id)
    cases = [c for c in busi.cases if c.label == "malignant" and c.masks]
    scans = [read_scan(busi.read(c)) for c in cases]
    right = [i for i, s in enumerate(scans) if classifier.predict(s).top == "malignant"]
    assert (study.n_cases, study.n_right) == (len(cases), len(right))
    assert [row.name for row in study.rows] == ["gradcam", "layercam", CENTRE, RANDOM_WEIGHTS]
    masks = [read_scan(busi.read_mask(cases[i], cases[i].masks[0])).pixels > 0.5 for i in right]
    centre = [point(centred_gaussian(m.shape), m) for m in masks]
    row = study.rows[2]
    assert row.hits.value == pytest.approx(np.mean([c.hit for c in centre]))
    assert row.energy_inside.value == pytest.approx(np.mean([c.energy_inside for c in centre]))
    assert row.above_centre is None
    assert study.rows[0].above_centre is not None
    assert study.rows[0].above_centre.value == pytest.approx(study.rows[0].hits.value - row.hits.value)
    told = pointing.table(study)
    assert "| Grad-CAM |" in told
    assert "never learned from" not in told
    assert f"{len(right)} of {len(cases)} cases" in told


def test_labels_are_read_as_the_card_says(busi, tiny_model) -> None:
    spec = {"data": {"label_map": {"busi/benign": "malignant"}}}
    recast(tiny_model.id, origin=replace(tiny_model.origin, spec=spec))
    study = pointing.measure(tiny_model.id, "busi", Asked("malignant", ("gradcam",), everything=True))
    assert study.n_cases == sum(bool(case.masks) for case in busi.cases)


def learned_from(model_id: str, digests) -> None:
    """Let a model say that it learned from these scans."""
    path = store.folder(model_id)
    store.write_seen(path, digests)
    store.seal(path, store.read_card(path))


def test_only_cases_the_model_never_learned_from(busi, tiny_model) -> None:
    """Of the malignant cases all but those of one group were seen: that group is what is measured."""
    with pytest.raises(BadData, match="does not say"):
        pointing.measure(tiny_model.id, "busi", Asked("malignant"))
    cases = [c for c in busi.cases if c.label == "malignant"]
    learned_from(tiny_model.id, [c.sha256 for c in cases])
    with pytest.raises(BadData, match="held out"):
        pointing.measure(tiny_model.id, "busi", Asked("malignant"))
    classifier = classify.open_model(tiny_model.id)
    kept = next(c.group for c in cases if classifier.predict(read_scan(busi.read(c))).top == "malignant")
    learned_from(tiny_model.id, [c.sha256 for c in cases if c.group != kept])
    study = pointing.measure(tiny_model.id, "busi", Asked("malignant", ("gradcam",)))
    assert study.n_cases == sum(c.group == kept for c in cases) < len(cases)
    assert "never learned from" in pointing.table(study)


def test_an_ensemble_with_a_member_that_does_not_say_is_refused(busi, tiny_model, tiny_made, home) -> None:
    learned_from(tiny_model.id, [busi.cases[0].sha256])
    install(tiny_made, home / "weights", "breast-ultrasound--tiny--0002")
    both = make_ensemble([tiny_model.id, "breast-ultrasound--tiny--0002"], "Both")
    with pytest.raises(BadData, match="tiny--0002 does not say"):
        pointing.measure(both.id, "busi", Asked("malignant"))


def test_ensemble_is_measured_by_the_mean_of_its_members(busi, tiny_model, tiny_made, home) -> None:
    """One network twice is an ensemble that points where the one network points, and so does its control."""
    install(tiny_made, home / "weights", "breast-ultrasound--tiny--0002")
    both = make_ensemble([tiny_model.id, "breast-ultrasound--tiny--0002"], "Both")
    one = pointing.measure(tiny_model.id, "busi", Asked("malignant", ("gradcam",), everything=True))
    two = pointing.measure(both.id, "busi", Asked("malignant", ("gradcam",), everything=True))
    assert two.layer == "members' last"
    for a, b in zip(one.rows, two.rows, strict=True):
        assert (a.name, a.hits) == (b.name, b.hits)
        assert a.energy_inside.value == pytest.approx(b.energy_inside.value, rel=1e-4)
        assert a.energy_inside.low <= a.energy_inside.value <= a.energy_inside.high


def test_of_folds_each_case_is_drawn_by_the_networks_that_never_saw_it(busi, tiny_model, tiny_made, home) -> None:
    """Two networks alike, each of which learned from half of the cases: together they are measured as one that saw none."""
    install(tiny_made, home / "weights", "breast-ultrasound--tiny--0002")
    both = make_ensemble([tiny_model.id, "breast-ultrasound--tiny--0002"], "Both")
    groups = sorted({c.group for c in busi.cases})
    for half, member in enumerate(both.members):
        learned_from(member, [c.sha256 for c in busi.cases if groups.index(c.group) % 2 == half])
    with pytest.raises(BadData, match="held out"):
        pointing.measure(both.id, "busi", Asked("malignant", ("gradcam",)))
    recast(both.id, folds=2)
    folds = pointing.measure(both.id, "busi", Asked("malignant", ("gradcam",)))
    whole = pointing.measure(tiny_model.id, "busi", Asked("malignant", ("gradcam",), everything=True))
    assert (folds.n_cases, folds.n_right) == (whole.n_cases, whole.n_right)
    for a, b in zip(folds.rows, whole.rows, strict=True):
        assert (a.name, a.hits) == (b.name, b.hits)
    assert "of those of the 2 networks that never learned from" in pointing.table(folds)


def test_study_is_kept_with_the_model(busi, tiny_model) -> None:
    """Beside the model's folder, in the README; measured again it is replaced; it moves along when published anew."""
    before = {path.name: store.digest(path) for path in store.folder(tiny_model.id).iterdir()}
    study = pointing.measure(tiny_model.id, "busi", Asked("malignant", ("gradcam", "layercam"), everything=True))
    benign = pointing.measure(tiny_model.id, "busi", Asked("benign", ("gradcam",), everything=True))
    for one in (study, benign, study):
        pointing.keep(one)
    assert models.pointing_of(tiny_model.id) == (study, benign)
    assert {path.name: store.digest(path) for path in store.folder(tiny_model.id).iterdir()} == before
    readme = store.readme(tiny_model.id)
    assert "## Where its heatmaps point" in readme
    assert "| *control:* centred Gaussian |" in readme
    again = store.publish(store.folder(tiny_model.id), model_id="again")
    assert [s.model for s in models.pointing_of("again")] == ["again", "again"]
    assert again.files[store.POINTING] == store.digest(store.folder("again") / store.POINTING)
    store.verify(store.folder("again"))
    third = pointing.measure(tiny_model.id, "busi", Asked("benign", ("layercam",), everything=True))
    pointing.keep(replace(third, model="again"))
    assert [s.label for s in models.pointing_of("again")] == ["malignant", "benign"], "laid over, in its place"
    assert models.pointing_of("again")[1].rows == third.rows


def test_changed_study_is_found_out(busi, tiny_model) -> None:
    pointing.keep(pointing.measure(tiny_model.id, "busi", Asked("malignant", ("gradcam",), everything=True)))
    store.publish(store.folder(tiny_model.id), model_id="again")
    path = store.folder("again") / store.POINTING
    path.write_text(path.read_text().replace('"hit', '"Hit', 1), encoding="utf-8")
    with pytest.raises(BadModel) as caught:
        models.pointing_of("again")
    assert caught.value.code == "models.other-pointing"
    classify.open_model("again")  # its answers do not depend on them
    assert "Where its heatmaps point" not in store.readme("again")
    assert store.POINTING not in store.publish(store.folder("again"), model_id="third").files


def test_unknown_method(busi, tiny_model) -> None:
    with pytest.raises(MedclsError, match="no such heatmap method"):
        pointing.measure(tiny_model.id, "busi", Asked("malignant", ("nocam",), everything=True))


def test_interval_of_a_difference_by_groups() -> None:
    """All equal: no width. One group: no width either. Two opposite groups: from one to the other."""
    even = _mean_over_groups(np.ones(6), np.arange(6))
    assert (even.low, even.value, even.high) == (1, 1, 1)
    two = _mean_over_groups(np.array([1.0, 1.0, -1.0, -1.0]), np.array(["a", "a", "b", "b"]))
    assert (two.low, two.value, two.high, two.n) == (-1, 0, 1, 2)
