"""Long work that several sessions wait for is done once; its steps are counted; a page that runs again finds it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from medcls.core.model import ModelCard
from medcls.core.progress import Progress
from pages._ui import cache
from pages._ui.widgets import shared


class _Bar:
    """What `st.empty` gives: keeps what it was told; `stops` raises as a page does that is to run again."""

    def __init__(self, stops: bool = False) -> None:
        self.told: list[str] = []
        self._stops = stops

    def progress(self, share: float, text: str) -> None:
        assert 0 <= share <= 1
        self.told.append(text)
        if self._stops:
            raise KeyboardInterrupt

    def empty(self) -> None:
        """Is taken away."""


def words(done: int, total: int, stage: str) -> str:
    return f"{stage}{done}/{total}"


@pytest.fixture
def slow() -> tuple[Callable[[Progress], int], Event, list[int]]:
    """A work that goes on until the event is set, the event, and how often it was begun."""
    ends, begun = Event(), []

    def work(tell: Progress) -> int:
        begun.append(1)
        tell(1, 3, "s")
        assert ends.wait(60)
        return 7

    return work, ends, begun


def test_two_who_ask_at_one_moment_wait_for_one_work(slow) -> None:
    work, ends, begun = slow
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(shared.do, "two", work, words) for _ in range(2)]
        ends.set()
        assert [one.result(60) for one in asked] == [7, 7]
    assert shared._UNDER_WAY == {}
    assert len(begun) <= 2  # one, unless the first was done before the second asked


def test_a_page_that_runs_again_finds_the_work_it_began_and_how_far_it_is(slow, monkeypatch) -> None:
    work, ends, begun = slow
    first, second = _Bar(stops=True), _Bar()
    monkeypatch.setattr(shared.st, "empty", lambda: first)
    with pytest.raises(KeyboardInterrupt):
        shared.do("again", work, words)
    assert first.told == ["s1/3"]
    monkeypatch.setattr(shared.st, "empty", lambda: second)
    monkeypatch.setattr(second, "progress", lambda share, text: (second.told.append(text), ends.set()))
    assert shared.do("again", work, words) == 7
    assert set(second.told) == {"s1/3"}
    assert len(begun) == 1


def test_work_that_fails_is_told_to_who_waits_and_begun_anew_by_the_next() -> None:
    def fail(tell: Progress) -> int:
        raise KeyError

    with pytest.raises(KeyError):
        shared.do("fails", fail, words)
    assert shared.do("fails", lambda tell: 1, words) == 1


def test_opening_counts_the_network_and_its_fitting(open_app, tiny_model: ModelCard) -> None:
    told: list[tuple[str, int, int]] = []
    cache._open(tiny_model.id, tiny_model.json_digest, lambda done, total, stage="": told.append((stage, done, total)))
    assert told == [("fitting", 0, 1), ("fitting", 1, 1)]
    assert len({cache._say_opening(done, total, stage) for stage, done, total in [*told, ("opening", 0, 1)]}) == 2
