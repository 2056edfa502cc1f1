"""Several real models on one scan."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medcls.core.prediction import Prediction
from medcls.core.scan import Scan
from medcls.errors import BadModel
from medcls.imaging.decode import read_scan
from medcls.imaging.phantom import phantom
from medcls.models.classifier import Classifier
from medcls.workflows.compare_scan import ModelAnswer, average, compare_scan, describe_agreement
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
    found = compare_scan(scan, models, Classifier.open)
    assert [answer.model for answer in found.answers] == list(models)
    for answer in found.answers:
        alone = Classifier.open(answer.model).predict(scan)
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

    def open_model(model_id: str) -> Classifier:
        together.wait()  # passes only when all three are being opened
        return Classifier.open(model_id)

    assert all(answer.error is None for answer in compare_scan(scan, models, open_model).answers)


def test_one_broken_model_spoils_no_other(models: tuple[str, ...], scan: Scan, home: Path) -> None:
    tiny.spoil(home / "weights", models[1])
    found = compare_scan(scan, models, Classifier.open)
    assert [answer.error is None for answer in found.answers] == [True, False, True]
    assert "is not the file that was published" in str(found.answers[1].error)
    assert found.ensembles == ()


@pytest.mark.parametrize("chosen", [(), ("us--a",), ("us--a", "us--a"), tuple("abcdefghi")])
def test_two_to_eight_different_models(chosen: tuple[str, ...], scan: Scan) -> None:
    with pytest.raises(BadModel, match="cannot be compared"):
        compare_scan(scan, chosen, Classifier.open)


def answer(card: object, prob: tuple[float, ...], decided: str | None) -> ModelAnswer:
    labels = card.task.label_ids  # type: ignore[attr-defined]
    prediction = Prediction("m", "0" * 64, labels, np.log(prob), np.array(prob), decided)
    return ModelAnswer("m", card, prediction, None)  # type: ignore[arg-type]


def test_disagreement_is_said_in_words(models: tuple[str, ...]) -> None:
    card = Classifier.open(models[0]).card
    benign, malignant = answer(card, (0.1, 0.7, 0.2), "benign"), answer(card, (0.1, 0.1, 0.8), "malignant")
    unsure = answer(card, (0.1, 0.45, 0.45), None)
    words = [label.name for label in card.task.labels]
    (said,) = describe_agreement([benign, malignant, malignant, unsure])
    assert said.startswith(f"The networks disagree: 2 answer {words[2]}, 1 answers {words[1]}, 1 cannot tell.")
    assert "from 0.20 to 0.80" in said
    (said,) = describe_agreement([benign, benign])
    assert said.startswith(f"All 2 networks answer {words[1]}.")
    assert average([benign, unsure])[0].prediction.decided is None, "half cannot tell, so the mean does not either"
    assert average([malignant, malignant, unsure])[0].prediction.decided == "malignant"
    assert "1 of the 3" in average([malignant, malignant, unsure])[0].prediction.notes[0]


def test_the_mean_of_opposite_answers_decides_nothing_and_keeps_what_was_noted(models: tuple[str, ...]) -> None:
    made = Classifier.open(models[0]).card
    card = replace(made, abstention=replace(made.abstention, min_prob=0.6))
    benign, malignant = answer(card, (0.02, 0.93, 0.05), "benign"), answer(card, (0.02, 0.04, 0.94), "malignant")
    seen = "The network was trained or tuned on this very scan, so its answer here shows nothing of how good it is."
    noted = replace(benign, prediction=replace(benign.prediction, notes=(seen, "At the operating point `x`: …")))
    (mean,) = average([noted, malignant])
    assert mean.prediction.decided is None
    assert "0.60" in mean.prediction.notes[0]
    assert mean.prediction.notes[1:] == (seen,)


def test_only_single_networks_of_one_task_are_averaged(models: tuple[str, ...]) -> None:
    card = Classifier.open(models[0]).card
    one = answer(card, (0.1, 0.1, 0.8), "malignant")
    other_task = replace(one, card=replace(card, task=replace(card.task, id="other")))
    published = replace(one, card=replace(card, members=("a", "b")))
    assert average([one, other_task]) == average([one, published]) == ()
    assert describe_agreement([one, other_task]) == ()
    (mean,) = average([one, one, published])
    assert len(mean.models) == 2
    (said,) = describe_agreement([one, one, published])
    assert said.startswith("All 2 networks")
    assert said.endswith("is itself a mean of networks is not counted.")
