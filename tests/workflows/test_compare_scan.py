"""Several real models on one scan."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medcls.core.model import ModelCard
from medcls.core.note import Note
from medcls.core.outcome import Outcome
from medcls.core.prediction import Prediction
from medcls.core.scan import Scan
from medcls.errors import BadModel
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.models.mean import Mean
from medcls.models.mean_card import mean_card
from medcls.models.opening import open_model
from medcls.models.predictor import Predictor
from medcls.workflows.compare_scan import ComparedScan, ModelAnswer, average, compare_scan, describe_agreement
from tests import tiny

IDS = ("us--a", "us--b", "idc--c")


@pytest.fixture(scope="module")
def made(tiny_made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared")
    tiny.copy(tiny_made, folder / IDS[0])
    tiny.write_tiny(folder / IDS[1], seed=1)
    tiny.write_tiny(folder / IDS[2], "breast-histology-idc", seed=2)
    return folder


@pytest.fixture
def models(made: Path, home: Path) -> tuple[str, ...]:
    for model_id in IDS:
        tiny.install(made / model_id, home / "weights", model_id)
    return IDS


@pytest.fixture(scope="module")
def scan() -> Scan:
    return read_scan(phantom("breast-ultrasound", "malignant", 3))


def test_each_answers_as_it_does_alone_and_the_mean_is_the_mean(models: tuple[str, ...], scan: Scan) -> None:
    found = compare_scan(scan, models, open_model)
    assert [answer.model for answer in found.answers] == list(models)
    for answer in found.answers:
        alone = open_model(answer.model).predict(scan)
        assert answer.prediction is not None
        assert answer.prediction.prob == pytest.approx(alone.prob, abs=1e-6)
        assert answer.prediction.decided == alone.decided
        assert answer.prediction.elapsed_s > 0
    (ensemble,) = found.ensembles
    assert ensemble.models == models[:2]
    two = [answer.prediction.prob for answer in found.answers[:2] if answer.prediction]
    assert ensemble.prediction.prob == pytest.approx(np.mean(two, axis=0))
    assert found.answers[0].prepared or found.answers[1].prepared, "equal preprocessing is done once"


def test_models_open_at_the_same_time(models: tuple[str, ...], scan: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medcls.workflows.compare_scan.os.cpu_count", lambda: 3)
    together = threading.Barrier(3, timeout=20)

    def open_together(model_id: str) -> Predictor:
        together.wait()  # passes only when all three are being opened
        return open_model(model_id)

    assert all(answer.answer.ok for answer in compare_scan(scan, models, open_together).answers)


def test_one_broken_model_spoils_no_other(models: tuple[str, ...], scan: Scan, home: Path) -> None:
    tiny.spoil(home / "weights", models[1])
    found = compare_scan(scan, models, open_model)
    assert [answer.answer.ok for answer in found.answers] == [True, False, True]
    assert "is not the file that was published" in str(found.answers[1].answer.error)
    assert found.ensembles == ()


@pytest.mark.parametrize("chosen", [(), ("us--a",), ("us--a", "us--a"), tuple("abcdefghi")])
def test_two_to_eight_different_models(chosen: tuple[str, ...], scan: Scan) -> None:
    with pytest.raises(BadModel, match="cannot be compared"):
        compare_scan(scan, chosen, open_model)


def answer(card: object, prob: tuple[float, ...], refusal: Note | None = None) -> ModelAnswer:
    labels = card.task.label_ids  # type: ignore[attr-defined]
    prediction = Prediction("m", "0" * 64, labels, np.log(prob), np.array(prob), refusal)
    return ModelAnswer(card, Outcome("m", prediction))  # type: ignore[arg-type]


UNSURE = Note("models.unsure", least=0.6)
FOREIGN = Note("models.unlike-kind")


def test_disagreement_is_said_in_words(models: tuple[str, ...]) -> None:
    card = open_model(models[0]).card
    benign, malignant = answer(card, (0.1, 0.7, 0.2)), answer(card, (0.1, 0.1, 0.8))
    unsure = answer(card, (0.1, 0.45, 0.45), UNSURE)
    words = [label.name for label in card.task.labels]
    (said,) = describe_agreement([benign, malignant, malignant, unsure])
    assert said.headline.code == "workflows.networks-disagree"
    told = [(one.code.removeprefix("workflows."), one.params.get("label")) for one in said.headline.params["said"]]
    assert told == [("networks-answer", words[2]), ("network-answers", words[1]), ("networks-unsure", None)]
    (spread,) = said.details
    assert (spread.params["low"], spread.params["high"]) == ("0.20", "0.80")
    (said,) = describe_agreement([benign, benign])
    assert said.headline == Note("workflows.networks-agree", n=2, label=words[1])
    (said,) = describe_agreement([unsure, unsure])
    assert said.headline == Note("workflows.networks-all-unsure", n=2)


def test_the_mean_in_compare_decides_as_a_published_mean_does(models: tuple[str, ...]) -> None:
    """The same three answers, two of them too even to decide alone, are decided alike whoever averages."""
    made = open_model(models[0]).card
    card = replace(made, abstention=replace(made.abstention, min_prob=0.6))
    answers = [answer(card, (0.02, 0.03, 0.95))] + [answer(card, (0.05, 0.95 - p, p), UNSURE) for p in (0.55, 0.58)]
    (compared,) = average(answers)
    published = Mean(mean_card([card] * 3, "mean"), []).join([a.prediction for a in answers if a.prediction])
    assert compared.prediction.decided == published.decided == "malignant"
    assert (compared.prediction.prob == published.prob).all()
    assert compared.prediction.cautions == published.cautions == (Note("models.some-cannot-tell", n=2, of=3),)


def test_a_mean_reads_labels_as_its_members_do(models: tuple[str, ...]) -> None:
    card = open_model(models[0]).card

    def reading(**label_map: str) -> ModelCard:
        return replace(card, origin=replace(card.origin, spec={"data": {"label_map": label_map}}))

    assert mean_card([reading(a="benign", b="normal"), card, reading(a="benign", b="malignant")], "").label_map == {
        "a": "benign"
    }
    assert mean_card([card, reading()], "").origin.spec == {}


def test_a_mean_that_refuses_is_a_refusal(models: tuple[str, ...]) -> None:
    """Two sure answers that contradict each other: neither network refuses, their mean does."""
    made = open_model(models[0]).card
    card = replace(made, abstention=replace(made.abstention, min_prob=0.6))
    answers = (answer(card, (0.1, 0.8, 0.1)), answer(card, (0.1, 0.1, 0.8)))
    means = average(answers)
    assert means[0].prediction.decided is None
    assert ComparedScan(answers, means, (), 0.0).refused
    assert not ComparedScan(answers, (), (), 0.0).refused
    assert ComparedScan((answer(card, (0.2, 0.4, 0.4), UNSURE),), (), (), 0.0).refused


@pytest.mark.parametrize(("strangers", "decided"), [(1, "malignant"), (2, None), (3, None)])
def test_the_mean_refuses_what_half_of_its_networks_never_saw(models, strangers, decided) -> None:
    card = open_model(models[0]).card
    known, foreign = answer(card, (0.1, 0.1, 0.8)), answer(card, (0.1, 0.1, 0.8), FOREIGN)
    known = replace(known, answer=Outcome("m", replace(known.prediction, unfamiliarity=0.5)))
    (mean,) = average([foreign] * strangers + [known] * (4 - strangers))
    assert mean.prediction.decided == decided
    assert mean.prediction.foreign == (decided is None)


def test_the_mean_of_opposite_answers_decides_nothing_and_keeps_what_was_noted(models: tuple[str, ...]) -> None:
    made = open_model(models[0]).card
    card = replace(made, abstention=replace(made.abstention, min_prob=0.6))
    benign, malignant = answer(card, (0.02, 0.93, 0.05)), answer(card, (0.02, 0.04, 0.94))
    seen, point = Note("models.seen"), Note("core.point-called", name="x", at=0.5, label="benign")
    noted = replace(benign, answer=Outcome("m", replace(benign.prediction, cautions=(seen,), points=(point,))))
    (mean,) = average([noted, malignant])
    assert mean.prediction.decided is None
    assert mean.prediction.refusal == Note("models.unsure-mean", least=0.6)
    assert mean.prediction.notes[1:] == (seen,), "what one network's operating point makes of it is not the mean's"


def test_only_single_networks_of_one_task_are_averaged(models: tuple[str, ...]) -> None:
    card = open_model(models[0]).card
    one = answer(card, (0.1, 0.1, 0.8))
    other_task = replace(one, card=replace(card, task=replace(card.task, id="other")))
    published = replace(one, card=replace(card, members=("a", "b")))
    assert average([one, other_task]) == average([one, published]) == ()
    assert describe_agreement([one, other_task]) == ()
    (mean,) = average([one, one, published])
    assert len(mean.models) == 2
    (said,) = describe_agreement([one, one, published])
    assert said.headline.params["n"] == 2
    assert [one.code for one in said.details] == ["workflows.networks-spread", "workflows.networks-without-means"]
