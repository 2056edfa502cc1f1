"""A model is opened once, on a thread of its own; what is open already costs none."""

import threading
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from medcls.core.model import ModelCard
from pages._ui import cache


def test_a_model_that_is_open_needs_no_thread(
    open_app: Callable[..., AppTest], tiny_model: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cache.open_classifier(tiny_model)
    with monkeypatch.context() as patch:
        patch.delattr(cache, "shared")
        assert cache.open_classifier(tiny_model) is first
    cache._open.clear()
    again = cache.open_classifier(tiny_model)
    assert again is not first


def test_an_answer_does_not_wait_for_the_trial_of_a_heatmap(
    open_app: Callable[..., AppTest], tiny_model: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hold(model: object, scan: object) -> None:
        begun.set()
        assert go_on.wait(60)

    monkeypatch.setattr(cache.explain, "rehearse", hold)
    monkeypatch.setattr(cache, "_TRIED", set())  # a test before may have tried the same model
    trial = threading.Thread(target=cache.rehearse, args=(tiny_model,))
    trial.start()
    assert begun.wait(60)
    try:
        assert cache.open_classifier(tiny_model) is not None
        assert trial.is_alive()
    finally:
        go_on.set()
    trial.join(60)
    assert not trial.is_alive()
