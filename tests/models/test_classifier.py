"""A model folder made runnable: the same scan, the same answer, whoever asks."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from medcls.core.collection import Case
from medcls.core.model import Abstention
from medcls.core.scan import Scan
from medcls.errors import BadData, BadModel
from medcls.imaging.appearance import appearance
from medcls.imaging.colour import colour_share, other_kind
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.models import store
from medcls.models.mean import Mean
from medcls.models.network import Network
from medcls.models.opening import open_model
from medcls.stats.familiarity import Normal, TrainingReference


@pytest.fixture
def scans():
    return [
        read_scan(phantom("breast-ultrasound", label, seed)) for seed in (1, 2) for label in ("benign", "malignant")
    ]


def test_probabilities_are_the_softmax_of_the_logits_at_the_cards_temperature(tiny_model, scans):
    p = open_model(tiny_model.id).predict(scans[0])
    expected = np.exp(p.logits / tiny_model.calibration.temperature)
    np.testing.assert_allclose(p.prob, expected / expected.sum(), rtol=1e-12)
    assert p.sha256 == scans[0].sha256


def test_timm_alone_gives_the_same_logits_as_medcls(tiny_model, scans):
    classifier = open_model(tiny_model.id)
    with torch.inference_mode():
        direct = classifier.net(classifier.prepare(scans[0])[None])[0].double().numpy()
    np.testing.assert_allclose(classifier.predict(scans[0]).logits, direct, rtol=1e-5, atol=1e-6)


def test_four_threads_with_four_scans_give_the_serial_answers_bit_for_bit(tiny_model, scans):
    classifier = open_model(tiny_model.id)
    serial = [classifier.predict(scan).logits for scan in scans]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for one, other in zip(pool.map(classifier.predict, scans), serial, strict=True):
                assert (one.logits == other).all()
    assert not any(p.requires_grad or p.grad is not None for p in classifier.net.parameters())
    assert not any(m._forward_hooks or m._backward_hooks for m in classifier.net.modules())


def test_many_at_once_answer_as_each_alone(tiny_model, scans):
    classifier = open_model(tiny_model.id)
    for one, other in zip(classifier.predict_many(scans), map(classifier.predict, scans), strict=True):
        np.testing.assert_allclose(one.prob, other.prob, atol=1e-5)
    assert classifier.predict_many([]) == []


def test_it_says_cannot_tell_below_the_least_probability(tiny_model, scans):
    opened = open_model(tiny_model.id)
    sure = Network(replace(opened.card, abstention=Abstention(min_prob=0.0)), opened.net).predict(scans[0])
    unsure = Network(replace(opened.card, abstention=Abstention(min_prob=1.0)), opened.net).predict(scans[0])
    assert sure.decided == sure.top
    assert unsure.decided is None
    assert unsure.refusal.code == "models.unsure"
    assert (sure.prob == unsure.prob).all()


def test_it_says_cannot_tell_of_a_scan_unlike_those_it_learned_from(tiny_model, scans):
    opened = open_model(tiny_model.id)
    features = opened.run(torch.stack([opened.prepare(s) for s in scans]))[1].double()
    bank = (features / features.norm(dim=1, keepdim=True)).numpy()
    card = replace(opened.card, abstention=Abstention(max_distance=0.01))
    at_home = Network(card, opened.net, TrainingReference(bank[:1])).predict(scans[0])
    abroad = Network(card, opened.net, TrainingReference(-bank[:1])).predict(scans[0])
    assert at_home.unfamiliarity < 1
    assert at_home.decided is not None
    assert abroad.unfamiliarity > 1
    assert abroad.decided is None
    assert abroad.refusal.code == "models.unlike-features"


def test_it_says_cannot_tell_of_a_scan_that_looks_unlike_those_it_learned_from(tiny_model, scans):
    opened = open_model(tiny_model.id)
    learned = [
        read_scan(phantom("breast-ultrasound", label, i)) for label in ("benign", "malignant") for i in range(20)
    ]
    features = opened.describe(learned)
    known = TrainingReference(
        features / np.linalg.norm(features, axis=1, keepdims=True),
        Normal.fit([appearance(opened.place(s)) for s in learned]),
    )
    card = replace(opened.card, abstention=Abstention(max_distance=2.0, max_appearance=8.0))
    model = Network(card, opened.net, known)
    home = model.predict(read_scan(phantom("breast-ultrasound", "benign", 77)))
    assert home.unfamiliarity < 1
    assert home.decided is not None
    rng = np.random.default_rng(0)
    noise = Scan(rng.random((300, 300), np.float32), "0" * 64)
    stripes = Scan(np.tile(np.float32([0, 0, 1, 1]), (300, 75)), "0" * 64)
    for strange in (noise, stripes):
        answer = model.predict(strange)
        assert answer.decided is None
        assert answer.unfamiliarity > 1
        assert answer.refusal.code == "models.unlike-looks"
    before = replace(card, abstention=Abstention(max_distance=2.0))
    old = Network(before, opened.net, TrainingReference(known.features)).predict(noise)
    assert old.decided is not None, "a model published before appearance was kept answers as it did"


def test_another_modality_is_noted(tiny_model, scans):
    (note,) = open_model(tiny_model.id).predict(replace_modality(scans[0], "dermoscopy")).cautions
    assert note.code == "models.other-modality"
    assert note.params == {"says": "dermoscopy", "taught": "ultrasound"}


def replace_modality(scan: Scan, modality: str) -> Scan:
    return Scan(scan.pixels, scan.sha256, modality, scan.spacing_mm, scan.notes)


@pytest.mark.parametrize("wrong", ["nan", "shape", "missing", "extra", "truncated", "pickle", "empty"])
def test_damaged_weights_are_refused_with_a_sentence(home, tiny_model, wrong):
    path = store.folder(tiny_model.id) / store.WEIGHTS
    weights = load_file(path)
    name = next(n for n, w in weights.items() if w.ndim > 1)
    if wrong == "nan":
        weights[name] = weights[name] * float("nan")
    elif wrong == "shape":
        weights[name] = weights[name][:1]
    elif wrong == "missing":
        del weights[name]
    elif wrong == "extra":
        weights["more"] = torch.zeros(1)
    save_file(weights, path)
    if wrong == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    elif wrong == "pickle":
        torch.save(weights, path)
    elif wrong == "empty":
        path.write_bytes(b"")
    store.seal(path.parent, replace(store.read_card(tiny_model.id), files={}))  # a wrong file with a right hash
    with pytest.raises(BadModel, match="weights"):
        open_model(tiny_model.id)


def test_an_ensemble_is_the_mean_of_its_members(home, tiny_model, tiny_made, scans):
    other = store.publish(tiny_made, model_id="second")
    hashes = {one.id: one.files[store.WEIGHTS] for one in (tiny_model, other)}
    card = replace(tiny_model, id="both", members=tuple(hashes), member_weights=hashes, abstention=Abstention())
    (home / "weights" / "both").mkdir()
    store.seal(home / "weights" / "both", card)
    both = open_model("both").predict(scans[0])
    np.testing.assert_allclose(both.prob, open_model("second").predict(scans[0]).prob, rtol=1e-12)
    assert both.model == "both"


def test_an_ensemble_of_itself_or_of_an_ensemble_is_refused(home, tiny_model):
    for name, members in (("one", (tiny_model.id,)), ("nested", ("one", tiny_model.id)), ("itself", ("itself",))):
        (home / "weights" / name).mkdir()
        hashes = dict.fromkeys(members, tiny_model.files[store.WEIGHTS])
        card = replace(tiny_model, id=name, members=members, member_weights=hashes, files={})
        store.seal(home / "weights" / name, card)
    assert len(open_model("one").members) == 1
    for name in ("nested", "itself"):
        with pytest.raises(BadModel, match="averages an ensemble"):
            open_model(name)


def test_an_ensemble_stands_by_its_mean_and_not_by_its_most_doubtful_member(home, tiny_model, scans):
    opened = open_model(tiny_model.id)
    doubtful = Network(replace(opened.card, abstention=Abstention(min_prob=1.0)), opened.net)
    sure = Network(replace(opened.card, abstention=Abstention()), opened.net)
    both = Mean(replace(opened.card, abstention=Abstention()), [doubtful, sure]).predict(scans[0])
    assert both.decided == both.top
    assert [note.code for note in both.cautions] == ["models.some-cannot-tell"]
    strict = Mean(replace(opened.card, abstention=Abstention(min_prob=1.0)), [doubtful, sure]).predict(scans[0])
    assert strict.decided is None
    assert strict.refusal.code == "models.unsure-mean"


def test_evaluating_keeps_every_case(tiny_model):
    data = {
        f"{label}-{i}": (phantom("breast-ultrasound", label, i), label)
        for i in range(10)
        for label in ("normal", "benign")
    }
    cases = [Case(k, label, None, k, "", (1, 1), attributes={"device": "x"}) for k, (_, label) in data.items()]
    classifier = open_model(tiny_model.id)
    table = classifier.evaluate(cases, lambda case: data[case.id][0])
    assert table.case.tolist() == list(data)
    assert [table.labels[t] for t in table.truth] == [label for _, label in data.values()]
    one = classifier.predict(read_scan(data["benign-3"][0]))
    np.testing.assert_allclose(table.prob[list(data).index("benign-3")], one.prob, atol=1e-5)
    with pytest.raises(BadData, match="melanoma"):
        classifier.evaluate([replace(cases[0], label="melanoma")], lambda case: b"")


def test_a_picture_of_another_kind_is_refused_by_its_colour():
    rng = np.random.default_rng(0)
    grey = Scan(rng.random((64, 64)).astype(np.float32), "0" * 64)
    colour = Scan(rng.random((64, 64, 3)).astype(np.float32), "1" * 64)
    marked = np.repeat(grey.pixels[..., None], 3, 2).copy()
    marked[:8, :, 0] = 1  # a logo at the border
    marked[30:32, :, 0] = 1  # a line across the middle
    drawn_on = Scan(marked, "2" * 64)
    assert colour_share(grey) == 0 < colour_share(drawn_on) < 0.5 < colour_share(colour)
    assert other_kind(colour, "ultrasound", 3).code == "imaging.kind-colour"
    assert other_kind(grey, "histology", 3).code == "imaging.kind-grey"
    for scan, modality, channels in (
        (grey, "ultrasound", 3),
        (drawn_on, "ultrasound", 3),
        (colour, "histology", 3),
        (grey, "histology", 1),
        (grey, "other", 3),
        (colour, "other", 3),
    ):
        assert other_kind(scan, modality, channels) is None


def test_what_is_refused_by_its_colour_is_not_decided(tiny_model):
    colour = np.random.default_rng(0).random((64, 64, 3)).astype(np.float32)
    answer = open_model(tiny_model.id).predict(Scan(colour, "1" * 64))
    assert answer.decided is None
    assert answer.refusal.code == "models.other-kind"
    assert answer.refusal.params["reason"].code == "imaging.kind-colour"
    assert answer.prob.sum() == pytest.approx(1)


@pytest.mark.parametrize(("kind", "refused"), [("CT", True), ("MG", True), ("US", False), ("", False)])
def test_what_the_header_says_is_of_another_kind_is_not_decided(tiny_model, scans, kind, refused):
    answer = open_model(tiny_model.id).predict(replace(scans[0], kind=kind))
    said = answer.refusal.code if answer.refusal else ""
    assert (said == "models.other-object") == refused
    assert not (refused and answer.decided)
