"""A model is opened once, on a thread of its own; what is open already costs none."""

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
