"""What is loaded for good is not walked by the garbage collector after every run of a page."""

import gc
import weakref
from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from medcls.core.model import ModelCard
from pages._ui import cache
from tests.pages.conftest import assert_sound


class Cycle:
    """What only a collection can free."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Nothing set aside before; afterwards what tests share is again."""
    gc.unfreeze()
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture
def unsettled() -> None:
    """A page opened here really settles."""


def test_a_page_sets_aside_what_it_loaded(open_app: Callable[..., AppTest], tiny_model: ModelCard) -> None:
    assert_sound(open_app(task=tiny_model.task.id, model=tiny_model.id))
    assert gc.get_freeze_count() > 10 * len(gc.get_objects())


def test_what_was_set_aside_and_let_go_since_is_still_freed() -> None:
    cycle = Cycle()
    known = weakref.ref(cycle)
    cache.settle()
    assert gc.get_freeze_count() > 0
    del cycle
    gc.collect()
    assert known() is not None
    cache.settle()
    assert known() is None


def test_settling_again_sets_aside_what_is_new_and_frees_what_is_new_and_gone() -> None:
    cache.settle()
    aside, gone = gc.get_freeze_count(), weakref.ref(Cycle())
    kept = [Cycle() for _ in range(10_000)]
    cache.settle()
    assert gc.get_freeze_count() >= aside + len(kept)
    assert gone() is None
