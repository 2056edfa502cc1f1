"""A run carried out in this process: what it writes, and how often."""

from pathlib import Path

import numpy as np
import pytest

from medcls.core.model import ModelCard
from medcls.data.sources import find_sources
from medcls.evaluation.asking import evaluate_sources
from medcls.models import store
from medcls.models.opening import open_model
from medcls.runs.make import make_model
from tests.runs.processes import SPEC

pytestmark = pytest.mark.usefixtures("phantoms")


def test_a_card_is_sealed_once_and_says_what_the_opened_model_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed: list[ModelCard] = []
    seal = store.seal
    monkeypatch.setattr(store, "seal", lambda *given: sealed.append(seal(*given)) or sealed[-1])
    card = make_model(SPEC, "20260101T0000Z-abcd", tmp_path)
    assert sealed == [card]
    assert set(card.files) >= {store.WEIGHTS, store.FEATURES, store.EVALUATION, store.CASES, store.SEEN}
    assert store.verify(tmp_path / "result") == card
    evaluation, cases = evaluate_sources(open_model(tmp_path / "result"), find_sources(SPEC), "test")
    assert store.read_evaluation(tmp_path / "result").to_json() == evaluation.to_json()  # NaN is not equal to itself
    np.testing.assert_array_equal(store.read_cases(tmp_path / "result").prob, cases.prob)
