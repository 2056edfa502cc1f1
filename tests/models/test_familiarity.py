"""Foreign kinds are refused, scans acquired unlike are answered with a caution, and what is no number never helps."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load, save

from medcls.core.evaluation import Estimate
from medcls.core.model import Abstention, Threshold
from medcls.core.note import UNSAID, Note
from medcls.core.prediction import Prediction
from medcls.core.scan import Scan
from medcls.errors import BadModel
from medcls.evaluation.site_look import found_in, inspect_answers
from medcls.imaging.appearance import appearance
from medcls.imaging.contrast import MADE, make_foreign, make_phantoms
from medcls.imaging.decode import read_scan
from medcls.imaging.kind import kind_numbers
from medcls.imaging.phantom import phantom
from medcls.imaging.shifts import shift_scan
from medcls.models import store
from medcls.models.combine import combine
from medcls.models.familiarity import farthest
from medcls.models.learned import read_reference, write_reference
from medcls.models.network import Network
from medcls.models.opening import open_network
from medcls.stats.familiarity import Normal, TrainingReference, unit_rows
from medcls.stats.gate import Gate
from medcls.tasks import list_tasks

TASK = list_tasks()["breast-ultrasound"]


@pytest.fixture(scope="module")
def own() -> list[Scan]:
    return [read_scan(phantom(TASK.id, label, i)) for i in range(10) for label in ("benign", "malignant")]


@pytest.fixture
def gated(tiny_model, own) -> Network:
    """The small model with a gate taught by contrast, and limits that let its own phantoms pass."""
    opened = open_network(tiny_model.id)
    squares = [opened.place(scan) for scan in own]
    numbers = np.stack([kind_numbers(s) for s in squares])
    others = {name: list(make_foreign(name, 16, 0)) for name in MADE}
    others |= {t.id: list(make_phantoms(t, 16, 0)) for t in list_tasks().values() if t.modality != TASK.modality}
    foreign = {name: np.stack([kind_numbers(opened.place(s)) for s in scans]) for name, scans in others.items()}
    looks = Normal.fit(np.stack([appearance(s) for s in squares]))
    known = TrainingReference(unit_rows(opened.describe(own)).astype(np.float32), looks, Gate.fit(numbers, foreign))
    limits = Abstention(max_distance=2.0, max_appearance=6.0, max_kind=0.0)
    return Network(replace(opened.card, abstention=limits), opened.net, known)


def test_foreign_kinds_are_refused_and_own_ones_answered(gated, own):
    answers = gated.predict_many([read_scan(phantom(TASK.id, "benign", 50 + i)) for i in range(12)])
    assert sum(a.foreign for a in answers) == 0
    for kind in MADE:
        answers = gated.predict_many(list(make_foreign(kind, 20, 99)))
        assert sum(a.refusal is not None and a.foreign for a in answers) >= 19, kind


def test_a_scan_acquired_unlike_is_answered_with_a_caution(gated, own):
    blurred = shift_scan(own[0], "blur", 1.0, 0)
    answer = gated.predict(blurred)
    assert answer.acquired > 1
    assert answer.decided is not None
    assert [n.code for n in answer.cautions] == ["models.acquired-looks", "models.far-not-measured"]
    told = replace(gated.card.abstention, far_auroc=Estimate(0.8, 0.7, 0.9, 0.95, 40, UNSAID))
    measured = Network(replace(gated.card, abstention=told), gated.net, gated.known).predict(blurred)
    assert measured.cautions[1] == Note("models.far-measured", value=0.8, low=0.7, high=0.9, n=40)


def test_gate_and_limits_are_on_disk_as_they_were(home, tiny_model, gated, own):
    path = store.folder(tiny_model.id)
    store.write_reference(path, gated.known)
    store.seal(path, replace(gated.card, files={}))
    again = open_network(tiny_model.id)
    for one, other in zip(again.predict_many(own), gated.predict_many(own), strict=True):
        assert one.unfamiliarity == pytest.approx(other.unfamiliarity, rel=1e-4)
        assert one.acquired == pytest.approx(other.acquired, rel=0.02)  # features are stored as fp16


@pytest.mark.parametrize(
    "wrong",
    [
        {"features": np.full((4, 256), 3e38, np.float32)},
        {"features": np.full((4, 256), 7, np.int8)},
        {"features": np.full((4, 256), 2**63, np.uint64)},
        {"appearance_centre": np.zeros(3, np.float32), "appearance_whitening": np.eye(3, dtype=np.float32)},
        {"appearance_whitening": np.zeros((10, 10), np.float32)},
        {"kind_centre": np.zeros(3, np.float32), "kind_spread": np.ones(3, np.float32)},
    ],
)
def test_features_that_would_make_every_scan_alike_are_refused(home, tiny_model, gated, own, wrong):
    """Rows longer than 1 make distances negative, a whitening of zeros makes them zero: all would be like."""
    folder = store.folder(tiny_model.id)
    write_reference(folder, gated.known)
    store.seal(folder, replace(tiny_model, abstention=gated.card.abstention))
    assert open_network(tiny_model.id).predict(own[0]).decided is not None
    (folder / store.FEATURES).write_bytes(save({**load((folder / store.FEATURES).read_bytes()), **wrong}))
    store.seal(folder, replace(tiny_model, abstention=gated.card.abstention))
    with pytest.raises(BadModel) as refused:
        open_network(tiny_model.id)
    assert refused.value.code == "models.bad-features"


@pytest.mark.parametrize("channels", [1, 3])
def test_a_reference_of_any_channels_is_read(tmp_path, tiny_model, channels):
    squares = np.random.default_rng(0).integers(0, 256, (30, 64, 64, channels), dtype=np.uint8)
    numbers, looks = np.stack([kind_numbers(s) for s in squares]), np.stack([appearance(s) for s in squares])
    gate = Gate.fit(numbers, {"noise": numbers[::-1] + 1})
    known = TrainingReference(unit_rows(looks).astype(np.float32), Normal.fit(looks), gate)
    write_reference(tmp_path, known)
    card = replace(
        tiny_model,
        preprocess=replace(tiny_model.preprocess, channels=channels, mean=(0.5,) * channels, std=(0.5,) * channels),
        files={store.FEATURES: "0" * 64},
    )
    assert read_reference(tmp_path, card).appearance.centre.shape == looks[0].shape


def test_a_limit_without_its_gate_refuses(gated, own):
    for known in (None, TrainingReference(gated.known.features, gated.known.appearance)):
        answer = Network(gated.card, gated.net, known).predict(own[0])
        assert answer.decided is None
        assert answer.refusal.code == "models.unlike-no-number"


@pytest.mark.parametrize("limit", ["max_distance", "max_appearance"])
def test_a_limit_without_what_it_is_a_limit_of_refuses_or_cautions(gated, own, limit):
    """A card may name a limit and its folder hold no features: that switches nothing off."""
    looks_gone = TrainingReference(gated.known.features, None, gated.known.gate)
    for known in (None, looks_gone) if limit == "max_appearance" else (None,):
        alone = Network(replace(gated.card, abstention=Abstention(**{limit: 2.0})), gated.net, known).predict(own[0])
        assert (alone.decided, alone.refusal.code) == (None, "models.unlike-no-number")
    beside = Network(
        replace(gated.card, abstention=Abstention(max_kind=0.0, max_appearance=2.0)), gated.net, looks_gone
    )
    assert "models.acquired-no-number" in [note.code for note in beside.predict(own[0]).cautions]


@pytest.mark.parametrize("broken", ["features", "looks", "gate"])
def test_a_distance_that_is_no_number_refuses_or_cautions(gated, own, broken):
    known, nan = gated.known, np.float32(np.nan)
    spoilt = {
        "features": TrainingReference(known.features * nan, known.appearance, known.gate),
        "looks": TrainingReference(
            known.features, Normal(known.appearance.centre * nan, known.appearance.whitening), known.gate
        ),
        "gate": TrainingReference(
            known.features, known.appearance, replace(known.gate, weight=known.gate.weight * nan)
        ),
    }[broken]
    answer = Network(gated.card, gated.net, spoilt).predict(own[0])
    assert answer.cautions or answer.refusal
    assert (answer.decided is None) == (broken == "gate")
    ungated = replace(gated.card, abstention=replace(gated.card.abstention, max_kind=None))
    if broken != "gate":
        refused = Network(ungated, gated.net, spoilt).predict(own[0])
        assert refused.refusal.code == "models.unlike-no-number"


def test_no_number_is_farther_than_any_number():
    assert farthest({"a": 5.0, "b": float("nan")})[0] == "b"
    assert farthest({}) == (None, None)


def test_a_mean_with_a_stranger_of_no_number_counts_it(gated, own):
    good = gated.predict(own[0])
    strange = replace(good, refusal=Note("models.unlike-no-number"), unfamiliarity=float("nan"))
    assert combine(gated.card, [good, good, good]).decided is not None
    assert combine(gated.card, [good, strange]).decided is None
    outvoted = combine(gated.card, [good, good, good, strange])
    assert outvoted.decided is not None
    assert outvoted.unfamiliarity <= 1
    assert combine(gated.card, [good, good, strange]).decided is not None
    assert combine(gated.card, [good, strange, strange]).unfamiliarity == float("inf")


def test_an_answer_cannot_decide_on_an_unfamiliar_scan():
    for far in (1.2, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="refused"):
            Prediction("m", "0" * 64, ("a", "b"), np.zeros(2), np.array([0.5, 0.5]), unfamiliarity=far)


@pytest.mark.parametrize("limit", ["min_prob", "max_distance", "max_appearance", "max_kind"])
def test_a_limit_that_is_no_number_is_refused(limit):
    with pytest.raises(BadModel):
        Abstention(**{limit: float("nan")})


@pytest.mark.parametrize(
    "limits", [{"min_prob": -0.1}, {"min_prob": 1.1}, {"max_distance": -5}, {"max_appearance": -1}]
)
def test_a_limit_that_cannot_be_is_refused(limits):
    with pytest.raises(BadModel):
        Abstention(**limits)


@pytest.mark.parametrize("prob", [float("nan"), -1, 0, 1, 2, float("inf")])
def test_an_operating_point_that_cannot_be_is_refused(prob):
    """No answer is below a threshold that is no number: it would call nothing."""
    with pytest.raises(BadModel):
        Threshold("screening", "malignant", prob)


def test_what_a_site_s_scans_tell_counts_a_distance_of_no_number_as_unlike(gated, own):
    answer = gated.predict(own[0])
    answers = [replace(answer, acquired=far) for far in (0.5, float("nan"), float("inf"), None)]
    found = inspect_answers(gated.card, answers, {}, 0)
    assert found.acquired.value == pytest.approx(2 / 3)
    assert found_in(own[:1], np.array([a.how_far for a in answers]))["acquired_unlike"] == pytest.approx(2 / 3)


def test_a_mean_cautions_once_and_only_where_half_of_its_networks_do(gated, own):
    near, far = gated.predict(own[0]), gated.predict(shift_scan(own[0], "blur", 1.0, 0))
    assert far.cautions
    farther = replace(far, acquired=far.acquired + 1, cautions=(Note("models.acquired-looks", times=9.0),))
    assert combine(gated.card, [near, near, far]).cautions == ()
    assert combine(gated.card, [near, far, farther]).cautions == farther.cautions
